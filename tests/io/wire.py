"""A wire between a follower and etcd on which streams can be held back, silenced or cut."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Self
from urllib.parse import urlsplit


class Streams(Enum):
    """What becomes of streams that are asked for from now on."""

    PASS = "pass"
    HOLD = "hold"
    """Collected, as by a proxy that passes answers on when they are whole."""
    HOLD_BODY = "hold body"
    """The header passes, and no event."""
    END = "end"
    """Answered, and ended at once."""


class Connection:
    """One connection of the follower, with its own to etcd."""

    def __init__(self, near: socket.socket, far: socket.socket, wire: "Wire") -> None:
        self.near, self.far = near, far
        self.streams = False
        self.is_mute = False
        """Nothing comes back any more, and nobody is told."""
        self._wire = wire
        for pump in (self._there, self._back):
            threading.Thread(target=pump, daemon=True).start()

    def cut(self) -> None:
        for end in (self.near, self.far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _there(self) -> None:
        """Requests are small, and come whole."""
        while data := _received(self.near):
            line = data.partition(b"\r\n")[0].decode("latin-1")
            self._wire.note(line)
            if "stream=true" in line:
                self.streams = True
                self.is_mute = self._wire.streams is Streams.HOLD
            self._pass(self.far, data)
        self.cut()

    def _back(self) -> None:
        while data := _received(self.far):
            if not self.is_mute and not self._swallows(data):
                self._pass(self.near, data)
            if self.streams and self._wire.streams is Streams.HOLD_BODY:
                self.is_mute = True
            if self.streams and self._wire.streams is Streams.END:
                break
        self.cut()

    def _swallows(self, data: bytes) -> bool:
        words = self._wire.swallowed
        if not self.streams or words is None or words not in data:
            return False
        self._wire.has_swallowed.set()
        return True

    def _pass(self, to: socket.socket, data: bytes) -> None:
        try:
            to.sendall(data)
        except OSError:
            self.cut()


class Wire:
    """Listens on loopback and passes everything on to one etcd, but for what a test wants."""

    def __init__(self, to: str) -> None:
        self.streams = Streams.PASS
        self.swallowed: bytes | None = None
        """What comes on a stream with these words in it gets lost."""
        self.has_swallowed = threading.Event()
        self.asked: list[str] = []
        """Request lines."""
        parts = urlsplit(to)
        self._to = (str(parts.hostname), int(parts.port or 0))
        self._connections: list[Connection] = []
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for connection in self._connections:
            connection.cut()
            connection.near.close()
            connection.far.close()

    def note(self, line: str) -> None:
        self.asked.append(line)

    def count(self, *words: str) -> int:
        """How many requests had all these words."""
        return sum(all(word in line for word in words) for line in self.asked)

    def mute_streams(self) -> None:
        """Let the streams there are bring nothing more, as etcd does after a burst."""
        self._each_stream(lambda connection: setattr(connection, "is_mute", True))

    def cut_streams(self) -> None:
        self._each_stream(Connection.cut)

    def _each_stream(self, do: Callable[[Connection], None]) -> None:
        for connection in list(self._connections):
            if connection.streams:
                do(connection)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._to, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self._connections.append(Connection(near, far, self))


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(65536)
    except OSError:
        return b""
