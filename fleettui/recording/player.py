"""Tells a session again what it was told once: at its own pace, faster, or step by step."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from fleettui.access import HostUnreachable
from fleettui.model.cluster import RegistryView, Snapshot
from fleettui.model.host import HostFacts, JournalItem
from fleettui.model.lock import LockHolder
from fleettui.recording.file import Recording
from fleettui.recording.journals import JournalKey, said_in, whole_journals
from fleettui.recording.records import (
    Ended,
    Locked,
    Record,
    Reported,
    Said,
    Snapshots,
    Timed,
    Viewed,
)

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
TAKEN_WITHIN = 0.5
"""Seconds that a machine's answer waits for somebody to ask."""
_TICK = 0.05


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
        self._journals = whole_journals(timed.record for timed in recording.records)
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
            case Said() as said:
                await self._say(said)
            case Ended():
                pass
        await asyncio.sleep(0)

    async def _report(self, reported: Reported) -> None:
        """Answer whoever asks the machine; without anybody, after a moment, the answer is lost."""
        report = reported.report
        await self._say(reported)
        asked = await self._asker(reported.machine.public_ip.raw)
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

    async def _say(self, record: Record) -> None:
        """Lines that were heard before, by another reader, are told once."""
        said = said_in(record)
        if said is None:
            return
        key, items = said
        if new := self._journals[key].go_on(items):
            self.said.setdefault(key, []).extend(new)
            async with self.news:
                self.news.notify_all()
