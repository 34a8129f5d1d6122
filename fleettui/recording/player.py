"""Tells a session again what it was told once: at its own pace, faster, or step by step."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

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
from fleettui.recording.file import Recording
from fleettui.recording.records import Ended, Locked, Reported, Said, Snapshots, Timed, Viewed
from fleettui.recording.stretch import stretch

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TAKEN_WITHIN = 0.5
"""Seconds that a machine's answer waits for somebody to ask."""
_TICK = 0.05
_NOT_HELD = "this is a recording, and what you ask for was not recorded"

JournalKey = tuple[str, str]
"""A machine's address and a unit."""


@dataclass
class Listeners:
    """Who wants to hear what is told."""

    view: Callable[[RegistryView], None] | None = None
    lock: Callable[[LockHolder | None], None] | None = None
    probes: dict[str, asyncio.Queue[asyncio.Future[HostFacts]]] = field(default_factory=dict)

    def asking(self, address: str) -> asyncio.Queue[asyncio.Future[HostFacts]]:
        """Who asks the machine of an address."""
        return self.probes.setdefault(address, asyncio.Queue())


class Player:
    """The clock of a recording, and all that is told as it goes on. Lives in one event loop."""

    def __init__(self, recording: Recording, *, speed: float = 1.0, paused: bool = False) -> None:
        self.recording = recording
        self.listeners = Listeners()
        self.said: dict[JournalKey, list[JournalItem]] = {}
        """What journals have said up to now."""
        self.news = asyncio.Condition()
        """Notified when a journal has said more."""
        self.snapshot: Snapshot | None = None
        self.holder: LockHolder | None = None
        self.told = 0
        """How many records were told."""
        self.speed = speed
        self.is_paused = paused
        self._steps = 0
        self._snapshots = Snapshots()
        self._known: dict[JournalKey, set[str]] = {}
        self._at = recording.head.begun
        self._set_at = monotonic()
        self._is_telling = False

    # --- its clock ----------------------------------------------------------------------------

    def now(self) -> datetime:
        """The time of the recording, UTC: it stands still while paused, and at the end."""
        if self.is_paused or self._is_telling or self.is_over:
            return self._at
        passed = timedelta(seconds=(monotonic() - self._set_at) * self.speed)
        following = self.recording.records[self.told].at
        return min(self._at + passed, max(following, self._at))

    @property
    def is_over(self) -> bool:
        return self.told >= len(self.recording.records)

    @property
    def ends_at(self) -> datetime:
        records = self.recording.records
        return records[-1].at if records else self.recording.head.begun

    @property
    def total(self) -> int:
        """How many records there are."""
        return len(self.recording.records)

    def pause(self) -> None:
        """Stop the clock, or let it go on."""
        self._hold()
        self.is_paused = not self.is_paused

    def step(self) -> None:
        """Tell one more record, and stand still."""
        self._hold()
        self.is_paused = True
        self._steps += 1

    def change_speed(self, steps: int) -> None:
        """Faster or slower, by steps of `SPEEDS`."""
        self._hold()
        nearest = min(range(len(SPEEDS)), key=lambda n: abs(SPEEDS[n] - self.speed))
        self.speed = SPEEDS[min(max(nearest + steps, 0), len(SPEEDS) - 1)]

    def _hold(self, at: datetime | None = None) -> None:
        """Go on from where the clock stands, or from another time."""
        self._at = at or self.now()
        self._set_at = monotonic()

    # --- telling ------------------------------------------------------------------------------

    async def play(self) -> None:
        """Tell every record when its time has come; returns at the end."""
        while not self.is_over:
            timed = self.recording.records[self.told]
            if self._steps:
                self._steps -= 1
            elif self.is_paused or self.now() < timed.at:
                await asyncio.sleep(_TICK if self.is_paused else self._wait(timed))
                continue
            self._hold(max(timed.at, self._at))
            self._is_telling = True
            try:
                await self._tell(timed)
            finally:
                self.told += 1
                self._is_telling = False
                self._set_at = monotonic()

    def _wait(self, timed: Timed) -> float:
        ahead = (timed.at - self.now()).total_seconds() / self.speed
        return min(max(ahead, 0.001), _TICK)

    async def _tell(self, timed: Timed) -> None:
        match timed.record:
            case Viewed() as viewed:
                view = self._snapshots.view_of(viewed)
                self.snapshot = view.snapshot
                if self.listeners.view is not None:
                    self.listeners.view(view)
            case Locked(holder):
                self.holder = holder
                if self.listeners.lock is not None:
                    self.listeners.lock(holder)
            case Reported() as reported:
                await self._report(reported)
            case Said(machine, unit, items):
                await self._say((machine.public_ip.raw, unit), items)
            case Ended():
                pass
        await asyncio.sleep(0)

    async def _report(self, reported: Reported) -> None:
        """Answer whoever asks the machine; without anybody, after a moment, the answer is lost."""
        report, address = reported.report, reported.machine.public_ip.raw
        if isinstance(report, HostFacts):
            await self._say((address, "fleet.service"), report.journal)
        asked = await self._asker(address)
        if asked is None:
            return
        if isinstance(report, HostFacts):
            asked.set_result(report)
        else:
            asked.set_exception(HostUnreachable(str(report.reason)))
        await asyncio.sleep(0.01)  # it is taken in before anything else is told

    async def _asker(self, address: str) -> asyncio.Future[HostFacts] | None:
        """Who asks a machine, or will in a moment, and has not given up."""
        asking = self.listeners.asking(address)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAKEN_WITHIN):
                while (asked := await asking.get()).done():
                    pass
                return asked
        return None

    async def _say(self, key: JournalKey, items: Sequence[JournalItem]) -> None:
        """Lines that were heard before, by another reader, are told once."""
        known = self._known.setdefault(key, set())
        new: list[JournalItem] = []
        for item in items:
            cursor = item.cursor if isinstance(item, JournalEntry) else ""
            if not cursor or cursor not in known:
                known.add(cursor)
                new.append(item)
        if new:
            self.said.setdefault(key, []).extend(new)
            async with self.news:
                self.news.notify_all()


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
        yield self._batches((machine.public_ip.raw, unit), span)

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
        yield self._records((machine.public_ip.raw, unit), span, cursor)

    async def _records(
        self, key: JournalKey, span: Span, cursor: str
    ) -> AsyncIterator[Sequence[JournalRecord]]:
        entries = [i for i in self._player.said.get(key, ()) if isinstance(i, JournalEntry)]
        first = next((n for n, e in enumerate(entries) if e.cursor.startswith(cursor)), None)
        if first is None:
            raise HostUnreachable(_NOT_HELD)
        last = len(entries) if span.lines is None else first + span.lines
        yield [JournalRecord(entry, _as_json(entry)) for entry in entries[first:last]]

    async def close(self) -> None:
        """There is nothing to close."""


def replayed(player: Player) -> Observer:
    """The session of a recording; it can change nothing, whoever recorded it."""
    cluster = player.recording.head.cluster
    return Observer(cluster, ReplayedRegistry(player), ReplayedHosts(player))


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
