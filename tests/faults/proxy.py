"""A TCP proxy on loopback that stalls, cuts, trickles, corrupts or refuses, as it is told."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Self

Change = Callable[["Connection", bytes], bytes]
"""What becomes of the bytes that go one way."""


class Weather(Enum):
    """What becomes of what is sent from now on."""

    FAIR = "fair"
    STALL = "stall"
    """Connections are taken, and nothing passes either way until it is fair again."""
    TRICKLE = "trickle"
    """Answers come byte by byte."""
    CORRUPT = "corrupt"
    """A bit of each piece of an answer is another one."""
    REFUSE = "refuse"
    """New connections are closed at once; those that there are go on."""


class Connection:
    """One connection of a client, with its own to the server."""

    def __init__(self, near: socket.socket, far: socket.socket, proxy: "Proxy") -> None:
        self.near, self.far = near, far
        pumps = ((near, far, proxy.there), (far, near, proxy.back))
        self._pumps = [threading.Thread(target=self._pump, args=p, daemon=True) for p in pumps]
        self.begin()

    def begin(self) -> None:
        for pump in self._pumps:
            pump.start()

    def cut(self) -> None:
        """End it without a word."""
        for end in (self.near, self.far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        for pump in self._pumps:
            pump.join(5)
        self.near.close()
        self.far.close()

    def _pump(self, source: socket.socket, target: socket.socket, change: Change) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if passed := change(self, data):
                    target.sendall(passed)
        self.cut()


class Proxy:
    """Listens on a port of loopback and passes everything on to one server."""

    pause = 0.002
    """Seconds between two bytes of an answer that trickles."""
    kind: type[Connection] = Connection

    def __init__(self, host: str, port: int, address: str = "127.0.0.1") -> None:
        self.weather = Weather.FAIR
        self.connections: list[Connection] = []
        self._to = (host, port)
        self._closing = threading.Event()
        self._listening = socket.create_server((address, 0), backlog=64)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for connection in self.connections:
            connection.close()

    def cut(self) -> None:
        """End all connections that there are without a word."""
        for connection in list(self.connections):
            connection.cut()

    def there(self, connection: Connection, data: bytes) -> bytes:
        """What the server gets of what a client sent."""
        self._wait_while_stalled()
        return data

    def back(self, connection: Connection, data: bytes) -> bytes:
        """What the client gets of what the server sent."""
        self._wait_while_stalled()
        if self.weather is Weather.CORRUPT:
            middle = len(data) // 2
            return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]
        while self.weather is Weather.TRICKLE and len(data) > 1:
            connection.near.sendall(data[:1])
            data = data[1:]
            time.sleep(self.pause)  # this is the fault
        return data

    def _wait_while_stalled(self) -> None:
        while self.weather is Weather.STALL and not self._closing.wait(0.02):
            pass

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            if self.weather is Weather.REFUSE:
                near.close()
                continue
            try:
                far = socket.create_connection(self._to, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.connections.append(self.kind(near, far, self))
