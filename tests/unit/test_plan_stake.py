"""The blast radius: what stops, what pulls, what runs elsewhere, and what comes back first."""

from dataclasses import replace

import pytest
from diagnosis_cases import (
    GLOBAL,
    OTHER_HASH,
    TEMPLATE,
    A,
    B,
    C,
    U,
    facts,
    line,
    not_checked,
    service,
    snapshot,
    state,
    unit,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from plan_cases import FLEET, LOOP, file_of, look

from fleettui.model.cluster import Unit
from fleettui.model.host import HostFacts, HostReport, ImageFacts
from fleettui.model.specifiers import expanded
from fleettui.repair.planning.look import Look
from fleettui.repair.planning.order import order_of_return
from fleettui.repair.planning.stake import (
    Twin,
    UnitAtStake,
    images_to_ask,
    told,
    units_at_stake,
)

WEB1, WEB2, DB = U("web@1.service"), U("web@2.service"), U("db.service")
HERE, AWAY = ImageFacts(present=True), ImageFacts(present=False)


def asking(image: str, *more: str) -> Unit:
    pulls = "".join(
        f"ExecStartPre=-/usr/bin/docker {words}\n" for words in (f"pull {image}", *more)
    )
    return unit(DB, file=file_of(f"[Service]\n{pulls}"))


def stake_of(seen: Look, name: U) -> UnitAtStake:
    report = seen.reports[A.id]
    assert isinstance(report, HostFacts)
    return next(u for u in units_at_stake(A, report, seen) if u.name == name)


# --- images -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts_", "words"),
    [
        (HERE, "redis:3 is on the machine already"),
        (AWAY, "redis:3 is not on the machine: a real pull"),
        (ImageFacts(None, U("no docker")), "redis:3 may be missing: no docker"),
        (None, "redis:3 may be missing: the machine was not asked"),
    ],
)
def test_a_pull_names_its_image_and_whether_it_is_there(
    facts_: ImageFacts | None, words: str
) -> None:
    images = {U("redis:3"): facts_} if facts_ else {}
    seen = look(
        snapshot(asking("redis:3")),
        facts(A, FLEET, service(DB), files=[DB]),
        machine=A,
        images=images,
    )
    stake = stake_of(seen, DB)
    assert [image.name for image in stake.images] == [U("redis:3")]
    assert words in told(stake)
    assert "pulls an image before it starts: -/usr/bin/docker pull redis:3" in told(stake)


def test_only_images_whose_names_are_known_are_asked_about() -> None:
    units = (
        asking("redis:3", "kill db", "pull redis:3", "pull reg.example/%p:%i", "pull ${IMAGE}"),
        structs.replace(asking("nginx"), name=WEB1),
    )
    report = facts(A, FLEET, files=[DB, WEB1, TEMPLATE])
    wanted = images_to_ask(snapshot(*units), report)
    assert wanted == (U("redis:3"), U("nginx"))


def test_a_name_that_only_the_start_knows_is_told_as_unknown() -> None:
    seen = look(snapshot(asking("$IMAGE")), facts(A, FLEET, service(DB), files=[DB]), machine=A)
    assert "$IMAGE may be missing: its name is known only when the unit starts" in told(
        stake_of(seen, DB)
    )


PULLS = [
    ("docker pull redis:3", ("redis:3",)),
    ("docker pull -q --platform linux/amd64 redis", ("redis",)),
    ("docker pull -a redis", ("redis",)),
    ("/bin/sh -c 'docker pull a && docker pull b'", ("a", "b")),
    ("docker pull a; docker pull a", ("a",)),
    ("/usr/bin/rkt --insecure-options=image fetch docker://redis", ("docker://redis",)),
    ("docker pull", ()),
    ("docker pull --platform", ()),
    ("podman image pull --creds u:p quay.io/x", ("quay.io/x",)),
    ("docker kill pull", ()),
]


@pytest.mark.parametrize(("command", "images"), PULLS)
def test_the_image_of_a_pull_is_its_first_argument(command: str, images: tuple[str, ...]) -> None:
    assert file_of(f"[Service]\nExecStartPre={command}\n").pulled_images == images


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("x:%i", "a@1.service", "x:1"),
        ("%p-%n-%%", "a@1.service", "a-a@1.service-%"),
        ("%N %P %I", "a@1.service", "a@1 a 1"),
        ("%I", "a@b-c.service", None),
        ("%i", "a@b-c.service", "b-c"),
        ("%H", "a.service", None),
        ("100%", "a.service", None),
        ("plain", "a.service", "plain"),
    ],
)
def test_specifiers_are_filled_in_as_far_as_the_name_goes(
    text: str, name: str, wanted: str | None
) -> None:
    assert expanded(text, name) == wanted


# --- twins --------------------------------------------------------------------------------------


def twin(other: Unit, *reports: HostReport, mine: Unit | None = None) -> Twin | None:
    """Of web@1, which runs on the broken machine."""
    one = mine or unit(WEB1)
    report = facts(A, FLEET, service(one.name), files=[one.name, TEMPLATE])
    return stake_of(look(snapshot(one, other), report, *reports, machine=A), one.name).twin


ON_B = unit(WEB2, state(B), target=B.id, heartbeat=B.id, unit_hash=OTHER_HASH)
WELL = facts(B, FLEET, service(WEB2), files=[WEB2])


def test_another_instance_on_a_healthy_machine_is_a_twin() -> None:
    assert twin(ON_B, WELL) == Twin(WEB2, "bbbbbbbb.../10.0.0.2")


