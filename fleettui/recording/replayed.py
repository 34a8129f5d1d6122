"""The session of a recording: it answers as the registry and the machines did then."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import dropwhile

from fleettui.access import (
    FileCopy,
    FleetKey,
    HostKeyAsker,
    HostUnreachable,
    KeyValue,
    Observer,
    RegistryUnavailable,
    SecretAsker,
)
from fleettui.model.cluster import Machine, RegistryView, Snapshot
from fleettui.model.host import (
    NEWEST,
    HostFacts,
    ImageFacts,
    JournalEntry,
    JournalItem,
    JournalNotice,
    JournalRecord,
    NoticeKind,
    Span,
    UnitChange,
)
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.recording.journals import JournalKey, key_of
from fleettui.recording.player import Player
from fleettui.recording.stretch import stretch

_NOT_HELD = "this is a recording, and what you ask for was not recorded"


class ReplayedRegistry:
    """A `RegistryReader` that reads a recording."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        """Hear every view that comes; called once."""
        self._player.listeners.view = sink

    def refresh(self) -> None:
        """There is nothing to read afresh."""

    async def read(self) -> Snapshot:
        """The snapshot of this time of the recording. Raises RegistryUnavailable before any."""
        if self._player.snapshot is None:
            raise RegistryUnavailable(_NOT_HELD)
        return self._player.snapshot

    async def lock_holder(self) -> LockHolder | None:
        """Who holds the repair lock at this time of the recording."""
        return self._player.holder

    async def key(self, key: FleetKey) -> KeyValue | None:
        """Raises RegistryUnavailable: single keys are not recorded."""
        raise RegistryUnavailable(_NOT_HELD)

    def follow_lock(self, sink: Callable[[LockHolder | None], None]) -> None:
        """Hear of every change of the repair lock; called once."""
        self._player.listeners.lock = sink

    async def close(self) -> None:
        """There is nothing to close."""


class ReplayedHosts:
    """A `HostReader` that reads a recording."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        """Nobody is asked."""

    def ask_secrets(self, asker: SecretAsker) -> None:
        """Nobody is asked."""

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        """The machine's next answer, when its time has come. Raises HostUnreachable."""
        asked: asyncio.Future[HostFacts] = asyncio.get_running_loop().create_future()
        self._player.listeners.asking(machine.public_ip.raw).put_nowait(asked)
        return await asked

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        """Raises HostUnreachable: files are not recorded."""
        raise HostUnreachable(_NOT_HELD)

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        """Raises HostUnreachable: they are not recorded."""
        raise HostUnreachable(_NOT_HELD)

    async def images(
        self, machine: Machine, images: Sequence[Untrusted]
    ) -> Mapping[Untrusted, ImageFacts]:
        """Raises HostUnreachable: they are not recorded."""
        raise HostUnreachable(_NOT_HELD)

    @asynccontextmanager
    async def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
        """What the recording has of a journal up to now, and then as it goes on."""
        yield self._batches(key_of(machine, unit), span)

    async def _batches(self, key: JournalKey, span: Span) -> AsyncIterator[Sequence[JournalItem]]:
        player, place = self._player, 0
        if key not in player.said:
            yield (self._notice("the recording has nothing of this journal up to now"),)
        try:
            is_wanted = stretch(player.said.get(key, ()), span, player.now())
        except ValueError as problem:
            yield (self._notice(str(problem)),)
            await asyncio.Event().wait()
        while True:
            said = player.said.get(key, [])
            if place < len(said):
                batch, place = tuple(filter(is_wanted, said[place:])), len(said)
                yield batch
                continue
            async with player.news:
                await player.news.wait()

    def _notice(self, words: str) -> JournalNotice:
        return JournalNotice(NoticeKind.SAID, self._player.now(), Untrusted(words))

    @asynccontextmanager
    async def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalRecord]]]:
        """Lines as the recording has them, which is without the fields that are never shown."""
        yield self._records(key_of(machine, unit), span, cursor)

    async def _records(
        self, key: JournalKey, span: Span, cursor: str
    ) -> AsyncIterator[Sequence[JournalRecord]]:
        said = self._player.said.get(key, [])
        try:
            is_wanted = stretch(said, span, self._player.now())
        except ValueError as problem:
            raise HostUnreachable(str(problem)) from problem
        entries = [i for i in said if isinstance(i, JournalEntry) and is_wanted(i)]
        if cursor:
            entries = list(dropwhile(lambda entry: not _is_at(entry, cursor), entries))
        if not said or (cursor and not entries):
            raise HostUnreachable(_NOT_HELD)
        if entries:
            yield [JournalRecord(entry, _as_json(entry)) for entry in entries[: span.lines]]

    async def close(self) -> None:
        """There is nothing to close."""


def replayed(player: Player) -> Observer:
    """The session of a recording; it can change nothing, whoever recorded it."""
    cluster = player.recording.head.cluster
    return Observer(cluster, ReplayedRegistry(player), ReplayedHosts(player))


def _is_at(entry: JournalEntry, cursor: str) -> bool:
    """Whether a cursor is an entry's, of which the end may have been left out."""
    return f"{entry.cursor};".startswith(f"{cursor};")


def _as_json(entry: JournalEntry) -> bytes:
    """An entry as journalctl would write it, as far as it was kept."""
    fields = {
        "__CURSOR": entry.cursor,
        "__REALTIME_TIMESTAMP": str(round(entry.at.timestamp() * 1_000_000)),
        "MESSAGE": entry.message.raw,
        "PRIORITY": str(entry.priority),
        "_PID": str(entry.pid),
        "_SYSTEMD_UNIT": entry.unit.raw,
        "SYSLOG_IDENTIFIER": entry.identifier.raw,
        "_BOOT_ID": entry.boot_id.raw,
    }
    return json.dumps(fields).encode("ascii")
