"""An etcd watch that stays open: its events as they come, one JSON line each."""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from fleettui.registry.answers import UNDECODABLE, Answer, Event, events_of
from fleettui.registry.errors import NotEtcd, Unreachable, quote

MAX_LINE = 8 << 20
"""Bytes of one event: etcd takes values of 1.5 MB, and an event shows the value before it too."""
_PIECE = 1 << 18
"""Bytes from which on no more are read together."""
_BREATH = 0.005
"""Seconds between two looks: what comes meanwhile is read together. The first after a silence is
read at once."""
_KEPT = 1 << 20
"""Bytes of events that the kernel is asked to keep for us; it may be set to give a fifth of it."""
_PLENTY = 1 << 17
"""Bytes that may come during a rest: with the kernel's buffers full etcd would drop the stream."""


class Streaming:
    """The body of an answer that has no end; any thread may end it."""

    def __init__(self, url: str, response: BaseHTTPResponse, limit: int = MAX_LINE) -> None:
        self._url = url
        self._response = response
        self._limit = limit
        self._ending = threading.Lock()
        self._ended = False
        self._hurried = threading.Event()
        self._records = select.poll()
        """Tells whether another record of TLS has come; never, where there is no TLS."""
        sock = getattr(response.connection, "sock", None)
        if sock is not None:
            # It may be silent for as long as nothing changes; that it lives is proved elsewhere.
            sock.settimeout(None)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KEPT)
            if isinstance(sock, ssl.SSLSocket):
                self._records.register(sock, select.POLLIN)

    @property
    def head(self) -> Answer:
        """Status and headers."""
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        return Answer(self._url, self._response.status, headers, b"")

    @property
    def is_open_ended(self) -> bool:
        """Whether it can go on: an answer with a length, or of HTTP/1.0, was collected first."""
        words = self._response.headers.get("transfer-encoding", "")
        return words.lower() == "chunked" and self._response.version >= 11

    def events(self, rest: Callable[[float], float] = lambda _: 0.0) -> Iterator[list[Event]]:
        """All events that have come, again and again until the server ends or is ended.

        `rest` says for how many seconds from a time.monotonic() on nobody waits for them, unless
        `hurry` is called. Raises NotEtcd for what is no event and for a line without end.
        """
        begun, rested = b"", _BREATH
        while piece := self._piece():
            whole, newline, begun = (begun + piece).rpartition(b"\n")
            if len(begun) > self._limit:
                raise NotEtcd(f"{self._url} sends an event of more than {self._limit} bytes.")
            if newline:
                yield self._decoded(whole)
                fits = rested * _PLENTY / len(piece)
                rested = max(_BREATH, min(fits, rest(time.monotonic())))
                if self._hurried.wait(rested):
                    self._hurried.clear()  # here, where a read follows: or a call might get lost
                    rested = _BREATH  # it was hardly longer, and what comes next not more

    def hurry(self) -> None:
        """Have what has come taken now, if that rests."""
        self._hurried.set()

    def end(self) -> None:
        """Wake whoever waits for an event, or rests, who finds the end."""
        with self._ending:
            if not self._ended:
                with suppress(OSError, ValueError, RuntimeError):  # it has ended by itself
                    self._response.shutdown()
        self.hurry()

    def close(self) -> None:
        """Drop the connection; only for the thread that reads."""
        with self._ending:
            self._ended = True
            self._response.close()

    def _piece(self) -> bytes:
        """What has come, waiting for something if there is nothing; b"" at the end.

        In TLS a read brings one record, and etcd sends each event in one of its own: taken one by
        one between two breaths, two hundred a second are all that would ever be taken.
        """
        came = [self._read()]
        size, until = len(came[0]), time.monotonic() + _BREATH
        while came[-1] and size < _PIECE and self._records.poll(0) and time.monotonic() < until:
            try:
                came.append(self._read())
            except Unreachable:
                break  # what came before that is taken first, and nothing will come behind it
            size += len(came[-1])
        return b"".join(came)

    def _read(self) -> bytes:
        try:
            return self._response.read1(_PIECE, decode_content=False)
        except (OSError, HTTPError) as broken:
            raise Unreachable(f"{self._url} broke a stream off: {quote(str(broken))}") from broken

    def _decoded(self, lines: bytes) -> list[Event]:
        try:
            return events_of(lines)
        except UNDECODABLE as error:
            raise NotEtcd(f"{self._url} streams what is no event: {quote(str(error))}") from error
