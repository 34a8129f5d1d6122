"""Writes down what a session is told, on its way; the session does not know."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from msgspec.structs import replace

from fleettui import __version__
from fleettui.access import (
    FileCopy,
    FleetKey,
    HostKeyAsker,
    HostReader,
    HostUnreachable,
    JournalReader,
    KeyValue,
    Observer,
    Operator,
    RegistryReader,
    SecretAsker,
)
from fleettui.model.clock import now
from fleettui.model.cluster import Machine, RegistryView, Snapshot
from fleettui.model.host import (
    NEWEST,
    HostFacts,
    ImageFacts,
    JournalItem,
    JournalRecord,
    NotChecked,
    Span,
    UnitChange,
)
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.recording.file import RecordingFile
from fleettui.recording.records import FORMAT, Head, Locked, Reported, Said, Snapshots


def head_of(access: Observer) -> Head:
    """The first record of a session's recording."""
    return Head(FORMAT, __version__, now(), access.cluster, isinstance(access, Operator))


def recorded(access: Observer, file: RecordingFile) -> Observer:
    """The same session, with all it is told written to a file."""
    registry = RecordedRegistry(access.registry, file)
    hosts = RecordedHosts(access.hosts, file)
    if isinstance(access, Operator) and access.root_journals is not None:
        root = RecordedJournals(access.root_journals, file)
        return replace(access, registry=registry, hosts=hosts, root_journals=root)
    return replace(access, registry=registry, hosts=hosts)


class RecordedRegistry:
    """A `RegistryReader` that writes down each view, and each change of the lock."""

    def __init__(self, reader: RegistryReader, file: RecordingFile) -> None:
        self._reader = reader
        self._file = file
        self._snapshots = Snapshots()

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        """Start following; called once."""

        def told(view: RegistryView) -> None:
            self._file.add(self._snapshots.viewed(view))
            sink(view)

        self._reader.follow(told)

    def refresh(self) -> None:
        """Have the follower read everything afresh, now."""
        self._reader.refresh()

    async def read(self) -> Snapshot:
        """A fresh read of everything. Raises RegistryUnavailable."""
        return await self._reader.read()

    async def lock_holder(self) -> LockHolder | None:
        """Who holds the repair lock. Raises RegistryUnavailable."""
        return await self._reader.lock_holder()

    async def key(self, key: FleetKey) -> KeyValue | None:
        """One key below fleet's prefix. Raises RegistryUnavailable."""
        return await self._reader.key(key)

    def follow_lock(self, sink: Callable[[LockHolder | None], None]) -> None:
        """Tell of every change of the repair lock; called once."""

        def told(holder: LockHolder | None) -> None:
            self._file.add(Locked(holder))
            sink(holder)

        self._reader.follow_lock(told)

    async def close(self) -> None:
        """End following."""
        await self._reader.close()


class RecordedJournals:
    """A `JournalReader` that writes down every batch of lines."""

    def __init__(self, reader: JournalReader, file: RecordingFile) -> None:
        self._journals = reader
        self._file = file

    @asynccontextmanager
    async def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
        """A unit's journal in batches, following, until the context is left."""
        async with self._journals.journal(machine, unit, span) as batches:
            yield self._noted(machine, unit, batches)

    async def _noted(
        self, machine: Machine, unit: str, batches: AsyncIterator[Sequence[JournalItem]]
    ) -> AsyncIterator[Sequence[JournalItem]]:
        async for items in batches:
            self._file.add(Said(machine, unit, tuple(items)))
            yield items

    @asynccontextmanager
    async def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalRecord]]]:
        """A stretch of a unit's journal, to its end; it is not written down."""
        async with self._journals.recall(machine, unit, span, cursor) as batches:
            yield batches


class RecordedHosts(RecordedJournals):
    """A `HostReader` that writes down what machines answer."""

    def __init__(self, reader: HostReader, file: RecordingFile) -> None:
        super().__init__(reader, file)
        self._reader = reader

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        """Where to take questions about unknown host keys."""
        self._reader.ask_host_keys(asker)

    def ask_secrets(self, asker: SecretAsker) -> None:
        """Where to take questions for passphrases, which are never written down."""
        self._reader.ask_secrets(asker)

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        """One round of facts. Raises HostUnreachable."""
        try:
            facts = await self._reader.probe(machine, units, since)
        except HostUnreachable as reason:
            silent = NotChecked(machine.id, now(), Untrusted(str(reason)))
            self._file.add(Reported(machine, silent))
            raise
        self._file.add(Reported(machine, facts))
        return facts

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        """A regular file of a unit folder. Raises HostUnreachable; FileNotFoundError if none."""
        return await self._reader.copy(machine, folder, name)

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        """What systemd did to units since then. Raises HostUnreachable."""
        return await self._reader.unit_changes(machine, since)

    async def images(
        self, machine: Machine, images: Sequence[Untrusted]
    ) -> Mapping[Untrusted, ImageFacts]:
        """Whether container images are on the machine already. Raises HostUnreachable."""
        return await self._reader.images(machine, images)

    async def close(self) -> None:
        """Close every connection and end every remote process of ours."""
        await self._reader.close()
