"""The writes of a repair: compare-and-swap, sent once, and honest about what came of it."""

import http.client
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import msgspec
import pytest
from faults.etcd_servers import Member, RealEtcd
from faults.fake_etcd import EMPTY, HEADERS, FakeEtcd, Reply, forward

from fleettui.access import FleetKey, RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.model.cluster import TargetState
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_reader, connect_writer
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.pace import Pace
from fleettui.registry.write import EtcdWriter

TEMPLATE = Untrusted("zookeeper@.service")
INACTIVE = TargetState.INACTIVE
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
async def test_a_target_state_is_set_to_inactive(etcd: RealEtcd, wanted: str) -> None:
    etcd.put(KEY, wanted)
    etcd.put("job/zookeeper@.service/target", "m1")
    await writer(etcd.endpoint).set_target_state(TEMPLATE, wanted, INACTIVE)
    assert value_of(etcd, KEY) == "inactive"
    assert value_of(etcd, "job/zookeeper@.service/target") == "m1", "that is the engine's to do"


async def test_a_value_that_changed_meanwhile_is_left_and_told(etcd: RealEtcd) -> None:
    etcd.put(KEY, "launched")
    with pytest.raises(WriteRefused, match=r"was to be loaded and is launched\. Somebody else"):
        await writer(etcd.endpoint).set_target_state(TEMPLATE, "loaded", INACTIVE)
    assert value_of(etcd, KEY) == "launched"


async def test_a_unit_that_was_destroyed_meanwhile_is_not_made_again(etcd: RealEtcd) -> None:
    with pytest.raises(WriteRefused, match="no target state in the registry any more"):
        await writer(etcd.endpoint).set_target_state(TEMPLATE, "loaded", INACTIVE)


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
            await writer(server.url).set_target_state(Untrusted(name), "loaded", INACTIVE)
        assert server.asked == []


def puts(server: FakeEtcd) -> int:
    return sum(method == "PUT" for method, _ in server.asked)


async def test_a_write_that_is_never_answered_is_sent_once_and_unknown() -> None:
    with FakeEtcd(lambda m, p: server.hang() if m == "PUT" else Reply()) as server:
        with pytest.raises(WriteUnknown, match="may or may not"):
            await writer(server.url, pace=Pace(write_within=0.5)).set_target_state(
                TEMPLATE, "loaded", INACTIVE
            )
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
            await writer(server.url, server.url).set_target_state(TEMPLATE, "loaded", INACTIVE)
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
            await writer(server.url).set_target_state(TEMPLATE, "loaded", INACTIVE)
        assert puts(server) == 1


async def test_where_nothing_answers_nothing_is_sent(etcd: RealEtcd) -> None:
    etcd.kill()
    with pytest.raises(RegistryUnavailable, match="cannot be reached"):
        await writer(etcd.endpoint).set_target_state(TEMPLATE, "loaded", INACTIVE)


async def test_the_write_goes_to_an_endpoint_that_answers(etcd: RealEtcd) -> None:
    etcd.put(KEY, "loaded")
    with FakeEtcd(lambda method, path: Reply(503, b"", {})) as broken:
        await writer(broken.url, etcd.endpoint).set_target_state(TEMPLATE, "loaded", INACTIVE)
        assert puts(broken) == 0
    assert value_of(etcd, KEY) == "inactive"


async def test_without_a_quorum_the_write_is_unknown(members: tuple[Member, ...]) -> None:
    members[0].put(KEY, "loaded")
    members[1].kill()
    members[2].kill()
    with pytest.raises(WriteUnknown, match="no quorum"):
        await writer(members[0].endpoint).set_target_state(TEMPLATE, "loaded", INACTIVE)


async def test_a_writer_refuses_a_cluster_that_its_reader_does_not_look_at(etcd: RealEtcd) -> None:
    etcd.put(KEY, "loaded")
    passing = forward(etcd.endpoint)
    with FakeEtcd(passing) as server:
        reader = connect_reader((server.url,), DEFAULT_PREFIX)
        write = connect_writer((server.url,), DEFAULT_PREFIX, reader).set_target_state
        await reader.read()
        other = Reply(200, EMPTY, {**HEADERS, "X-Etcd-Cluster-Id": "beef"})
        server.answering = lambda method, path: other
        with pytest.raises(RegistryUnavailable, match="another cluster"):
            await write(TEMPLATE, "loaded", INACTIVE)
        assert puts(server) == 0


