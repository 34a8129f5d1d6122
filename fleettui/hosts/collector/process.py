"""The collector itself: it follows journals as it is told to, until its standard input ends."""

import asyncio
import fcntl
import gc
import os
import sys
from contextlib import aclosing, suppress

from fleettui.access import HostUnreachable
from fleettui.commands.journal import JournalCommands
from fleettui.hosts.collector import frames
from fleettui.hosts.collector.keys import RelayedKeys
from fleettui.hosts.collector.outbox import Outbox
from fleettui.hosts.hostkeys import ShownKey
from fleettui.hosts.journal import Journal
from fleettui.hosts.sessions import Sessions
from fleettui.hosts.settings import HostSettings

PIPE = 1 << 20
"""Bytes that may wait for the console in the pipe: the most that Linux gives to anybody."""


def main() -> None:
    """Speak with the console through standard input and output."""
    orders, news = os.dup(0), os.dup(1)
    # Whatever a library might print must not come between the frames.
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    _widen(news)
    gc.freeze()
    asyncio.run(_speak(orders, news))


def _widen(pipe: int) -> None:
    """What does not fit into a pipe waits for a turn of its loop, and in a storm that is long."""
    if sys.platform == "linux":
        with suppress(OSError):  # the user's pipes may have used up their share
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)


async def _speak(orders: int, news: int) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    incoming, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(orders, "rb", 0)
    )
    outgoing, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(news, "wb", 0)
    )
    writer = asyncio.StreamWriter(outgoing, protocol, None, loop)
    try:
        settings = frames.settings(await frames.read(reader))
        await _Collector(settings, reader, writer).collect()
    except* (asyncio.IncompleteReadError, ConnectionError):
        pass  # the console is gone
    finally:
        incoming.close()
        outgoing.abort()


class _Collector:
    """All that is followed here."""

    def __init__(
        self,
        settings: HostSettings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._sessions = Sessions(settings, RelayedKeys(settings, self._settle))
        self._outbox = Outbox(self._send)
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()
        """What fails takes all others along: the console goes on without us, and says so."""
        self._shown: dict[int, asyncio.Future[str]] = {}
        """Keys that the console is asked about, by the number of the question."""
        self._asked = 0

    async def collect(self) -> None:
        """Do as told. Raises an ExceptionGroup of what ended it: of IncompleteReadError or
        ConnectionError where the console is gone."""
        try:
            async with self._tasks:
                self._tasks.create_task(self._obey())
                self._tasks.create_task(self._outbox.send_all())
        finally:
            await self._sessions.close()

    async def _obey(self) -> None:
        while True:
            match frames.order(await frames.read(self._reader)):
                case frames.Follow() as asked:
                    self._outbox.open(asked.stream)
                    self._streams[asked.stream] = self._tasks.create_task(self._follow(asked))
                case frames.Leave(stream=stream):
                    self._streams.pop(stream).cancel()
                    self._outbox.close(stream)
                case frames.Connect() as asked:
                    self._tasks.create_task(self._connect(asked))
                case frames.Settled(question=question, refusal=refusal):
                    self._shown.pop(question).set_result(refusal)

    async def _follow(self, asked: frames.Follow) -> None:
        quietly = asked.mark is not None
        commands = JournalCommands(asked.unit, asked.span)
        journal = Journal(self._sessions, asked.machine, commands, asked.mark, quietly=quietly)
        async with aclosing(journal.batches()) as batches:
            async for items in batches:
                await self._outbox.put(asked.stream, items, journal.mark)

    async def _connect(self, asked: frames.Connect) -> None:
        try:
            await self._sessions.line(asked.machine).connect()
        except HostUnreachable:
            self._tell(frames.Connected(asked.question, is_open=False))
        else:
            self._tell(frames.Connected(asked.question, is_open=True))

    async def _settle(self, shown: ShownKey) -> None:
        question, self._asked = self._asked, self._asked + 1
        answer = self._shown[question] = asyncio.get_running_loop().create_future()
        key = (shown.host, shown.port, shown.blob, shown.is_authority)
        self._tell(frames.KeyShown(question, *key))
        if refusal := await answer:
            raise HostUnreachable(refusal)

    async def _send(self, lines: frames.Lines) -> None:
        self._tell(lines)
        await self._writer.drain()

    def _tell(self, news: frames.News) -> None:
        self._writer.write(frames.frame(news))
