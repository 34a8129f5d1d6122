"""The one module that imports python-etcd: HTTP to etcd v2, reading and writing kept apart.

Only `fleettui.registry.open` imports it, late, because importing takes more than 100 ms.
"""

import logging
import time
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import etcd
import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    ReadTimeoutError,
)

from fleettui.registry.answers import Answer
from fleettui.registry.errors import NotEtcd, NotSent, Silent, Unreachable, quote
from fleettui.registry.streaming import Streaming

MAX_SECONDS = 60.0
"""How long one answer may take altogether, however steadily it drips."""
CONNECT_SECONDS = 3.0
_AT_ONCE = 8
"""Idle connections kept: each folder of a fleet is read over one of its own."""

# Both log every failure, which is ours to tell; without a handler it would land on the screen.
logging.getLogger("etcd").addHandler(logging.NullHandler())
logging.getLogger("urllib3").addHandler(logging.NullHandler())


class MethodRefused(Exception):
    """A request that the transport it was given to does not carry."""


class AnswerTooLarge(HTTPError):
    """More bytes, or more time, than any registry needs."""


class _Transport(urllib3.PoolManager):
    """Carries one method, sends each request once, follows nothing, reads no more than it must."""

    method: ClassVar[str]

    def __init__(self, limit: int) -> None:
        super().__init__(num_pools=2, maxsize=_AT_ONCE, retries=urllib3.Retry(total=0, redirect=0))
        self.limit = limit

    def urlopen(self, method: str, url: str, *args: Any, **kw: Any) -> urllib3.BaseHTTPResponse:
        if method != self.method:
            raise MethodRefused(f"{method} is refused: this connection carries {self.method} only")
        until = time.monotonic() + MAX_SECONDS
        response = super().urlopen(method, url, *args, **kw)
        body = _read(response, self.limit, until)
        return urllib3.HTTPResponse(body, headers=response.headers, status=response.status)


class GetOnly(_Transport):
    """What reads. No caller, python-etcd included, can send anything but GET through it."""

    method = "GET"

    def begin(self, url: str, timeout: urllib3.Timeout) -> urllib3.BaseHTTPResponse:
        """One GET whose answer is left to be read as it comes."""
        return super(_Transport, self).urlopen(
            self.method, url, redirect=False, preload_content=False, timeout=timeout
        )


class PutOnly(_Transport):
    """What writes. Made for one request and dropped after it."""

    method = "PUT"


class DeleteOnly(_Transport):
    """What deletes. Made for one request and dropped after it."""

    method = "DELETE"


class Endpoint:
    """One etcd client address, spoken to through python-etcd."""

    def __init__(self, url: str, transport: _Transport) -> None:
        self.url = url
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        client = etcd.Client(
            host=host,
            port=parts.port,
            protocol=parts.scheme,
            allow_redirect=False,
            allow_reconnect=False,
        )
        client.http = transport
        # python-etcd's own reading of an answer forgets its status and stumbles over odd JSON, and
        # it accepts another cluster the second time it sees it: answers are judged elsewhere.
        client._handle_server_response = lambda response: response
        client._check_cluster_id = lambda response: None
        self._client = client

    def get(self, path: str, seconds: float, **params: str) -> Answer:
        """One GET. Raises Unreachable, or NotEtcd where it answers without end."""
        return self._send("GET", path, seconds, params)

    def watch(self, path: str, seconds: float, **params: str) -> Answer | None:
        """One long poll; None where nothing happened in `seconds`. Raises as `get`."""
        try:
            return self._send("GET", path, seconds, {"wait": "true", **params})
        except etcd.EtcdWatchTimedOut:
            return None

    def stream(self, path: str, seconds: float, **params: str) -> Streaming:
        """A watch that stays open, once its header is in. Raises as `get`.

        python-etcd reads every answer to its end, which this one has not: it lends its pool.
        """
        query = urlencode({"wait": "true", "stream": "true", **params})
        timeout = urllib3.Timeout(connect=min(seconds, CONNECT_SECONDS), read=seconds)
        try:
            response = self._client.http.begin(f"{self._client.base_uri}{path}?{query}", timeout)
        except (HTTPError, OSError) as failed:
            raise self._problem(failed, seconds) from failed
        return Streaming(self.url, response)

    def put(self, path: str, seconds: float, **params: str) -> Answer:
        """One PUT. Raises NotSent or Unreachable; after the latter it may have been carried out."""
        return self._send("PUT", path, seconds, params)

    def delete(self, path: str, seconds: float, **params: str) -> Answer:
        """One DELETE. Raises as `put`."""
        return self._send("DELETE", path, seconds, params)

    def close(self) -> None:
        """Close idle connections; one in use closes when its answer is in."""
        self._client.http.clear()

    def _send(self, method: str, path: str, seconds: float, params: dict[str, str]) -> Answer:
        timeout = urllib3.Timeout(connect=min(seconds, CONNECT_SECONDS), read=seconds)
        try:
            response = self._client.api_execute(path, method, params=params, timeout=timeout)
        except etcd.EtcdWatchTimedOut:
            raise
        except etcd.EtcdConnectionFailed as failed:
            raise self._problem(failed.cause, seconds) from failed
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(self.url, response.status, headers, response.data or b"")

    def _problem(self, cause: Exception, seconds: float) -> Exception:
        if isinstance(cause, MaxRetryError) and cause.reason is not None:
            cause = cause.reason
        if isinstance(cause, AnswerTooLarge):
            return NotEtcd(f"{self.url} answers without end: {cause}. Is this etcd?")
        if isinstance(cause, ConnectTimeoutError):
            return NotSent(
                f"{self.url} cannot be reached: {_words(cause, seconds)}. Is etcd running there, "
                "and is this the right --endpoint?"
            )
        kind = Silent if isinstance(cause, ReadTimeoutError) else Unreachable
        return kind(f"{self.url} does not answer: {_words(cause, seconds)}. Look at etcd.")


def _read(response: urllib3.BaseHTTPResponse, limit: int, until: float) -> bytes:
    """The body; raises AnswerTooLarge where it grows past `limit` bytes or the time is up."""
    pieces = []
    size = 0
    for piece in response.stream(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            response.close()
            raise AnswerTooLarge(f"more than {limit} bytes")
        if time.monotonic() > until:
            response.close()
            raise AnswerTooLarge(f"more than {MAX_SECONDS:.0f} s")
    return b"".join(pieces)


def _words(cause: Exception, seconds: float) -> str:
    if isinstance(cause, ReadTimeoutError):
        return f"nothing came within {seconds:g} s"
    origin = cause.__cause__ or cause.__context__ or cause.args[-1]
    if isinstance(origin, OSError) and origin.strerror:
        return quote(origin.strerror.lower())
    if isinstance(cause, ConnectTimeoutError):
        return f"no connection within {min(seconds, CONNECT_SECONDS):g} s"
    return quote(str(origin))
