"""A broken cluster of one machine, in memory, under the fault's real rules."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fleettui.access import (
    ClusterAddress,
    CommandResult,
    Ending,
    FileCopy,
    HostKeyAsker,
    Operator,
    WriteRefused,
)
from fleettui.commands import (
    ChangeCommand,
    daemon_reload,
    kill_fleet,
    remove_link,
    restart_fleet,
    start_fleet,
    sudo_works,
)
from fleettui.model.cluster import Machine, RegistryView, Snapshot, Unit, UnitState
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    SYSTEMD_UNITS,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    JournalEntry,
    JournalItem,
    ServiceFacts,
)
from fleettui.model.untrusted import Untrusted

TEMPLATE = Untrusted("zookeeper@.service")
HELLO = Untrusted("hello.service")
CONTENT = b"[Service]\nExecStart=/bin/true\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MACHINE = Machine(Untrusted("a" * 32), Untrusted("10.0.0.1"), (), Untrusted("0.11.8"))
FAULT = "ERROR generator.go:65: Failed fetching current unit states: Unit name {} is not valid."


@dataclass
class World:
    """Registry, machine and clock; an operator's parts are its methods. `calls` are changes."""

    machine: Machine = MACHINE
    target_state: str | None = "loaded"
    file: bool = True
    link: bool = True
    in_memory: bool = True
    """Whether the running fleetd holds the template's name."""
    fleet_pid: int = 100
    hello_pid: int = 200
    needs_reload: bool = False
    unreadable: str = ""
    """Why neither folder can be listed, if so."""
    silent: bool = False
    """Whether the journal shows nothing of the running fleetd."""
    hostname: str = "core-01"
    systemd_answers: bool = True
    clock: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    started_at: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    index: int = 50
    calls: list[str] = field(default_factory=list)
    sabotage: Callable[[str], CommandResult | None] = field(default=lambda _: None)
    """Called before each change; a result takes the place of the machine's own."""

    def operator(self) -> Operator:
        cluster = ClusterAddress(("http://127.0.0.1:2379",), "/_coreos.com/fleet/")
        return Operator(cluster, self, self, self, self, "ann@desk")

    # --- registry ----------------------------------------------------------------------------

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        raise AssertionError("a repair reads, it does not follow")

    def refresh(self) -> None:
        raise AssertionError("a repair reads by itself")

    async def close(self) -> None:
        pass

    async def read(self) -> Snapshot:
        self.index += 1
        target = self.machine.id if self.target_state not in {None, "inactive"} else None
        state = Untrusted(self.target_state) if self.target_state else None
        template = Unit(TEMPLATE, "ab" * 20, state, target)
        seen = UnitState(
            self.machine.id,
            Untrusted("loaded"),
            Untrusted("active"),
            Untrusted("running"),
            Untrusted("ab" * 20),
            self.index if not self.in_memory else 1,
        )
        hello = Unit(
            HELLO, "ab" * 20, Untrusted("launched"), self.machine.id, self.machine.id, (seen,)
        )
        units = {HELLO: hello} | ({TEMPLATE: template} if self.target_state else {})
        return Snapshot(self.index, self.clock, {self.machine.id: self.machine}, units)

    async def unload(self, unit: Untrusted, expected: str) -> None:
        self.calls.append("unload")
        if self.target_state != expected:
            raise WriteRefused(f"expected {expected}, found {self.target_state}")
        self.target_state = "inactive"

    # --- the machine, read -------------------------------------------------------------------

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        raise AssertionError("the app asks, not the repair")

    def journal(
        self, machine: Machine, unit: str
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalItem]]]:
        raise AssertionError("the pane follows the journal, not the repair")

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        if not self.file:
            raise FileNotFoundError(name.raw)
        return FileCopy(CONTENT, 0o644, 0, 0)

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        self.clock += timedelta(seconds=5)
        fleet = Untrusted(FLEET_SERVICE)
        loaded, active, running = (Untrusted(w) for w in ("loaded", "active", "running"))
        services = {
            fleet: ServiceFacts(
                fleet, loaded, active, running, self.fleet_pid, since=self.started_at
            ),
            HELLO: ServiceFacts(HELLO, loaded, active, running, self.hello_pid, self.needs_reload),
        }
        return HostFacts(
            machine.id,
            self.clock,
            self.clock,
            machine.id,
            Untrusted(self.hostname),
            {FLEET_UNITS: self._fleet_folder(), SYSTEMD_UNITS: self._systemd_folder()},
            services if self.systemd_answers else {},
            tuple(self._lines(fleet)),
        )

    def _fleet_folder(self) -> Folder:
        entries = {HELLO: FolderEntry(HELLO, EntryKind.FILE, 10, 0o644, 1, None, "ee" * 32)}
        if self.file:
            size = len(CONTENT)
            entries[TEMPLATE] = FolderEntry(TEMPLATE, EntryKind.FILE, size, 0o644, 1, None, SHA256)
        return self._folder(FLEET_UNITS, entries)

    def _systemd_folder(self) -> Folder:
        target = Untrusted(f"{FLEET_UNITS}/{TEMPLATE.raw}")
        entry = FolderEntry(TEMPLATE, EntryKind.LINK, 0, 0o777, 1, target)
        return self._folder(SYSTEMD_UNITS, {TEMPLATE: entry} if self.link else {})

    def _folder(self, path: str, entries: dict[Untrusted, FolderEntry]) -> Folder:
        if self.unreadable:
            return Folder(path, {}, Untrusted(self.unreadable))
        return Folder(path, entries)

    def _lines(self, fleet: Untrusted) -> Iterator[JournalEntry]:
        if self.fleet_pid and not self.silent:
            yield self._line(
                fleet, self.started_at, "INFO fleet.go:58: Starting fleetd version 0.11.8"
            )
        if self.fleet_pid and self.in_memory:
            yield self._line(fleet, self.clock, FAULT.format(TEMPLATE.raw))

    def _line(self, fleet: Untrusted, at: datetime, message: str) -> JournalEntry:
        name = Untrusted("fleetd")
        return JournalEntry("c", at, Untrusted(message), 6, fleet, name, self.fleet_pid)

    # --- the machine, changed ----------------------------------------------------------------

    async def perform(self, machine: Machine, command: ChangeCommand) -> CommandResult:
        name = self._name(command)
        self.calls.append(name)
        instead = self.sabotage(name)
        if instead is not None:
            return instead
        return CommandResult(Ending.EXITED, 0, self._change(name))

    def _name(self, command: ChangeCommand) -> str:
        known = {
            sudo_works(): "sudo",
            daemon_reload(): "reload",
            kill_fleet(): "kill",
            start_fleet(): "start",
            restart_fleet(): "restart",
        }
        if command in known:
            return known[command]
        token = command.argv[-1]
        return "link" if command == remove_link(TEMPLATE.raw, token) else "file"

    def _change(self, name: str) -> bytes:
        match name:
            case "file":
                there, self.file = self.file, False
                return b"removed\n/run/fleettui/quarantine/t.file\n" if there else b"absent\n"
            case "link":
                there, self.link = self.link, False
                return b"removed\n/run/fleettui/quarantine/t.link\n" if there else b"absent\n"
            case "sudo":
                pass
            case "kill":
                self.fleet_pid = 0
            case "start":
                self._new_fleetd()
            case "restart":
                self.hello_pid += 1
                self._new_fleetd()
            case _:
                self.needs_reload = False
        return b""

    def _new_fleetd(self) -> None:
        self.fleet_pid = 900 + len(self.calls)
        self.started_at = self.clock
        if self.target_state not in {None, "inactive"}:
            self.file = self.link = True
        self.in_memory = self.file
