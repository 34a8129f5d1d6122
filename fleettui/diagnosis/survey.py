"""What is odd in a snapshot, found in one pass; whether it is a fault is for the rules to say."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from fleettui.model.changes import changed_units
from fleettui.model.cluster import Snapshot, TargetState, Unit, UnitState
from fleettui.model.untrusted import Untrusted


class Odd(StrEnum):
    """What can be odd in a registry."""

    TEMPLATE = "template"
    """A template that is wanted loaded or launched, or has a target."""
    BAD_STATE = "bad state"
    """A target state that is none of fleet's words."""
    NO_OBJECT = "no object"
    """A job with a target state or a target, but without an object that can be read."""
    NO_FILE = "no file"
    """A job whose hash has no unit file."""
    UNPLACED = "unplaced"
    """A unit that is wanted, and that the engine has put nowhere."""
    NO_JOB = "no job"
    """A machine's state of a unit that has no job."""
    NO_MACHINE = "no machine"
    """A state of a machine that the registry does not list."""
    ELSEWHERE = "elsewhere"
    """A state of a unit from a machine that is not its target."""
    OTHER_HASH = "other hash"
    """A state with another hash than the job's."""
    NOT_FOUND = "not found"
    """A state which says that systemd does not know the unit."""
    NO_LEADER = "no leader"
    LEADER_GONE = "leader gone"
    """The engine leader is not among the machines."""


class Oddity(NamedTuple):
    """One odd thing, and what makes it the same one in a later snapshot."""

    kind: Odd
    unit: Untrusted | None = None
    machine: Untrusted | None = None


class Survey(msgspec.Struct, frozen=True):
    """A snapshot and all that is odd in it."""

    snapshot: Snapshot
    oddities: tuple[Oddity, ...]
    alive: frozenset[str]
    """IDs of the machines."""
    fresh: tuple[Unit, ...]
    """Those that changed since the survey before; all of them in the first."""
    layout: Snapshot
    """The first of the snapshots in a row that ask the same of the scheduler."""

    def of(self, kind: Odd) -> Iterator[Oddity]:
        """The oddities of one kind."""
        return (oddity for oddity in self.oddities if oddity.kind is kind)


def survey(snapshot: Snapshot, before: Survey | None = None) -> Survey:
    """Look at every unit; at those that changed only, if `before` had the same machines.

    Most events of a cluster renew a few units, and an unchanged unit is the same object in every
    snapshot that follows.
    """
    if before is not None and before.snapshot.machines is snapshot.machines:
        alive = before.alive
    else:
        alive = frozenset(machine_id.raw for machine_id in snapshot.machines)
    fresh = _fresh(snapshot, before)
    units: Sequence[Unit] = fresh
    kept: list[Oddity] = []
    layout = snapshot
    if before is not None and before.alive == alive:
        kept = [
            o for o in before.oddities if o.unit is not None and _is_same(o.unit, before, snapshot)
        ]
        layout = before.layout if _is_laid_out_alike(units, snapshot, before) else snapshot
    else:
        units = tuple(snapshot.units.values())
    found = [oddity for unit in units for oddity in _of_unit(unit, alive)]
    return Survey(snapshot, (*_of_lease(snapshot), *kept, *found), alive, fresh, layout)


def _fresh(snapshot: Snapshot, before: Survey | None) -> tuple[Unit, ...]:
    if before is None:
        return tuple(snapshot.units.values())
    return changed_units(before.snapshot, snapshot).fresh


def _is_laid_out_alike(fresh: Sequence[Unit], snapshot: Snapshot, before: Survey) -> bool:
    """Whether nothing changed that a scheduler looks at: states and heartbeats are not."""
    old = before.snapshot
    if len(snapshot.units) != len(old.units) or snapshot.leader != old.leader:
        return False
    if snapshot.bad != old.bad:
        return False
    if snapshot.machines is not old.machines and snapshot.machines != old.machines:
        return False
    return all(
        (was := old.units.get(unit.name)) is not None
        and (was.target, was.target_state, was.file) == (unit.target, unit.target_state, unit.file)
        for unit in fresh
    )


def _is_same(name: Untrusted, before: Survey, snapshot: Snapshot) -> bool:
    return snapshot.units.get(name) is before.snapshot.units[name]


def _of_lease(snapshot: Snapshot) -> Iterator[Oddity]:
    if snapshot.leader is None:
        if snapshot.machines or snapshot.units:
            yield Oddity(Odd.NO_LEADER)
    elif snapshot.leader.machine_id not in snapshot.machines:
        yield Oddity(Odd.LEADER_GONE, machine=snapshot.leader.machine_id)


def _of_unit(unit: Unit, alive: frozenset[str]) -> Iterator[Oddity]:
    wanted = unit.target_state.raw if unit.target_state else ""
    is_wanted = wanted in {"loaded", "launched"}
    has_job = not (unit.unit_hash is None and unit.target_state is None and unit.target is None)
    if wanted and not is_wanted and wanted != TargetState.INACTIVE:
        yield Oddity(Odd.BAD_STATE, unit.name)
    if has_job and unit.unit_hash is None:
        yield Oddity(Odd.NO_OBJECT, unit.name)
    elif has_job and unit.file is None:
        yield Oddity(Odd.NO_FILE, unit.name)
    if (is_wanted or unit.target is not None) and "@." in unit.name.raw and unit.is_template:
        yield Oddity(Odd.TEMPLATE, unit.name)
    elif is_wanted and unit.target is None and unit.file is not None and not unit.is_global:
        yield Oddity(Odd.UNPLACED, unit.name)
    for state in unit.states:
        odd = _odd_in(state, unit, alive, has_job=has_job, is_wanted=is_wanted)
        if odd is not None:
            yield Oddity(odd, unit.name, state.machine_id)


def _odd_in(
    state: UnitState, unit: Unit, alive: frozenset[str], *, has_job: bool, is_wanted: bool
) -> Odd | None:
    if state.machine_id.raw not in alive:
        return Odd.NO_MACHINE
    if not has_job:
        return Odd.NO_JOB
    if unit.target != state.machine_id and unit.file is not None and not unit.is_global:
        return Odd.ELSEWHERE
    if is_wanted and state.load.raw == "not-found":
        return Odd.NOT_FOUND
    said = state.unit_hash.raw
    return Odd.OTHER_HASH if unit.unit_hash and said and said != unit.unit_hash else None
