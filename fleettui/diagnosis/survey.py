"""What is odd in a snapshot, found in one pass; whether it is a fault is for the rules to say."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from fleettui.model.changes import UnitChange, changed_units
from fleettui.model.cluster import Snapshot, TargetState, Unit, UnitState
from fleettui.model.untrusted import Untrusted

_WANTED = frozenset({TargetState.LOADED.value, TargetState.LAUNCHED.value})
_NOT_FOUND = "not-found"
"""What systemd says of a unit that it has no file of."""


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
    layout: Snapshot
    """The first of the snapshots in a row that ask the same of the scheduler."""

    def of(self, kind: Odd) -> Iterator[Oddity]:
        """The oddities of one kind."""
        return (oddity for oddity in self.oddities if oddity.kind is kind)


def survey(snapshot: Snapshot, before: Survey | None = None) -> Survey:
    """Look at every unit; at those that changed only, if `before` had the same machines.

    Most events of a cluster renew a few units, and an unchanged unit is the same object in every
    snapshot that follows. Of most that do change it is no more than whether they run.
    """
    if before is not None and before.snapshot.machines is snapshot.machines:
        alive = before.alive
    else:
        alive = frozenset(machine_id.raw for machine_id in snapshot.machines)
    if before is None or before.alive != alive:
        found = _of_units(snapshot.units.values(), alive)
        return Survey(snapshot, (*_of_lease(snapshot), *found), alive, snapshot)
    changes = changed_units(before.snapshot, snapshot)
    others = [change for change in changes if not _is_as_odd(*change)]
    anew = {unit.name for change in others for unit in change if unit is not None}
    kept = (o for o in before.oddities if o.unit is not None and o.unit not in anew)
    found = _of_units((unit for _, unit in others if unit is not None), alive)
    is_alike = _is_laid_out_alike(others, snapshot, before.snapshot)
    layout = before.layout if is_alike else snapshot
    return Survey(snapshot, (*_of_lease(snapshot), *kept, *found), alive, layout)


def _is_laid_out_alike(changes: Iterable[UnitChange], snapshot: Snapshot, old: Snapshot) -> bool:
    """Whether nothing changed that a scheduler looks at: states and heartbeats are not."""
    if snapshot.leader != old.leader or snapshot.bad != old.bad:
        return False
    if snapshot.machines is not old.machines and snapshot.machines != old.machines:
        return False
    return all(_asks_the_same(*change) for change in changes)


def _asks_the_same(was: Unit | None, unit: Unit | None) -> bool:
    """Whether a scheduler is asked the same."""
    if was is None or unit is None:
        return False
    if was.target != unit.target or was.target_state != unit.target_state:
        return False
    return was.file is unit.file or was.file == unit.file


def _is_as_odd(was: Unit | None, unit: Unit | None) -> bool:
    """Whether no more differs than what `_of_unit` does not look at: whether its states run."""
    if was is None or unit is None:
        return False
    if was.unit_hash != unit.unit_hash or not _asks_the_same(was, unit):
        return False
    if len(was.states) != len(unit.states):
        return False
    return all(map(_is_said_alike, was.states, unit.states))


def _is_said_alike(one: UnitState, two: UnitState) -> bool:
    if one.machine_id != two.machine_id or one.unit_hash != two.unit_hash:
        return False
    return one.load == two.load


def _of_lease(snapshot: Snapshot) -> Iterator[Oddity]:
    if snapshot.leader is None:
        if snapshot.machines or snapshot.units:
            yield Oddity(Odd.NO_LEADER)
    elif snapshot.leader.machine_id not in snapshot.machines:
        yield Oddity(Odd.LEADER_GONE, machine=snapshot.leader.machine_id)


def _of_units(units: Iterable[Unit], alive: frozenset[str]) -> Iterator[Oddity]:
    others = (unit for unit in units if not _is_plain(unit, alive))
    return (oddity for unit in others for oddity in _of_unit(unit, alive))


def _is_plain(unit: Unit, alive: frozenset[str]) -> bool:
    """Whether it is as nearly all units are: wanted, placed, and told of by its machine alone. Of
    such a one `_of_unit` finds nothing, which takes it twice as long to see.
    """
    wanted, target, states = unit.target_state, unit.target, unit.states
    if wanted is None or target is None or len(states) != 1:
        return False
    if unit.unit_hash is None or unit.file is None or "@." in unit.name.raw:
        return False
    (state,) = states
    return (
        wanted.raw in _WANTED
        and target.raw in alive
        and state.machine_id == target
        and state.unit_hash.raw == unit.unit_hash
        and state.load.raw != _NOT_FOUND
    )


def _of_unit(unit: Unit, alive: frozenset[str]) -> Iterator[Oddity]:
    wanted = unit.target_state.raw if unit.target_state else ""
    is_wanted = wanted in _WANTED
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
    if is_wanted and state.load.raw == _NOT_FOUND:
        return Odd.NOT_FOUND
    said = state.unit_hash.raw
    return Odd.OTHER_HASH if unit.unit_hash and said and said != unit.unit_hash else None
