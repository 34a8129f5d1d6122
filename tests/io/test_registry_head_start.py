"""The first read, sent before anybody follows: it is shown at once, and nothing is lost by it."""

import asyncio
import contextlib
import gc
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from queue import SimpleQueue
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from faults.etcd_servers import RealEtcd
from faults.fake_etcd import FakeEtcd, Reply, forward
from views import Views

from fleettui.model.cluster import Link, RegistryView, Snapshot
from fleettui.model.untrusted import Untrusted
from fleettui.registry.ahead import begin
from fleettui.registry.follow import RegistryFollower
from fleettui.registry.forerunner import Forerunner
from fleettui.registry.found import found
from fleettui.registry.head_start import HeadStart, Missed
from fleettui.registry.keys import DEFAULT_PREFIX, PARTS, Keys, keys_under
from fleettui.registry.source import Reading
from fleettui.registry.taken import Ahead

T = TypeVar("T")
A, B = Untrusted("a.service"), Untrusted("b.service")


@contextmanager
def ahead(url: str) -> Iterator[RegistryFollower]:
    follower = RegistryFollower((url,), keys_under(DEFAULT_PREFIX))
    follower.take_over(begin(url, keys_under(DEFAULT_PREFIX), 2.0))
    try:
        yield follower
    finally:
        asyncio.run(follower.close())


def holds_both(snapshot: Snapshot) -> bool:
    return {A, B} <= snapshot.units.keys()


def reads_of(etcd: RealEtcd) -> int:
    """How many reads an etcd has answered, whether or not there was anything."""
    place = urlsplit(etcd.endpoint).netloc
    with contextlib.closing(http.client.HTTPConnection(place, timeout=30)) as connection:
        connection.request("GET", "/v2/stats/store")
        counts = json.load(connection.getresponse())
    return int(counts["getsSuccess"]) + int(counts["getsFail"])


def found_without_answers(begun: HeadStart, keys: Keys) -> Iterator[bytes]:
    """All but what the snapshot was made of."""
    *pieces, _ = found(begun, keys)
    yield from pieces


def found_in_part(begun: HeadStart, keys: Keys) -> Iterator[bytes]:
    """The snapshot itself is not whole."""
    yield next(iter(found(begun, keys)))


LOSSES = {"its answers lost": found_without_answers, "cut off": found_in_part}


@pytest.mark.parametrize("way", ["beside", "within", *LOSSES])
def test_what_happens_between_the_first_read_and_the_streams_is_not_lost(
    etcd: RealEtcd, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleettui.registry.ahead.can_run", lambda: way != "within")
    if way in LOSSES:
        monkeypatch.setattr("fleettui.registry.found.found", LOSSES[way])
    etcd.put("job/a.service/target-state", "launched")
    before = reads_of(etcd)
    with ahead(etcd.endpoint) as follower:
        until = time.monotonic() + 60
        while reads_of(etcd) < before + len(PARTS):
            assert time.monotonic() < until
            time.sleep(0.01)  # etcd tells nobody what it was asked
        etcd.put("job/b.service/target-state", "launched")
        views = Views()
        follower.follow(views)
        views.showing(holds_both)
    first = next(view.snapshot for view in views.all if view.snapshot is not None)
    assert first.units.keys() == {A} or way == "cut off"  # then it is read anew, with both


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"", {}),
        Reply(200, b"<html>", {}),
        Reply(200, headers={}),
        Reply(401, b'{"message":"Insufficient credentials"}', {}),
        Reply(301, headers={"Location": "http://127.0.0.1:9/"}),
    ],
    ids=["500", "html", "no index", "denied", "redirect"],
)
def test_where_it_fails_the_ordinary_way_is_taken_without_a_word(
    etcd: RealEtcd, reply: Reply
) -> None:
    etcd.put("job/a.service/target-state", "launched")
    real, left = forward(etcd.endpoint), iter([reply] * len(PARTS))
    with (
        FakeEtcd(lambda method, path: next(left, None) or real(method, path)) as between,
        ahead(between.url) as follower,
    ):
        between.wait_for(len(PARTS))
        views = Views()
        follower.follow(views)
        views.showing(lambda snapshot: A in snapshot.units)
        assert {method for method, _ in between.asked} == {"GET"}
    assert Link.LOST not in {view.link for view in views.all}


