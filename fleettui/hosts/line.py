"""One SSH connection: opened on demand, shared by all who ask the machine, replaced when dead."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress

import asyncssh

from fleettui.access import HostUnreachable
from fleettui.commands import Command, shell_text
from fleettui.commands.templates import ReadCommand
from fleettui.hosts import dial
from fleettui.hosts.opening import opened
from fleettui.hosts.process import WINDOW, RemoteProcess
from fleettui.hosts.words import connection_broke, session_refused

CHANNELS = 6
"""Commands at a time on one connection, with those given up that the machine has not answered yet;
sshd allows ten (MaxSessions)."""
STREAMS = 4
"""Of these, how many may run without end: where the machine answers, a command finds a free one."""
START_SECONDS = 15
"""For the shell of a line to answer its first word."""
CLOSE_SECONDS = 0.5
"""Time that a line has to close politely."""
AT_ONCE_SECONDS = 2.0
"""What shows that soon that it is dead was closed at the other end, and can be opened anew."""

Opener = Callable[[], Awaitable[asyncssh.SSHClientConnection]]
"""Opens the connection, or raises HostUnreachable."""
_Opened = asyncssh.SSHClientConnection | HostUnreachable


class Unanswered(HostUnreachable):
    """The command was sent and no answer came: it may have run."""


class CommandRefused(Exception):
    """A command that changes machines was given to a session that only reads."""


class Line:
    """The connection to one machine or jump host, alive or to be opened.

    It carries commands, never text: a read is one of the templates, and an observer's lines carry
    nothing but reads. No terminal, agent, display or port is ever asked for.
    """

    def __init__(
        self,
        name: str,
        opener: Opener,
        *,
        reads_only: bool = False,
        at_rest: Callable[[], float] = lambda: dial.KEEPALIVE_SECONDS,
    ) -> None:
        """`at_rest`: the seconds between two questions whether the machine is there still while no
        command runs there."""
        self._name = name
        self._opener = opener
        self._reads_only = reads_only
        self._at_rest = at_rest
        self._running = 0
        self._connection: asyncssh.SSHClientConnection | None = None
        self._opening: asyncio.Task[_Opened] | None = None
        self._channels = asyncio.Semaphore(CHANNELS)
        self._streams = asyncio.Semaphore(STREAMS)

    async def connect(self) -> asyncssh.SSHClientConnection:
        """A live connection; all who wait for one share the attempt. Raises HostUnreachable."""
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
        opening = self._opening
        await asyncio.wait({opening})  # one who gives up does not take the others along
        if opening.cancelled():
            raise HostUnreachable(f"the connection to {self._name} was closed by us")
        result = opening.result()
        if isinstance(result, HostUnreachable):
            raise HostUnreachable(str(result), result.hop)  # each who waited has one of his own
        return result

    @asynccontextmanager
    async def start(
        self, command: Command, *, endless: bool = False
    ) -> AsyncIterator[RemoteProcess]:
        """Run a command for as long as the context lasts, and let go of it then.

        Raises HostUnreachable where nothing was sent, Unanswered where something may have been,
        CommandRefused for what an observer must not send.
        """
        if self._reads_only and not isinstance(command, ReadCommand):
            raise CommandRefused(f"an observer's session sends no {type(command).__name__}")
        text = shell_text(command)
        await self.connect()  # without a deadline of ours: somebody may be reading a fingerprint
        with await self._room(endless) as room:
            self._note_running(1)
            room.callback(self._note_running, -1)
            process = await self._process(text, room)
            try:
                yield process
            finally:
                process.close()

    async def close(self) -> None:
        """Close the connection, politely if the machine still listens."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening}, timeout=CLOSE_SECONDS)
        if self._connection is None:
            return
        self._connection.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()

    def _note_running(self, more: int) -> None:
        """A command waits for its machine's answer: that it has fallen silent is noticed soon."""
        self._running += more
        if self._connection is not None and not self._connection.is_closed():
            seconds = dial.KEEPALIVE_SECONDS if self._running else self._at_rest()
            self._connection.set_keepalive(seconds)

    async def _open(self) -> _Opened:
        """Open the connection; a failure is returned, since perhaps nobody waits for it now.

        It is told anew: as it was raised it would keep all that was tried, for each of a thousand
        machines that are not there.
        """
        try:
            self._connection = await self._opener()
        except HostUnreachable as exc:
            return HostUnreachable(str(exc), exc.hop)
        finally:
            self._opening = None
        return self._connection

    async def _room(self, endless: bool) -> ExitStack:
        """Room for one more session; closed, it is the next one's. Raises HostUnreachable."""
        with ExitStack() as room:
            try:
                async with asyncio.timeout(START_SECONDS):
                    for free in (self._streams, self._channels) if endless else (self._channels,):
                        await free.acquire()
                        room.callback(free.release)
            except TimeoutError as exc:
                words = f"too much is running on {self._name} already, or it does not answer"
                raise HostUnreachable(f"{words} (waited {START_SECONDS} s)") from exc
            return room.pop_all()

    async def _process(self, text: str, room: ExitStack) -> RemoteProcess:
        """Start the command. A connection that turns out to be dead is replaced, once.

        But not one that died of silence: its machine would most likely leave a login waiting too.
        """
        connection = await self.connect()
        begun = time.monotonic()
        try:
            return await self._start(connection, text, room)
        except Unanswered:
            raise
        except HostUnreachable:
            if not connection.is_closed() or time.monotonic() - begun > AT_ONCE_SECONDS:
                raise
        return await self._start(await self.connect(), text, room)

    async def _start(
        self, connection: asyncssh.SSHClientConnection, text: str, room: ExitStack
    ) -> RemoteProcess:
        process = RemoteProcess()

        async def asked() -> None:
            asyncio.get_running_loop().call_soon(_hasten, connection)  # once the request is sent
            await connection.create_session(
                lambda: process, text, encoding=None, request_pty=False, window=WINDOW
            )

        try:
            async with asyncio.timeout(START_SECONDS):
                await opened(asked(), room=room)
        except (asyncssh.Error, OSError) as exc:
            process.close()
            raise self._failure(exc, process, connection) from exc
        except asyncio.CancelledError:
            process.close()
            raise
        return process

    def _failure(
        self, exc: Exception, process: RemoteProcess, connection: asyncssh.SSHClientConnection
    ) -> HostUnreachable:
        if isinstance(exc, TimeoutError):
            words = f"{self._name} does not answer any more (waited {START_SECONDS} s)"
        elif isinstance(exc, asyncssh.ChannelOpenError) and not connection.is_closed():
            return HostUnreachable(session_refused(exc, self._name))
        else:
            words = connection_broke(exc, self._name)
        return Unanswered(words) if process.may_have_started else HostUnreachable(words)


def _hasten(connection: asyncssh.SSHClientConnection) -> None:
    """Acknowledge at once what comes now that a command was asked for.

    After a login sshd tells its host keys, and keeps its next answer back until we have got them
    (Nagle's algorithm); our kernel would wait 40 ms for something to send along with that.
    """
    if sys.platform == "linux" and (transport := connection.get_extra_info("socket")) is not None:
        with suppress(OSError):  # it has just been closed
            transport.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