def test_a_copy_of_the_same_file_is_a_twin_whatever_its_name() -> None:
    mine = unit(U("red.service"))
    other = unit(U("blue.service"), state(B), target=B.id)
    report = facts(B, FLEET, service(other.name), files=[other.name])
    found = twin(other, report, mine=mine)
    assert found is not None
    assert found.name == other.name
    assert twin(structs.replace(other, unit_hash=OTHER_HASH), report, mine=mine) is None


def test_a_global_unit_is_its_own_twin_elsewhere() -> None:
    everywhere = unit(DB, state(A), state(B), target=None, file=GLOBAL)
    report = facts(A, FLEET, service(DB), files=[DB])
    other = facts(B, FLEET, service(DB), files=[DB])
    seen = look(snapshot(everywhere), report, other, machine=A)
    assert stake_of(seen, DB).twin == Twin(DB, "bbbbbbbb.../10.0.0.2")


@pytest.mark.parametrize(
    ("other", "report"),
    [
        (ON_B, not_checked(B)),
        (ON_B, facts(B, FLEET, service(WEB2), files=[WEB2], journal=[line(LOOP, 1)])),
        (ON_B, facts(B, FLEET, service(WEB2), files=[WEB2, TEMPLATE])),
        (ON_B, facts(B, FLEET, service(WEB2, "loaded failed failed"), files=[WEB2])),
        (ON_B, facts(B, FLEET, files=[WEB2])),
        (structs.replace(ON_B, states=(state(B, "loaded failed failed"),)), WELL),
        (structs.replace(ON_B, target=C.id), WELL),
        (unit(WEB2), facts(A, FLEET, service(WEB1), service(WEB2), files=[WEB1, WEB2])),
    ],
    ids=["not asked", "loop", "template", "dead", "unknown", "state", "moved", "same machine"],
)
def test_what_may_not_run_elsewhere_is_no_twin(other: Unit, report: HostReport) -> None:
    reports = () if report.machine_id == A.id else (report,)
    assert twin(other, *reports) is None


def test_a_unit_without_a_twin_is_marked() -> None:
    alone = UnitAtStake(DB, "active running")
    assert "nothing like it was seen running elsewhere" in told(alone)
    second = replace(alone, twin=Twin(WEB2, "b"))
    assert "meanwhile web@2.service runs on b" in told(second)


def test_a_unit_that_does_not_run_is_not_said_to_stop() -> None:
    report = facts(A, FLEET, service(DB, "loaded inactive dead"), files=[DB])
    stake = stake_of(look(snapshot(unit(DB)), report, machine=A), DB)
    assert not stake.stops
    assert "it does not run now" in told(stake)


def test_a_unit_that_only_the_machine_knows_is_at_stake_too() -> None:
    report = facts(A, FLEET, files=[DB, TEMPLATE])
    (stake,) = units_at_stake(A, report, look(snapshot(), report, machine=A))
    assert (stake.name, stake.state, stake.stops) == (DB, "state not known", True)


# --- order --------------------------------------------------------------------------------------


def ordered(slow: str = "", **texts: str) -> dict[str, int]:
    units: dict[U, Unit | None] = {
        U(f"{name}.service"): Unit(U(f"{name}.service"), file=file_of(f"[Unit]\n{text}"))
        for name, text in texts.items()
    }
    order = order_of_return(units, {U(f"{name}.service") for name in slow.split()})
    return {name.raw.removesuffix(".service"): place for name, place in order.items()}


def test_what_a_unit_waits_for_comes_back_before_it() -> None:
    assert ordered(a="After=b.service c.service\n", b="Requires=c.service\n", c="") == {
        "c": 1,
        "b": 2,
        "a": 3,
    }
    assert ordered(a="Before=b.service\n", b="", c="BindsTo=b.service\n") == {
        "a": 1,
        "b": 2,
        "c": 3,
    }


def test_units_that_wait_for_nothing_here_come_back_together() -> None:
    assert ordered(a="After=docker.service network.target\n", b="Wants=a.service\n") == {
        "a": 1,
        "b": 1,
    }


def test_a_unit_that_pulls_comes_last_and_with_it_whatever_waits_for_it() -> None:
    assert ordered("a", a="", b="After=a.service\n", c="", d="After=c.service\n") == {
        "c": 1,
        "d": 2,
        "a": 3,
        "b": 4,
    }


def test_a_circle_of_units_still_has_an_order() -> None:
    order = ordered(a="After=b.service\n", b="After=a.service\n", c="After=b.service\n")
    assert sorted(order) == ["a", "b", "c"]
    assert order["c"] > order["b"]


def test_a_unit_without_a_readable_file_waits_for_nothing() -> None:
    assert order_of_return({DB: None}, ()) == {DB: 1}


NAMES = [f"u{number}" for number in range(8)]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)))
def test_any_units_get_places_without_a_gap_and_none_before_what_it_waits_for(
    waits: dict[str, list[str]],
) -> None:
    earlier = {name: [other for other in others if other < name] for name, others in waits.items()}
    texts = {name: f"After={' '.join(f'{o}.service' for o in on)}\n" for name, on in waits.items()}
    assert set(ordered(**texts)) == set(texts)
    acyclic = {
        name: f"After={' '.join(f'{o}.service' for o in on)}\n" for name, on in earlier.items()
    }
    order = ordered(**acyclic)
    assert sorted(set(order.values())) == list(range(1, len(set(order.values())) + 1))
    for name, others in earlier.items():
        assert all(order[other] < order[name] for other in others if other in order)


def test_a_long_chain_of_units_is_ordered_without_recursion() -> None:
    chain = {f"n{n:04}": f"After=n{n + 1:04}.service\n" for n in range(3000)}
    order = ordered(**chain)
    assert order["n2999"] == 1
    assert order["n0000"] == 3000
