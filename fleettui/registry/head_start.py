"""The first read of a registry, sent while nothing that is heavy has been imported yet.

Plain HTTP over plain sockets, GET and nothing else. Whatever it meets that is not a plain answer
makes it give up without a word: the ordinary way then finds out what is wrong, and tells.
"""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from itertools import chain
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import msgspec

_PIECE = 1 << 18
_LONGEST_HEAD = 1 << 16
_END = b"\r\n\r\n"
"""Of a head."""


class RawAnswer(msgspec.Struct, frozen=True):
    """One HTTP answer, unjudged; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Missed(Exception):
    """What was asked for ahead is not there."""


class HeadStart:
    """Several reads of one endpoint, each over a connection of its own, in threads of their own."""

    def __init__(self, url: str, targets: Mapping[str, str], *, seconds: float, limit: int) -> None:
        """Begins at once. `targets` are paths with their queries, by the name of what they read;
        all have to be there in `seconds`, none with more than `limit` bytes.
        """
        self.url = url
        self.asked_at = datetime.now(UTC)
        self._address = urlsplit(url)
        self._until = time.monotonic() + seconds
        self._limit = limit
        self._come: SimpleQueue[tuple[str, RawAnswer | None]] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._ask, args=item, name="etcd head start", daemon=True)
            for item in targets.items()
        ]
        for thread in self._threads:
            thread.start()

    def each(self) -> Iterator[tuple[str, RawAnswer]]:
        """All answers, each when it has come. Raises Missed for one that did not in time."""
        for _ in self._threads:
            try:
                name, answer = self._next()
            except (Empty, TimeoutError) as late:
                raise Missed from late
            if answer is None:
                raise Missed
            yield name, answer

    def _next(self) -> tuple[str, RawAnswer | None]:
        """One that is there is in time, however long whoever asks has worked on those before."""
        with suppress(Empty):
            return self._come.get_nowait()
        return self._come.get(timeout=self._left())

    def _ask(self, name: str, target: str) -> None:
        answer = None
        with suppress(OSError, ValueError):  # nobody asks why: see above
            answer = self._answer_to(target)
        self._come.put((name, answer))

    def _answer_to(self, target: str) -> RawAnswer:
        # As bytes: for text, Python first imports what encodes the names of all languages.
        host: Any = str(self._address.hostname).encode("ascii")
        # Of HTTP/1.0 an answer has no parts: it goes on until the connection ends.
        request = f"GET {target} HTTP/1.0\r\nHost: {self._address.netloc}\r\n\r\n"
        with socket.create_connection((host, self._address.port or 0), self._left()) as connection:
            connection.sendall(request.encode("ascii"))
            head, begun = self._head(connection)
            return _parsed(head, self._body(connection, begun))

    def _head(self, connection: socket.socket) -> tuple[bytes, bytes]:
        """The head, which may come bit by bit, and what has come of the body with it."""
        come = b""
        while _END not in come:
            piece = self._piece(connection)
            if not piece or len(come) > _LONGEST_HEAD:
                raise ValueError("a head without an end")
            come += piece
        head, _, begun = come.partition(_END)
        return head, begun

    def _body(self, connection: socket.socket, begun: bytes) -> bytes:
        """All of it; megabytes grow in one place, whose bytes are given away without a copy."""
        body = BytesIO()
        for piece in chain([begun], iter(partial(self._piece, connection), b"")):
            body.write(piece)
            if body.tell() > self._limit:
                raise ValueError(f"more than {self._limit} bytes")
        return body.getvalue()

    def _piece(self, connection: socket.socket) -> bytes:
        """What comes next; nothing at the end."""
        connection.settimeout(self._left())
        return connection.recv(_PIECE)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _parsed(head: bytes, body: bytes) -> RawAnswer:
    """Raises ValueError for what is no whole answer."""
    if len(head) > _LONGEST_HEAD:
        raise ValueError("no HTTP")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    version, status, *_ = first.split(" ")
    if not version.startswith("HTTP/1.") or "transfer-encoding" in headers:
        raise ValueError("not what was asked for")
    if int(headers.get("content-length", len(body))) != len(body):
        raise ValueError("cut off")
    return RawAnswer(int(status), headers, body)