async def test_what_the_write_sends_is_one_compare_and_swap() -> None:
    swapped = msgspec.json.encode({"action": "compareAndSwap", "node": {"key": "/x"}})
    with FakeEtcd(lambda m, p: Reply(200, swapped if m == "PUT" else EMPTY)) as server:
        await writer(server.url).set_target_state(TEMPLATE, "loaded", INACTIVE)
        assert server.asked[-1] == (
            "PUT",
            "/v2/keys/_coreos.com/fleet/job/zookeeper%40.service/target-state",
        )
        assert server.bodies[-1] == b"value=inactive&prevValue=loaded"
        assert puts(server) == 1


# --- keys and folders ------------------------------------------------------------------------

JOB, OBJECT = (Untrusted("job"), TEMPLATE), (Untrusted("job"), TEMPLATE, Untrusted("object"))
GHOST = (Untrusted("states"), Untrusted("gone.service"), Untrusted("ab" * 16))


def named(key: FleetKey) -> str:
    return "/".join(segment.raw for segment in key)


def exists(etcd: RealEtcd, key: FleetKey) -> bool:
    connection = http.client.HTTPConnection(urlsplit(etcd.endpoint).netloc, timeout=10)
    try:
        connection.request("GET", f"/v2/keys/_coreos.com/fleet/{named(key)}")
        return connection.getresponse().status == 200
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("lunched", TargetState.LAUNCHED), ("", TargetState.LOADED), ("x y\n", TargetState.INACTIVE)],
)
async def test_a_target_state_that_fleet_cannot_read_is_set_to_a_word_it_knows(
    etcd: RealEtcd, word: str, wanted: TargetState
) -> None:
    etcd.put(KEY, word)
    if not word:  # etcd cannot compare with an empty value, and fleet takes it for inactive
        with pytest.raises(RegistryUnavailable, match="201"):
            await writer(etcd.endpoint).set_target_state(TEMPLATE, word, wanted)
        return
    await writer(etcd.endpoint).set_target_state(TEMPLATE, word, wanted)
    assert value_of(etcd, KEY) == wanted


async def test_a_key_is_deleted_where_nobody_wrote_it_since(etcd: RealEtcd) -> None:
    index = etcd.put(named(GHOST), "{}")
    await writer(etcd.endpoint).delete_key(GHOST, index)
    assert not exists(etcd, GHOST)


async def test_a_key_that_was_written_since_stays(etcd: RealEtcd) -> None:
    index = etcd.put(named(GHOST), "{}")
    etcd.put(named(GHOST), "{}")
    with pytest.raises(WriteRefused, match="somebody else wrote it since"):
        await writer(etcd.endpoint).delete_key(GHOST, index)
    assert exists(etcd, GHOST)


async def test_a_key_that_is_gone_already_is_told(etcd: RealEtcd) -> None:
    with pytest.raises(WriteRefused, match="it is gone already"):
        await writer(etcd.endpoint).delete_key(GHOST, 5)


@pytest.mark.parametrize("index", [0, -1])
async def test_no_key_is_deleted_without_an_index_to_compare(etcd: RealEtcd, index: int) -> None:
    etcd.put(named(GHOST), "{}")
    with pytest.raises(WriteRefused, match="no index of etcd"):
        await writer(etcd.endpoint).delete_key(GHOST, index)
    assert exists(etcd, GHOST)


async def test_a_folder_is_no_key_to_delete(etcd: RealEtcd) -> None:
    index = etcd.put(f"{named(OBJECT)}/below", "x")
    with pytest.raises(WriteRefused, match="102 Not a file"):
        await writer(etcd.endpoint).delete_key(OBJECT, index)
    assert exists(etcd, OBJECT)


async def test_an_empty_folder_is_deleted(etcd: RealEtcd) -> None:
    index = etcd.put(named(OBJECT), "{}")
    write = writer(etcd.endpoint)
    await write.delete_key(OBJECT, index)
    await write.delete_empty_folder(JOB)
    assert not exists(etcd, JOB)


@pytest.mark.parametrize("inside", ["object", "_hidden"])
async def test_a_folder_that_holds_something_stays(etcd: RealEtcd, inside: str) -> None:
    etcd.put(f"{named(JOB)}/{inside}", "x")
    with pytest.raises(WriteRefused, match="something is in it"):
        await writer(etcd.endpoint).delete_empty_folder(JOB)
    assert value_of(etcd, f"{named(JOB)}/{inside}") == "x"


