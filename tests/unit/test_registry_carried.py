"""A snapshot carried to another process of the program: it arrives as it was."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from registry_keys import (
    HASH,
    KEYS,
    STAGES,
    VERSIONS,
    job,
    json,
    machine,
    node_of,
    recorded,
    state,
)

from fleettui.model.cluster import Snapshot
from fleettui.registry.answers import Event, Node
from fleettui.registry.carried import UNUSABLE, Rows, carried, restored
from fleettui.registry.decode import decode
from fleettui.registry.found import found
from fleettui.registry.head_start import HeadStart, RawAnswer
from fleettui.registry.image import Image
from fleettui.registry.keys import JOB, PARTS, STATES
from fleettui.registry.tree import name_of, tree_of

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
EMPTY = decode({}, 1, NOW)
ODD = {
    "machines/m1/object": machine("m1", Metadata={"az": "1\u202e"}),
    "machines/m2/object": "{",
    "lease/engine-leader": "m1",
    "job/a.service/object": job("a.service"),
    "job/a.service/target": "m1",
    "job/b.service/object": job("b.service", HASH[::-1]),
    "job/b.service/target-state": "",
    "job/c.service/object": "no JSON",
    "job/e.service/object": job("e.service"),
    "states/e.service/m1": "no JSON",
    "job/f.service/object": job("a.service"),
    "states/a.service/m1": state("m1", "failed\x00"),
    "states/a.service/m9": state("m9"),
    "states/d.service/m1": state("m1"),
    f"unit/{HASH}": json({"Raw": "[Service]\nExecStart=/bin/true\n"}),
}
REGISTRIES = [
    node_of({}),
    node_of({key: (value, at) for at, (key, value) in enumerate(ODD.items())}),
    *(recorded(version, stage) for version in VERSIONS for stage in STAGES),
]


@pytest.mark.parametrize("registry", REGISTRIES)
@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_a_snapshot_arrives_as_it_was(
    registry: Node, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleettui.registry.carried.UNITS", at_once)
    snapshot = decode(tree_of(registry), 77, NOW)
    pieces = [*carried(snapshot)]
    assert len(pieces) == math.ceil(len(snapshot.units) / at_once) + 1
    arrived = restored(pieces)
    assert arrived == snapshot
    assert [*arrived.units] == [*snapshot.units]
    assert [*arrived.machines] == [*snapshot.machines]


def test_what_many_units_have_in_common_is_carried_and_made_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleettui.registry.carried.UNITS", 2)
    text, machine_id = "[Service]\nExecStart=/bin/true\n", "4f816bb9a12d6d1fe52cba5bdf3bf7b7"
    names = [f"u{number}.service" for number in range(5)]
    keys = {f"unit/{HASH}": json({"Raw": text})}
    keys |= {f"job/{name}/object": job(name) for name in names}
    keys |= {f"job/{name}/target": machine_id for name in names}
    keys |= {f"states/{name}/{machine_id}": state(machine_id) for name in names}
    snapshot = decode(tree_of(node_of({k: (v, 1) for k, v in keys.items()})), 7, NOW)
    pieces = [*carried(snapshot)]
    assert len(pieces) == 4
    whole = b"".join(pieces)
    assert [whole.count(common.encode()) for common in (text, HASH, machine_id)] == [1, 1, 1]
    arrived = restored(pieces)
    assert arrived == snapshot
    assert len({id(unit.target) for unit in arrived.units.values()}) == 1
    assert len({id(unit.file) for unit in arrived.units.values()}) == 1


@pytest.mark.parametrize("registry", REGISTRIES)
def test_what_was_decoded_ahead_of_the_units_changes_nothing(registry: Node) -> None:
    image = Image(KEYS)
    parts = {name_of(node): node for node in registry.nodes}
    for part in sorted(PARTS, key={JOB, STATES}.__contains__):
        image.load_folder(part, parts.get(part), 77)
        image.decode_all_but_units()
    assert image.snapshot(NOW) == decode(tree_of(registry), 77, NOW)


INDEXES = {part: 77 + (part == JOB) for part in PARTS}
ORDERS = [PARTS[at:] + PARTS[:at] for at in range(len(PARTS))] + [PARTS[::-1]]


@pytest.mark.parametrize("registry", REGISTRIES)
@pytest.mark.parametrize("order", ORDERS)
def test_what_is_found_ahead_is_what_there_is_in_whatever_order_it_comes(
    registry: Node, order: tuple[str, ...]
) -> None:
    answers = {part: answer_of(registry, part) for part in order}
    *pieces, heads, first, second, third, fourth, fifth = found(Begun(answers), KEYS)
    arrived = restored(pieces)
    assert arrived == decode(tree_of(registry), max(INDEXES.values()), NOW)
    assert [*arrived.units] == sorted(arrived.units)
    told = msgspec.msgpack.decode(heads, type=dict[str, RawAnswer])
    bodies = dict(zip(told, (first, second, third, fourth, fifth), strict=True))
    assert {part: replace(told[part], body=bodies[part]) for part in told} == answers


NAMES = ("a.service", "b.service")
MACHINES_OF = ("m1", "m0", "", "m1/x")
FILES = tuple(json({"Raw": text}) for text in ("[Service]\n", "[Service\n"))
VALUES = (
    *("", "launched", "m1", "{}", "{", '"x"', "null"),
    *(job(name, unit_hash) for name in NAMES for unit_hash in (HASH, HASH[::-1], HASH[:38])),
    job("a.service").replace("[1,", "[256,"),
    *(state(machine_id) for machine_id in ("m1", "m0")),
    *FILES,
)
PLACES = (
    *(f"job/{name}{of}" for name in NAMES for of in ("", "/object", "/target", "/target-state")),
    *(f"job/{name}/{of}" for name in NAMES for of in ("job-state", "target-state/x", "other")),
    *(f"states/{name}/{machine_id}" for name in NAMES for machine_id in MACHINES_OF),
    *(f"states/{name}" for name in NAMES),
)
LIKELY = {
    f"unit/{HASH[:38]}": FILES[0],
    **{f"job/{name}/object": job(name) for name in NAMES},
    **{f"states/{name}/m1": state("m1") for name in NAMES},
}


@settings(max_examples=600, deadline=None, derandomize=True)
@given(
    st.sampled_from(FILES),
    st.dictionaries(st.sampled_from(PLACES), st.sampled_from(VALUES), max_size=5),
    st.sampled_from(ORDERS),
)
def test_whatever_is_odd_is_found_as_it_would_be_at_leisure(
    file: str, odd: dict[str, str], order: tuple[str, ...]
) -> None:
    values = {f"unit/{HASH}": file} | LIKELY | odd
    values = {k: v for k, v in values.items() if not any(o.startswith(f"{k}/") for o in values)}
    registry = node_of({key: (value, at) for at, (key, value) in enumerate(values.items())})
    pieces = found(Begun({part: answer_of(registry, part) for part in order}), KEYS)
    assert restored(pieces) == decode(tree_of(registry), max(INDEXES.values()), NOW)


@pytest.mark.parametrize("order", ORDERS)
def test_only_what_is_odd_is_not_made_of_rows(
    order: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd: list[str] = []

    def seen(snapshot: Snapshot, rows: Rows) -> Iterator[bytes]:
        odd.extend(name.raw for name in snapshot.units)
        return carried(snapshot, rows)

    monkeypatch.setattr("fleettui.registry.found.carried", seen)
    answers = {part: answer_of(REGISTRIES[1], part) for part in order}
    assert len([*found(Begun(answers), KEYS)]) > len(PARTS)
    assert odd == ["b.service", "c.service", "d.service", "e.service", "f.service"]


class Begun(HeadStart):
    """A read whose answers are all there, in this order."""

    url = "http://127.0.0.1:9"
    asked_at = NOW

    def __init__(self, answers: Mapping[str, RawAnswer]) -> None:
        self.answers = answers

    def each(self) -> Iterator[tuple[str, RawAnswer]]:
        yield from self.answers.items()


def answer_of(registry: Node, part: str) -> RawAnswer:
    """What etcd answers to a read of one folder."""
    headers = {"x-etcd-index": str(INDEXES[part])}
    for node in registry.nodes:
        if name_of(node) == part:
            return RawAnswer(200, headers, msgspec.json.encode(Event("get", node)))
    missing = b'{"errorCode":100,"message":"Key not found","cause":"","index":77}'
    return RawAnswer(404, headers, missing)


def test_nothing_behind_the_last_piece_is_asked_for() -> None:
    def pieces() -> Iterator[bytes]:
        yield from carried(EMPTY)
        raise AssertionError

    assert restored(pieces()) == EMPTY


@pytest.mark.parametrize("left", [0, 1])
def test_what_is_no_whole_snapshot_is_refused(left: int) -> None:
    snapshot = decode(tree_of(REGISTRIES[1]), 1, NOW)
    pieces = [*carried(snapshot)][:left]
    for cut in (pieces, [*pieces, b""], [*pieces, b"{}"]):
        with pytest.raises(msgspec.DecodeError):
            restored(cut)


def test_a_piece_without_those_before_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleettui.registry.carried.UNITS", 1)
    _, *pieces = carried(decode(tree_of(REGISTRIES[1]), 1, NOW))
    with pytest.raises(UNUSABLE):
        restored(pieces)
