"""A machine in memory: its two folders, systemd, fleetd and its journal, under the real rules."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fleettui.access import CommandResult, Ending, FileCopy
from fleettui.commands import (
    ChangeCommand,
    daemon_reload,
    kill_fleet,
    restart_fleet,
    start_fleet,
    start_unit,
    sudo_works,
)
from fleettui.model.cluster import Machine
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    SYSTEMD_UNITS,
    ChangeKind,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    JournalEntry,
    ServiceFacts,
    UnitChange,
)
from fleettui.model.untrusted import Untrusted

TEMPLATE = Untrusted("zookeeper@.service")
HELLO = Untrusted("hello.service")
CONTENT = b"[Service]\nExecStart=/bin/true\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MACHINE = Machine(Untrusted("a" * 32), Untrusted("10.0.0.1"), (), Untrusted("0.11.8"))
FAULT = "ERROR generator.go:65: Failed fetching current unit states: Unit name {} is not valid."
BEGINNING = "INFO fleet.go:58: Starting fleetd version 0.11.8"
FLEET = Untrusted(FLEET_SERVICE)
U = Untrusted


@dataclass
class MachineModel:
    """One machine. `calls` are the changes that it was asked for."""

    machine: Machine = MACHINE
    file: bool = True
    link: bool = True
    in_memory: bool = True
    """Whether the running fleetd holds the template's name."""
    fleet_pid: int = 100
    hello_pid: int = 200
    hello: tuple[str, str, str] = ("loaded", "active", "running")
    needs_reload: bool = False
    knows_template: bool = True
    """Whether systemd has read the template's file, and has not forgotten it since."""
    unreadable: str = ""
    """Why neither folder can be listed, if so."""
    silent: bool = False
    """Whether the journal shows nothing of the running fleetd."""
    hostname: str = "core-01"
    systemd_answers: bool = True
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    started_at: datetime = datetime(2025, 12, 31, tzinfo=UTC)
    owned: tuple[int, int, int] = (0o644, 0, 0)
    """Mode, user and group of the template's file."""
    quarantine: str = ""
    """Why nothing can be kept on the machine, if so."""
    lines: list[JournalEntry] = field(default_factory=list)
    """Of fleetd's journal."""
    changes: list[UnitChange] = field(default_factory=list)
    """What systemd did to units."""
    calls: list[str] = field(default_factory=list)
    sabotage: Callable[[str], CommandResult | None] = field(default=lambda _: None)
    """Called before each change; a result takes the place of the machine's own."""
    needless: int = 0
    """How often a fleetd was ended that held no template: the act that must never be repeated."""
    job: int = 0
    """Of fleet.service."""
    restart_delay: timedelta = timedelta(seconds=12)
    """`RestartSec` of fleet.service, and a little."""
    killed_at: datetime | None = None

    @property
    def is_sent_template(self) -> bool:
        """Whether the registry has fleetd write the template's file."""
        raise NotImplementedError

    # --- read --------------------------------------------------------------------------------

    def facts(self, since: str | None) -> HostFacts:
        """What a probe finds; time goes on with it."""
        self.live(timedelta(seconds=5))
        return HostFacts(
            self.machine.id,
            self.clock,
            self.clock,
            self.machine.id,
            U(self.hostname),
            {FLEET_UNITS: self._fleet_folder(), SYSTEMD_UNITS: self._systemd_folder()},
            {service.name: service for service in self._services()},
            tuple(self._journal(since)),
        )

    def live(self, span: timedelta) -> None:
        """Let time go by: a fleetd that holds the template says so, and a dead one comes back."""
        self.clock += span
        if self.killed_at is not None and self.clock - self.killed_at >= self.restart_delay:
            self.begin_fleetd()
        if not self.lines and self.fleet_pid:
            self.say(BEGINNING, self.started_at)
        if self.fleet_pid and self.in_memory:
            self.say(FAULT.format(TEMPLATE.raw))

    def say(self, message: str, at: datetime | None = None) -> None:
        """A line of fleetd."""
        cursor = f"s={len(self.lines)}"
        line = JournalEntry(
            cursor, at or self.clock, U(message), 6, FLEET, U("fleetd"), self.fleet_pid
        )
        self.lines.append(line)

    def stored(self) -> FileCopy:
        """The template's file. Raises FileNotFoundError."""
        if not self.file:
            raise FileNotFoundError(TEMPLATE.raw)
        return FileCopy(CONTENT, *self.owned)

    def _services(self) -> Iterator[ServiceFacts]:
        if not self.systemd_answers:
            return
        runs = ("active", "running") if self.fleet_pid else ("inactive", "dead")
        loaded, active, sub = (U(word) for word in self.hello)
        pid = self.fleet_pid
        yield ServiceFacts(
            FLEET, U("loaded"), U(runs[0]), U(runs[1]), pid, since=self.started_at, job=self.job
        )
        hello_pid = self.hello_pid if active.raw == "active" else 0
        yield ServiceFacts(HELLO, loaded, active, sub, hello_pid, self.needs_reload)

    def _journal(self, since: str | None) -> list[JournalEntry]:
        if self.silent:
            return []
        if since is None:
            return self.lines[-60:]
        span = timedelta(seconds=int(since.removesuffix(" s ago")))
        return [line for line in self.lines if line.at >= self.clock - span][-5000:]

    def _fleet_folder(self) -> Folder:
        entries = {HELLO: FolderEntry(HELLO, EntryKind.FILE, 10, 0o644, 1, None, "ee" * 32)}
        if self.file:
            size = len(CONTENT)
            entries[TEMPLATE] = FolderEntry(TEMPLATE, EntryKind.FILE, size, 0o644, 1, None, SHA256)
        return self._folder(FLEET_UNITS, entries)

    def _systemd_folder(self) -> Folder:
        target = U(f"{FLEET_UNITS}/{TEMPLATE.raw}")
        entry = FolderEntry(TEMPLATE, EntryKind.LINK, 0, 0o777, 1, target)
        return self._folder(SYSTEMD_UNITS, {TEMPLATE: entry} if self.link else {})

    def _folder(self, path: str, entries: dict[U, FolderEntry]) -> Folder:
        if self.unreadable:
            return Folder(path, {}, U(self.unreadable))
        return Folder(path, entries)

    # --- changed -----------------------------------------------------------------------------

    async def perform(self, machine: Machine, command: ChangeCommand) -> CommandResult:
        name = name_of(command)
        self.calls.append(name)
        instead = self.sabotage(name)
        return instead if instead is not None else self.carry_out(name, command)

    def carry_out(self, name: str, command: ChangeCommand | None = None) -> CommandResult:
        """What a command really does."""
        if name == "kill" and not self.fleet_pid:
            said = b"Failed to kill unit fleet.service: No main process to kill\n"
            return CommandResult(Ending.EXITED, 1, b"", said)
        if name == "restore file" and command is not None and not self.file:
            mode, owner = command.argv[-2:]
            uid, gid = owner.split(":")
            self.owned = (int(mode, 8), int(uid), int(gid))
        return CommandResult(Ending.EXITED, 0, self._change(name))

    def _change(self, name: str) -> bytes:
        match name:
            case "file":
                there, self.file = self.file, False
                return b"removed\n/run/fleettui/quarantine/t.file\n" if there else b"absent\n"
            case "link":
                there, self.link = self.link, False
                return b"removed\n/run/fleettui/quarantine/t.link\n" if there else b"absent\n"
            case "restore file":
                there, self.file = self.file, True
                return b"present\n" if there else b"restored\n"
            case "restore link":
                there, self.link = self.link, True
                return b"present\n" if there else b"restored\n"
            case "quarantine":
                why = f"refused\n{self.quarantine}\n"
                return why.encode() if self.quarantine else b"writable\n"
            case "reload":
                self.needs_reload, self.knows_template = False, self.file
                self.hello = ("loaded", *self.hello[1:])
            case "start unit":
                self.hello = (self.hello[0], "active", "running")
            case "kill" | "start" | "restart":
                self._change_fleetd(name)
            case "sudo":
                pass
        return b""

    def _change_fleetd(self, name: str) -> None:
        if name != "start" and self.fleet_pid and not self.in_memory:
            self.needless += 1
        if name == "kill":
            self.fleet_pid, self.killed_at = 0, self.clock
        elif name == "restart":
            self.restart_hello()
            self.begin_fleetd()
        elif not self.fleet_pid:
            self.begin_fleetd()

    def restart_hello(self) -> None:
        """What fleetd's purge does to a unit; it is away for two seconds."""
        self.hello_pid += 1
        for kind in (ChangeKind.STOPPING, ChangeKind.STOPPED):
            self.changes.append(UnitChange(HELLO, kind, self.clock))
        started = self.clock + timedelta(seconds=2)
        for kind in (ChangeKind.STARTING, ChangeKind.STARTED):
            self.changes.append(UnitChange(HELLO, kind, started))

    def begin_fleetd(self) -> None:
        """A new fleetd, which takes up what the registry sends and what lies in the folder."""
        self.fleet_pid = 900 + len(self.lines)
        self.started_at, self.killed_at = self.clock, None
        if self.is_sent_template:
            self.file = self.link = self.knows_template = True
        self.in_memory = self.file
        self.say(BEGINNING)


def name_of(command: ChangeCommand) -> str:
    """A command in a word."""
    known = {
        sudo_works(): "sudo",
        daemon_reload(): "reload",
        kill_fleet(): "kill",
        start_fleet(): "start",
        restart_fleet(): "restart",
        start_unit(HELLO.raw): "start unit",
    }
    if command in known:
        return known[command]
    program, kind = command.argv[5], command.argv[8]
    return {
        "fleettui-remove": kind,
        "fleettui-restore": f"restore {kind}",
        "fleettui-quarantine": "quarantine",
    }[program]
