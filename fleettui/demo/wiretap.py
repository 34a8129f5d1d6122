"""Notes every HTTP request on its way to etcd, and changes nothing."""

import asyncio
import contextlib
import re
from urllib.parse import urlsplit

RequestLog = list[tuple[str, str]]
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNK = 65_536


class Wiretap:
    """Listens on a port of its own and passes all to `target`. Lives in one event loop."""

    def __init__(self, target: str, log: RequestLog) -> None:
        place = urlsplit(target)
        self._host, self._port = place.hostname or "127.0.0.1", place.port or 2379
        self._log = log
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def endpoint(self) -> str:
        if self._server is None:
            raise RuntimeError("the wiretap is not open")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
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
