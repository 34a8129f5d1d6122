"""The repair lock's key in a real etcd, as a test looks at it and meddles with it."""

import http.client
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import msgspec
from faults.etcd_servers import RealEtcd
from faults.fake_etcd import Answering, FakeEtcd, Reply, forward

from fleettui.registry.keys import DEFAULT_PREFIX, keys_under

PATH = keys_under(DEFAULT_PREFIX).lock


class Key(msgspec.Struct, rename="camel"):
    """The key as etcd shows it."""

    value: str = ""
    modified_index: int = 0
    ttl: int = 0
    """Seconds left; 0 = for ever."""


class _Body(msgspec.Struct):
    node: Key


def lock_key(etcd: RealEtcd) -> Key | None:
    """How the lock's key stands, None where there is none."""
    status, body = ask(etcd, "GET", PATH)
    return msgspec.json.decode(body, type=_Body).node if status == 200 else None


def write(etcd: RealEtcd, **form: str) -> None:
    """Write the lock's key as somebody else would."""
    status, _ = ask(etcd, "PUT", PATH, urlencode(form))
    assert status in {200, 201}


def remove(etcd: RealEtcd) -> None:
    status, _ = ask(etcd, "DELETE", PATH)
    assert status == 200


def ask(etcd: RealEtcd, method: str, path: str, form: str = "") -> tuple[int, bytes]:
    """One request by hand: its status and body."""
    connection = http.client.HTTPConnection(urlsplit(etcd.endpoint).netloc, timeout=30)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, form, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Muffled:
    """Passes reads on to etcd; what changes something is done, or not, and never answered."""

    def __init__(self, etcd: RealEtcd, meanwhile: Callable[[], None] | None = None) -> None:
        self.held: list[tuple[str, str, str]] = []
        """Changes that came and were not carried out: method, path and form."""
        self._etcd = etcd
        self._meanwhile = meanwhile
        self._reads = forward(etcd.endpoint)

    def answering(self, server: FakeEtcd) -> Answering:
        """Do what is asked, and say so."""

        def answering(method: str, path: str) -> Reply:
            if method == "GET":
                return self._reads(method, path)
            return Reply(*ask(self._etcd, method, path, server.bodies[-1].decode()))

        return answering

    def carrying_out(self, server: FakeEtcd) -> Answering:
        """Do what is asked, and say nothing."""

        def answering(method: str, path: str) -> Reply:
            if method == "GET":
                return self._reads(method, path)
            ask(self._etcd, method, path, server.bodies[-1].decode())
            return server.hang()

        return answering

    def holding_back(self, server: FakeEtcd) -> Answering:
        """Do nothing, or what happens `meanwhile`, and say nothing."""

        def answering(method: str, path: str) -> Reply:
            if method == "GET":
                return self._reads(method, path)
            self.held.append((method, path, server.bodies[-1].decode()))
            if self._meanwhile is not None:
                self._meanwhile()
            return server.hang()

        return answering

    def let_go(self) -> None:
        """Carry out what was held back, late."""
        for method, path, form in self.held:
            ask(self._etcd, method, path, form)
