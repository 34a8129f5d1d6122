"""What a machine says about itself, and the lines of its journal."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

import msgspec

from fleettui.model.untrusted import Untrusted

FLEET_UNITS = "/run/fleet/units"
"""Where fleetd writes unit files."""
SYSTEMD_UNITS = "/run/systemd/system"
"""Where fleetd links them for systemd."""
FLEET_SERVICE = "fleet.service"


class EntryKind(StrEnum):
    """Kind of a directory entry."""

    FILE = "file"
    LINK = "link"
    OTHER = "other"


class FolderEntry(msgspec.Struct, frozen=True):
    """One name in a unit folder."""

    name: Untrusted
    kind: EntryKind
    size: int
    """Bytes."""
    mode: int
    links: int
    """Hard links."""
    target: Untrusted | None = None
    """Where a link points."""
    sha256: str | None = None
    """Hex; None for what is no regular file or could not be read."""


class Folder(msgspec.Struct, frozen=True):
    """A unit folder as found; `problem` says why it could not be listed."""

    path: str
    entries: Mapping[Untrusted, FolderEntry] = MappingProxyType({})
    problem: Untrusted | None = None


class ServiceFacts(msgspec.Struct, frozen=True):
    """`systemctl show` of one unit."""

    name: Untrusted
    load: Untrusted
    active: Untrusted
    sub: Untrusted
    main_pid: int
    """0 = no main process."""
    needs_daemon_reload: bool = False
    fragment_path: Untrusted = Untrusted("")
    since: datetime | None = None
    """UTC, when the unit entered its present active state; None where systemd does not say."""
    job: int = 0
    """systemd's job that is queued or running for the unit; 0 = none."""


class JournalEntry(msgspec.Struct, frozen=True):
    """One journal record (`journalctl -o json`)."""

    cursor: str
    at: datetime
    """UTC, by the machine's clock."""
    message: Untrusted
    priority: int
    """syslog's 0 (emergency) to 7 (debug)."""
    unit: Untrusted
    identifier: Untrusted
    pid: int = 0
    boot_id: Untrusted = Untrusted("")
    problem: str | None = None
    """Set where the record could not be decoded; `message` is then its raw text."""


class ChangeKind(StrEnum):
    """What systemd says of a unit in its own journal lines."""

    STOPPING = "stopping"
    STOPPED = "stopped"
    STARTING = "starting"
    STARTED = "started"
    FAILED = "failed"


class UnitChange(msgspec.Struct, frozen=True):
    """systemd began or ended something with a unit."""

    unit: Untrusted
    kind: ChangeKind
    at: datetime
    """UTC, by the machine's clock."""


class ImageFacts(msgspec.Struct, frozen=True):
    """Whether a container image is on a machine."""

    present: bool | None
    """None where it could not be found out."""
    why: Untrusted = Untrusted("")
    """Why not, in the machine's words."""


class NoticeKind(StrEnum):
    """What happened to a journal stream, told between its lines."""

    CONNECTED = "connected"
    LOST = "lost"
    ENDED = "ended"
    REFUSED = "refused"
    SAID = "said"
    BOOTED = "booted"
    """The machine was booted between two lines."""
    OVER = "over"
    """All that was asked for was read, and no more of it can come."""
    GAP = "gap"
    """Lines may be missing: the place where reading stopped is gone from the machine's journal."""


class JournalNotice(msgspec.Struct, frozen=True):
    """A rule in the journal pane: the stream began, was lost, resumed, or journalctl spoke."""

    kind: NoticeKind
    at: datetime
    """UTC, by our clock."""
    text: Untrusted


JournalItem = JournalEntry | JournalNotice


class Span(msgspec.Struct, frozen=True):
    """Which part of a unit's journal is read; what is written later is another question."""

    lines: int | None = 500
    """The newest so many; None = all that the rest allows."""
    since: str = ""
    """In journalctl's words, such as `-5min` or `2026-01-31 10:00`, UTC; empty = no bound."""
    until: str = ""
    boot: int | None = None
    """0 = the present boot, -1 = the one before, and so on; None = any."""


NEWEST = Span()
"""What a pane begins with."""


class JournalRecord(msgspec.Struct, frozen=True):
    """A record read once more, whole."""

    entry: JournalEntry
    json: bytes
    """As journalctl wrote it, all fields in full, without the newline."""


class HostFacts(msgspec.Struct, frozen=True):
    """One probe of one machine."""

    machine_id: Untrusted
    taken_at: datetime
    """UTC, by our clock."""
    clock: datetime
    """UTC, by the machine's clock at the time of the probe."""
    reported_id: Untrusted
    """/etc/machine-id of the host that answered."""
    hostname: Untrusted
    folders: Mapping[str, Folder]
    """FLEET_UNITS and SYSTEMD_UNITS."""
    services: Mapping[Untrusted, ServiceFacts]
    """fleet.service and the units asked for or found in FLEET_UNITS."""
    journal: tuple[JournalEntry, ...]
    """The newest lines of fleet.service."""
    fleetd_version: Untrusted = Untrusted("")
    """What `fleetd --version` says; empty where it is not in the path of the SSH user."""
    journal_problem: Untrusted | None = None
    """Why the journal could not be read, in journalctl's words."""
    services_problem: Untrusted | None = None
    """What systemctl said besides, such as why it shows nothing."""
    asked_at: datetime | None = None
    """UTC, by our clock: it was read on the machine between this and `taken_at`."""

    @property
    def ahead(self) -> timedelta:
        """How far the machine's clock is ahead of ours, or behind (negative), at least.

        Zero where the time that the answer took may be all of it.
        """
        nothing = timedelta(0)
        ahead, behind = self.clock - self.taken_at, self.clock - (self.asked_at or self.taken_at)
        return max(ahead, nothing) + min(behind, nothing)

    @property
    def fleet(self) -> ServiceFacts | None:
        """fleet.service as systemd has it; None where systemd did not tell."""
        return self.services.get(Untrusted(FLEET_SERVICE))


class NotChecked(msgspec.Struct, frozen=True):
    """A machine that could not be asked. It is never counted as clean."""

    machine_id: Untrusted
    at: datetime
    reason: Untrusted


HostReport = HostFacts | NotChecked
