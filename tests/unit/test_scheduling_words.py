"""A placement in two sentences an operator can act on."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.diagnosis.scheduling import explain
from fleettui.diagnosis.scheduling_words import summary, what_to_change
from fleettui.model.cluster import Leader, Machine, Snapshot, Unit
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

U = Untrusted
ONE, TWO, THREE, FOUR, FIVE = (U(f"{number}" * 32) for number in range(1, 6))
ZOOKEEPER = "Conflicts=zookeeper@*.service"


def machine(machine_id: Untrusted, version: str = "0.11.8", **metadata: str) -> Machine:
    pairs = tuple((U(key), U(value)) for key, value in metadata.items())
    return Machine(machine_id, U(f"10.0.0.{machine_id.raw[0]}"), pairs, U(version))


def unit(
    name: str, fleet: str = "", target: Untrusted | None = None, state: str = "launched"
) -> Unit:
    file = UnitFile(U(f"[X-Fleet]\n{fleet}\n"))
    return Unit(U(name), "ab" * 20, U(state), target, file=file)


def told(
    seeker: Unit,
    machines: Iterable[Machine],
    *units: Unit,
    leader: Untrusted | None = ONE,
) -> tuple[str, str]:
    snapshot = Snapshot(
        7,
        datetime(2026, 1, 1, tzinfo=UTC),
        {m.id: m for m in machines},
        {u.name: u for u in sorted((seeker, *units), key=lambda u: u.name)},
        Leader(leader) if leader is not None else None,
    )
    placement = explain(seeker, snapshot)
    return summary(placement), what_to_change(placement, snapshot)


def test_each_rule_that_excludes_machines_is_counted_after_the_one_before() -> None:
    machines = [
        machine(ONE, role="db"),
        machine(TWO, role="web"),
        machine(THREE),
        machine(FOUR),
        machine(FIVE, role="db"),
    ]
    seeker = unit("db@3.service", "MachineMetadata=role=db\nConflicts=db@*.service")
    others = (unit("db@1.service", "", ONE), unit("db@2.service", "", FIVE))
    count, _ = told(seeker, machines, *others)
    assert count == "2 of 5 machines qualify for MachineMetadata, 0 of 5 after Conflicts"


@pytest.mark.parametrize(
    ("fleet", "count"),
    [
        ("", "all 2 machines qualify"),
        ("MachineMetadata=role=db", "1 of 2 machines qualifies for MachineMetadata"),
        ("MachineOf=b.service", "1 of 2 machines qualifies for MachineOf"),
        ("Conflicts=b.service", "1 of 2 machines left after Conflicts"),
        (
            "MachineMetadata=role=db\nMachineOf=b.service",
            "1 of 2 machines qualifies for MachineMetadata, 0 of 2 after MachineOf",
        ),
        ("Global=true\nMachineMetadata=role=db", "global: 1 of 2 machines qualifies for"),
    ],
)
def test_the_count_names_only_rules_that_exclude(fleet: str, count: str) -> None:
    machines = [machine(ONE, role="db"), machine(TWO)]
    assert told(unit("a.service", fleet), machines, unit("b.service", "", TWO))[0].startswith(count)


def test_a_loaded_template_is_what_to_unload_first() -> None:
    seeker = unit("zookeeper@3.service", ZOOKEEPER)
    others = (
        unit("zookeeper@1.service", ZOOKEEPER, ONE),
        unit("zookeeper@.service", ZOOKEEPER, TWO, "loaded"),
    )
    count, way = told(seeker, [machine(ONE), machine(TWO)], *others)
    assert count == "0 of 2 machines left after Conflicts"
    assert way == (
        "unload zookeeper@.service from 22222222.../10.0.0.2: "
        "its Conflicts=zookeeper@*.service keeps this unit off that machine"
    )


def test_a_template_on_the_only_fitting_machine_keeps_the_unit_off_all_that_could_take_it() -> None:
    seeker = unit("zookeeper@3.service", "MachineMetadata=role=db")
    template = unit("zookeeper@.service", ZOOKEEPER, ONE, "loaded")
    count, way = told(seeker, [machine(ONE, role="db"), machine(TWO)], template)
    assert count == "1 of 2 machines qualifies for MachineMetadata, 0 of 2 after Conflicts"
    assert way.endswith("keeps this unit off every machine that could take it")


@pytest.mark.parametrize(
    ("fleet", "way"),
    [
        (
            "MachineMetadata=role=db",
            (
                "give 11111111.../10.0.0.1 role=db, or drop MachineMetadata=role=db from the unit: "
                "role=db is asked for, and this machine has no role"
            ),
        ),
        (
            "MachineOf=c.service",
            (
                "have c.service scheduled to 11111111.../10.0.0.1, or drop MachineOf=c.service "
                "from the unit: c.service is not scheduled here, nor known to the registry"
            ),
        ),
        (
            "MachineOf=a.service",
            (
                "drop MachineOf=a.service from the unit: "
                "a.service is not scheduled here: the unit asks for itself"
            ),
        ),
        (
            "MachineID=nowhere",
            (
                "drop MachineID=nowhere from the unit: "
                "MachineID=nowhere names no machine of this cluster"
            ),
        ),
        (
            "Conflicts=b.service",
            (
                "unload b.service from 11111111.../10.0.0.1: "
                "this unit's Conflicts=b.service keeps this unit off "
                "every machine that could take it"
            ),
        ),
        (
            "Conflicts=b.service\nMachineMetadata=role=db",
            (
                "give 11111111.../10.0.0.1 role=db, or drop MachineMetadata=role=db from the unit: "
                "role=db is asked for, and this machine has no role; and unload b.service from "
                "11111111.../10.0.0.1: this unit's Conflicts=b.service stands against it"
            ),
        ),
        (
            "Conflicts=everywhere.service",
            (
                "destroy the global unit everywhere.service: "
                "this unit's Conflicts=everywhere.service keeps this unit off "
                "every machine that could take it"
            ),
        ),
    ],
)
def test_one_line_tells_what_would_have_to_change(fleet: str, way: str) -> None:
    others = (
        unit("b.service", "", ONE),
        unit("everywhere.service", "Global=true", None, "inactive"),
    )
    assert told(unit("a.service", fleet), [machine(ONE)], *others)[1] == way


def test_the_machine_that_needs_the_least_change_is_named() -> None:
    seeker = unit("a.service", "MachineMetadata=role=db\nConflicts=b.service")
    machines = [machine(ONE), machine(TWO, role="db"), machine(THREE, role="db")]
    others = (unit("b.service", "", TWO), unit("c.service", "Conflicts=a.service", THREE))
    _, way = told(seeker, machines, *others, unit("d.service", "Conflicts=a.service", THREE))
    assert way.startswith("unload b.service from 22222222.../10.0.0.2")


def test_more_than_three_changes_are_counted() -> None:
    keys = "\n".join(f"MachineMetadata=k{number}=v" for number in range(5))
    _, way = told(unit("a.service", keys), [machine(ONE)])
    assert way.count("give ") == 3
    assert way.endswith("; and 2 more changes there")


@pytest.mark.parametrize(
    ("leader", "way"),
    [
        (ONE, "nothing in the unit: 1 machine is free to take it, and the engine on 11111111..."),
        (None, "get an engine elected: 1 machine is free to take it, but nothing is scheduled"),
        (TWO, "get an engine elected: 1 machine is free to take it, but the leader 22222222..."),
    ],
)
def test_where_no_machine_is_excluded_the_engine_has_not_acted(
    leader: Untrusted | None, way: str
) -> None:
    count, found = told(unit("a.service"), [machine(ONE)], leader=leader)
    assert count == "the only machine qualifies"
    assert found.startswith(way)


@pytest.mark.parametrize(
    ("seeker", "way"),
    [
        (unit("a.service", "", ONE), "nothing: it is scheduled to 11111111.../10.0.0.1"),
        (unit("a.service", "", FIVE), "nothing in the unit: 1 machine is free"),
        (unit("a.service", "", None, "inactive"), "load or start it: 1 machine is free"),
        (unit("a.service", "Global=true"), "nothing: it is global, and 1 machine is free"),
        (unit("a.service", "no option"), "submit the unit again"),
        (unit("a.service", "", None, "Launched"), "load or start it again"),
        (Unit(U("a.service"), None, U("launched")), "submit the unit again"),
    ],
)
def test_units_that_do_not_wait_for_a_machine_are_told_apart(seeker: Unit, way: str) -> None:
    assert told(seeker, [machine(ONE)])[1].startswith(way)


def test_without_machines_there_is_nothing_to_count() -> None:
    count, way = told(unit("a.service"), [])
    assert count == "the registry knows no machine"
    assert way == "start fleet on a machine: none is in the registry"


def test_what_could_not_be_read_is_not_checked() -> None:
    count, _ = told(Unit(U("a.service"), None, U("launched")), [machine(ONE)])
    assert count == "not checked: its unit file is missing or could not be read"


def test_an_unsure_machine_is_counted_and_told() -> None:
    other = unit("b.service", "Conflicts=a.service c.service", ONE)
    count, way = told(unit("a.service"), [machine(ONE, "unknown")], other)
    assert count == "none of 1 machine is excluded, 1 of them unsure"
    assert way.startswith("it cannot be told whether 11111111.../10.0.0.1 would take it: fleet 0.8")


LINE = st.text("ab*\x1b\u202e%i=@ ", max_size=10)
OPTION = st.sampled_from(["MachineID", "MachineMetadata", "MachineOf", "Conflicts", "Replaces"])
FLEET = st.lists(st.builds("{}={}".format, OPTION, LINE), max_size=3).map("\n".join)


@settings(deadline=None)
@given(FLEET, FLEET, st.sampled_from(["0.9.2", "0.13.0", "1.0.0", "\x1b"]))
def test_both_sentences_are_one_safe_line_whatever_the_unit_files_hold(
    own: str, theirs: str, version: str
) -> None:
    machines = [machine(ONE, version), machine(TWO, version, a="b")]
    sentences = told(unit("a@\x1b.service", own), machines, unit("b\u202e@.service", theirs, ONE))
    for sentence in sentences:
        assert sentence
        assert sentence.isprintable()
