"""What differs between two snapshots, found without a look at what they have in common."""

from itertools import compress
from operator import is_not
from typing import NamedTuple

from fleettui.model.cluster import Snapshot, Unit


class Changed(NamedTuple):
    """Units that are not the same object in a later snapshot, each in the order of its snapshot."""

    fresh: tuple[Unit, ...]
    """Of the later one: those that are new or that something was written of."""
    past: tuple[Unit, ...]
    """Of the earlier one: what was in their place, and those that were destroyed."""


def changed_units(old: Snapshot, new: Snapshot) -> Changed:
    """The units that changed; an unchanged one is the same object in both.

    Compares object with object at the speed of C: a view of ten thousand units changes a few.
    """
    if old.units is new.units:
        return Changed((), ())
    before, after = list(old.units.values()), list(new.units.values())
    if list(old.units) == list(new.units):
        differ = list(map(is_not, before, after))
        return Changed(tuple(compress(after, differ)), tuple(compress(before, differ)))
    fresh = tuple(unit for unit in after if old.units.get(unit.name) is not unit)
    past = tuple(unit for unit in before if new.units.get(unit.name) is not unit)
    return Changed(fresh, past)
