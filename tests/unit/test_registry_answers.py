"""What etcd answers, judged without any network."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.access import RegistryUnavailable
from fleettui.registry.answers import Answer, event_of, index_of, problem_of
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import (
    ComparisonFailed,
    Denied,
    HistoryCleared,
    KeyMissing,
    NoQuorum,
    NotEtcd,
    OtherCluster,
    quote,
)


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("http://etcd:2379", status, named, body)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"errorCode":100,"message":"Key not found","cause":"/x","index":5}', KeyMissing),
        (412, b'{"errorCode":101,"message":"Compare failed","cause":"[a != b]"}', ComparisonFailed),
        (400, b'{"errorCode":401,"message":"outdated and cleared","index":9}', HistoryCleared),
        (400, b'{"errorCode":400,"message":"watcher is cleared"}', HistoryCleared),
        (500, b'{"errorCode":300,"message":"Raft Internal Error"}', NoQuorum),
        (500, b'{"errorCode":301,"message":"During Leader Election"}', NoQuorum),
        (401, b'{"errorCode":110,"message":"The request requires user auth"}', Denied),
        (401, b'{"message":"Insufficient credentials"}', Denied),
        (403, b"", Denied),
        (404, b"404 page not found", NotEtcd),
        (503, b"<html>", NotEtcd),
        (307, b"", NotEtcd),
        (200, b"<html>", NotEtcd),
        (200, b'{"action":"get","node":{"key":"/\xff"}}', NotEtcd),
        (500, b'{"errorCode":0,"message":"\xff"}', NotEtcd),
    ],
)
def test_each_complaint_has_its_kind(
    status: int, body: bytes, kind: type[RegistryUnavailable]
) -> None:
    with pytest.raises(kind) as raised:
        event_of(answer(status, body))
    assert type(raised.value) is kind


def test_a_401_of_the_history_and_a_401_of_the_password_are_told_apart() -> None:
    history = answer(400, b'{"errorCode":401,"message":"cleared"}')
    password = answer(401, b'{"message":"cleared"}')
    assert isinstance(problem_of(history), HistoryCleared)
    assert isinstance(problem_of(password), Denied)


def test_an_event_is_read_with_its_node() -> None:
    body = b'{"action":"expire","node":{"key":"/a","dir":true,"modifiedIndex":9},"prevNode":{}}'
    event = event_of(answer(200, body))
    assert (event.action, event.node.key, event.node.dir) == ("expire", "/a", True)
    assert event.node.modified_index == 9


@pytest.mark.parametrize("words", ["", "-1", "x", "1.5", "\u0664", "9" * 30])
def test_an_index_that_is_no_number_is_refused(words: str) -> None:
    with pytest.raises(NotEtcd, match="X-Etcd-Index"):
        index_of(answer(200, x_etcd_index=words))
    assert index_of(answer(200, x_etcd_index="12")) == 12


def test_the_first_cluster_is_kept_and_another_is_refused_every_time() -> None:
    cluster = ClusterId()
    cluster.check(answer(200, x_etcd_cluster_id="a"))
    cluster.check(answer(503))
    for _ in range(2):
        with pytest.raises(OtherCluster, match="its ID is b and was a"):
            cluster.check(answer(200, x_etcd_cluster_id="b"))
    cluster.check(answer(200, x_etcd_cluster_id="a"))


def test_a_server_s_words_are_made_visible_and_cut() -> None:
    assert quote("a\r\n  b\tc") == "a b c"
    assert quote("\x1b]0;x\x07") == "\u241b]0;x\u2407"
    assert len(quote("x" * 100_000)) < 200


@settings(deadline=None)
@given(st.integers(100, 599), st.binary(max_size=200))
def test_whatever_is_answered_becomes_an_event_or_a_sentence(status: int, body: bytes) -> None:
    try:
        event_of(answer(status, body))
    except RegistryUnavailable as problem:
        said = str(problem)
        assert "\x1b" not in said
        assert "\n" not in said
