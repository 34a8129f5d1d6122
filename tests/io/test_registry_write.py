"""The one write: compare-and-swap, sent once, and honest about what came of it."""

import http.client
from urllib.parse import urlsplit

import msgspec
import pytest
from etcd_servers import Member, RealEtcd
from fake_etcd import EMPTY, HEADERS, FakeEtcd, Reply, forward

from fleettui.access import RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_reader, connect_writer
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.pace import Pace
from fleettui.registry.write import EtcdWriter

TEMPLATE = Untrusted("zookeeper@.service")
KEY = "job/zookeeper@.service/target-state"


def writer(*endpoints: str, pace: Pace | None = None) -> EtcdWriter:
    return EtcdWriter(endpoints, keys_under(DEFAULT_PREFIX), pace=pace)


def value_of(etcd: RealEtcd, key: str) -> str:
    connection = http.client.HTTPConnection(urlsplit(etcd.endpoint).netloc, timeout=10)
    try:
        connection.request("GET", f"/v2/keys/_coreos.com/fleet/{key}")
        body = msgspec.json.decode(connection.getresponse().read())
        value = body["node"]["value"]
        assert isinstance(value, str)
        return value
    finally:
        connection.close()


@pytest.mark.parametrize("wanted", ["loaded", "launched", "a word fleet does not know"])
async def test_unload_sets_the_target_state_to_inactive(etcd: RealEtcd, wanted: str) -> None:
    etcd.put(KEY, wanted)
    etcd.put("job/zookeeper@.service/target", "m1")
    await writer(etcd.endpoint).unload(TEMPLATE, wanted)
    assert value_of(etcd, KEY) == "inactive"
    assert value_of(etcd, "job/zookeeper@.service/target") == "m1", "that is the engine's to do"


async def test_a_value_that_changed_meanwhile_is_left_and_told(etcd: RealEtcd) -> None:
    etcd.put(KEY, "launched")
    with pytest.raises(WriteRefused, match=r"was to be loaded and is launched\. Somebody else"):
        await writer(etcd.endpoint).unload(TEMPLATE, "loaded")
    assert value_of(etcd, KEY) == "launched"


async def test_a_unit_that_was_destroyed_meanwhile_is_not_made_again(etcd: RealEtcd) -> None:
    with pytest.raises(WriteRefused, match="no target state in the registry any more"):
        await writer(etcd.endpoint).unload(TEMPLATE, "loaded")


@pytest.mark.parametrize(
    "name",
    [
        "zookeeper@.service?recursive=true",
        "../zookeeper@.service",
        "..",
        "%2e%2e.service",
        "a/b.service",
        "$(reboot).service",
        "a b.service",
        "\x1b[2J.service",
        "\u202egpj.service",
        "a.service\n",
        "-a.service",
        "zookeeper@",
        "",
    ],
)
async def test_a_hostile_name_is_refused_before_anything_is_sent(name: str) -> None:
    with FakeEtcd(lambda method, path: Reply()) as server:
        with pytest.raises(WriteRefused, match="Nothing was sent"):
            await writer(server.url).unload(Untrusted(name), "loaded")
        assert server.asked == []


def puts(server: FakeEtcd) -> int:
    return sum(method == "PUT" for method, _ in server.asked)


async def test_a_write_that_is_never_answered_is_sent_once_and_unknown() -> None:
    with FakeEtcd(lambda m, p: server.hang() if m == "PUT" else Reply()) as server:
        with pytest.raises(WriteUnknown, match="may or may not"):
            await writer(server.url, pace=Pace(write_within=0.5)).unload(TEMPLATE, "loaded")
        assert puts(server) == 1


UNSURE = {
    "no quorum": Reply(500, b'{"errorCode":300,"message":"Raft Internal Error","cause":"late"}'),
    "a proxy's 503": Reply(503, b"<html>", {"Retry-After": "0"}),
    "a success that is no etcd answer": Reply(200, b"OK"),
    "nothing": Reply(200, b""),
}


