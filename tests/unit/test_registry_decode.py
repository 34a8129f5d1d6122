"""The registry decoded: as fleetctl prints it, and without fear of what the keys hold."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_keys import (
    HASH,
    RECORDINGS,
    STAGES,
    VERSIONS,
    job,
    json,
    machine,
    node_of,
    recorded,
    state,
)

from fleettui.model.cluster import Leader, Snapshot, TargetState, Unit
from fleettui.model.untrusted import Untrusted
from fleettui.registry.decode import decode
from fleettui.registry.tree import tree_of

U = Untrusted
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def printed(version: str, stage: str) -> dict[str, list[list[str]]]:
    """fleetctl's tables by command: rows of columns, without their headings."""
    text = (RECORDINGS / version / f"{stage}.fleetctl.txt").read_text()
    tables: dict[str, list[list[str]]] = {}
    for block in text.split("## ")[1:]:
        command, _, *rows = block.splitlines()
        tables[command] = [[column for column in row.split("\t") if column] for row in rows]
    return tables


def read(values: dict[str, str]) -> Snapshot:
    return decode(tree_of(node_of({k: (v, 1) for k, v in values.items()})), 7, NOW)


def full_name(snapshot: Snapshot, machine_id: U) -> str:
    """`ID/IP`, as fleetctl writes a machine with --full."""
    return f"{machine_id}/{snapshot.machines[machine_id].public_ip}"


@pytest.fixture(params=[(v, s) for v in VERSIONS for s in STAGES], ids="-".join)
def recording(request: pytest.FixtureRequest) -> tuple[Snapshot, dict[str, list[list[str]]], str]:
    version, stage = request.param
    return decode(tree_of(recorded(version, stage)), 7, NOW), printed(version, stage), version


Recording = tuple[Snapshot, dict[str, list[list[str]]], str]


def test_recorded_machines_are_those_fleetctl_listed(recording: Recording) -> None:
    snapshot, tables, _ = recording
    rows = [
        [str(m.id), str(m.public_ip), ",".join(f"{k}={v}" for k, v in m.metadata) or "-"]
        for m in sorted(snapshot.machines.values(), key=lambda m: m.id)
    ]
    assert rows == tables["list-machines"]
    assert len(rows) == 3


def test_recorded_unit_states_are_those_fleetctl_listed(recording: Recording) -> None:
    snapshot, tables, _ = recording
    rows = [
        [str(unit.name), full_name(snapshot, s.machine_id), str(s.active), str(s.sub)]
        for unit in snapshot.units.values()
        for s in unit.states
    ]
    assert rows == tables["list-units"]
    assert len(rows) == 6


def test_recorded_units_are_those_fleetctl_listed(recording: Recording) -> None:
    snapshot, tables, version = recording
    # fleetctl 0.9 prints no target for a global unit, later ones the word.
    global_target = "-" if version == "0.9.2" else "global"

    def row(unit: Unit) -> list[str]:
        where = full_name(snapshot, unit.target) if unit.target else "-"
        return [
            str(unit.name),
            str(unit.unit_hash),
            str(unit.wanted),
            "-" if unit.is_global else str(unit.reached),
            global_target if unit.is_global else where,
        ]

    assert [row(unit) for unit in snapshot.units.values()] == tables["list-unit-files"]


def test_recordings_hold_no_bad_record_and_name_their_leader(recording: Recording) -> None:
    snapshot, _, version = recording
    assert snapshot.bad == ()
    assert snapshot.leader is not None
    assert snapshot.leader.machine_id in snapshot.machines
    published = "0.0.0+wasnotbuiltproperly" if version == "1.0.0" else version
    assert {str(m.version) for m in snapshot.machines.values()} == {published}
    assert all(unit.file is not None for unit in snapshot.units.values())


def test_the_fault_is_a_template_that_is_wanted_and_has_a_target() -> None:
    for version in VERSIONS:
        unit = decode(tree_of(recorded(version, "faulted")), 7, NOW).units[U("zookeeper@.service")]
        assert unit.is_template
        assert unit.wanted is TargetState.LOADED
        assert unit.target is not None
        assert unit.reached is TargetState.INACTIVE


def test_an_absent_prefix_is_an_empty_registry() -> None:
    snapshot = decode(tree_of(None), 7, NOW)
    assert (snapshot.index, snapshot.read_at) == (7, NOW)
    assert (dict(snapshot.machines), dict(snapshot.units), snapshot.leader) == ({}, {}, None)


def test_dynamic_metadata_wins_and_an_empty_value_deletes() -> None:
    own = machine("m", Metadata={"az": "1", "disk": "ssd", "rack": "9"})
    found = read(
        {
            "machines/m/object": own,
            "machines/m/metadata/az": "2",
            "machines/m/metadata/disk": "",
            "machines/m/metadata/role": "db",
        }
    ).machines[U("m")]
    assert found.metadata == ((U("az"), U("2")), (U("rack"), U("9")), (U("role"), U("db")))


