"""In which order the units of a machine should come back after a full restart; pure."""

from collections.abc import Collection, Iterator, Mapping

from fleettui.model.cluster import Unit
from fleettui.model.specifiers import expanded
from fleettui.model.untrusted import Untrusted

_BEFORE_US = ("After", "Requires", "BindsTo")


def order_of_return(
    units: Mapping[Untrusted, Unit | None], slow: Collection[Untrusted]
) -> dict[Untrusted, int]:
    """1 for those that come back first, by what their files say of each other.

    `slow` ones, which have an image to pull, come last, and with them whatever waits for them.
    Units that wait for each other in a circle are told as if one of them did not.
    """
    waits = _waits(units)
    late = set(slow) & set(units)
    while more := {name for name in waits if name not in late and waits[name] & late}:
        late |= more
    levels: dict[Untrusted, int] = {}
    for name in sorted(units):
        _level(name, waits, levels)
    ranks = {name: (name in late, levels[name]) for name in units}
    places = sorted(set(ranks.values()))
    return {name: places.index(rank) + 1 for name, rank in ranks.items()}


def _level(
    name: Untrusted,
    waits: Mapping[Untrusted, set[Untrusted]],
    levels: dict[Untrusted, int],
) -> None:
    """Write down how many units in a row come before each one, without recursion."""
    path = [name]
    while path:
        at = path[-1]
        ahead = next((n for n in sorted(waits[at]) if n not in levels and n not in path), None)
        if ahead is not None:
            path.append(ahead)
            continue
        levels.setdefault(at, 1 + max((levels.get(n, 0) for n in waits[at]), default=0))
        path.pop()


def _waits(units: Mapping[Untrusted, Unit | None]) -> dict[Untrusted, set[Untrusted]]:
    """For each unit the others of the machine that systemd starts before it."""
    waits = {
        name: {first for option in _BEFORE_US for first in _named(name, option, units)}
        for name in units
    }
    for name in units:
        for later in _named(name, "Before", units):
            waits[later].add(name)
    return waits


def _named(
    name: Untrusted, option: str, units: Mapping[Untrusted, Unit | None]
) -> Iterator[Untrusted]:
    """Other units of the machine that an option of a unit's file names."""
    unit = units[name]
    for value in unit.file.values("Unit", option) if unit and unit.file else ():
        for word in value.split():
            other = Untrusted(expanded(word, name.raw) or "")
            if other in units and other != name:
                yield other
