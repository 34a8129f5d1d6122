"""A cluster made of values: what the console is shown without any network."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from fleettui.access import (
    ClusterAddress,
    FileCopy,
    FleetKey,
    HostKeyAsker,
    HostUnreachable,
    KeyValue,
    Observer,
    SecretAsker,
)
from fleettui.model.clock import now
from fleettui.model.cluster import Leader, Link, Machine, RegistryView, Snapshot, Unit, UnitState
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    NEWEST,
    SYSTEMD_UNITS,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    ImageFacts,
    JournalEntry,
    JournalItem,
    JournalRecord,
    ServiceFacts,
    Span,
    UnitChange,
)
from fleettui.model.lock import LockHolder
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

U = Untrusted
IDS = tuple(c * 32 for c in "123")
MACHINES = tuple(
    Machine(U(i), U(f"172.17.8.10{n}"), ((U("az"), U(f"az{n}")),), U("0.11.8"))
    for n, i in enumerate(IDS, 1)
)
TEMPLATE = U("zookeeper@.service")
UNIT_TEXT = "[Service]\nExecStart=/bin/sleep infinity\n\n[X-Fleet]\nConflicts=zookeeper@*.service\n"
LOOP = (
    "ERROR generator.go:65: Failed fetching current unit states: Unit name zookeeper@.service "
    "is neither a valid invocation ID nor unit name."
)


def unit(name: str, machine: int | None, *, text: str = UNIT_TEXT, want: str = "launched") -> Unit:
    """A unit that runs where it was sent; a template only lies there."""
    target = MACHINES[machine].id if machine is not None else None
    runs = target is not None and "@." not in name
    state = (
        [UnitState(target, U("loaded"), U("active"), U("running"), U("ab" * 20), 10)]
        if target
        else []
    )
    return Unit(
        U(name),
        "ab" * 20,
        U(want),
        target,
        target if runs else None,
        tuple(state) if runs else (),
        UnitFile(U(text)),
    )


def snapshot(*units: Unit, machines: Sequence[Machine] = MACHINES) -> Snapshot:
    return Snapshot(
        100,
        now(),
        MappingProxyType({m.id: m for m in machines}),
        MappingProxyType({u.name: u for u in units}),
        Leader(machines[0].id) if machines else None,
    )


def faulted() -> Snapshot:
    """Three machines; the template was loaded on the first, and blocks an instance."""
    return snapshot(
        unit("hello.service", 0),
        unit("web@1.service", 1),
        unit(TEMPLATE.raw, 0, want="loaded"),
        unit("zookeeper@1.service", 1),
        unit("zookeeper@2.service", 2),
        unit("zookeeper@3.service", None),
    )


def entry(message: str, number: int = 0, *, pid: int = 100) -> JournalEntry:
    at = now() - timedelta(seconds=60 - number % 60)
    return JournalEntry(f"s=1;i={number}", at, U(message), 6, U(FLEET_SERVICE), U("fleetd"), pid)


def facts(machine: Machine, *, broken: bool = False) -> HostFacts:
    """A probe of a machine, with the template's leftovers and loop where it is broken."""
    link = FolderEntry(TEMPLATE, EntryKind.LINK, 0, 0o777, 1, U(f"{FLEET_UNITS}/{TEMPLATE.raw}"))
    file = FolderEntry(TEMPLATE, EntryKind.FILE, 80, 0o644, 1, None, "cd" * 32)
    return HostFacts(
        machine.id,
        now(),
        now(),
        machine.id,
        U(f"core-0{IDS.index(machine.id.raw) + 1}"),
        MappingProxyType(
            {
                FLEET_UNITS: Folder(FLEET_UNITS, {TEMPLATE: file} if broken else {}),
                SYSTEMD_UNITS: Folder(SYSTEMD_UNITS, {TEMPLATE: link} if broken else {}),
            }
        ),
        MappingProxyType(
            {
                U(FLEET_SERVICE): ServiceFacts(
                    U(FLEET_SERVICE), U("loaded"), U("active"), U("running"), 100
                )
            }
        ),
        (entry(LOOP, 59),) if broken else (),
    )


