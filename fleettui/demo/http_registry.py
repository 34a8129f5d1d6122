"""fleet's registry over etcd's v2 HTTP interface, with Python's standard library alone."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Unpack
from urllib.parse import quote, urlencode, urlsplit

from fleettui.demo.fleet_jobs import SetOptions


class HttpRegistry:
    """Keys under a prefix of one etcd member, over one connection that is kept open.

    Every failure to get a straight answer is an OSError. Safe to call from several threads.
    """

    def __init__(self, endpoint: str, prefix: str = "/_coreos.com/fleet", timeout: float = 3.0):
        """`endpoint` such as `http://127.0.0.1:2379`; `timeout` in seconds for each request."""
        place = urlsplit(endpoint)
        self._prefix = "/" + prefix.strip("/")
        self._lock = threading.Lock()
        self._connection = http.client.HTTPConnection(
            place.hostname or "127.0.0.1", place.port or 2379, timeout=timeout
        )

    def read(self, key: str) -> dict[str, str]:
        """Every value at and under `key`, by full key relative to the prefix; {} when absent."""
        status, answer = self._ask("GET", key, {"recursive": "true", "quorum": "false"})
        if status == 404:
            return {}
        self._expect(status, {200}, answer)
        node = answer.get("node")
        return dict(self._leaves(node)) if isinstance(node, Mapping) else {}

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        """Set a key; False = the comparison failed."""
        conditions = {}
        if (expected := options.get("prev_value")) is not None:
            conditions["prevValue"] = expected
        if (exist := options.get("prev_exist")) is not None:
            conditions["prevExist"] = "true" if exist else "false"
        ttl = options.get("ttl")
        fields = {"value": value} | ({} if ttl is None else {"ttl": str(ttl)})
        status, answer = self._ask("PUT", key, conditions, fields)
        self._expect(status, {200, 201, 404, 412}, answer)
        return status in {200, 201}

    def delete(self, key: str, *, prev_value: str | None = None) -> bool:
        """Remove a key or a whole directory; False = absent, or another value than expected."""
        query = {"recursive": "true"} if prev_value is None else {"prevValue": prev_value}
        status, answer = self._ask("DELETE", key, query)
        self._expect(status, {200, 404, 412}, answer)
        return status == 200

    def close(self) -> None:
        """End the connection; the next request would open another."""
        with self._lock:
            self._connection.close()

    def _ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        fields: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, object]]:
        path = quote(f"/v2/keys{self._prefix}/{key}", errors="surrogateescape")
        url = f"{path}?{urlencode(query, errors='surrogateescape')}"
        body = None if fields is None else urlencode(fields, errors="surrogateescape")
        headers = {} if body is None else {"Content-Type": "application/x-www-form-urlencoded"}
        with self._lock:
            try:
                self._connection.request(method, url, body, headers)
                response = self._connection.getresponse()
                raw = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                raise OSError(f"etcd does not answer: {error!r}") from error
        return response.status, _decode(raw)

    def _expect(self, status: int, wanted: set[int], answer: Mapping[str, object]) -> None:
        if status not in wanted:
            raise OSError(f"etcd answered {status}: {answer.get('message', 'nothing readable')}")

    def _leaves(self, node: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        key, value, nodes = node.get("key"), node.get("value"), node.get("nodes")
        if isinstance(key, str) and isinstance(value, str):
            yield key.removeprefix(self._prefix).lstrip("/"), value
        for child in nodes if isinstance(nodes, list) else []:
            yield from self._leaves(child)


def _decode(raw: bytes) -> dict[str, object]:
    try:
        answer = json.loads(raw)
    except ValueError as error:
        raise OSError("etcd's answer is no JSON") from error
    return answer if isinstance(answer, dict) else {}
