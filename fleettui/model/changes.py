"""What differs between two snapshots, found without a look at what they have in common."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import compress
from operator import is_, is_not

from fleettui.model.cluster import Snapshot, Unit
from fleettui.model.kept import kept_for_same
from fleettui.model.untrusted import Untrusted

Units = Mapping[Untrusted, Unit]
"""A snapshot's, in order of name."""
ByMachine = tuple[Snapshot, Mapping[Untrusted, Sequence[Untrusted]]]
"""A snapshot, and the units that it has on each machine."""
UnitChange = tuple[Unit | None, Unit | None]
"""What was there and what is, of one name; None where there is nothing."""

_FEW = 1_000
"""Changes that are worth telling: with more, a comparison of all is as quick."""
_told: deque[tuple[Units, Units, Sequence[UnitChange]]] = deque(maxlen=2)
"""Of the newest snapshots: while one is being shown, the next may be made."""


def tell_changes(old: Units, new: Units, changes: Sequence[UnitChange]) -> None:
    """Whoever makes the units of a snapshot out of those before tells, in order of name, what is
    not the same object in both. It spares everybody else the comparison.
    """
    if len(changes) <= _FEW:
        _told.append((old, new, changes))


def changed_units(old: Snapshot, new: Snapshot) -> Sequence[UnitChange]:
    """The units that are not the same object in both snapshots, in order of name.

    Compares object with object at the speed of C: a view of ten thousand units changes a few. The
    answer is kept until two other snapshots are compared, for several ask it of each view.
    """
    if old.units is new.units:
        return ()
    return _compared(old, new)


def places(unit: Unit) -> set[Untrusted]:
    """The machines that the registry has a unit on: sent there, or with a state from there."""
    found = {state.machine_id for state in unit.states}
    if unit.target is not None:
        found.add(unit.target)
    return found


def units_by_machine(
    snapshot: Snapshot | None, before: ByMachine | None = None
) -> Mapping[Untrusted, Sequence[Untrusted]]:
    """The names of the units that the registry has on each machine.

    `before` is an earlier answer and its snapshot: it holds as long as no unit changed places.
    """
    if snapshot is None:
        return {}
    if before is not None and _has_same_places(before[0], snapshot):
        return before[1]
    found: defaultdict[Untrusted, list[Untrusted]] = defaultdict(list)
    for unit in snapshot.units.values():
        for machine_id in places(unit):
            found[machine_id].append(unit.name)
    return found


def _has_same_places(old: Snapshot, new: Snapshot) -> bool:
    return all(
        was is not None and unit is not None and places(was) == places(unit)
        for was, unit in changed_units(old, new)
    )


@kept_for_same
def _compared(old: Snapshot, new: Snapshot) -> Sequence[UnitChange]:
    was, now_is = old.units, new.units
    for before, after, changes in tuple(_told):
        if before is was and after is now_is:
            return changes
    if len(was) == len(now_is) and all(map(is_, was, now_is)):
        pairs = zip(was.values(), now_is.values(), strict=True)
        return tuple(compress(pairs, map(is_not, was.values(), now_is.values())))
    gone_or_changed = [name for name, unit in was.items() if now_is.get(name) is not unit]
    names = sorted((*gone_or_changed, *(name for name in now_is if name not in was)))
    return tuple((was.get(name), now_is.get(name)) for name in names)