@dataclass
class FakeRegistry:
    """Shows what it was given."""

    shown: Snapshot
    sink: Callable[[RegistryView], None] | None = None
    refreshed: int = 0
    keys: dict[FleetKey, KeyValue] = field(default_factory=dict)
    lock: LockHolder | None = None
    lock_sink: Callable[[LockHolder | None], None] | None = None

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        self.sink = sink
        self.show(self.shown)

    def show(self, shown: Snapshot, link: Link = Link.LIVE, reason: str = "") -> None:
        """Send a view, as the follower would."""
        self.shown = shown
        assert self.sink is not None, "nobody follows yet"
        why = U(reason) if reason else None
        self.sink(RegistryView(link, now(), shown, why, endpoint="http://127.0.0.1:2379"))

    def refresh(self) -> None:
        self.refreshed += 1

    async def read(self) -> Snapshot:
        return self.shown

    async def key(self, key: FleetKey) -> KeyValue | None:
        return self.keys.get(key)

    async def lock_holder(self) -> LockHolder | None:
        return self.lock

    def follow_lock(self, sink: Callable[[LockHolder | None], None]) -> None:
        self.lock_sink = sink
        sink(self.lock)

    def show_lock(self, lock: LockHolder | None) -> None:
        """Tell that the repair lock changed, as the follower would; who follows later hears it."""
        self.lock = lock
        if self.lock_sink is not None:
            self.lock_sink(lock)

    async def close(self) -> None:
        pass


@dataclass
class FakeHosts:
    """Answers with prepared facts and journals; a machine without facts cannot be reached."""

    reports: dict[Untrusted, HostFacts]
    journals: dict[Untrusted, Sequence[JournalItem]] = field(default_factory=dict)
    asker: HostKeyAsker | None = None
    secret_asker: SecretAsker | None = None
    changes: dict[Untrusted, tuple[UnitChange, ...]] = field(default_factory=dict)
    """What systemd did to units, by machine."""
    pulled: dict[Untrusted, ImageFacts] = field(default_factory=dict)
    """By image, the same on every machine; one that is not named is not there."""
    tails: list[tuple[Untrusted, str, Span]] = field(default_factory=list)
    """Every journal that was followed."""

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        self.asker = asker

    def ask_secrets(self, asker: SecretAsker) -> None:
        self.secret_asker = asker

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        if machine.id not in self.reports:
            raise HostUnreachable("connection refused")
        return self.reports[machine.id]

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        raise FileNotFoundError(f"{folder}/{name}")

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        return tuple(c for c in self.changes.get(machine.id, ()) if c.at >= since)

    async def images(
        self, machine: Machine, images: Sequence[Untrusted]
    ) -> Mapping[Untrusted, ImageFacts]:
        return {image: self.pulled.get(image, ImageFacts(present=False)) for image in images}

    @asynccontextmanager
    async def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
        self.tails.append((machine.id, unit, span))
        yield self._batches(machine)

    async def _batches(self, machine: Machine) -> AsyncIterator[Sequence[JournalItem]]:
        yield self.journals.get(machine.id, ())
        await asyncio.Event().wait()

    @asynccontextmanager
    async def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalRecord]]]:
        yield self._records(machine, span.lines, cursor)

    async def _records(
        self, machine: Machine, count: int | None, cursor: str
    ) -> AsyncIterator[Sequence[JournalRecord]]:
        entries = [e for e in self.journals.get(machine.id, ()) if isinstance(e, JournalEntry)]
        first = next((n for n, e in enumerate(entries) if e.cursor == cursor), 0)
        chosen = entries[first:] if count is None else entries[first : first + count]
        yield [JournalRecord(e, as_json(e)) for e in chosen]

    async def close(self) -> None:
        pass


def as_json(entry: JournalEntry) -> bytes:
    """An entry as journalctl would write it."""
    fields = {
        "__CURSOR": entry.cursor,
        "MESSAGE": entry.message.raw,
        "PRIORITY": str(entry.priority),
        "_PID": str(entry.pid),
        "_SYSTEMD_UNIT": entry.unit.raw,
    }
    return json.dumps(fields).encode()


def lines(count: int = 40) -> list[JournalItem]:
    """A journal that ends in the fault's loop."""
    start = [
        entry("INFO server.go:171: Establishing etcd connectivity", 1),
        entry("INFO manager.go:259: Writing systemd unit zookeeper@.service (80b)", 2),
        entry("INFO client.go:292: Failed getting response from http://x/: unexpected EOF", 3),
    ]
    return [*start, *(entry(LOOP, n) for n in range(4, count))]


def observer(shown: Snapshot | None = None) -> Observer:
    """An observer's session on a cluster whose first machine is broken."""
    reports = {m.id: facts(m, broken=m is MACHINES[0]) for m in MACHINES[:2]}
    return Observer(
        ClusterAddress(("http://127.0.0.1:2379",), "/_coreos.com/fleet/"),
        FakeRegistry(shown or faulted()),
        FakeHosts(reports, {m.id: lines() for m in MACHINES}),
    )
