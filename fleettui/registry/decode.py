"""Fleet's keys and values, decoded into the model; what cannot be read becomes a BadRecord.

Keys are named from the prefix on, as fleet's own documents do: `job/UNIT/object`.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from socket import AF_INET, inet_pton
from types import MappingProxyType
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from fleettui.model.cluster import BadRecord, Leader, Machine, Snapshot, Unit, UnitState
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.registry import records
from fleettui.registry.answers import Node
from fleettui.registry.keys import JOB, LEASE, MACHINES, STATES, UNIT
from fleettui.registry.tree import (
    Entry,
    Folder,
    Leaf,
    entries_of,
    entry_at,
    folder_at,
    leaf_at,
)

_T = TypeVar("_T")
States = tuple[UnitState, ...]
"""Of one unit, one a machine, sorted by machine ID."""
Decoded = tuple[_T | None, tuple[BadRecord, ...]]
"""What could be read of a thing, and the records of it that could not."""
UNREADABLE = (msgspec.DecodeError, RecursionError)
"""What decoding a value raises."""


def decode(tree: Folder, index: int, read_at: datetime) -> Snapshot:
    """The whole picture at once, from nothing but the keys."""
    bad: list[BadRecord] = []

    def kept(decoded: Decoded[_T]) -> _T | None:
        bad.extend(decoded[1])
        return decoded[0]

    files = {h: kept(decode_file(h, e)) for h, e in entries_of(folder_at(tree, UNIT))}
    jobs, states = folder_at(tree, JOB), folder_at(tree, STATES)
    names = {*jobs, *states}
    units = [kept(decode_unit(n, entry_at(jobs, n), entry_at(states, n), files)) for n in names]
    machines = [kept(decode_machine(i, e)) for i, e in entries_of(folder_at(tree, MACHINES))]
    leader = kept(decode_leader(folder_at(tree, LEASE)))
    return Snapshot(
        index=index,
        read_at=read_at,
        machines=MappingProxyType(in_order_of_address(m for m in machines if m)),
        units=MappingProxyType(in_order_of_name(u for u in units if u)),
        leader=leader,
        bad=in_order_of_key(bad),
    )


def decode_machine(machine_id: str, entry: Entry) -> Decoded[Machine]:
    """`machines/ID`: no machine without its object, which expires when the machine is gone."""
    if isinstance(entry, Leaf):
        return None, (_misplaced(f"{MACHINES}/{machine_id}", entry),)
    leaf = leaf_at(entry, "object")
    if leaf is None:
        return None, ()
    key = f"{MACHINES}/{machine_id}/object"
    found = _read(records.machine_object, key, leaf)
    if isinstance(found, BadRecord):
        return None, (found,)
    if found.id != machine_id:
        return None, (_bad(key, f"it says that it is machine {Untrusted(found.id)}", leaf),)
    machine = Machine(
        id=Untrusted(machine_id),
        public_ip=Untrusted(found.public_ip),
        metadata=_metadata(found.metadata or {}, folder_at(entry, "metadata")),
        version=Untrusted(found.version),
    )
    return machine, ()


def decode_unit(
    name: str, job: Entry | None, states: Entry | None, files: Mapping[str, UnitFile | None]
) -> Decoded[Unit]:
    """`job/NAME` and `states/NAME`; None where neither holds anything that fleet knows."""
    bad: list[BadRecord] = []
    job = job if type(job) is dict else _folder(JOB, name, job, bad)
    states = states if type(states) is dict else _folder(STATES, name, states, bad)
    wanted, target, heartbeat, described = _leaves(job)
    reports = _reports(states)
    if not (described or wanted or target or heartbeat or reports):
        return None, tuple(bad)
    unit_hash = _unit_hash(name, described, bad)
    unit = Unit(
        name=Untrusted(name),
        unit_hash=unit_hash,
        target_state=word(wanted.value) if wanted is not None else None,
        target=_machine_id(target),
        heartbeat=_machine_id(heartbeat),
        states=_states(name, reports, bad) if reports else (),
        file=_file(unit_hash, files, bad),
    )
    return unit, tuple(bad)


def restated(unit: Unit | None, states: Entry | Node | None) -> Unit | None:
    """A unit whose job is as it was, with the states of `states/NAME`; None where it has to be
    decoded whole: there was none, nobody has looked into that folder yet, or not each of its states
    can be read.
    """
    if unit is None or type(states) is not dict:
        return None
    found: States
    if len(states) == 1:  # nearly always, and of all that changes this is most
        ((machine_id, leaf),) = states.items()
        state = _told(machine_id, leaf) if type(leaf) is Leaf else None
        found = (state,) if type(state) is UnitState else ()
    else:
        bad: list[BadRecord] = []
        found = _states(unit.name.raw, _reports(states), bad)
        found = found if not bad else ()
    return replace(unit, states=found) if found else None


def decode_file(unit_hash: str, entry: Entry) -> Decoded[UnitFile]:
    """`unit/SHA1`; whether fleet can read the text is asked where a unit uses it."""
    if not isinstance(entry, Leaf):
        return None, ()
    found = _read(records.unit_object, f"{UNIT}/{unit_hash}", entry)
    if isinstance(found, BadRecord):
        return None, (found,)
    return UnitFile(Untrusted(found.raw)), ()


def decode_leader(lease: Folder) -> Decoded[Leader]:
    """`lease/engine-leader`: JSON, or a bare machine ID where an old engine wrote it."""
    leaf = leaf_at(lease, "engine-leader")
    if leaf is None:
        return None, ()
    if not leaf.value.lstrip().startswith("{"):
        return Leader(Untrusted(leaf.value)), ()
    found = _read(records.lease_object, f"{LEASE}/engine-leader", leaf)
    if isinstance(found, BadRecord):
        return None, (found,)
    return Leader(Untrusted(found.machine_id)), ()


def in_order_of_address(machines: Iterable[Machine]) -> dict[Untrusted, Machine]:
    """By IP address as a number, what is no address after it, then by ID."""
    return {m.id: m for m in sorted(machines, key=_by_address)}


def in_order_of_name(units: Iterable[Unit]) -> dict[Untrusted, Unit]:
    """By name, as fleetctl lists them."""
    return {u.name: u for u in sorted(units, key=lambda u: u.name.raw)}


def in_order_of_key(bad: Iterable[BadRecord]) -> tuple[BadRecord, ...]:
    """Each once: several units may use one broken unit file."""
    return tuple(sorted(set(bad), key=lambda b: (b.key.raw, b.problem)))


def _by_address(machine: Machine) -> tuple[int, int, str, str]:
    address, machine_id = machine.public_ip.raw, machine.id.raw
    with suppress(OSError, ValueError):  # ten times as fast as what knows every kind of address
        return (4, int.from_bytes(inet_pton(AF_INET, address)), "", machine_id)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return (9, 0, address, machine_id)
    return (parsed.version, int(parsed), "", machine_id)


def _metadata(own: dict[str, str], dynamic: Folder) -> tuple[tuple[Untrusted, Untrusted], ...]:
    """Dynamic values win, and an empty one removes the key (fleet registry/machine.go)."""
    changes = {k: e.value for k, e in dynamic.items() if isinstance(e, Leaf)}
    merged = {k: v for k, v in own.items() if k not in changes}
    merged.update((k, v) for k, v in changes.items() if v)
    return tuple((Untrusted(k), Untrusted(v)) for k, v in sorted(merged.items()))


def _unit_hash(name: str, leaf: Leaf | None, bad: list[BadRecord]) -> str | None:
    if leaf is None:
        return None
    try:
        found = records.job_object.decode(leaf.value)
    except UNREADABLE as error:
        bad.append(_bad(f"{JOB}/{name}/object", str(error), leaf))
        return None
    if found.name != name:
        said = f"it says that it is of unit {Untrusted(found.name)}"
        bad.append(_bad(f"{JOB}/{name}/object", said, leaf))
        return None
    return bytes(found.unit_hash).hex()


def _file(
    unit_hash: str | None, files: Mapping[str, UnitFile | None], bad: list[BadRecord]
) -> UnitFile | None:
    file = files.get(unit_hash) if unit_hash is not None else None
    if file is not None and file.problem is not None:
        problem = f"fleet cannot read this unit file: {file.problem}"
        bad.append(BadRecord(Untrusted(f"{UNIT}/{unit_hash}"), problem, file.raw))
    return file


def _reports(states: Folder) -> list[tuple[str, Leaf]]:
    """What machines wrote of a unit, by machine."""
    reports = [(m, e) for m, e in states.items() if type(e) is Leaf]
    if len(reports) > 1:
        reports.sort()
    return reports


def _states(name: str, reports: Iterable[tuple[str, Leaf]], bad: list[BadRecord]) -> States:
    states = []
    for machine_id, leaf in reports:
        state = _told(machine_id, leaf)
        if isinstance(state, str):
            bad.append(_bad(f"{STATES}/{name}/{machine_id}", state, leaf))
        else:
            states.append(state)
    return tuple(states)


def _told(machine_id: str, leaf: Leaf) -> UnitState | str:
    """A value decoded, at the index at which it was written last; or why it cannot be."""
    state = leaf.state
    if state is None:
        state = leaf.state = _state(machine_id, leaf)
    elif type(state) is UnitState and state.index != leaf.index:  # anew, in the same words
        state = leaf.state = replace(state, index=leaf.index)
    return state


def _state(machine_id: str, leaf: Leaf) -> UnitState | str:
    try:
        found = records.state_object.decode(leaf.value)
    except UNREADABLE as error:
        return str(error)
    if found.machine_state is not None and found.machine_state.id != machine_id:
        return f"it says that it is of machine {Untrusted(found.machine_state.id)}"
    return UnitState(
        word(machine_id),
        word(found.load_state),
        word(found.active_state),
        word(found.sub_state),
        word(found.unit_hash),
        leaf.index,
    )


def _folder(part: str, name: str, entry: Entry | None, bad: list[BadRecord]) -> Folder:
    if isinstance(entry, Leaf):
        bad.append(_misplaced(f"{part}/{name}", entry))
        return {}
    return entry or {}


def _leaves(job: Folder) -> tuple[Leaf | None, Leaf | None, Leaf | None, Leaf | None]:
    """What fleet writes of a job: target state, target, job state and object."""
    get = job.get
    wanted, target, heartbeat = get("target-state"), get("target"), get("job-state")
    described = get("object")
    return (
        wanted if type(wanted) is Leaf else None,
        target if type(target) is Leaf else None,
        heartbeat if type(heartbeat) is Leaf else None,
        described if type(described) is Leaf else None,
    )


class _Words(dict[str, Untrusted]):
    """One object for a word that thousands of units have in common."""

    def __missing__(self, text: str) -> Untrusted:
        word = Untrusted(text)
        if len(text) <= _LONGEST_COMMON:
            if len(self) >= _MOST_COMMON:
                self.clear()
            self[text] = word
        return word


_LONGEST_COMMON = 64
_MOST_COMMON = 1 << 15
word = _Words().__getitem__
"""A remote text, the same object for the same short text."""


def _machine_id(leaf: Leaf | None) -> Untrusted | None:
    """An empty value counts as none (fleet registry/job.go)."""
    return word(leaf.value) if leaf is not None and leaf.value else None


def _read(decoder: "msgspec.json.Decoder[_T]", key: str, leaf: Leaf) -> _T | BadRecord:
    try:
        return decoder.decode(leaf.value)
    except UNREADABLE as error:
        return _bad(key, str(error), leaf)


def _misplaced(key: str, leaf: Leaf) -> BadRecord:
    return _bad(key, "a value stands where a folder belongs", leaf)


def _bad(key: str, problem: str, leaf: Leaf) -> BadRecord:
    return BadRecord(Untrusted(key), problem, Untrusted(leaf.value))