def test_a_machine_that_left_is_gone_although_its_dynamic_metadata_stays() -> None:
    assert not read({"machines/m/metadata/az": "2"}).machines


def test_machines_come_in_order_of_address_as_a_number() -> None:
    addresses = {"a": "10.0.0.10", "b": "10.0.0.9", "c": "not an address", "d": "fd00::1", "e": ""}
    snapshot = read({f"machines/{i}/object": machine(i, at) for i, at in addresses.items()})
    assert [m.id.raw for m in snapshot.machines.values()] == ["b", "a", "d", "e", "c"]


def test_a_leader_is_read_from_json_and_from_a_bare_id() -> None:
    assert read({"lease/engine-leader": '{"MachineID":"m","Version":1}'}).leader == Leader(U("m"))
    assert read({"lease/engine-leader": "m"}).leader == Leader(U("m"))


def test_a_unit_without_its_object_and_a_state_without_its_job_are_shown() -> None:
    snapshot = read({"job/a.service/target-state": "launched", "states/b.service/m": state("m")})
    assert [u.name.raw for u in snapshot.units.values()] == ["a.service", "b.service"]
    assert all(u.unit_hash is None for u in snapshot.units.values())
    assert snapshot.units[U("b.service")].states[0].sub == U("running")


def test_legacy_state_and_unknown_keys_make_no_unit() -> None:
    snapshot = read({"state/a.service": state("m"), "job/b.service/extra": "1", "engine/x": "1"})
    assert not snapshot.units
    assert snapshot.bad == ()


def test_an_empty_value_counts_as_absent_where_fleet_takes_it_so() -> None:
    values = {"object": job("a.service"), "target": "", "target-state": "", "job-state": ""}
    unit = read({f"job/a.service/{k}": v for k, v in values.items()}).units[U("a.service")]
    assert (unit.target, unit.heartbeat, unit.wanted) == (None, None, TargetState.INACTIVE)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("machines/m/object", "{"),
        ("machines/m/object", "[]"),
        ("machines/m/object", '{"ID": 5}'),
        ("machines/m/object", '{"PublicIP": "10.0.0.1"}'),
        ("machines/m/object", '{"ID": "m", "Metadata": {"a": 1}}'),
        ("machines/m/object", machine("another")),
        ("machines/m/object", "[" * 100_000),
        ("machines/m", "a value where a folder belongs"),
        ("job/a.service/object", "null"),
        ("job/a.service/object", json({"Name": "a.service", "UnitHash": [1, 2]})),
        ("job/a.service/object", json({"Name": "a.service", "UnitHash": [256] * 20})),
        ("job/a.service/object", json({"Name": "a.service", "UnitHash": HASH})),
        ("job/a.service/object", job("b.service")),
        ("job/a.service", "a value where a folder belongs"),
        ("states/a.service/m", "}"),
        ("states/a.service/m", '{"loadState": 1}'),
        ("states/a.service/m", '{"machineState": ' * 100_000),
        ("states/a.service/m", state("another")),
        ("states/a.service", "a value where a folder belongs"),
        (f"unit/{HASH}", "[Service]\n"),
        (f"unit/{HASH}", "{}"),
        ("lease/engine-leader", "{"),
        ("lease/engine-leader", '{"Version": 1}'),
    ],
    ids=lambda text: text[:30],
)
def test_a_value_that_cannot_be_read_is_told_and_the_good_ones_live_on(
    key: str, value: str
) -> None:
    good = {
        "machines/good/object": machine("good"),
        "job/good.service/object": job("good.service"),
        "states/good.service/good": state("good"),
    }
    snapshot = read({**good, key: value})
    (bad,) = snapshot.bad
    assert (bad.key, bad.raw) == (U(key), U(value))
    assert bad.problem
    assert list(snapshot.machines) == [U("good")]
    assert snapshot.units[U("good.service")].unit_hash == HASH
    assert len(snapshot.units[U("good.service")].states) == 1


def test_a_unit_file_that_fleet_cannot_read_is_told_once_for_all_its_units() -> None:
    jobs = {f"job/a@{i}.service/object": job(f"a@{i}.service") for i in range(3)}
    snapshot = read({**jobs, f"unit/{HASH}": json({"Raw": "[Service]\nno option\n"})})
    (bad,) = snapshot.bad
    assert bad.key == U(f"unit/{HASH}")
    assert "fleet cannot read" in bad.problem
    assert all(unit.file is not None for unit in snapshot.units.values())


PARTS = st.sampled_from(["machines", "job", "states", "unit", "lease", "state"])
LAST = st.sampled_from(["object", "target", "target-state", "metadata", "engine-leader", "m"])
TEXT = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)
ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.tuples(PARTS, TEXT, LAST).map("/".join), st.text() | ANYTHING.map(json), max_size=8
    )
)
def test_no_value_makes_decoding_fail(values: dict[str, str]) -> None:
    snapshot = read(values)
    assert len(snapshot.bad) <= len(values)
