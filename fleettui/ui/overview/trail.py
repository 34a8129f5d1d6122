"""What became of the cluster while this session watched: bounded, kept beside the picture; pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec

from fleettui.model.changes import UnitChange, changed_units
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState, short_id
from fleettui.model.untrusted import Untrusted
from fleettui.ui.paint import Tone
from fleettui.ui.picture import Picture

SLOT = 5
"""Seconds that one column of a chart stands for."""
SLOTS = 360
"""Half an hour is remembered."""
CHANGES = 200
"""Changes that are kept, the newest."""
AT_ONCE = 40
"""Changes that one news may add; of more their number is told."""
_MOST_HELD = 1000
"""Changed units that are held until somebody asks how much there is to be told of them."""
_TONES = {Untrusted("active"): Tone.GOOD, Untrusted("failed"): Tone.BAD}


class Change(msgspec.Struct, frozen=True):
    """Somebody changed from something to something else."""

    at: datetime
    who: str
    """Whoever wrote it: a machine's agent, the engine, the rules; safe to show."""
    subject: str
    before: str
    after: str
    tone: Tone = Tone.PLAIN


Machines = Mapping[Untrusted, Machine]
"""Those that the registry lists, by ID."""
Telling = Callable[[], Change]
"""A change that is put into words once somebody reads it. Of the pictures that it was found between
it holds no more than what it tells of.
"""


class Slot(msgspec.Struct, frozen=True):
    """Five seconds: the most findings there were, and how many events etcd counted."""

    number: int
    findings: int
    events: int


class Trail(msgspec.Struct, frozen=True):
    """Counts over time, oldest first, and the last changes, newest first."""

    slots: tuple[Slot, ...] = ()
    tellings: tuple[Telling, ...] = ()

    def went_on(self, before: Picture, after: Picture, at: datetime) -> "Trail":
        """The trail after the picture changed; it begins with the first read."""
        new = after.snapshot
        if new is None:
            return self
        events = max(new.index - before.snapshot.index, 0) if before.snapshot is not None else 0
        tellings = self.tellings
        if news := _news(before, after, new, at):
            tellings = (*news, *tellings)[:CHANGES]
        return Trail(self._counted(_slot(at), len(after.findings), events), tellings)

    def changes(self, count: int = CHANGES) -> list[Change]:
        """The newest changes, in words; no more than that many."""
        return [telling() for telling in self.tellings[:count]]

    def _counted(self, number: int, findings: int, events: int) -> tuple[Slot, ...]:
        last = self.slots[-1] if self.slots else None
        if last is None or number > last.number:
            return (*self.slots[-SLOTS + 1 :], Slot(number, findings, events))
        merged = Slot(last.number, max(findings, last.findings), last.events + events)
        return (*self.slots[:-1], merged)

    def findings(self, count: int, at: datetime) -> list[int | None]:
        """How many findings there were in each of the last slots; None = not watched yet.

        A slot without news is as the one before it.
        """
        known = {slot.number: slot.findings for slot in self.slots}
        first = _slot(at) - count + 1
        value = next((s.findings for s in reversed(self.slots) if s.number < first), None)
        values: list[int | None] = []
        for number in range(first, first + count):
            value = known.get(number, value)
            values.append(value)
        return values

    def events(self, count: int, at: datetime) -> list[int | None]:
        """How many events there were in each of the last slots; None = not watched yet."""
        known = {slot.number: slot.events for slot in self.slots}
        begun = self.slots[0].number if self.slots else _slot(at) + 1
        numbers = range(_slot(at) - count + 1, _slot(at) + 1)
        return [known.get(number, 0) if number >= begun else None for number in numbers]


def _slot(at: datetime) -> int:
    return int(at.timestamp()) // SLOT


def _news(before: Picture, after: Picture, new: Snapshot, at: datetime) -> Sequence[Telling]:
    """What is told of one news, and how many changes there are besides: what the rules found and
    who came or went first, for of units a storm changes hundreds.
    """
    old = before.snapshot
    first = [*_findings(before, after, at), *_cluster(old, new, at)]
    units: list[Telling] = []
    changes = iter(changed_units(old, new) if old is not None else ())
    while len(first) + len(units) <= AT_ONCE and (change := next(changes, None)) is not None:
        units += _unit(*change, new.machines, at)
    more = len(first) + len(units) - AT_ONCE
    if more <= 0:
        return (*first, *units)
    besides = _Besides(at, more, tuple(changes), new.machines)
    return (*first[:AT_ONCE], besides, *units[: max(AT_ONCE - len(first), 0)])


class _Besides:
    """How many changes one news had besides those that are told; counted when it is read first: in
    a storm it never is. Until then it holds the units.
    """

    def __init__(
        self, at: datetime, known: int, changes: Sequence[UnitChange], machines: Machines
    ) -> None:
        """`changes` are those of which nobody knows yet how much there is to be told of them."""
        self._at, self._machines = at, machines
        self._count, self._changes = known, changes
        if len(changes) > _MOST_HELD:
            self._count_all()

    def __call__(self) -> Change:
        self._count_all()
        return Change(self._at, "", f"{self._count} more at once", "", "", Tone.DIM)

    def _count_all(self) -> None:
        told = (_unit(*change, self._machines, self._at) for change in self._changes)
        self._count += sum(len(tellings) for tellings in told)
        self._changes = ()


