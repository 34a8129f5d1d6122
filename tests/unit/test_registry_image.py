"""The image: events folded in must give what a fresh read would, and cost only what changed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_keys import HASH, KEYS, gone, job, json, machine, node_of, put, state

from fleettui.model.changes import changed_units
from fleettui.model.cluster import Snapshot
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import Event, Node
from fleettui.registry.decode import decode
from fleettui.registry.image import Change, Image
from fleettui.registry.tree import tree_of

U = Untrusted
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OTHER_HASH = HASH[::-1]

UNITS = ("a.service", "b@.service", "b@1.service")
MACHINES = ("m1", "m2")
FOLDERS = ("", "job", "states", "machines", "unit", "lease")
VALUES = {
    **{
        f"machines/{m}/object": [machine(m), machine(m, "10.0.0.9"), machine("m9"), "{"]
        for m in MACHINES
    },
    **{f"machines/{m}/metadata/az": ["1", "2", ""] for m in MACHINES},
    **{f"job/{u}/object": [job(u), job(u, OTHER_HASH), "no JSON"] for u in UNITS},
    **{f"job/{u}/target-state": ["inactive", "loaded", "launched", "?", ""] for u in UNITS},
    **{f"job/{u}/target": [*MACHINES, ""] for u in UNITS},
    **{f"job/{u}/job-state": list(MACHINES) for u in UNITS},
    **{
        f"states/{u}/{m}": [state(m), state(m, "failed"), state("m9"), "no JSON"]
        for u in UNITS
        for m in MACHINES
    },
    **{
        f"unit/{h}": [json({"Raw": "[X-Fleet]\nGlobal=true\n"}), json({"Raw": "[Unit]\nx\n"}), "{"]
        for h in (HASH, OTHER_HASH)
    },
    "lease/engine-leader": ['{"MachineID":"m1","Version":1}', "m2", "{"],
    "state/a.service": [state("m1")],
    "engine/version": ["1"],
}


def lease(machine_id: str, version: int) -> str:
    return json({"MachineID": machine_id, "Version": version})


WRITES = ("set", "create", "update", "compareAndSwap")
REMOVALS = ("delete", "expire", "compareAndDelete")

writing = st.sampled_from(sorted(VALUES)).flatmap(
    lambda key: st.tuples(st.sampled_from(WRITES), st.just(key), st.sampled_from(VALUES[key]))
)
removing = st.tuples(st.sampled_from(REMOVALS), st.sampled_from(sorted(VALUES)), st.none())
clearing = st.tuples(
    st.sampled_from(["delete", "expire"]),
    st.sampled_from(
        [
            *FOLDERS,
            *(f"job/{u}" for u in UNITS),
            *(f"states/{u}" for u in UNITS),
            *(f"machines/{m}" for m in MACHINES),
            "machines/m1/metadata",
        ]
    ),
    st.just("folder"),
)
looking = st.sampled_from([("look", "", None), ("glance", "", None)])
reading = st.just(("read", "", None))
steps = st.lists(
    st.one_of(writing, writing, writing, removing, clearing, looking, reading), max_size=60
)


def event_for(action: str, key: str, value: str | None, index: int) -> Event:
    if action in WRITES:
        return put(key, value or "", index, action)
    return gone(key, index, action, folder=value == "folder")


@settings(max_examples=400, deadline=None)
@given(steps)
def test_events_folded_in_give_what_the_final_keys_decode_to(
    done: list[tuple[str, str, str | None]],
) -> None:
    image = Image(KEYS)
    held: dict[str, tuple[str, int]] = {}
    last = image.snapshot(NOW)
    for index, (action, key, value) in enumerate(done, start=1):
        if action in {"look", "glance"}:
            before, last = last, image.snapshot(NOW, hurried=action == "glance")
            names = sorted({*before.units, *last.units})
            pairs = [(before.units.get(name), last.units.get(name)) for name in names]
            changed = [(was, unit) for was, unit in pairs if was is not unit]
            assert list(changed_units(before, last)) == changed
        elif action == "read":
            image.load(node_of(held), index)
        else:
            image.apply(event_for(action, key, value, index))
            if action in WRITES:
                held[key] = (value or "", index)
            else:
                held = {
                    k: v
                    for k, v in held.items()
                    if not f"{k}/".startswith(f"{key}/" if key else "")
                }
        image.pass_to(index)
    assert image.snapshot(NOW) == decode(tree_of(node_of(held)), len(done), NOW)


def loaded(values: dict[str, str], index: int = 10) -> Image:
    image = Image(KEYS)
    image.load(node_of({k: (v, 1) for k, v in values.items()}), index)
    return image


ORDINARY = {
    **{f"machines/{m}/object": machine(m) for m in MACHINES},
    **{f"job/{u}/object": job(u) for u in reversed(UNITS)},
    **{f"job/{u}/target-state": "launched" for u in UNITS},
    **{f"job/{u}/target": "m1" for u in UNITS},
    **{f"job/{u}/job-state": "m2" for u in UNITS},
    **{f"states/{u}/{m}": state(m) for u in UNITS for m in reversed(MACHINES)},
    f"unit/{HASH}": json({"Raw": "[Service]\nExecStart=/bin/true\n"}),
}
"""What fleet writes of units, all of them scheduled."""
ODD = {
    **{key: [*values, None] for key, values in VALUES.items()},
    **{f"job/{u}/object": [job("else"), job(u, OTHER_HASH), "{", None] for u in UNITS},
    f"unit/{HASH}": [json({"Raw": "[Unit]\nx\n"}), "{", None],
    **{f"job/{u}/{key}/x": [""] for u in UNITS for key in ("object", "target-state", "target")},
    **{f"states/{u}/m1/x": [""] for u in UNITS},
    **{f"{part}/{u}": ["", None] for part in ("job", "states") for u in UNITS},
}
"""What may stand in its place, or beside it; None: nothing does."""

oddities = st.lists(
    st.sampled_from(sorted(ODD)).flatmap(
        lambda key: st.tuples(st.just(key), st.sampled_from(ODD[key]))
    ),
    max_size=3,
)


def with_oddities(odd: list[tuple[str, str | None]]) -> dict[str, tuple[str, int]]:
    """Ordinary units but for that; where a value stands in place of a folder, nothing is in it."""
    held = {key: (value, 1) for key, value in ORDINARY.items()}
    for key, value in odd:
        held = {k: v for k, v in held.items() if not f"{k}/".startswith(f"{key}/")}
        held = {k: v for k, v in held.items() if not f"{key}/".startswith(f"{k}/")}
        if value is not None:
            held[key] = value, 2
    return held


@settings(max_examples=300, deadline=None)
@given(oddities, oddities, st.sampled_from(UNITS))
def test_units_read_at_once_are_what_each_decodes_to_by_itself(
    first: list[tuple[str, str | None]], then: list[tuple[str, str | None]], unit: str
) -> None:
    image = Image(KEYS)
    for index, odd in ((10, first), (20, then)):
        held = with_oddities(odd)
        image.load(node_of(held), index)
        found = image.snapshot(NOW)
        assert found == decode(tree_of(node_of(held)), index, NOW)
        assert list(found.units) == sorted(found.units)
    if f"job/{unit}" not in held:
        folder = Node(key=f"{KEYS.prefix}/job/{unit}", dir=True, modified_index=30)
        image.apply(Event("set", folder))
        assert image.snapshot(NOW) == decode(tree_of(node_of(held)), 30, NOW)


def two_units() -> dict[str, str]:
    jobs = {f"job/{u}.service/object": job(f"{u}.service") for u in "ab"}
    states = {f"states/{u}.service/m1": state("m1") for u in "ab"}
    machines = {f"machines/{m}/object": machine(m) for m in MACHINES}
    file = {f"unit/{HASH}": json({"Raw": "[Service]\nExecStart=/bin/true\n"})}
    return {**jobs, **states, **machines, **file}


def test_what_did_not_change_stays_the_same_object() -> None:
    image = loaded(two_units())
    before = image.snapshot(NOW)
    image.apply(put("job/a.service/target", "m1", 11))
    after = image.snapshot(NOW)
    assert after.units[U("a.service")].target == U("m1")
    assert before.units[U("a.service")].target is None, "a snapshot never changes"
    assert after.units[U("b.service")] is before.units[U("b.service")]
    assert after.machines[U("m1")] is before.machines[U("m1")]


def test_a_full_read_of_the_same_keys_keeps_every_object() -> None:
    image = loaded(two_units())
    before = image.snapshot(NOW)
    image.load(node_of({k: (v, 1) for k, v in two_units().items()}), 50)
    after = image.snapshot(NOW)
    assert after.index == 50
    assert all(after.units[name] is unit for name, unit in before.units.items())
    assert all(after.machines[name] is m for name, m in before.machines.items())


def test_a_full_read_brings_what_was_missed_removals_and_rewritten_states_too() -> None:
    image = loaded({**two_units(), "job/a.service/target": "m1"})
    image.snapshot(NOW)
    found = {k: (v, 30 if k.startswith("states/") else 1) for k, v in two_units().items()}
    image.load(node_of(found), 30)
    after = image.snapshot(NOW)
    assert after == decode(tree_of(node_of(found)), 30, NOW)
    assert after.units[U("a.service")].target is None
    assert after.units[U("b.service")].states[0].index == 30


def test_a_unit_file_that_comes_later_reaches_the_units_that_use_it() -> None:
    values = two_units()
    image = loaded({k: v for k, v in values.items() if not k.startswith("unit/")})
    assert image.snapshot(NOW).units[U("a.service")].file is None
    text = "[X-Fleet]\nGlobal=true\n"
    assert image.apply(put(f"unit/{HASH}", json({"Raw": text}), 11)) is Change.VALUE
    assert all(unit.is_global for unit in image.snapshot(NOW).units.values())


def test_a_state_written_anew_moves_its_index_and_nothing_else() -> None:
    image = loaded(two_units())
    before = image.snapshot(NOW).units[U("a.service")]
    assert image.apply(put("states/a.service/m1", state("m1"), 11)) is Change.INDEX
    assert image.snapshot(NOW, hurried=True).units[U("a.service")] is before
    after = image.snapshot(NOW).units[U("a.service")]
    assert (before.states[0].index, after.states[0].index) == (1, 11)
    assert after.states[0].active is before.states[0].active, "its value is not decoded again"


def test_heartbeats_and_leases_with_an_old_value_change_nothing() -> None:
    image = loaded({**two_units(), "job/a.service/job-state": "m1", "lease/engine-leader": "m1"})
    before = image.snapshot(NOW)
    assert image.apply(put("job/a.service/job-state", "m1", 11)) is Change.NONE
    assert image.apply(put("lease/engine-leader", "m1", 12, "compareAndSwap")) is Change.NONE
    assert image.apply(put("machines/m1/object", machine("m1"), 13, "update")) is Change.NONE
    assert image.apply(put("state/a.service", state("m1"), 14)) is Change.NONE
    after = image.snapshot(NOW)
    assert (after.units, after.machines, after.index) == (before.units, before.machines, 13)
    assert after.units[U("a.service")] is before.units[U("a.service")]


@pytest.mark.parametrize(
    ("key", "before", "after", "change"),
    [
        ("lease/engine-leader", lease("m1", 1), lease("m1", 2), Change.INDEX),
        ("lease/engine-leader", lease("m1", 1), lease("m2", 2), Change.VALUE),
        ("lease/engine-leader", lease("m1", 1), "{", Change.VALUE),
        ("lease/engine-leader", "{", lease("m1", 2), Change.VALUE),
        ("job/global.service/job-state", "m1", "m2", Change.INDEX),
        ("job/a.service/job-state", "m1", "m2", Change.VALUE),
    ],
)
def test_what_nobody_waits_for_is_no_news_and_in_the_next_picture(
    key: str, before: str, after: str, change: Change
) -> None:
    keys = {**two_units(), "job/a.service/target": "m1"}
    image = loaded({**keys, "job/global.service/object": job("global.service"), key: before})
    image.snapshot(NOW)
    assert image.apply(put(key, after, 11)) is change
    afresh = loaded({**keys, "job/global.service/object": job("global.service"), key: after})
    assert image.snapshot(NOW).leader == afresh.snapshot(NOW).leader
    heartbeats = [{u.heartbeat for u in i.snapshot(NOW).units.values()} for i in (image, afresh)]
    assert heartbeats[0] == heartbeats[1]


def test_an_event_that_a_full_read_already_held_is_dropped() -> None:
    image = loaded({"job/a.service/target": "new"}, index=20)
    assert image.apply(put("job/a.service/target", "old", 20)) is Change.NONE
    assert image.snapshot(NOW).units[U("a.service")].target == U("new")


def test_events_elsewhere_in_etcd_only_move_the_index() -> None:
    image = loaded(two_units())
    node = Node(key="/_coreos.com/fleet2/job/a.service/target", value="m1", modified_index=30)
    before = image.snapshot(NOW)
    assert image.apply(Event("set", node)) is Change.NONE
    image.pass_to(30)
    after = image.snapshot(NOW)
    assert (after.index, after.units, after.machines) == (30, before.units, before.machines)


def test_the_removal_of_what_holds_the_prefix_empties_the_picture() -> None:
    image = loaded(two_units())
    image.snapshot(NOW)
    node = Node(key="/_coreos.com", dir=True, modified_index=30)
    assert image.apply(Event("delete", node)) is Change.VALUE
    assert image.snapshot(NOW) == Snapshot(index=30, read_at=NOW)


def test_a_prefix_that_vanished_between_two_reads_is_an_empty_picture() -> None:
    image = loaded(two_units())
    image.load(None, 40)
    assert image.snapshot(NOW) == Snapshot(index=40, read_at=NOW)


def test_an_unknown_action_and_a_key_deeper_than_fleet_writes_change_nothing() -> None:
    image = loaded(two_units())
    before = image.snapshot(NOW)
    assert image.apply(put("job/a.service/target", "m1", 11, "get")) is Change.NONE
    assert image.apply(put("job/a.service/target/x/y", "m1", 12)) is Change.NONE
    assert image.snapshot(NOW).units == before.units
