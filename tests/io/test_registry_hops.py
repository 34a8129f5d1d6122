"""The hops to etcd: each answer that is no good is told at the hop where it belongs."""

import socket

import pytest
from faults.fake_etcd import EMPTY, HEADERS, Answering, FakeEtcd, Reply

from fleettui.model.hop import Hop, Looked, Standing
from fleettui.registry.hops import EtcdHops
from fleettui.registry.pace import Pace
from fleettui.registry.settings import RegistrySettings

FILLED = EMPTY.replace(b'"modifiedIndex":1', b'"modifiedIndex":1,"nodes":[{"key":"/x","dir":true}]')
MISSING = Reply(404, b'{"errorCode":100,"message":"Key not found","cause":"/","index":7}')
UNAGREED = Reply(500, b'{"errorCode":300,"message":"Raft Internal Error","cause":"timed out"}')
PACE = Pace(answer_within=60, quorum_within=60)
"""Nothing here is about time: however loaded the machine is, an answer counts."""
REACHED = (Hop.ENDPOINT, Hop.API, Hop.ACCESS, Hop.CLUSTER)


async def look(*urls: str) -> tuple[Looked, ...]:
    return await EtcdHops(RegistrySettings(urls, "/_coreos.com/fleet"), pace=PACE).look()


def always(reply: Reply) -> Answering:
    return lambda method, path: reply


def without_quorum(method: str, path: str) -> Reply:
    return UNAGREED if "quorum=true" in path else Reply(200, FILLED)


def without_folder(method: str, path: str) -> Reply:
    return MISSING


ANSWERS: dict[str, tuple[Answering, tuple[Hop, ...], Hop | None, str]] = {
    "as it should be": (always(Reply(200, FILLED)), (*REACHED, Hop.QUORUM, Hop.PREFIX), None, ""),
    "an empty folder": (always(Reply()), (*REACHED, Hop.QUORUM), Hop.PREFIX, "has fleetd ever"),
    "no folder": (without_folder, (*REACHED, Hop.QUORUM), Hop.PREFIX, "--etcd-key-prefix"),
    "no quorum": (without_quorum, REACHED, Hop.QUORUM, "no quorum"),
    "a password is wanted": (
        always(Reply(401, b'{"message":"Insufficient credentials"}')),
        REACHED[:2],
        Hop.ACCESS,
        "denies access",
    ),
    "HTML": (always(Reply(200, b"<html>hello</html>")), REACHED[:1], Hop.API, "no etcd v2 answer"),
    "a redirect": (
        always(Reply(307, b"", {"Location": "http://10.0.0.9:2379"})),
        REACHED[:1],
        Hop.API,
        "redirects to http:",
    ),
}


@pytest.mark.parametrize(("answering", "passed", "ended", "words"), ANSWERS.values(), ids=ANSWERS)
async def test_each_answer_ends_the_way_at_its_own_hop(
    answering: Answering, passed: tuple[Hop, ...], ended: Hop | None, words: str
) -> None:
    with FakeEtcd(answering) as server:
        looked = await look(server.url)
        asked = {method for method, _ in server.asked}
    assert tuple(one.hop for one in looked if one.standing is Standing.FINE) == passed
    rest = [one for one in looked if one.standing is not Standing.FINE]
    assert [one.hop for one in rest] == ([ended] if ended else [])
    assert all(words in str(one.said) for one in rest)
    assert asked == {"GET"}


async def test_an_endpoint_that_nobody_listens_at_hides_nothing_of_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved, FakeEtcd(always(Reply())) as server:
        closed = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        reserved.close()
        looked = await look(closed, server.url)
    assert (looked[0].hop, looked[0].standing) == (Hop.ENDPOINT, Standing.WRONG)
    assert str(looked[0].where) == closed
    assert "connection refused" in str(looked[0].said)
    assert Hop.QUORUM in {one.hop for one in looked if str(one.where) == server.url}


async def test_tls_where_there_is_none_is_told_as_such() -> None:
    with FakeEtcd(always(Reply())) as server:
        (looked,) = (one for one in await look(f"https{server.url[4:]}") if one.hop is Hop.TLS)
    assert looked.standing is Standing.WRONG
    assert "does not speak TLS" in str(looked.said)


async def test_members_of_two_clusters_are_told_apart() -> None:
    other = {**HEADERS, "X-Etcd-Cluster-Id": "beef"}
    with FakeEtcd(always(Reply())) as one, FakeEtcd(always(Reply(200, EMPTY, other))) as two:
        looked = await look(one.url, two.url)
    (strange,) = (found for found in looked if found.standing is Standing.WRONG)
    assert strange.hop is Hop.CLUSTER
    assert "another cluster answers" in str(strange.said)
