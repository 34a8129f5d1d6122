"""The registry's keys held in memory and kept up to date by events, with the picture they make."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from types import MappingProxyType
from typing import TypeVar

from fleettui.model.changes import UnitChange, tell_changes
from fleettui.model.cluster import BadRecord, Leader, Machine, Snapshot, Unit
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import Event, Node
from fleettui.registry.collector import collector_paused
from fleettui.registry.decode import (
    Decoded,
    decode_file,
    decode_leader,
    decode_machine,
    decode_unit,
    in_order_of_address,
    in_order_of_key,
    in_order_of_name,
    restated,
)
from fleettui.registry.keys import JOB, LEASE, MACHINES, PARTS, STATES, UNIT, Keys
from fleettui.registry.ordinary import ordinary_units
from fleettui.registry.tree import (
    DEEPEST,
    Folder,
    Leaf,
    entry_at,
    folder_at,
    merge,
    merged,
    name_of,
    unopened,
)

REMOVALS = frozenset({"delete", "expire", "compareAndDelete"})
"""Actions of etcd that take something away."""
_UNOPENED = frozenset({JOB, STATES})
"""Folders whose folders are left as they were read until something is asked of them."""
_WRITES = frozenset({"set", "create", "update", "compareAndSwap"})


_T = TypeVar("_T")


class Change(IntEnum):
    """What an event did to the picture; the more, the greater."""

    NONE = 0
    INDEX = 1
    """What was written anew says the same to an operator: worth showing, not worth hurrying."""
    VALUE = 2


_NONE, _INDEX, _VALUE = Change
"""For each event, which looks up several: as a member of its class each takes ten times as long."""


class Image:
    """Everything below a prefix. Decodes only what changed since the last snapshot."""

    def __init__(self, keys: Keys) -> None:
        self.indexes = dict.fromkeys(PARTS, 0)
        """etcd's index up to which the events of each folder are in."""
        self._keys = keys
        self._tree: dict[str, Folder] = {part: {} for part in PARTS}
        self._dirty: dict[str, set[str]] = {part: set() for part in PARTS}
        self._renewed: set[str] = set()
        """Units of which a state was written anew with the same words."""
        self._files: dict[str, UnitFile | None] = {}
        self._missing: set[str] = set()
        # Once shown these are never changed, only replaced: snapshots hold them.
        self._units: MappingProxyType[Untrusted, Unit] = MappingProxyType({})
        self._machines: MappingProxyType[Untrusted, Machine] = MappingProxyType({})
        self._leader: Leader | None = None
        self._bad: tuple[BadRecord, ...] = ()
        self._bad_by: dict[tuple[str, str], tuple[BadRecord, ...]] = {}
        self._bad_changed = False

    @property
    def index(self) -> int:
        """etcd's index of the newest that is in."""
        return max(self.indexes.values())

    @property
    def files(self) -> Mapping[str, UnitFile | None]:
        """Unit files that were decoded, by hash; None for what is none."""
        return self._files

    @property
    def missing_files(self) -> set[str]:
        """Hashes of unit files that units of the last snapshot are made of, and that are not in."""
        if self._missing:
            self._missing &= {u.unit_hash for u in self._units.values() if u.unit_hash}
        return self._missing.copy()

    def load(self, node: Node | None, index: int) -> None:
        """Take over a read of all folders; None = the prefix does not exist."""
        parts = {name_of(child): child for child in node.nodes} if node is not None else {}
        for part in PARTS:
            self.load_folder(part, parts.get(part), index)

    @collector_paused()
    def load_folder(self, part: str, node: Node | None, index: int) -> set[str]:
        """Take over a read of one folder; the names in it that did not stand as was read."""
        self.indexes[part] = index
        nodes, folder = node.nodes if node is not None else (), self._tree[part]
        if part in _UNOPENED and not folder:
            return self.load_unopened(part, unopened(nodes))
        changed = merge(folder, nodes, DEEPEST - 1)
        self._dirty[part] |= changed
        return changed

    def load_unopened(self, part: str, folder: Folder) -> set[str]:
        """Take over a folder of which nothing is in yet; the names in it."""
        self._tree[part].update(folder)
        names = set(folder)
        self._dirty[part] |= names
        return names

    def load_files(self, files: Mapping[str, Node | None]) -> None:
        """Take over unit files that were read one by one."""
        for unit_hash, node in files.items():
            if node is not None:
                self._tree[UNIT][unit_hash] = merged(None, node, 0)[0]
                self._dirty[UNIT].add(unit_hash)

    def apply(self, event: Event) -> Change:
        """Take over one event; one that is in already, or elsewhere, does nothing."""
        node = event.node
        segments, index = self._keys.below(node.key), node.modified_index
        if not segments:
            return _NONE if segments is None else self._apply_above(event)
        part = segments[0]
        if self.indexes.get(part, index) >= index:
            return _NONE
        self.indexes[part] = index
        if event.action in _WRITES:
            return self._put(segments, node) if 2 <= len(segments) <= DEEPEST else _NONE
        if event.action in REMOVALS:
            return self._remove(segments)
        return _NONE

    def _apply_above(self, event: Event) -> Change:
        """Take over an event of the prefix itself, or of what holds it."""
        index = event.node.modified_index
        parts = [part for part in PARTS if self.indexes[part] < index]
        self.indexes.update(dict.fromkeys(parts, index))
        if not parts or event.action not in REMOVALS:
            return Change.NONE
        return max(self._remove((part,)) for part in parts)

    def place(self, event: Event) -> tuple[str, ...]:
        """The folder and the name in it that an event is about, as far as its key goes."""
        return (self._keys.below(event.node.key) or ())[:2]

    def pass_to(self, index: int) -> None:
        """Events of every folder are in up to there."""
        for part, reached in self.indexes.items():
            self.indexes[part] = max(reached, index)

    def decode_all_but_units(self) -> None:
        """Decode what is in so far, for a snapshot that has to wait for the units."""
        self._decode_files()
        self._decode_machines()
        if self._dirty[LEASE]:
            self._leader = self._kept(LEASE, "", decode_leader(self._tree[LEASE]))
            self._dirty[LEASE].clear()

    @collector_paused()
    def snapshot(self, read_at: datetime, *, hurried: bool = False) -> Snapshot:
        """The picture; everything that did not change is the same object as in the last one.

        A hurried one leaves out what nobody waits for, when states were written anew last: it is as
        of the last that was not.
        """
        self.decode_all_but_units()
        self._decode_units(hurried=hurried)
        return Snapshot(
            index=self.index,
            read_at=read_at,
            machines=self._machines,
            units=self._units,
            leader=self._leader,
            bad=self._bad_records(),
        )

    def _put(self, segments: Sequence[str], node: Node) -> Change:
        part, *way, last = segments
        folder = self._tree[part]
        for name in way:
            inner = folder.get(name)
            if type(inner) is not dict:
                inner = entry_at(folder, name)
                if not isinstance(inner, dict):
                    inner = folder[name] = {}
            folder = inner
        old = folder.get(last)
        if type(old) is Node:
            old = entry_at(folder, last)
        if type(old) is Leaf and not node.dir:
            return self._write(old, segments, node)
        if isinstance(old, dict) and node.dir:
            return _NONE
        folder[last] = {} if node.dir else Leaf(node.value, node.modified_index)
        self._dirty[part].add(segments[1])
        return _VALUE

    def _write(self, old: Leaf, segments: Sequence[str], node: Node) -> Change:
        """Put a value in the place of another, or the same anew."""
        part = segments[0]
        old.index = node.modified_index
        if old.value == node.value:
            if part != STATES:
                return _NONE
            self._renewed.add(segments[1])
            return _INDEX
        old.value, old.state = node.value, None
        self._dirty[part].add(segments[1])
        return _INDEX if part != STATES and self._is_no_news(segments) else _VALUE

    def _is_no_news(self, segments: Sequence[str]) -> bool:
        """Whether a value in place of another is one that nobody waits for: the number of a lease
        that was renewed, or which of its machines has told of a global unit last.
        """
        if segments[0] == LEASE:
            leader, _ = decode_leader(self._tree[LEASE])
            return leader is not None and leader == self._leader
        match segments:
            case [part, name, "job-state"] if part == JOB:
                return "target" not in folder_at(self._tree[JOB], name)
        return False

    def _remove(self, segments: Sequence[str]) -> Change:
        """Take out a key, or a folder with all below it."""
        if len(segments) < 2:
            folder = self._tree[segments[0]]
            self._dirty[segments[0]].update(folder)
            folder.clear()
            return Change.VALUE
        part, *way, last = segments
        folder = self._tree.get(part, {})
        for name in way:
            folder = folder_at(folder, name)
        if folder.pop(last, None) is None:
            return Change.NONE
        self._dirty[part].add(segments[1])
        return Change.VALUE

    def _decode_files(self) -> None:
        hashes = self._dirty[UNIT]
        for unit_hash in hashes:
            entry = entry_at(self._tree[UNIT], unit_hash) or {}
            self._files[unit_hash] = self._kept(UNIT, unit_hash, decode_file(unit_hash, entry))
        if hashes:
            self._missing -= self._tree[UNIT].keys()
            users = (u.name.raw for u in self._units.values() if u.unit_hash in hashes)
            self._dirty[JOB].update(users)
            hashes.clear()

    def _decode_units(self, *, hurried: bool) -> None:
        names = self._dirty[JOB] | self._dirty[STATES]
        if not hurried:
            names |= self._renewed
        if not names:
            return
        self._renewed -= names
        jobs, states = self._tree[JOB], self._tree[STATES]
        files, hashes = self._files, self._tree[UNIT]
        bad_jobs = {name for part, name in self._bad_by if part == JOB}
        is_anew = not (self._units or bad_jobs)
        ordinary = ordinary_units(jobs, states, files) if is_anew else {}
        in_order = map(ordinary.__getitem__, sorted(ordinary))
        units = {unit.name: unit for unit in in_order} or self._units.copy()
        otherwise = self._dirty[JOB] | bad_jobs
        changed: list[UnitChange] = []
        for name in sorted(names - ordinary.keys()):
            key = Untrusted(name)
            old = units.get(key)
            unit = None if name in otherwise else restated(old, states.get(name))
            if unit is None:
                job, told = entry_at(jobs, name), entry_at(states, name)
                unit = self._kept(JOB, name, decode_unit(name, job, told, files))
            if unit is not None and unit.unit_hash and unit.unit_hash not in hashes:
                self._missing.add(unit.unit_hash)
            if _replace(units, key, old, unit):
                changed.append((old, unit))
        if any(old is None for old, _ in changed):
            units = in_order_of_name(units.values())
        before, self._units = self._units, MappingProxyType(units)
        if before:
            tell_changes(before, self._units, changed)
        self._dirty[JOB].clear()
        self._dirty[STATES].clear()

    def _decode_machines(self) -> None:
        machine_ids = self._dirty[MACHINES]
        if not machine_ids:
            return
        machines = self._machines.copy()
        for machine_id in machine_ids:
            entry = entry_at(self._tree[MACHINES], machine_id) or {}
            machine = self._kept(MACHINES, machine_id, decode_machine(machine_id, entry))
            key = Untrusted(machine_id)
            _replace(machines, key, machines.get(key), machine)
        self._machines = MappingProxyType(in_order_of_address(machines.values()))
        machine_ids.clear()

    def _kept(self, part: str, name: str, decoded: Decoded[_T]) -> _T | None:
        """The good of what was decoded, with its bad records in place of those it had before."""
        good, bad = decoded
        if (bad or self._bad_by) and self._bad_by.get((part, name), ()) != bad:
            self._bad_by[part, name] = bad
            self._bad_changed = True
        return good

    def _bad_records(self) -> tuple[BadRecord, ...]:
        if self._bad_changed:
            self._bad_by = {source: bad for source, bad in self._bad_by.items() if bad}
            self._bad = in_order_of_key(b for bad in self._bad_by.values() for b in bad)
            self._bad_changed = False
        return self._bad


def _replace(known: dict[Untrusted, _T], key: Untrusted, old: _T | None, new: _T | None) -> bool:
    """Put `new` in the place of `old`, unless they are equal: an unchanged object stays the same.

    Whether they differ.
    """
    if new == old:
        return False
    if new is None:
        del known[key]
    else:
        known[key] = new
    return True
