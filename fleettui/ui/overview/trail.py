"""What became of the cluster while this session watched: bounded, kept beside the picture; pure."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

import msgspec

from fleettui.model.changes import changed_units
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState
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


Telling = Callable[[], Change]
"""A change that is put into words once it is kept: of a thousand at once most are only counted."""


class Slot(msgspec.Struct, frozen=True):
    """Five seconds: the most findings there were, and how many events etcd counted."""

    number: int
    findings: int
    events: int


class Trail(msgspec.Struct, frozen=True):
    """Counts over time, oldest first, and the last changes, newest first."""

    slots: tuple[Slot, ...] = ()
    changes: tuple[Change, ...] = ()

    def went_on(self, before: Picture, after: Picture, at: datetime) -> "Trail":
        """The trail after the picture changed; it begins with the first read."""
        new = after.snapshot
        if new is None:
            return self
        events = max(new.index - before.snapshot.index, 0) if before.snapshot is not None else 0
        found = list(_news(before, after, new, at))
        news = [change() for change in found[:AT_ONCE]]
        if len(found) > AT_ONCE:
            more = f"{len(found) - AT_ONCE} more at once"
            news.append(Change(at, "", more, "", "", Tone.DIM))
        changes = (*reversed(news), *self.changes)[:CHANGES] if news else self.changes
        slots = self._counted(_slot(at), len(after.findings), events)
        return msgspec.structs.replace(self, slots=slots, changes=changes)

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


def _news(before: Picture, after: Picture, new: Snapshot, at: datetime) -> Iterator[Telling]:
    old = before.snapshot
    if old is None:
        words = f"{len(new.machines)} machines, {len(new.units)} units"
        yield partial(Change, at, "registry", "first read", "", words, Tone.DIM)
    elif old is not new:
        yield from _machines(old, new, at)
        if old.units is not new.units:
            yield from _units(old, new, at)
    yield from _findings(before, after, at)


def _machines(old: Snapshot, new: Snapshot, at: datetime) -> Iterator[Telling]:
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


def _units(old: Snapshot, new: Snapshot, at: datetime) -> Iterator[Telling]:
    changed = changed_units(old, new)
    for unit in changed.fresh:
        was = old.units.get(unit.name)
        if was is None:
            yield partial(Change, at, "registry", str(unit.name), "", "submitted", Tone.ACCENT)
        else:
            yield from _unit(was, unit, new, at)
    for unit in changed.past:
        if unit.name not in new.units:
            yield partial(Change, at, "registry", str(unit.name), "", "destroyed", Tone.WARN)


def _unit(was: Unit, unit: Unit, snapshot: Snapshot, at: datetime) -> Iterator[Telling]:
    name = unit.name
    if was.target_state != unit.target_state:
        wanted, wants = (str(one.target_state or "absent") for one in (was, unit))
        yield partial(Change, at, "somebody", f"{name} wanted", wanted, wants)
    if was.target != unit.target:
        left, place = (_place(one.target, snapshot) for one in (was, unit))
        yield partial(Change, at, "engine", f"{name} on", left, place)
    if _say_the_same(was, unit):
        return
    for state in unit.states:
        earlier = was.state_on(state.machine_id)
        if earlier and (earlier.active, earlier.sub) == (state.active, state.sub):
            continue
        yield partial(_told, unit, state, earlier, snapshot, at)
    for gone in was.states:
        if unit.state_on(gone.machine_id) is None:
            who = _place(gone.machine_id, snapshot)
            yield partial(Change, at, who, str(name), f"{gone.active} {gone.sub}", "no state")


def _told(
    unit: Unit, state: UnitState, earlier: UnitState | None, snapshot: Snapshot, at: datetime
) -> Change:
    """An agent wrote other words of a unit."""
    before = f"{earlier.active} {earlier.sub}" if earlier else "no state"
    after = f"{state.active} {state.sub}"
    who = _place(state.machine_id, snapshot)
    return Change(at, who, str(unit.name), before, after, _TONES.get(state.active, Tone.WARN))


def _say_the_same(was: Unit, unit: Unit) -> bool:
    """Whether the states of a unit were only written anew, as most are."""
    if len(was.states) != len(unit.states):
        return False
    for one, two in zip(was.states, unit.states, strict=True):  # thousands in a storm: no generator
        if one.sub != two.sub or one.active != two.active or one.machine_id != two.machine_id:
            return False
    return True


def _place(machine_id: Untrusted | None, snapshot: Snapshot) -> str:
    machine: Machine | None = snapshot.machines.get(machine_id) if machine_id else None
    if machine is not None:
        return str(machine.public_ip)
    return snapshot.machine_name(machine_id) if machine_id else "no machine"


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
