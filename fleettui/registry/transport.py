"""HTTP connections to etcd that carry one method each, straight or through a tunnel."""

import socket
import ssl
import time
from io import BytesIO
from typing import Any, ClassVar

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from fleettui.access import Dial, HostUnreachable
from fleettui.registry.chunks import InPieces
from fleettui.registry.errors import NoWay
from fleettui.registry.tls import context_for
from fleettui.registry.way import STRAIGHT, Way

MAX_SECONDS = 60.0
"""How long one answer may take altogether, however steadily it drips."""
CONNECT_SECONDS = 3.0
"""For a connection to etcd to come about."""
_AT_ONCE = 8
"""Idle connections kept: each folder of a fleet is read over one of its own."""


class MethodRefused(Exception):
    """A request that the transport it was given to does not carry."""


class AnswerTooLarge(HTTPError):
    """More bytes, or more time, than any registry needs."""


class HandshakeCut(OSError):
    """What was spoken to in TLS hung up before it had said anything in TLS."""


class Transport(urllib3.PoolManager):
    """Carries one method, sends each request once, follows nothing, reads no more than it must."""

    method: ClassVar[str]

    def __init__(self, limit: int, way: Way = STRAIGHT) -> None:
        super().__init__(num_pools=2, maxsize=_AT_ONCE, retries=urllib3.Retry(total=0, redirect=0))
        self.limit = limit
        self.way = way
        self.pool_classes_by_scheme = _pools(way)
        # Not among python-etcd's settings: it knows neither empty passwords nor all of Unicode.
        self._login = way.login.header() if way.login else {}

    def urlopen(self, method: str, url: str, *args: Any, **kw: Any) -> urllib3.BaseHTTPResponse:
        if method != self.method:
            raise MethodRefused(f"{method} is refused: this connection carries {self.method} only")
        until = time.monotonic() + MAX_SECONDS
        kw["headers"] = {**(kw.get("headers") or {}), **self._login}
        response = super().urlopen(method, url, *args, **kw)
        body = _read(response, self.limit, until)
        return urllib3.HTTPResponse(body, headers=response.headers, status=response.status)


class GetOnly(Transport):
    """What reads. No caller, python-etcd included, can send anything but GET through it."""

    method = "GET"

    def begin(self, url: str, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """One GET whose answer is left to be read as it comes."""
        return super(Transport, self).urlopen(
            self.method,
            url,
            redirect=False,
            preload_content=False,
            timeout=timeout,
            headers=self._login,
        )


class PutOnly(Transport):
    """What writes. Made for one request and dropped after it."""

    method = "PUT"


class DeleteOnly(Transport):
    """What deletes. Made for one request and dropped after it."""

    method = "DELETE"


def _pools(way: Way) -> dict[str, Any]:
    """Pools whose connections take that way."""

    class Plain(HTTPConnection):
        response_class = InPieces

        def _new_conn(self) -> socket.socket:
            return _dialled(self, way.dial) if way.dial else super()._new_conn()

    class Secure(HTTPSConnection):
        response_class = InPieces

        def connect(self) -> None:
            self.ssl_context = context_for(way)  # files may have been renewed
            try:
                super().connect()
            except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError) as hung_up:
                raise HandshakeCut(*hung_up.args) from hung_up

        def _new_conn(self) -> socket.socket:
            return _dialled(self, way.dial) if way.dial else super()._new_conn()

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _dialled(connection: HTTPConnection, dial: Dial) -> socket.socket:
    """A connection through the tunnel, which fails as one of urllib3's own does."""
    wanted = connection.timeout
    seconds = float(wanted) if isinstance(wanted, int | float) else CONNECT_SECONDS
    try:
        return dial(connection.host.strip("[]"), connection.port, seconds)
    except HostUnreachable as closed:
        raise NoWay(f"etcd cannot be reached: {closed}.") from closed
    except TimeoutError as late:
        raise ConnectTimeoutError(connection, f"no connection within {seconds:g} s") from late
    except OSError as refused:
        raise NewConnectionError(connection, str(refused)) from refused


def _read(response: urllib3.BaseHTTPResponse, limit: int, until: float) -> bytes:
    """The body; raises AnswerTooLarge where it grows past `limit` bytes or the time is up."""
    body = BytesIO()  # pieces that are joined at the end would all be moved once more
    for piece in response.stream(1 << 16):
        body.write(piece)
        if body.tell() > limit:
            response.close()
            raise AnswerTooLarge(f"more than {limit} bytes")
        if time.monotonic() > until:
            response.close()
            raise AnswerTooLarge(f"more than {MAX_SECONDS:.0f} s")
    return body.getvalue()
