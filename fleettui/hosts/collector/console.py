"""The console's end: starts a collector, tells it what to follow, and gives out what comes."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from itertools import count

from fleettui.access import HostUnreachable
from fleettui.commands.journal import JournalCommands
from fleettui.hosts.collector import frames
from fleettui.hosts.hostkeys import ShownKey
from fleettui.hosts.known_hosts import Judgement, Standing
from fleettui.hosts.position import Mark
from fleettui.hosts.sessions import Sessions
from fleettui.journal.packed import Packed
from fleettui.model.cluster import Machine
from fleettui.model.host import JournalItem

HELD = 8 * 1024 * 1024
"""Bytes that wait for slow readers at most; beyond them the collector is made to wait."""
CLOSE_SECONDS = 2.0
"""Time that a collector has to end by itself before it is killed."""
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from fleettui.hosts.collector.process import main; main()"
)
"""The collector finds its modules where this process found them, and nowhere else."""


_UNJUDGED = Judgement(Standing.UNKNOWN)


class Lost(Exception):
    """The collector has ended."""


class _Inbox:
    """What came of one journal and was not taken yet; None = no more will come."""

    def __init__(self) -> None:
        self.columns: deque[frames.Columns | None] = deque()
        self.news = asyncio.Event()

    def put(self, columns: frames.Columns | None) -> None:
        self.columns.append(columns)
        self.news.set()

    async def take(self) -> frames.Columns | None:
        while not self.columns:
            self.news.clear()
            await self.news.wait()
        return self.columns.popleft()


class Collector:
    """A collector that runs."""

    def __init__(self, process: Process, sessions: Sessions) -> None:
        self._process = process
        self._sessions = sessions
        """Of the console: they judge keys, and ask about them."""
        self._unpacker = frames.Unpacker()
        self._numbers = count()
        self._inboxes: dict[int, _Inbox] = {}
        self._held = 0
        self._room = asyncio.Event()
        self._connects: dict[int, asyncio.Future[bool]] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self.is_lost = False
        self._listening = asyncio.create_task(self._listen())

    @property
    def is_idle(self) -> bool:
        """Whether it follows no journal, and is not about to."""
        return not self._inboxes and not self._connects

    async def connect(self, machine: Machine) -> bool:
        """Have it connect to a machine; whether it could."""
        if self.is_lost:
            return False
        question = next(self._numbers)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._connects[question] = answer
        self._tell(frames.Connect(question, machine))
        return await answer

    async def follow(
        self, machine: Machine, commands: JournalCommands, mark: Mark | None
    ) -> AsyncGenerator[tuple[Sequence[JournalItem], Mark | None], None]:
        """A journal's items from a mark on, and where it stands behind them. Raises Lost."""
        if self.is_lost:
            raise Lost
        stream = next(self._numbers)
        inbox = self._inboxes[stream] = _Inbox()
        self._tell(frames.Follow(stream, machine, commands.unit, commands.span, mark))
        try:
            while (columns := await inbox.take()) is not None:
                self._took(columns)
                yield Packed(self._unpacker.batch(columns)), columns.mark
            raise Lost
        finally:
            del self._inboxes[stream]
            for columns in inbox.columns:
                self._took(columns)
            self._tell(frames.Leave(stream))

    async def close(self) -> None:
        """End it, and wait for its end."""
        self.is_lost = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._listening

    def _tell(self, order: frames.Order) -> None:
        if not self.is_lost and self._process.stdin is not None:
            self._process.stdin.write(frames.frame(order))

    async def _listen(self) -> None:
        """Give out what comes, until the collector ends."""
        assert self._process.stdout is not None, "it was started with a pipe"
        try:
            while True:
                self._hear(frames.news(await frames.read(self._process.stdout)))
                while self._held > HELD:
                    self._room.clear()
                    await self._room.wait()
                await asyncio.sleep(0)  # a flood of frames leaves nobody else without a turn
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._end()

    def _end(self) -> None:
        self.is_lost = True
        for inbox in self._inboxes.values():
            inbox.put(None)
        for answer in self._connects.values():
            if not answer.done():
                answer.set_result(False)
        for task in self._settling:
            task.cancel()

    def _hear(self, news: frames.News) -> None:
        match news:
            case frames.Lines(batches=batches):
                for columns in batches:
                    if (inbox := self._inboxes.get(columns.stream)) is not None:
                        self._held += len(columns.text)
                        inbox.put(columns)
            case frames.Connected(question=question, is_open=is_open):
                answer = self._connects.pop(question)
                if not answer.done():
                    answer.set_result(is_open)
            case frames.KeyShown():
                task = asyncio.create_task(self._settle(news))
                self._settling.add(task)
                task.add_done_callback(self._settling.discard)

    def _took(self, columns: frames.Columns | None) -> None:
        if columns is not None:
            self._held -= len(columns.text)
            self._room.set()

    async def _settle(self, shown: frames.KeyShown) -> None:
        """The policy about keys is the console's, and so are the questions."""
        refusal = ""
        try:
            await self._sessions.settle(
                ShownKey(shown.host, shown.port, shown.blob, _UNJUDGED, shown.is_authority)
            )
        except HostUnreachable as exc:
            refusal = str(exc)
        self._tell(frames.Settled(shown.question, refusal))


async def start(sessions: Sessions) -> Collector:
    """A collector that reaches machines as these sessions do. Raises OSError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-c",
        _START,
        json.dumps(sys.path),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=1 << 20,
        start_new_session=True,
    )
    assert process.stdin is not None, "it was started with a pipe"
    process.stdin.write(frames.frame(sessions.settings))
    return Collector(process, sessions)