def test_what_is_told_next_goes_on_from_the_first_view(
    etcd: RealEtcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """etcd is lost while the first view is painted."""
    monkeypatch.setattr("fleettui.registry.ahead.can_run", lambda: True)
    etcd.put("job/a.service/target-state", "launched")
    views = Views()
    with FakeEtcd(forward(etcd.endpoint)) as between, ahead(between.url) as follower:

        def lose_it(view: RegistryView) -> None:
            between.answering = lambda method, path: Reply(502, b"", {})
            views(view)

        follower.follow(lose_it)
        lost = views.lost()
    first = views.all[0]
    assert (first.link, first.endpoint) == (Link.LIVE, between.url)
    assert first.snapshot is not None
    assert lost.snapshot is not None
    assert (lost.snapshot.units, lost.endpoint, lost.attempt) == (
        first.snapshot.units,
        between.url,
        1,
    )
    assert {view.link for view in views.all} == {Link.LIVE, Link.LOST}


@pytest.mark.parametrize("is_beside", [True, False])
def test_it_is_live_since_the_first_view_and_that_is_let_go(
    etcd: RealEtcd, monkeypatch: pytest.MonkeyPatch, *, is_beside: bool
) -> None:
    monkeypatch.setattr("fleettui.registry.ahead.can_run", lambda: is_beside)
    etcd.put("job/a.service/target-state", "launched")
    came: SimpleQueue[tuple[datetime, tuple[int, datetime], set[Untrusted]]] = SimpleQueue()

    def keep_none(view: RegistryView) -> None:
        if view.link is Link.LIVE and view.snapshot is not None:
            shown = view.snapshot
            came.put((view.since, (shown.index, shown.read_at), set(shown.units)))

    with ahead(etcd.endpoint) as follower:
        follower.follow(keep_none)
        since, first, _ = came.get(timeout=60)
        etcd.put("job/b.service/target-state", "launched")
        names: set[Untrusted] = set()
        while names != {A, B}:
            later, _, names = came.get(timeout=60)
            assert later == since
        held = [(o.index, o.read_at) for o in gc.get_objects() if isinstance(o, Snapshot)]
    assert held
    assert first not in held


def _same(thing: T) -> T:
    return thing


def test_what_was_brought_is_handed_over_once_and_let_go() -> None:
    class Brought(dict[str, Reading]):
        """The collector, and a weak reference, see it."""

    brought = Brought()
    seen = weakref.ref(brought)
    view = RegistryView(Link.LIVE, datetime.now(UTC))
    brings = Ahead(partial(_same, brought), view)
    assert brings.take_view() is view
    assert brings.take_view() is None
    assert brings.take_readings() is brought
    with pytest.raises(Missed):
        brings.take_readings()
    del brought
    assert seen() is None


def test_a_follower_that_was_closed_meanwhile_asks_nothing_more(
    etcd: RealEtcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleettui.registry.ahead.can_run", lambda: True)
    with FakeEtcd(forward(etcd.endpoint)) as between:
        begun = begin(between.url, keys_under(DEFAULT_PREFIX), 2.0)
        follower = RegistryFollower((between.url,), keys_under(DEFAULT_PREFIX))
        follower.take_over(begun)
        follower.follow(lambda _: asyncio.run(follower.close()))
        (thread,) = (t for t in threading.enumerate() if t.name == "etcd")
        thread.join(60)
        assert not thread.is_alive()
        assert isinstance(begun, Forerunner)
        with pytest.raises(Missed):
            begun.take()
    assert len(between.asked) == len(PARTS)


PROGRAM = """
import sys, threading
from fleettui.model.cluster import Link
from fleettui.registry.ahead import send_ahead
from fleettui.registry.connect import reader_for
from fleettui.registry.settings import RegistrySettings

def show(view):
    if view.link is Link.LIVE:
        print(len(view.snapshot.units), *late & sys.modules.keys(), flush=True)
        shown.set()

late = {"etcd", *(f"fleettui.registry.{name}" for name in sys.argv[2:])}
shown = threading.Event()
settings = RegistrySettings([sys.argv[1]])
reader = reader_for(settings, begun=send_ahead(settings))
reader.follow(show)
shown.wait(60)
"""


def test_the_first_view_is_shown_before_what_follows_is_imported(etcd: RealEtcd) -> None:
    etcd.put("job/a.service/target-state", "launched")
    late = ("following", "live", "image", "decode", "source", "answers")
    argv = (sys.executable, "-c", PROGRAM, etcd.endpoint, *late)
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout
    assert said.splitlines()[0] == "1"


GOOD = b"HTTP/1.0 200 OK\r\nX-Etcd-Index: 7\r\n\r\n{}"


@pytest.mark.parametrize(
    ("said", "is_taken"),
    [
        (GOOD, True),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nX-Etcd-Index: 7\r\n", False),
        (b"HTTP/1.0 200 OK\r\nX-Etcd-Index: " + b"7" * 70_000 + b"\r\n\r\n{}", False),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", False),
        (b"HTTP/1.0 fine\r\n\r\n{}", False),
        (b"HTTP/1.0 200\xff\r\nContent-Length: two\r\n\r\n{}", False),
        (GOOD + b" " * 2000, False),
        (b"", False),
    ],
)
def test_only_a_whole_answer_is_taken(said: bytes, *, is_taken: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_say, args=(server, said))
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        begun = HeadStart(url, {"job": "/v2/keys/job"}, seconds=20, limit=1000)
        with contextlib.nullcontext() if is_taken else pytest.raises(Missed):
            assert dict(begun.each()).keys() == {"job"}
        thread.join()


def _say(server: socket.socket, words: bytes) -> None:
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):  # it may have heard enough
        connection.recv(1000)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(words), 16):  # the head too comes in several pieces
            connection.sendall(words[at : at + 16])


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    def hangs(method: str, path: str) -> Reply:
        return server.hang()

    server = FakeEtcd(hangs)
    with server:
        begun = HeadStart(server.url, {"job": "/", "unit": "/"}, seconds=0.1, limit=1000)
        with pytest.raises(Missed):
            dict(begun.each())
