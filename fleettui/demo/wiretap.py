"""Notes every HTTP request on its way to etcd, and changes nothing."""

import asyncio
import contextlib
import re
import socket
from urllib.parse import urlsplit

RequestLog = list[tuple[str, str]]
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNK = 65_536


class Wiretap:
    """Listens on a port of its own and passes all to `target`. Lives in one event loop.

    It accepts by itself: a server of asyncio that is closed forgets the connections that it has
    accepted in the same round.
    """

    def __init__(self, target: str, log: RequestLog) -> None:
        place = urlsplit(target)
        self._host, self._port = place.hostname or "127.0.0.1", place.port or 2379
        self._log = log
        self._listener: socket.socket | None = None
        self._open: dict[asyncio.Task[None], socket.socket] = {}

    @property
    def endpoint(self) -> str:
        """The URL to ask instead of `target`. Raises RuntimeError while it is not open."""
        if self._listener is None:
            raise RuntimeError("the wiretap is not open")
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def open(self) -> None:
        """Listen on a free port of loopback."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0)
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    async def close(self) -> None:
        """End every connection, also one of which nothing was read yet."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        connections = dict(self._open)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        for connection in connections.values():
            connection.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it was dropped before it was taken
            connection, _ = listener.accept()
            task = asyncio.create_task(self._serve(connection))
            self._open[task] = connection
            task.add_done_callback(self._open.pop)

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._pass_on(reader, writer)
        finally:
            await _close(writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_etcd, to_etcd = await asyncio.open_connection(self._host, self._port)
        back = asyncio.create_task(_copy(from_etcd, writer))
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self._note(head)
                found = _LENGTH.search(head)
                body = await reader.readexactly(int(found[1])) if found else b""
                to_etcd.write(head + body)
                await to_etcd.drain()
        finally:
            back.cancel()
            await _close(to_etcd)

    def _note(self, head: bytes) -> None:
        method, path, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        self._log.append((method, path))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