def _cluster(old: Snapshot | None, new: Snapshot, at: datetime) -> Iterator[Telling]:
    if old is None:
        words = f"{len(new.machines)} machines, {len(new.units)} units"
        yield partial(Change, at, "registry", "first read", "", words, Tone.DIM)
        return
    if old.machines is not new.machines and old.machines.keys() != new.machines.keys():
        for machine_id in new.machines.keys() - old.machines.keys():
            yield partial(
                Change, at, "registry", new.machine_name(machine_id), "", "joined", Tone.GOOD
            )
        for machine_id in old.machines.keys() - new.machines.keys():
            yield partial(
                Change, at, "registry", old.machine_name(machine_id), "", "left", Tone.WARN
            )
    if old.leader != new.leader:
        led, leads = (
            s.machine_name(s.leader.machine_id) if s.leader else "nobody" for s in (old, new)
        )
        tone = Tone.PLAIN if new.leader else Tone.BAD
        yield partial(Change, at, "engine", "leader", led, leads, tone)


def _unit(
    was: Unit | None, unit: Unit | None, machines: Machines, at: datetime
) -> Sequence[Telling]:
    if unit is None:
        gone = str(was.name) if was is not None else ""
        return [partial(Change, at, "registry", gone, "", "destroyed", Tone.WARN)]
    if was is None:
        return [partial(Change, at, "registry", str(unit.name), "", "submitted", Tone.ACCENT)]
    name = unit.name
    found: list[Telling] = []
    if was.target_state != unit.target_state:
        wanted, wants = (str(one.target_state or "absent") for one in (was, unit))
        found.append(partial(Change, at, "somebody", f"{name} wanted", wanted, wants))
    if was.target != unit.target:
        left, place = (_place(one.target, machines) for one in (was, unit))
        found.append(partial(Change, at, "engine", f"{name} on", left, place))
    for said in _retold(was.states, unit.states):
        found.append(partial(_told, at, name, machines.get(said.machine_id), said))
    return found


class _Said(NamedTuple):
    """Words of one machine's agent that are not as they were; None where it says nothing."""

    machine_id: Untrusted
    before: UnitState | None
    now: UnitState | None


def _retold(earlier: Sequence[UnitState], now: Sequence[UnitState]) -> Sequence[_Said]:
    """Where the states of a unit differ in words: a global one has a state on every machine."""
    if len(earlier) == len(now) == 1 and earlier[0].machine_id == now[0].machine_id:
        (was,), (state,) = earlier, now  # nearly always
        is_alike = was.sub == state.sub and was.active == state.active
        return () if is_alike else (_Said(state.machine_id, was, state),)
    found: list[_Said] = []
    if len(earlier) == len(now):
        for was, state in zip(earlier, now, strict=True):
            if was.machine_id != state.machine_id:
                break
            if was.sub != state.sub or was.active != state.active:
                found.append(_Said(state.machine_id, was, state))
        else:
            return found
    before = {state.machine_id: state for state in earlier}
    after = {state.machine_id: state for state in now}
    beside = (_Said(m, before.get(m), after.get(m)) for m in {**after, **before})
    return [said for said in beside if _raw(said.before) != _raw(said.now)]


def _raw(state: UnitState | None) -> tuple[Untrusted, Untrusted] | None:
    return (state.active, state.sub) if state else None


def _words(state: UnitState | None) -> str:
    return f"{state.active} {state.sub}" if state else "no state"


def _told(at: datetime, name: Untrusted, machine: Machine | None, said: _Said) -> Change:
    """An agent wrote other words of a unit, or what it wrote is there no more."""
    tone = _TONES.get(said.now.active, Tone.WARN) if said.now else Tone.PLAIN
    who = _who(said.machine_id, machine)
    return Change(at, who, str(name), _words(said.before), _words(said.now), tone)


def _place(machine_id: Untrusted | None, machines: Machines) -> str:
    return _who(machine_id, machines.get(machine_id)) if machine_id else "no machine"


def _who(machine_id: Untrusted, listed: Machine | None) -> str:
    return str(listed.public_ip) if listed is not None else short_id(machine_id)


def _findings(before: Picture, after: Picture, at: datetime) -> Iterator[Telling]:
    if before.findings is after.findings:
        return
    old = {f.key: f for f in before.findings}
    new = {f.key: f for f in after.findings}
    for found in (new[key] for key in new if key not in old):
        yield partial(Change, at, "rules", str(found.unit or "cluster"), "", found.fault, Tone.BAD)
    for found in (old[key] for key in old if key not in new):
        yield partial(
            Change, at, "rules", str(found.unit or "cluster"), found.fault, "gone", Tone.GOOD
        )
