"""The cluster as fleet's registry tells it: machines, units, states, and a snapshot of all."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec

from fleettui.model.names import is_template
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted


class TargetState(StrEnum):
    """What a user asked of a unit, and what fleet says has come of it (fleet job/job.go)."""

    INACTIVE = "inactive"
    LOADED = "loaded"
    LAUNCHED = "launched"


def short_id(machine_id: Untrusted) -> str:
    """fleet's short form of a machine ID: eight characters and three dots."""
    return f"{Untrusted(machine_id.raw[:8])}..."


class Machine(msgspec.Struct, frozen=True):
    """One member of the cluster (`machines/ID/object`); its metadata includes the dynamic keys."""

    id: Untrusted
    public_ip: Untrusted
    metadata: tuple[tuple[Untrusted, Untrusted], ...] = ()
    version: Untrusted = Untrusted("")

    @property
    def short_id(self) -> str:
        """As `short_id` of its ID."""
        return short_id(self.id)

    @property
    def legend(self) -> str:
        """`8charID.../PublicIP` as fleetctl shows a machine; without the IP where it has none."""
        return f"{self.short_id}/{self.public_ip}" if self.public_ip.raw else self.short_id


class UnitState(msgspec.Struct, frozen=True, gc=False):
    """What one machine's agent last wrote about a unit (`states/UNIT/ID`).

    Like `Unit` a struct, for there are tens of thousands of them.
    """

    machine_id: Untrusted
    load: Untrusted
    active: Untrusted
    sub: Untrusted
    unit_hash: Untrusted
    index: int
    """etcd's modifiedIndex of the key: grows whenever the agent writes the state anew."""


class Unit(msgspec.Struct, frozen=True, gc=False):
    """A job of the registry with everything known under its name."""

    name: Untrusted
    unit_hash: str | None = None
    """SHA-1 in hex; None where `job/UNIT/object` is missing or broken."""
    target_state: Untrusted | None = None
    """`job/UNIT/target-state` as it stands, None where the key is absent."""
    target: Untrusted | None = None
    """Machine ID the engine chose; None = not scheduled, and always for a global unit."""
    heartbeat: Untrusted | None = None
    """Machine ID in `job/UNIT/job-state`: who says that the unit is launched."""
    states: tuple[UnitState, ...] = ()
    """One a machine, sorted by machine ID."""
    file: UnitFile | None = None

    @property
    def is_template(self) -> bool:
        """Whether the name is that of a template without its instance, `foo@.service`."""
        return is_template(self.name.raw)

    @property
    def is_global(self) -> bool:
        """Whether the unit file has fleet start it on every machine that qualifies."""
        return self.file is not None and self.file.is_global

    @property
    def wanted(self) -> TargetState | None:
        """DSTATE: absent or empty is inactive (fleet registry/job.go), an unknown word is None."""
        if self.target_state is None or not self.target_state.raw:
            return TargetState.INACTIVE
        try:
            return TargetState(self.target_state.raw)
        except ValueError:
            return None

    @property
    def reached(self) -> TargetState:
        """STATE as fleetctl prints it for a unit that is not global."""
        if self.target is None or self.state_on(self.target) is None:
            return TargetState.INACTIVE
        return TargetState.LAUNCHED if self.heartbeat == self.target else TargetState.LOADED

    def is_on(self, machine_id: Untrusted) -> bool:
        """Whether the registry has the unit on a machine: sent there, or with a state from it."""
        return self.target == machine_id or self.state_on(machine_id) is not None

    def state_on(self, machine_id: Untrusted) -> UnitState | None:
        """What that machine's agent wrote last; None where it wrote nothing."""
        for state in self.states:  # asked of every unit that changes: no generator for it
            if state.machine_id == machine_id:
                return state
        return None


class Leader(msgspec.Struct, frozen=True):
    """The engine leader (`lease/engine-leader`)."""

    machine_id: Untrusted


class BadRecord(msgspec.Struct, frozen=True):
    """A registry key whose value could not be read; the good ones around it live on."""

    key: Untrusted
    problem: str
    raw: Untrusted


class Snapshot(msgspec.Struct, frozen=True):
    """The registry at one etcd index."""

    index: int
    read_at: datetime
    """UTC, when this picture was read or last confirmed."""
    machines: Mapping[Untrusted, Machine] = MappingProxyType({})
    """By machine ID, in order of address, then ID."""
    units: Mapping[Untrusted, Unit] = MappingProxyType({})
    """By unit name, sorted."""
    leader: Leader | None = None
    bad: tuple[BadRecord, ...] = ()

    def machine_name(self, machine_id: Untrusted) -> str:
        """`8charID.../PublicIP` as fleetctl shows it, or the short ID of one that is gone."""
        machine = self.machines.get(machine_id)
        if machine is None:
            return short_id(machine_id)
        return machine.legend


class Link(StrEnum):
    """How the picture on the screen stands to the cluster."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


class RegistryView(msgspec.Struct, frozen=True):
    """The newest snapshot and how far it can be trusted; replaceable by any later view."""

    link: Link
    since: datetime
    """UTC, when `link` began."""
    snapshot: Snapshot | None = None
    """None before the first read; kept, and growing old, while the registry is lost."""
    reason: Untrusted | None = None
    """Why the registry is lost, in its own words."""
    attempt: int = 0
    next_try: datetime | None = None
    endpoint: str = ""
    disagreements: int = 0
    """How many full reads found something that the events had not told."""
