"""The units of which the registry and a machine's systemd say different things."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fleettui.diagnosis.answered import Readings
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.truth import ON_ITS_WAY, was_said_before
from fleettui.model.changes import changed_units
from fleettui.model.cluster import Snapshot, Unit, UnitState
from fleettui.model.untrusted import Untrusted


class _Compared(NamedTuple):
    """The newest picture that was looked through."""

    snapshot: Snapshot
    readings: Readings
    names: frozenset[Untrusted]


_newest: list[_Compared] = []


def disputes(snapshot: Snapshot, readings: Readings) -> frozenset[Untrusted]:
    """The names of units with a state of which systemd said something else that lasts, and which
    the registry said already when the machine was asked. On a machine with a loaded template they
    are frozen, and none counts.

    Compares what changed since it was asked last: a view of ten thousand units changes a few, and
    what did not is the same object as before.
    """
    units = snapshot.units
    known = next(iter(_newest), None)
    if known is None:
        names = frozenset(_among(units.values(), snapshot, readings))
    else:
        anew = _changed(known, snapshot, readings)
        found = _among((units[name] for name in anew if name in units), snapshot, readings)
        names = (known.names - anew).union(found)
    _newest[:] = [_Compared(snapshot, readings, names)]
    return names


def _changed(known: _Compared, snapshot: Snapshot, readings: Readings) -> set[Untrusted]:
    """Units that the registry says something else of, and those of machines to be compared anew."""
    changes = changed_units(known.snapshot, snapshot)
    names = {unit.name for change in changes for unit in change if unit is not None}
    for reading in _compared_anew(known, snapshot, readings):
        names.update(reading.facts.services)
    return names


def _compared_anew(known: _Compared, snapshot: Snapshot, readings: Readings) -> Iterator[Reading]:
    """Of machines that answered anew, before and now, and of those that were asked before this
    snapshot was read and not before the one known, or the other way round.
    """
    if readings is not known.readings:
        for machine_id in readings.keys() | known.readings.keys():
            old, new = known.readings.get(machine_id), readings.get(machine_id)
            if old is not new:
                yield from (reading for reading in (old, new) if reading is not None)
    earlier, later = sorted((known.snapshot.read_at, snapshot.read_at))
    if earlier != later:
        yield from (r for r in readings.values() if earlier <= r.facts.taken_at < later)


def differing(
    unit: Unit, snapshot: Snapshot, readings: Readings
) -> Sequence[tuple[UnitState, Reading]]:
    """The states of a unit that `disputes` tells of, each with what its machine answered."""
    found: list[tuple[UnitState, Reading]] = []
    for state in unit.states:
        reading = readings.get(state.machine_id)
        said = reading.words.get(unit.name.raw) if reading is not None else None
        if reading is None or said is None or said == (state.active.raw, state.sub.raw):
            continue
        if reading.loops or said[0] in ON_ITS_WAY:
            continue
        if was_said_before(unit.name, state, snapshot, reading):
            found.append((state, reading))
    return found


def _among(units: Iterable[Unit], snapshot: Snapshot, readings: Readings) -> Iterator[Untrusted]:
    if not readings:  # at the start, when no machine has answered yet
        return iter(())
    return (unit.name for unit in units if differing(unit, snapshot, readings))
