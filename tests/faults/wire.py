"""A wire between a follower and etcd on which streams can be held back, silenced or cut."""

import socket
import threading
from collections.abc import Callable
from enum import Enum
from urllib.parse import urlsplit

from .proxy import Connection, Proxy


class Streams(Enum):
    """What becomes of streams that are asked for from now on."""

    PASS = "pass"
    HOLD = "hold"
    """Collected, as by a proxy that passes answers on when they are whole."""
    HOLD_BODY = "hold body"
    """The header passes, and no event."""
    END = "end"
    """Answered, and ended at once."""


class WireConnection(Connection):
    """One connection of the follower, with its own to etcd."""

    def __init__(self, near: socket.socket, far: socket.socket, proxy: Proxy) -> None:
        self.streams = False
        self.is_mute = False
        """Nothing comes back any more, and nobody is told."""
        super().__init__(near, far, proxy)


class Wire(Proxy):
    """Listens on loopback and passes everything on to one etcd, but for what a test wants."""

    kind = WireConnection

    def __init__(self, to: str) -> None:
        self.streams = Streams.PASS
        self.swallowed: bytes | None = None
        """What comes on a stream with these words in it gets lost."""
        self.has_swallowed = threading.Event()
        self.asked: list[str] = []
        """Request lines."""
        parts = urlsplit(to)
        super().__init__(str(parts.hostname), int(parts.port or 0))

    def count(self, *words: str) -> int:
        """How many requests had all these words."""
        return sum(all(word in line for word in words) for line in self.asked)

    def mute_streams(self) -> None:
        """Let the streams there are bring nothing more, as etcd does after a burst."""
        self._each_stream(lambda connection: setattr(connection, "is_mute", True))

    def cut_streams(self) -> None:
        self._each_stream(Connection.cut)

    def there(self, connection: Connection, data: bytes) -> bytes:
        """Requests are small, and come whole."""
        assert isinstance(connection, WireConnection)
        line = data.partition(b"\r\n")[0].decode("latin-1")
        self.asked.append(line)
        if "stream=true" in line:
            connection.streams = True
            connection.is_mute = self.streams is Streams.HOLD
        return super().there(connection, data)

    def back(self, connection: Connection, data: bytes) -> bytes:
        assert isinstance(connection, WireConnection)
        passed = b"" if connection.is_mute or self._swallows(connection, data) else data
        if connection.streams and self.streams is Streams.HOLD_BODY:
            connection.is_mute = True
        if connection.streams and self.streams is Streams.END:
            connection.near.sendall(passed)
            connection.cut()
            return b""
        return super().back(connection, passed) if passed else b""

    def _swallows(self, connection: WireConnection, data: bytes) -> bool:
        words = self.swallowed
        if not connection.streams or words is None or words not in data:
            return False
        self.has_swallowed.set()
        return True

    def _each_stream(self, do: Callable[[Connection], None]) -> None:
        for connection in list(self.connections):
            if isinstance(connection, WireConnection) and connection.streams:
                do(connection)
