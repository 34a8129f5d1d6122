"""Many writes to etcd's v2 interface at once, for tests and benchmarks: a pipelined connection."""

import socket
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode, urlsplit

PREFIX = "/_coreos.com/fleet"


class Pipeline:
    """One connection on which writes are sent without waiting for each answer."""

    def __init__(self, endpoint: str, prefix: str = PREFIX) -> None:
        address = urlsplit(endpoint)
        self._host = address.netloc
        self._prefix = prefix
        self._socket = socket.create_connection((str(address.hostname), int(address.port or 0)))
        self._answers = self._socket.makefile("rb")

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def put(self, values: Mapping[str, str], ttl: int | None = None) -> None:
        """Set keys below fleet's prefix, and wait until all are set."""
        more = {} if ttl is None else {"ttl": str(ttl)}
        forms = ((key, urlencode({"value": value, **more})) for key, value in values.items())
        self._send([("PUT", key, form) for key, form in forms])

    def delete(self, keys: Iterable[str]) -> None:
        """Delete keys below fleet's prefix, and wait until all are gone."""
        self._send([("DELETE", key, "") for key in keys])

    def _send(self, requests: list[tuple[str, str, str]]) -> None:
        for start in range(0, len(requests), 256):
            part = requests[start : start + 256]
            self._socket.sendall(b"".join(self._request(*request) for request in part))
            for _ in part:
                self._take_answer()

    def _request(self, method: str, key: str, form: str) -> bytes:
        lines = (
            f"{method} /v2/keys{self._prefix}/{quote(key)} HTTP/1.1",
            f"Host: {self._host}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(form)}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n" + form).encode()

    def _take_answer(self) -> None:
        status = self._answers.readline()
        length = 0
        while (line := self._answers.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self._answers.read(length)
        code = int(status.split()[1])
        assert code in {200, 201, 404}, f"{status!r} {body!r}"
