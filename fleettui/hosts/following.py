"""All journals that are followed: here, or where their lines are many, by a collector."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

from fleettui.commands.journal import JournalCommands
from fleettui.hosts.collector import console
from fleettui.hosts.collector.console import Collector, Lost
from fleettui.hosts.journal import Commands, Journal
from fleettui.hosts.position import Mark
from fleettui.hosts.sessions import Sessions
from fleettui.model.cluster import Machine
from fleettui.model.host import JournalItem, JournalNotice, NoticeKind
from fleettui.model.untrusted import Untrusted

MANY = 1_000.0
"""Lines a second that this process decodes itself: a tenth of a core. More of them, for
`PATIENCE` seconds, go to a collector, with all that they need: a burst is over sooner than that."""
MANY_JOURNALS = 20
"""From so many on they go to a collector before a storm comes: a packet of each costs by itself,
and its midst is no time to connect to all machines. First the lines that are there are read."""
PATIENCE = 3.0
"""Seconds; doubled after each collector that ended by itself."""
SHARE_OF_MANY = 1 / 3
"""Of that patience, which many journals are given when no more of them begin."""
LONGEST_PATIENCE = 60.0
"""After collectors that ended by themselves."""
_SILENCE = 3.0
"""Seconds without a line that no storm has."""
IDLE = 10.0
"""Seconds after which a collector that follows nothing is ended."""


class Following:
    """The journals of one session; see `fleettui.access.JournalReader.journal`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._here: set[Journal] = set()
        self._meter = _Meter()
        self._collector: Collector | None = None
        self._moving: asyncio.Task[None] | None = None
        self._reached: dict[Untrusted, bool] = {}
        """Machines that this collector was told to connect to, and whether it could."""
        self._counting: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._patience = PATIENCE
        self._closed = False

    @asynccontextmanager
    async def follow(
        self, machine: Machine, commands: Commands
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
        """A journal; its slow reader makes the machine wait."""
        if isinstance(commands, JournalCommands):
            received = self._batches(machine, commands)
        else:  # what needs sudo is no other process's to do
            received = Journal(self._sessions, machine, commands).batches()
        async with aclosing(received) as batches:
            yield batches

    async def close(self) -> None:
        """End the collector."""
        self._closed = True
        if self._idle is not None:
            self._idle.cancel()
        if self._counting is not None:
            self._counting.cancel()
        if self._moving is not None:
            self._moving.cancel()
            await asyncio.wait({self._moving})
        self._let_go()
        await asyncio.gather(*self._closing)

    async def _batches(
        self, machine: Machine, commands: JournalCommands
    ) -> AsyncGenerator[Sequence[JournalItem], None]:
        mark: Mark | None = None
        quietly = False
        while True:
            if not (self._running and self._reached.get(machine.id)):
                journal = Journal(self._sessions, machine, commands, mark, quietly=quietly)
                async with aclosing(self._received_here(journal)) as batches:
                    async for items in batches:
                        yield items
                mark, quietly = journal.mark, True
                if not await self._is_reached_apart(machine):
                    continue
            try:
                async with aclosing(self._received_apart(machine, commands, mark)) as marked:
                    async for items, behind in marked:
                        mark = behind
                        yield items
            except Lost:
                if self._closed:
                    return
                yield _told_of_loss(machine)
                quietly = False

    @property
    def _running(self) -> Collector | None:
        """The collector, if there is one."""
        collector = self._collector
        return None if collector is None or collector.is_lost else collector

    # --- here ---------------------------------------------------------------------------------

    async def _received_here(self, journal: Journal) -> AsyncGenerator[Sequence[JournalItem], None]:
        """Ends where a collector goes on."""
        self._here.add(journal)
        if self._counting is None:
            self._count_later()
        try:
            async with aclosing(journal.batches()) as batches:
                async for items in batches:
                    self._meter.count(len(items))
                    if self._meter.seconds >= self._patience:
                        self._move()
                    elif self._running is not None:  # it was slower to begin than others
                        self._hand_on(journal)
                    yield items
        finally:
            self._here.discard(journal)

    def _count_later(self, begun: int = 0) -> None:
        loop = asyncio.get_running_loop()
        wait = self._patience * SHARE_OF_MANY
        self._counting = loop.call_later(wait, self._move_if_many, begun)

    def _move_if_many(self, had_begun: int) -> None:
        """While journals begin, a collector's start would keep the lines of others waiting."""
        self._counting = None
        begun = sum(journal.can_be_left for journal in self._here)
        if len(self._here) >= MANY_JOURNALS:
            if begun > had_begun:
                self._count_later(begun)
            else:
                self._move()

    def _move(self) -> None:
        """Have a collector receive what is received here."""
        if not self._closed and (self._moving is None or self._moving.done()):
            self._meter.seconds = 0.0
            self._moving = asyncio.create_task(self._moved())

    async def _moved(self) -> None:
        """Nothing is received of a journal until the collector is connected to its machine, or the
        storm would take the processor that it needs for that; journald keeps what comes."""
        try:
            if self._running is None:
                self._collector = await console.start(self._sessions)
                self._reached.clear()
        except OSError:  # no room for one more process: all goes on here
            self._lose_patience()
            return
        for journal in self._here:
            self._hand_on(journal)
        self._look_for_idleness()

    def _hand_on(self, journal: Journal) -> None:
        """Have the collector go on with a journal, if it can."""
        if journal.can_be_left and self._reached.get(journal.machine.id, True):
            journal.leave()

    # --- apart --------------------------------------------------------------------------------

    async def _is_reached_apart(self, machine: Machine) -> bool:
        """Whether the collector is connected to a machine; of one that is lost its reader hears."""
        collector = self._running
        if collector is None:
            return True
        is_reached = await collector.connect(machine)
        if self._running is collector:
            self._reached[machine.id] = is_reached
        return is_reached or collector.is_lost

    async def _received_apart(
        self, machine: Machine, commands: JournalCommands, mark: Mark | None
    ) -> AsyncGenerator[tuple[Sequence[JournalItem], Mark | None], None]:
        """Items, and where the journal stands behind them. Raises Lost."""
        collector = self._running
        if collector is None:
            raise Lost
        try:
            async with aclosing(collector.follow(machine, commands, mark)) as marked:
                async for items, behind in marked:
                    yield items, behind
        except Lost:
            if self._collector is collector:
                self._let_go()
                self._lose_patience()
            raise
        finally:
            self._look_for_idleness()

    def _lose_patience(self) -> None:
        self._patience = min(2 * self._patience, LONGEST_PATIENCE)

    def _look_for_idleness(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if not self._closed:
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._end_if_idle)

    def _end_if_idle(self) -> None:
        is_moving = self._moving is not None and not self._moving.done()
        if self._collector is not None and self._collector.is_idle and not is_moving:
            self._let_go()

    def _let_go(self) -> None:
        """End the collector, and wait for its end by the way."""
        collector, self._collector = self._collector, None
        if collector is not None:
            task = asyncio.create_task(collector.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Meter:
    """For how long more than `MANY` lines a second have come."""

    def __init__(self) -> None:
        self._since = self._until = 0.0
        self._lines = 0
        self.seconds = 0.0

    def count(self, lines: int) -> None:
        now = time.monotonic()
        self._lines += lines
        if now < self._until:
            return
        spent = now - self._since
        many = self._lines >= MANY * spent and spent < _SILENCE
        self.seconds = self.seconds + spent if many else 0.0
        self._since, self._until, self._lines = now, now + 1.0, 0


def _told_of_loss(machine: Machine) -> Sequence[JournalItem]:
    words = (
        "the process that received this journal has ended; this one goes on behind the last line "
        f"that came from {machine.public_ip}"
    )
    return (JournalNotice(NoticeKind.LOST, datetime.now(UTC), Untrusted(words)),)
