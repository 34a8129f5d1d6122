"""What reads cannot write: no call of python-etcd gets anything but GET past its connections."""

from collections.abc import Callable, Iterator
from typing import Any

import etcd
import pytest
from faults.fake_etcd import EMPTY, FakeEtcd, Reply

from fleettui.registry import transport
from fleettui.registry.open import for_deleting, for_reading, for_writing

Call = Callable[[Any], object]

WRITING: dict[str, Call] = {
    "write": lambda c: c.write("/k", "v"),
    "write with a comparison": lambda c: c.write("/k", "v", prevValue="w"),
    "write in order": lambda c: c.write("/k", "v", append=True),
    "set": lambda c: c.set("/k", "v"),
    "update": lambda c: c.update(etcd.EtcdResult(node={"key": "/k", "value": "v"})),
    "refresh": lambda c: c.refresh("/k", ttl=1),
    "test_and_set": lambda c: c.test_and_set("/k", "v", "w"),
    "delete": lambda c: c.delete("/k"),
    "delete all below": lambda c: c.delete("/k", recursive=True, dir=True),
    "pop": lambda c: c.pop("/k"),
    "a lock": lambda c: etcd.Lock(c, "l").acquire(lock_ttl=1),
    "PUT by hand": lambda c: c.api_execute("/v2/keys/k", "PUT", {"value": "v"}),
    "POST by hand": lambda c: c.api_execute("/v2/keys/k", "POST", {"value": "v"}),
    "DELETE by hand": lambda c: c.api_execute("/v2/keys/k", "DELETE"),
    "JSON by hand": lambda c: c.api_execute_json("/v2/auth/enable", "PUT", {}),
    "urllib3's request": lambda c: c.http.request("PUT", f"{c.base_uri}/v2/keys/k"),
    "urllib3's urlopen": lambda c: c.http.urlopen("DELETE", f"{c.base_uri}/v2/keys/k"),
    "a method in small letters": lambda c: c.http.urlopen("put", f"{c.base_uri}/v2/keys/k"),
    "a method of its own": lambda c: c.http.urlopen("PURGE", f"{c.base_uri}/v2/keys/k"),
}


@pytest.fixture
def server() -> Iterator[FakeEtcd]:
    with FakeEtcd(lambda method, path: Reply()) as fake:
        yield fake


@pytest.mark.parametrize("call", WRITING.values(), ids=WRITING)
def test_no_writing_call_leaves_a_connection_that_reads(server: FakeEtcd, call: Call) -> None:
    endpoint = for_reading(server.url)
    with pytest.raises(Exception, match="refused") as raised:
        call(endpoint._client)
    endpoint.close()
    assert all(method == "GET" for method, _ in server.asked)
    causes = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert any(isinstance(cause, transport.MethodRefused) for cause in causes)


def test_a_reading_endpoint_reads(server: FakeEtcd) -> None:
    endpoint = for_reading(server.url)
    assert endpoint.get("/v2/keys/k", 5, recursive="true").body == EMPTY
    endpoint.close()
    assert server.asked == [("GET", "/v2/keys/k?recursive=true")]


def test_a_writing_endpoint_writes_and_cannot_read(server: FakeEtcd) -> None:
    endpoint = for_writing(server.url)
    endpoint.put("/v2/keys/k", 5, value="v")
    with pytest.raises(transport.MethodRefused):
        endpoint.get("/v2/keys/k", 5)
    with pytest.raises(transport.MethodRefused):
        endpoint.delete("/v2/keys/k", 5)
    endpoint.close()
    assert server.asked == [("PUT", "/v2/keys/k")]


def test_a_deleting_endpoint_deletes_and_does_nothing_else(server: FakeEtcd) -> None:
    endpoint = for_deleting(server.url)
    endpoint.delete("/v2/keys/k", 5, prevIndex="7")
    with pytest.raises(transport.MethodRefused):
        endpoint.put("/v2/keys/k", 5, value="v")
    with pytest.raises(transport.MethodRefused):
        endpoint.get("/v2/keys/k", 5)
    endpoint.close()
    assert server.asked == [("DELETE", "/v2/keys/k?prevIndex=7")]


def test_connections_are_used_again_for_the_next_read(server: FakeEtcd) -> None:
    endpoint = for_reading(server.url)
    for _ in range(5):
        endpoint.get("/v2/keys/k", 5)
    endpoint.close()
    assert len(server.asked) == 5
    assert len(server.connections) == 1
