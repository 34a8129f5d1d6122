"""What a recording holds: one record for each thing that a session was told, in its order."""

from dataclasses import dataclass
from datetime import datetime

from fleettui.access import ClusterAddress
from fleettui.model.cluster import BadRecord, Leader, Link, Machine, RegistryView, Snapshot, Unit
from fleettui.model.host import HostReport, JournalItem
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted

FORMAT = 1
"""Grows whenever an older fleettui could not read what is written."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first record."""

    fleettui_recording: int
    """The format."""
    version: str
    """Of the fleettui that wrote it."""
    begun: datetime
    cluster: ClusterAddress
    may_change: bool
    """Whether an operator's session was recorded."""


@dataclass(frozen=True, slots=True)
class Change:
    """A snapshot by what differs from the one before; the first differs from an empty one."""

    index: int
    read_at: datetime
    leader: Leader | None = None
    machines: tuple[Machine, ...] | None = None
    """All of them, in their order; None = as before."""
    units: tuple[Unit, ...] = ()
    """Those that are new or other than before."""
    gone: tuple[Untrusted, ...] = ()
    bad: tuple[BadRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Viewed:
    """A view of the registry was shown."""

    link: Link
    since: datetime
    change: Change | None = None
    """None = the snapshot of the view before, or none at all before the first."""
    reason: Untrusted | None = None
    attempt: int = 0
    next_try: datetime | None = None
    endpoint: str = ""
    disagreements: int = 0


@dataclass(frozen=True, slots=True)
class Locked:
    """The repair lock was taken, kept with another stage, or given back."""

    holder: LockHolder | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """A machine was asked, and answered or not."""

    machine: Machine
    report: HostReport


@dataclass(frozen=True, slots=True)
class Said:
    """Lines of a journal came."""

    machine: Machine
    unit: str
    items: tuple[JournalItem, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The last record: nothing was cut off."""

    records: int


Record = Viewed | Locked | Reported | Said | Ended


@dataclass(frozen=True, slots=True)
class Timed:
    """A record with its time, in UTC by the recording computer's clock."""

    at: datetime
    record: Record


@dataclass(slots=True)
class Snapshots:
    """Takes snapshots apart into changes, or puts them together again."""

    last: Snapshot | None = None

    def change_to(self, new: Snapshot) -> Change:
        """What is to be written down of a snapshot."""
        old, self.last = self.last, new
        before = old.units if old else {}
        same = old is not None and [*old.machines.values()] == [*new.machines.values()]
        return Change(
            new.index,
            new.read_at,
            new.leader,
            None if same else tuple(new.machines.values()),
            tuple(u for name, u in new.units.items() if before.get(name) != u),
            tuple(name for name in before if name not in new.units),
            new.bad,
        )

    def changed(self, change: Change) -> Snapshot:
        """The snapshot that a change leads to."""
        units = dict(self.last.units) if self.last else {}
        for name in change.gone:
            units.pop(name, None)
        units |= {unit.name: unit for unit in change.units}
        machines = self.last.machines if self.last else {}
        if change.machines is not None:
            machines = {machine.id: machine for machine in change.machines}
        ordered = dict(sorted(units.items(), key=lambda item: item[0].raw))
        self.last = Snapshot(
            change.index, change.read_at, machines, ordered, change.leader, change.bad
        )
        return self.last

    def viewed(self, view: RegistryView) -> Viewed:
        """A view as it is written down."""
        new = view.snapshot
        change = None if new is None or new is self.last else self.change_to(new)
        return Viewed(
            view.link,
            view.since,
            change,
            view.reason,
            view.attempt,
            view.next_try,
            view.endpoint,
            view.disagreements,
        )

    def view_of(self, viewed: Viewed) -> RegistryView:
        """A view as it was shown."""
        snapshot = self.changed(viewed.change) if viewed.change else self.last
        return RegistryView(
            viewed.link,
            viewed.since,
            snapshot,
            viewed.reason,
            viewed.attempt,
            viewed.next_try,
            viewed.endpoint,
            viewed.disagreements,
        )
