"""The one module that imports python-etcd: HTTP to etcd v2, reading and writing kept apart.

Only `fleettui.registry.open` imports it, late, because importing takes more than 100 ms.
"""

import logging
from urllib.parse import urlencode, urlsplit

import etcd
import urllib3
from urllib3.exceptions import HTTPError

from fleettui.registry.answers import Answer
from fleettui.registry.failures import failure_of
from fleettui.registry.streaming import Streaming
from fleettui.registry.transport import CONNECT_SECONDS, Transport

# Both log every failure, which is ours to tell; without a handler it would land on the screen.
logging.getLogger("etcd").addHandler(logging.NullHandler())
logging.getLogger("urllib3").addHandler(logging.NullHandler())


class Endpoint:
    """One etcd client address, spoken to through python-etcd."""

    def __init__(self, url: str, transport: Transport) -> None:
        self.url = url
        self._way = transport.way
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
            raise self._failure(failed, seconds) from failed
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
            raise self._failure(failed.cause, seconds) from failed
        headers = {name.lower(): value for name, value in response.headers.items()}
        user = self._way.login.user if self._way.login else None
        return Answer(self.url, response.status, headers, response.data or b"", user)

    def _failure(self, cause: Exception, seconds: float) -> Exception:
        return failure_of(self.url, cause, seconds, self._way)
