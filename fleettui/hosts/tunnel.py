"""The tunnel: one SSH connection that etcd and all machines are reached through."""

import asyncio
import random
import socket
from contextlib import suppress

import asyncssh
from asyncssh.constants import OPEN_ADMINISTRATIVELY_PROHIBITED

from fleettui.access import HostUnreachable
from fleettui.hosts.line import Line
from fleettui.hosts.opening import opened
from fleettui.hosts.words import connection_broke, forwarding_refused
from fleettui.model.hop import Hop

FIRST_RETRY = 0.5
"""Seconds before a tunnel that fell is built anew the first time; doubled after each failure."""
LAST_RETRY = 5.0
"""Seconds from a failure to the next attempt, at first and at most."""
_PIECE = 64 * 1024


class Tunnelling:
    """The line to the tunnel host, opened again by itself, and what is forwarded over it."""

    def __init__(self, name: str, line: Line) -> None:
        self._name = name
        self._line = line
        self._failures = 0
        self._failure = ""
        self._again_at = 0.0
        self._pumps: set[asyncio.Task[None]] = set()

    async def connect(self) -> asyncssh.SSHClientConnection:
        """The connection to the tunnel host; one that is lost is replaced. Raises HostUnreachable.

        Many may ask: soon after a failure they are told of it again, and nobody is bothered.
        """
        now = asyncio.get_running_loop().time
        if now() < self._again_at:
            raise HostUnreachable(self._failure, Hop.TUNNEL)
        try:
            connection = await self._line.connect()
        except HostUnreachable as why:
            self._failure = f"there is no tunnel through {self._name}: {why}"
            if now() >= self._again_at:  # not told yet by another who waited
                self._again_at = now() + self._pause()
                self._failures += 1
            raise HostUnreachable(self._failure, Hop.TUNNEL) from why
        self._failures = 0
        return connection

    def _pause(self) -> float:
        doubled: float = FIRST_RETRY * 2 ** min(self._failures, 10)
        return min(doubled, LAST_RETRY) * random.SystemRandom().uniform(0.8, 1.0)

    async def dial(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connection to an address as the tunnel host sees it: our end, which blocks.

        Raises HostUnreachable where there is no tunnel, or one that forwards nothing; OSError
        where nobody takes connections there; TimeoutError after `seconds`.
        """
        connection = await self.connect()
        try:
            async with asyncio.timeout(seconds):
                forwarding = connection.open_connection(host, port, encoding=None)
                reader, writer = await opened(forwarding, lambda ends: ends[1].close())
        except asyncssh.ChannelOpenError as refused:
            if connection.is_closed():
                raise HostUnreachable(connection_broke(refused, self._name)) from refused
            words = forwarding_refused(refused, self._name)
            if refused.code == OPEN_ADMINISTRATIVELY_PROHIBITED:
                raise HostUnreachable(words, Hop.TUNNEL) from refused
            raise ConnectionRefusedError(0, words) from refused
        except asyncssh.Error as broken:
            words = connection_broke(broken, self._name)
            raise HostUnreachable(words, Hop.TUNNEL) from broken
        ours, theirs = socket.socketpair()
        ours.settimeout(seconds)
        pump = asyncio.create_task(_pump(theirs, reader, writer))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        return ours

    async def close(self) -> None:
        """End what is forwarded; the line is closed by whoever made it."""
        for pump in self._pumps:
            pump.cancel()
        if self._pumps:
            await asyncio.wait(self._pumps)


async def _pump(
    end: socket.socket, reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]
) -> None:
    """Carry bytes both ways until either side ends; then both do."""
    near_reader, near_writer = await asyncio.open_connection(sock=end)
    ways = {
        asyncio.create_task(_carry(near_reader, writer)),
        asyncio.create_task(_carry(reader, near_writer)),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        near_writer.close()  # what was written to it is still delivered
        with suppress(OSError):
            await near_writer.wait_closed()
    finally:
        for way in ways:
            way.cancel()
        near_writer.transport.abort()
        writer.close()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(
    source: "asyncio.StreamReader | asyncssh.SSHReader[bytes]",
    target: "asyncio.StreamWriter | asyncssh.SSHWriter[bytes]",
) -> None:
    with suppress(OSError, asyncssh.Error):  # either end may be gone; then so is the other soon
        while data := await source.read(_PIECE):
            target.write(data)
            await target.drain()