@pytest.mark.parametrize("reply", UNSURE.values(), ids=UNSURE)
async def test_an_answer_that_proves_nothing_is_unknown_and_not_repeated(reply: Reply) -> None:
    with FakeEtcd(lambda m, p: reply if m == "PUT" else Reply()) as server:
        with pytest.raises(WriteUnknown, match="Look before"):
            await writer(server.url, server.url).unload(TEMPLATE, "loaded")
        assert puts(server) == 1


NOT_DONE = {
    "denied": (Reply(401, b'{"message":"Insufficient credentials"}'), "denies access"),
    "a redirect": (Reply(307, b"", {"Location": "http://10.0.0.9/"}), "redirects"),
    "no v2 API": (Reply(404, b"404 page not found", {}), "no etcd v2 API"),
    "an invalid request": (
        Reply(400, b'{"errorCode":201,"message":"PrevValue is Required in POST form"}'),
        "201 PrevValue",
    ),
}


@pytest.mark.parametrize(("reply", "words"), NOT_DONE.values(), ids=NOT_DONE)
async def test_a_refusal_of_the_server_says_that_nothing_was_done(reply: Reply, words: str) -> None:
    with FakeEtcd(lambda m, p: reply if m == "PUT" else Reply()) as server:
        with pytest.raises(RegistryUnavailable, match=words):
            await writer(server.url).unload(TEMPLATE, "loaded")
        assert puts(server) == 1


async def test_where_nothing_answers_nothing_is_sent(etcd: RealEtcd) -> None:
    etcd.kill()
    with pytest.raises(RegistryUnavailable, match="cannot be reached"):
        await writer(etcd.endpoint).unload(TEMPLATE, "loaded")


async def test_the_write_goes_to_an_endpoint_that_answers(etcd: RealEtcd) -> None:
    etcd.put(KEY, "loaded")
    with FakeEtcd(lambda method, path: Reply(503, b"", {})) as broken:
        await writer(broken.url, etcd.endpoint).unload(TEMPLATE, "loaded")
        assert puts(broken) == 0
    assert value_of(etcd, KEY) == "inactive"


async def test_without_a_quorum_the_write_is_unknown(members: tuple[Member, ...]) -> None:
    members[0].put(KEY, "loaded")
    members[1].kill()
    members[2].kill()
    with pytest.raises(WriteUnknown, match="no quorum"):
        await writer(members[0].endpoint).unload(TEMPLATE, "loaded")


async def test_a_writer_refuses_a_cluster_that_its_reader_does_not_look_at(etcd: RealEtcd) -> None:
    etcd.put(KEY, "loaded")
    passing = forward(etcd.endpoint)
    with FakeEtcd(passing) as server:
        reader = connect_reader((server.url,), DEFAULT_PREFIX)
        unload = connect_writer((server.url,), DEFAULT_PREFIX, reader).unload
        await reader.read()
        other = Reply(200, EMPTY, {**HEADERS, "X-Etcd-Cluster-Id": "beef"})
        server.answering = lambda method, path: other
        with pytest.raises(RegistryUnavailable, match="another cluster"):
            await unload(TEMPLATE, "loaded")
        assert puts(server) == 0


async def test_what_the_write_sends_is_one_compare_and_swap() -> None:
    swapped = msgspec.json.encode({"action": "compareAndSwap", "node": {"key": "/x"}})
    with FakeEtcd(lambda m, p: Reply(200, swapped if m == "PUT" else EMPTY)) as server:
        await writer(server.url).unload(TEMPLATE, "loaded")
        assert server.asked[-1] == (
            "PUT",
            "/v2/keys/_coreos.com/fleet/job/zookeeper%40.service/target-state",
        )
        assert server.bodies[-1] == b"value=inactive&prevValue=loaded"
        assert puts(server) == 1