async def test_a_value_in_the_place_of_a_folder_stays(etcd: RealEtcd) -> None:
    etcd.put(named(JOB), "a value")
    with pytest.raises(WriteRefused, match="a value stands where a folder was"):
        await writer(etcd.endpoint).delete_empty_folder(JOB)
    assert value_of(etcd, named(JOB)) == "a value"


async def test_a_deleted_key_is_written_again_and_no_other_is_replaced(etcd: RealEtcd) -> None:
    write = writer(etcd.endpoint)
    value = '{"Name":"a&b=c?%20\u00e9"}'
    await write.create_key(OBJECT, value)
    assert value_of(etcd, named(OBJECT)) == value
    with pytest.raises(WriteRefused, match="not written"):
        await write.create_key(OBJECT, "other")
    assert value_of(etcd, named(OBJECT)) == value


def key(*segments: str) -> FleetKey:
    return tuple(map(Untrusted, segments))


FOREIGN = [
    key("machines", "ab" * 16, "object"),
    key("lease", "engine-leader", "x"),
    key("unit", "a.service", "x"),
    key("job", "a.service"),
    key("job"),
    key(),
    key("job", "", "object"),
    key("job", "..", "object"),
    key("job", "a.service", ".."),
    key("job", "a.service", "object?recursive=true"),
    key("job", "a.service", "x/y"),
    key("job", "a b.service", "object"),
    key("job", "\x1b[2J.service", "object"),
    key("JOB", "a.service", "object"),
    key("..", "a.service", "object"),
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda k: ascii("/".join(s.raw for s in k)))
async def test_a_key_that_no_repair_writes_is_refused_before_anything_is_sent(
    foreign: FleetKey,
) -> None:
    with FakeEtcd(lambda method, path: Reply()) as server:
        write = writer(server.url)
        with pytest.raises(WriteRefused, match="Nothing was sent"):
            await write.delete_key(foreign, 5)
        with pytest.raises(WriteRefused, match="Nothing was sent"):
            await write.create_key(foreign, "x")
        if len(foreign) != 2 or foreign[1].raw != "a.service":
            with pytest.raises(WriteRefused, match="Nothing was sent"):
                await write.delete_empty_folder(foreign)
        assert server.asked == []


async def test_no_state_is_ever_created() -> None:
    with FakeEtcd(lambda method, path: Reply()) as server:
        with pytest.raises(WriteRefused, match="under job only"):
            await writer(server.url).create_key(GHOST, "x")
        assert server.asked == []


def sent(server: FakeEtcd) -> list[tuple[str, str]]:
    return [(method, path) for method, path in server.asked if method != "GET"]


FOLDER = msgspec.json.encode({"action": "get", "node": {"key": "/x", "dir": True}})
WRITES: dict[str, Callable[[EtcdWriter], Awaitable[None]]] = {
    "delete key": lambda write: write.delete_key(GHOST, 5),
    "delete folder": lambda write: write.delete_empty_folder(JOB),
    "create key": lambda write: write.create_key(OBJECT, "x"),
}


@pytest.mark.parametrize("do", WRITES.values(), ids=WRITES)
async def test_every_write_without_an_answer_is_sent_once_and_unknown(
    do: Callable[[EtcdWriter], Awaitable[None]],
) -> None:
    with FakeEtcd(lambda m, p: Reply(200, FOLDER) if m == "GET" else server.hang()) as server:
        with pytest.raises(WriteUnknown, match="may or may not"):
            await do(writer(server.url, pace=Pace(write_within=0.5)))
        assert len(sent(server)) == 1


async def test_what_is_sent_is_one_comparison_each() -> None:
    with FakeEtcd(lambda m, p: Reply(200, FOLDER)) as server:
        for do in WRITES.values():
            await do(writer(server.url))
        prefix = "/v2/keys/_coreos.com/fleet"
        assert sent(server) == [
            ("DELETE", f"{prefix}/states/gone.service/{'ab' * 16}?prevIndex=5"),
            ("DELETE", f"{prefix}/job/zookeeper%40.service?dir=true"),
            ("PUT", f"{prefix}/job/zookeeper%40.service/object"),
        ]
        assert server.bodies[-1] == b"value=x&prevExist=false"
