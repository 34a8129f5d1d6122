"""An HTTP server that answers as a test tells it, and remembers what it was asked."""

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

import msgspec

EMPTY = msgspec.json.encode(
    {"action": "get", "node": {"key": "/_coreos.com/fleet", "dir": True, "modifiedIndex": 1}}
)
HEADERS = {"X-Etcd-Index": "7", "X-Etcd-Cluster-Id": "cafe"}


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    status: int = 200
    body: bytes = EMPTY
    headers: dict[str, str] = field(default_factory=lambda: dict(HEADERS))


Answering = Callable[[str, str], Reply]
"""Method and path with query -> reply."""


class FakeEtcd:
    """Answers each request in a thread of its own, on a port of 127.0.0.1."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.connections: set[object] = set()
        self.came = threading.Condition()
        self.closing = threading.Event()
        outer = self

        class Asked(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                outer.connections.add(self.client_address)
                with outer.came:
                    outer.asked.append((self.command, self.path))
                    outer.came.notify_all()
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
                reply = outer.answering(self.command, self.path)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Asked)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for(self, requests: int) -> None:
        """Wait until that many requests have come; fails after 20 s."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.asked) >= requests, 20)

    def hang(self) -> Reply:
        """Answer only when the test is over, and then nothing that counts."""
        self.closing.wait()
        return Reply(500, b"")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no error here."""


def forward(to: str) -> Answering:
    """Pass reads on to a real etcd."""

    def answering(method: str, path: str) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(to).netloc, timeout=30)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            kept = {name: answer.headers[name] for name in HEADERS if name in answer.headers}
            return Reply(answer.status, body, kept)
        except OSError:
            return Reply(502, b"")
        finally:
            connection.close()

    return answering
