"""Machines that are no longer where the registry listed them: they are asked on all the same."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec

from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted

REMEMBERED = timedelta(hours=1)
"""For so long a machine that left the registry is told of."""
MOST = 1000
"""How many are remembered: a whole cluster may lose its etcd at once."""

Place = tuple[Untrusted, Untrusted]
"""Machine ID and address."""


class Departed(msgspec.Struct, frozen=True):
    """A machine as the registry listed it, at an address where it lists it no more."""

    machine: Machine
    at: datetime
    """UTC, by our clock: when it was first missed there."""


def place_of(machine: Machine) -> Place:
    """Where a machine is."""
    return machine.id, machine.public_ip


class Away(msgspec.Struct, frozen=True):
    """What machines left, as it was seen; forgotten when they are back there, or in time."""

    departed: Mapping[Untrusted, Departed] = MappingProxyType({})
    """The machines that left the registry, by ID, each where it was last."""
    former: Mapping[Place, Departed] = MappingProxyType({})
    """The addresses that machines had before the one they have now, or had last."""

    def after(
        self, old: Mapping[Untrusted, Machine], new: Mapping[Untrusted, Machine], now: datetime
    ) -> "Away":
        """The same after the registry listed `old`, and then `new` at `now`."""
        left = []
        if old is not new and old != new:
            left = [Departed(machine, now) for machine in old.values() if not _lists(new, machine)]
        if not (left or self.departed or self.former):
            return self
        known = sorted((*self.former.values(), *self.departed.values()), key=lambda d: d.at)
        kept = [d for d in known if now - d.at <= REMEMBERED and not _lists(new, d.machine)]
        by_place = {place_of(d.machine): d for d in (*kept, *left)}
        newest = list(by_place.values())[-MOST:]
        departed = {d.machine.id: d for d in newest if d.machine.id not in new}
        former = {place_of(d.machine): d for d in newest if departed.get(d.machine.id) is not d}
        return Away(MappingProxyType(departed), MappingProxyType(former))


NOWHERE = Away()
"""Nothing was seen to leave."""


def _lists(machines: Mapping[Untrusted, Machine], machine: Machine) -> bool:
    listed = machines.get(machine.id)
    return listed is not None and listed.public_ip == machine.public_ip
