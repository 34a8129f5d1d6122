"""Answers that no etcd should give: each becomes a sentence, none ends a thread or the app."""

import pytest
from conftest import Follow
from faults.fake_etcd import EMPTY, HEADERS, FakeEtcd, Reply

from fleettui.access import RegistryUnavailable
from fleettui.model.cluster import Link
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import NotEtcd
from fleettui.registry.keys import keys_under
from fleettui.registry.pace import Pace
from fleettui.registry.source import open_sources

WATCH = "wait=true"
QUICK = Pace(liveness_every=0.3, first_retry=0.05, last_retry=0.2)

HOSTILE = {
    "503": (Reply(503, b"upstream is down", {}), "answered 503 upstream is down"),
    "401": (Reply(401, b'{"message":"Insufficient credentials"}'), "denies access"),
    "403": (Reply(403, b"no", {}), "denies access"),
    "500/300": (
        Reply(500, b'{"errorCode":300,"message":"Raft Internal Error","cause":"timed out"}'),
        "no quorum",
    ),
    "500/301": (Reply(500, b'{"errorCode":301,"message":"During leader election"}'), "no quorum"),
    "an errorCode of another kind": (
        Reply(500, b'{"errorCode":["x"],"message":{"y":1}}'),
        "answered 500",
    ),
    "HTML": (Reply(200, b"<html>hello</html>"), "no etcd v2 answer"),
    "truncated JSON": (Reply(200, EMPTY[:-9]), "no etcd v2 answer"),
    "wrong types": (Reply(200, b'{"action":"get","node":{"key":5,"nodes":{}}}'), "no etcd v2"),
    "no node": (Reply(200, b'{"action":"get"}'), "no etcd v2 answer"),
    "a list": (Reply(200, b"[1,2]"), "no etcd v2 answer"),
    "nested brackets": (Reply(200, b'{"node":{"nodes":[' * 50_000), "no etcd v2 answer"),
    "no UTF-8": (Reply(502, b"\xff\xfe\x00"), "answered 502"),
    "nothing": (Reply(200, b""), "no etcd v2 answer"),
    "50 MB": (Reply(200, bytes(50_000_000)), "no etcd v2 answer"),
    "no index": (Reply(200, EMPTY, {}), "without an X-Etcd-Index"),
    "a broken index": (Reply(200, EMPTY, {"X-Etcd-Index": "-1"}), "without an X-Etcd-Index"),
    "a redirect": (Reply(307, b"", {"Location": "http://10.0.0.9:2379/v2"}), "redirects to http:"),
    "no v2 API": (Reply(404, b"404 page not found\n", {}), "--enable-v2"),
    "escapes": (Reply(503, b"\x1b]0;owned\x07", {}), "\u241b]0;owned\u2407"),
    "an odd status": (Reply(299, EMPTY), "answered 299"),
    "an event gone": (Reply(400, b'{"errorCode":401,"message":"cleared"}'), "401 cleared"),
    "a failed comparison": (Reply(412, b'{"errorCode":101,"cause":"[a != b]"}'), "[a != b]"),
}


@pytest.mark.parametrize(("reply", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_is_told_and_the_follower_recovers(
    follow: Follow, reply: Reply, words: str
) -> None:
    with FakeEtcd(lambda method, path: reply) as server:
        _, views = follow(server.url, pace=QUICK)
        lost = views.wait(lambda view: view.attempt > 1, seconds=30)
        assert words in str(lost.reason)
        assert lost.link is Link.LOST
        server.answering = lambda method, path: server.hang() if WATCH in path else Reply()
        views.live(30)
        server.answering = lambda method, path: server.hang() if WATCH in path else reply
        assert words in str(views.lost(30).reason)


def test_a_watch_that_answers_nonsense_does_not_spin(follow: Follow) -> None:
    with FakeEtcd(lambda m, p: Reply(200, b"<html>") if WATCH in p else Reply()) as server:
        _, views = follow(server.url, pace=QUICK)
        views.live()
        views.wait(lambda _: len(views.all) > 3)
        watches = sum(WATCH in path for _, path in server.asked)
        others = len(server.asked) - watches
        assert watches <= others, "each watch waits for a sign of life"
        assert views.newest.link is Link.LIVE


def test_a_watch_that_repeats_an_old_event_does_not_spin(follow: Follow) -> None:
    old = b'{"action":"set","node":{"key":"/_coreos.com/fleet/job/a/x","modifiedIndex":3}}'
    with FakeEtcd(lambda m, p: Reply(200, old) if WATCH in p else Reply()) as server:
        _, views = follow(server.url, pace=QUICK)
        views.live()
        views.wait(lambda _: len(views.all) > 3)
        watches = sum(WATCH in path for _, path in server.asked)
        assert watches <= len(server.asked) - watches
        assert views.newest.link is Link.LIVE


def test_another_cluster_is_named_and_its_picture_never_shown(follow: Follow) -> None:
    other = Reply(200, EMPTY, {**HEADERS, "X-Etcd-Cluster-Id": "beef"})
    with FakeEtcd(lambda m, p: server.hang() if WATCH in p else Reply()) as server:
        _, views = follow(server.url, pace=QUICK)
        views.live()
        server.answering = lambda m, p: other
        lost = views.lost()
        assert "another cluster answers" in str(lost.reason)
        assert "beef" in str(lost.reason)
        assert lost.snapshot is None
        again = views.wait(lambda view: view.attempt > 2)
        assert "another cluster answers" in str(again.reason), "it is not accepted the second time"
        server.answering = lambda m, p: server.hang() if WATCH in p else Reply()
        views.live()


async def test_a_fresh_read_of_another_cluster_is_refused(follow: Follow) -> None:
    other = Reply(200, EMPTY, {**HEADERS, "X-Etcd-Cluster-Id": "beef"})
    with FakeEtcd(lambda m, p: server.hang() if WATCH in p else Reply()) as server:
        follower, views = follow(server.url, pace=QUICK)
        views.live()
        server.answering = lambda m, p: other
        with pytest.raises(RegistryUnavailable, match="another cluster"):
            await follower.read()


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1])
def test_an_answer_larger_than_the_limit_is_refused(size: int) -> None:
    body = EMPTY.ljust(size)
    with FakeEtcd(lambda method, path: Reply(200, body)) as server:
        (source,) = open_sources([server.url], keys_under("/f"), ClusterId(), limit=1 << 20)
        try:
            if size <= 1 << 20:
                assert source.read(5, quorum=False).index == 7
            else:
                with pytest.raises(NotEtcd, match="more than 1048576 bytes"):
                    source.read(5, quorum=False)
        finally:
            source.close()


def test_a_redirect_is_not_followed_and_a_failure_not_repeated() -> None:
    with FakeEtcd(lambda method, path: Reply(307, b"", {"Location": server.url})) as server:
        (source,) = open_sources([server.url], keys_under("/f"), ClusterId())
        with pytest.raises(NotEtcd):
            source.check_answers(5)
        server.answering = lambda method, path: Reply(503, b"", {"Retry-After": "0"})
        with pytest.raises(NotEtcd):
            source.check_answers(5)
        source.close()
        assert len(server.asked) == 2
