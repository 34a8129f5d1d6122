"""A link with a delay: everything arrives half a round trip after it was sent."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from urllib.parse import urlsplit


@contextmanager
def slow_link(endpoint: str, round_trip: float) -> Iterator[str]:
    """The address of a way to `endpoint` with that many seconds of delay there and back."""
    link = _Link(endpoint, round_trip / 2)
    thread = threading.Thread(target=lambda: asyncio.run(link.serve()), daemon=True)
    thread.start()
    loop, port = link.serving.result()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(link.over.set)
        thread.join()


class _Link:
    def __init__(self, endpoint: str, delay: float) -> None:
        parts = urlsplit(endpoint)
        self._to = (str(parts.hostname), int(parts.port or 0))
        self._delay = delay
        self.serving: Future[tuple[asyncio.AbstractEventLoop, int]] = Future()
        """Where it runs, and the port that leads to it."""
        self.over = asyncio.Event()

    async def serve(self) -> None:
        """Until it is over; what is on its way then does not arrive."""
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.serving.set_result((asyncio.get_running_loop(), port))
        await self.over.wait()
        server.close()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._delay * 2)  # the handshake
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        with contextlib.suppress(asyncio.CancelledError):  # it is over
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 18):
                loop.call_later(self._delay, self._deliver, writer, data)
        loop.call_later(self._delay, writer.close)

    def _deliver(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not writer.is_closing():
            writer.write(data)
