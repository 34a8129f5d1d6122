"""Streams of the registry: what they bring, how their silence is found out, what stands in."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import cast

import pytest
from certificates import Authority, Pair
from conftest import Follow
from faults.etcd_servers import RealEtcd
from faults.wire import Streams, Wire
from urllib3 import BaseHTTPResponse, HTTPHeaderDict
from views import Views
from writers import Pipeline

from fleettui.model.cluster import Link, Snapshot
from fleettui.model.untrusted import Untrusted
from fleettui.registry.cadence import Cadence
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import NotEtcd, Unreachable
from fleettui.registry.feed import Feed
from fleettui.registry.image import Image
from fleettui.registry.inbox import Ahead, Happened, Inbox
from fleettui.registry.keys import keys_under
from fleettui.registry.line import Line
from fleettui.registry.open import for_reading
from fleettui.registry.pace import Pace
from fleettui.registry.source import open_sources
from fleettui.registry.stream import Stream
from fleettui.registry.streaming import Streaming
from fleettui.registry.way import Way

U = Untrusted
A = U("a.service")
PATIENT = Pace(reread_every=600, watch_for=60)
"""Nothing is read again only because time has passed."""
HASH = "0123456789abcdef0123456789abcdef01234567"


def job(name: str, unit_hash: str = HASH) -> str:
    return f'{{"Name":"{name}","UnitHash":{list(bytes.fromhex(unit_hash))}}}'


def state(machine_id: str) -> str:
    words = '"loadState":"loaded","activeState":"active","subState":"running","unitHash":"ab"'
    return f'{{{words},"machineState":{{"ID":"{machine_id}"}}}}'


@pytest.fixture
def wire(etcd: RealEtcd) -> Iterator[Wire]:
    with Wire(etcd.endpoint) as between:
        yield between


@pytest.fixture
def writer(etcd: RealEtcd) -> Iterator[Pipeline]:
    pipeline = Pipeline(etcd.endpoint)
    yield pipeline
    pipeline.close()


def reads(wire: Wire) -> int:
    """How many folders were read."""
    return wire.count("recursive=true") - wire.count("wait=true")


def never_lost(views: Views) -> bool:
    return all(view.link is not Link.LOST for view in views.all)


def is_newer(then: datetime, snapshot: Snapshot) -> bool:
    return snapshot.read_at > then


def launched(views: Views, etcd: RealEtcd, number: int) -> None:
    """Launch a unit, and see it launched."""
    name = f"u{number}.service"
    etcd.put(f"job/{name}/target-state", "launched")
    views.showing(lambda s: U(name) in s.units)


def test_changes_come_by_streams_and_the_long_poll_of_everything_ends(
    etcd: RealEtcd, wire: Wire, follow: Follow
) -> None:
    _, views = follow(wire.url, pace=PATIENT)
    views.live()
    before = reads(wire)
    for number in range(20):
        launched(views, etcd, number)
    assert wire.count("stream=true") == 4
    assert wire.count("/fleet?", "wait=true") <= 1
    assert reads(wire) == before


def test_hundreds_of_keys_that_expire_together_are_all_seen_to_be_gone(
    wire: Wire, writer: Pipeline, follow: Follow
) -> None:
    names = [f"u{number:03}.service" for number in range(400)]
    writer.put({f"states/{name}/m1": state("m1") for name in names[:350]}, ttl=2)
    writer.put({f"states/{name}/m1": state("m1") for name in names[350:]})
    _, views = follow(wire.url, pace=PATIENT)
    assert views.live().snapshot is not None
    views.showing(lambda s: len(s.units) == 50)
    assert never_lost(views)


def test_a_burst_that_makes_etcd_drop_the_streams_leaves_nothing_behind(
    etcd: RealEtcd, wire: Wire, writer: Pipeline, follow: Follow
) -> None:
    names = [f"u{number:04}.service" for number in range(900)]
    writer.put({f"job/{name}/target-state": "launched" for name in names})
    _, views = follow(wire.url, pace=PATIENT)
    views.showing(lambda s: len(s.units) == 900)
    etcd.delete("job", recursive="true")
    views.showing(lambda s: not s.units)
    writer.put({f"job/{name}/target-state": "loaded" for name in names})
    views.showing(lambda s: {str(u.target_state) for u in s.units.values()} == {"loaded"})
    views.showing(lambda s: len(s.units) == 900)


def test_a_burst_of_removals_is_verified_at_once_but_not_again_and_again(
    etcd: RealEtcd, wire: Wire, writer: Pipeline, follow: Follow
) -> None:
    keys = [f"job/u{number:03}.service/target-state" for number in range(120)]
    writer.put(dict.fromkeys(keys, "launched"))
    _, views = follow(wire.url, pace=Pace(reread_every=600, watch_for=60, verify_after=300))
    views.showing(lambda s: len(s.units) == len(keys))
    assert wire.count("/job?", "stream=true") == 1
    writer.delete(keys[:60])
    views.wait(lambda _: wire.count("/job?", "stream=true") == 2)
    launched(views, etcd, 1)
    views.showing(lambda s: len(s.units) == 61)
    writer.delete(keys[60:])
    launched(views, etcd, 2)
    views.showing(lambda s: len(s.units) == 2)
    assert wire.count("/job?", "stream=true") == 2


def test_a_stream_that_fell_silent_is_found_out_by_what_etcd_has(
    etcd: RealEtcd, wire: Wire, follow: Follow
) -> None:
    _, views = follow(wire.url, pace=PATIENT)
    views.live()
    launched(views, etcd, 1)
    wire.mute_streams()
    launched(views, etcd, 2)
    launched(views, etcd, 3)
    assert wire.count("/job?", "stream=true") == 2
    assert never_lost(views)


def test_what_is_said_to_be_current_was_proved_to_be(
    etcd: RealEtcd, wire: Wire, follow: Follow
) -> None:
    _, views = follow(wire.url, pace=Pace(reread_every=600, liveness_every=0.3))
    views.live()
    for number in range(5):
        wire.mute_streams()
        etcd.put(f"job/u{number}.service/target-state", "launched")
        written_at = datetime.now(UTC)
        current = views.showing(partial(is_newer, written_at))
        assert U(f"u{number}.service") in current.units


def test_where_much_is_written_the_picture_is_not_said_to_be_old(
    wire: Wire, writer: Pipeline, follow: Follow
) -> None:
    pace = Pace(reread_every=600, liveness_every=0.3, confirm_every=0)
    _, views = follow(wire.url, pace=pace)
    views.live()
    stopped = threading.Event()

    def write() -> None:
        number = 0
        while not stopped.wait(0.02):
            parts = (("states", state("m")), ("job", job("a.service")), ("machines", "{}"))
            writer.put({f"{part}/k{number % 50}/x": value for part, value in parts})
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    asked = wire.count("engine-leader", "quorum=true")
    try:
        for _ in range(8):
            views.showing(partial(is_newer, datetime.now(UTC)))
    finally:
        stopped.set()
        thread.join()
    signs = wire.count("engine-leader", "quorum=true") - asked
    assert signs <= 24, "of three signs of life at most two prove nothing"


def test_a_stream_that_moves_on_is_not_asked_about_and_one_that_stops_is_found_out(
    wire: Wire, writer: Pipeline, follow: Follow
) -> None:
    _, views = follow(wire.url, pace=Pace(reread_every=600, prove_every=2))
    views.live()

    def write(numbers: range) -> None:
        for number in numbers:
            writer.put({f"job/u{number:03}.service/target-state": "launched"})
            time.sleep(0.02)  # the pace of the writes

    def polls() -> int:
        return wire.count("/job?", "wait=true") - wire.count("/job?", "stream=true")

    asked = polls()
    write(range(400))
    assert polls() - asked <= 2, "one each two seconds were four"
    wire.mute_streams()
    write(range(400, 500))
    views.wait(lambda view: bool(view.snapshot and U("u499.service") in view.snapshot.units))
    assert wire.count("/job?", "stream=true") > 1
    assert never_lost(views)


def test_cut_streams_cost_a_read_of_their_folders_and_no_flicker(
    etcd: RealEtcd, wire: Wire, follow: Follow
) -> None:
    _, views = follow(wire.url, pace=PATIENT)
    views.live()
    launched(views, etcd, 1)
    before = reads(wire)
    wire.cut_streams()
    launched(views, etcd, 2)
    assert never_lost(views)
    assert reads(wire) - before <= 4


@pytest.mark.parametrize("streams", [Streams.HOLD, Streams.HOLD_BODY, Streams.END])
def test_where_streams_do_not_pass_long_polls_stand_in(
    etcd: RealEtcd, wire: Wire, follow: Follow, streams: Streams
) -> None:
    wire.streams = streams
    _, views = follow(wire.url, pace=Pace(reread_every=600, stream_within=0.5))
    views.live()
    for number in range(5):
        launched(views, etcd, number)
    views.wait(lambda _: wire.count("/fleet?", "wait=true") > 0)
    asked = wire.count("stream=true")
    for number in range(5, 10):
        launched(views, etcd, number)
    assert never_lost(views)
    assert wire.count("stream=true") - asked <= 8, "it gives up for a while"


def test_streams_are_tried_again_after_a_while(etcd: RealEtcd, wire: Wire, follow: Follow) -> None:
    wire.streams = Streams.END
    pace = Pace(reread_every=600, streams_again=0.5, liveness_every=0.3)
    _, views = follow(wire.url, pace=pace)
    views.live()
    views.wait(lambda _: wire.count("stream=true") > 12)  # three of each folder, and one more
    wire.streams = Streams.PASS
    assert any(comes_without_a_poll(views, etcd, wire, number) for number in range(0, 200, 2))


def comes_without_a_poll(views: Views, etcd: RealEtcd, wire: Wire, number: int) -> bool:
    """Whether two changes, one after the other, are seen and none of them by the long poll."""
    polls = wire.count("/fleet?", "wait=true")
    launched(views, etcd, number)
    launched(views, etcd, number + 1)
    return wire.count("/fleet?", "wait=true") == polls


def test_what_a_stream_lost_on_its_way_is_found_by_reading_again_counted_and_logged(
    etcd: RealEtcd, wire: Wire, follow: Follow, caplog: pytest.LogCaptureFixture
) -> None:
    _, views = follow(wire.url, pace=Pace(reread_every=2, liveness_every=0.3))
    views.live()
    launched(views, etcd, 1)
    wire.swallowed = b"lost.service"
    etcd.put("job/lost.service/target-state", "launched")
    assert wire.has_swallowed.wait(10)
    launched(views, etcd, 2)
    views.showing(lambda s: U("lost.service") in s.units)
    views.wait(lambda v: v.disagreements > 0)
    assert "job/lost.service" in caplog.text


def test_reads_that_agree_are_not_counted_while_states_are_written_anew(
    wire: Wire, writer: Pipeline, follow: Follow
) -> None:
    values = {f"states/u{number:03}.service/m1": state("m1") for number in range(200)}
    writer.put(values)
    _, views = follow(wire.url, pace=Pace(reread_every=0.3, liveness_every=0.3))
    views.live()
    before = wire.count("/states?", "recursive") - wire.count("/states?", "wait")
    while wire.count("/states?", "recursive") - wire.count("/states?", "wait") < before + 12:
        writer.put(values)
    written_at = datetime.now(UTC)
    views.showing(lambda s: s.read_at > written_at)
    assert views.newest.disagreements == 0


def test_a_unit_file_is_read_once_and_many_new_ones_together(
    etcd: RealEtcd, wire: Wire, writer: Pipeline, follow: Follow
) -> None:
    writer.put({f"unit/{HASH}": '{"Raw":"[X-Fleet]\\nGlobal=true\\n"}'})
    _, views = follow(wire.url, pace=PATIENT)
    views.live()
    folder = wire.count("/unit?")
    etcd.put("job/a.service/object", job("a.service"))
    views.showing(lambda s: A in s.units and s.units[A].is_global)
    etcd.put("job/b.service/object", job("b.service"))
    views.showing(lambda s: all(unit.is_global for unit in s.units.values()) and len(s.units) == 2)
    assert (wire.count("/unit/"), wire.count("/unit?")) == (0, folder)

    one = HASH[::-1]
    writer.put(
        {f"unit/{one}": '{"Raw":"[Unit]\\n"}', "job/c.service/object": job("c.service", one)}
    )
    views.showing(lambda s: U("c.service") in s.units and s.units[U("c.service")].file is not None)
    assert (wire.count(f"/unit/{one}"), wire.count("/unit?")) == (1, folder)

    many = [f"{number:040x}" for number in range(60)]
    writer.put({f"unit/{unit_hash}": '{"Raw":"[Unit]\\n"}' for unit_hash in many})
    writer.put({f"job/n{h}.service/object": job(f"n{h}.service", h) for h in many})
    views.showing(lambda s: len(s.units) == 63 and all(u.file for u in s.units.values()))
    assert wire.count("/unit/") <= 1 + 60
    assert wire.count("/unit?") - folder >= 1


def test_a_unit_file_that_was_not_there_is_shown_when_it_comes(
    etcd: RealEtcd, follow: Follow
) -> None:
    etcd.put("job/a.service/object", job("a.service"))
    _, views = follow(etcd.endpoint, pace=Pace(reread_every=600, liveness_every=0.3))
    views.showing(lambda s: A in s.units and s.units[A].file is None)
    etcd.put(f"unit/{HASH}", '{"Raw":"[X-Fleet]\\nGlobal=true\\n"}')
    views.showing(lambda s: s.units[A].is_global)


def test_nothing_of_the_old_state_folder_is_ever_asked_for(
    etcd: RealEtcd, wire: Wire, follow: Follow
) -> None:
    etcd.put("state/a.service", "{}")
    _, views = follow(wire.url, pace=PATIENT)
    views.live()
    launched(views, etcd, 1)
    assert wire.count("/state?") + wire.count("/fleet?", "recursive=true&quorum") == 0


# --- hostile streams -------------------------------------------------------------------------

HEAD = (
    b"HTTP/1.1 200 OK\r\nX-Etcd-Index: 7\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@contextmanager
def sending(pieces: Iterator[bytes], shown: Pair | None = None) -> Iterator[str]:
    """A server that answers whatever is asked with these bytes, then closes.

    With a certificate to be `shown` in TLS, each piece a record of its own.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    if shown is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown.certificate, shown.key)
        listening = context.wrap_socket(listening, server_side=True)

    def serve() -> None:
        end, _ = listening.accept()
        with end:
            end.recv(65536)
            with suppress(OSError):
                for piece in pieces:
                    end.sendall(piece)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        scheme = "http" if shown is None else "https"
        yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        thread.join(10)
        listening.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def endless() -> Iterator[bytes]:
    yield HEAD
    while True:
        yield chunk(b"x" * 65536)


HOSTILE = {
    "a line without end": (endless, NotEtcd, "an event of more than"),
    "nonsense": (lambda: iter([HEAD, chunk(b"<html>\n")]), NotEtcd, "what is no event"),
    "no UTF-8": (
        lambda: iter([HEAD, chunk(b'{"action":"set","node":{"key":"\xff"}}\n')]),
        NotEtcd,
        "what is no event",
    ),
    "brackets": (
        lambda: iter([HEAD, chunk(b'{"node":{"nodes":[' * 50_000 + b"\n")]),
        NotEtcd,
        "what is no event",
    ),
    "a broken chunk": (lambda: iter([HEAD, b"zz\r\n"]), Unreachable, "broke a stream off"),
    "an early end": (lambda: iter([HEAD, b"ff\r\nabc"]), Unreachable, "broke a stream off"),
    "a chunk size without end": (
        lambda: iter([HEAD, b"1" * (1 << 20)]),
        Unreachable,
        "broke a stream off",
    ),
}


@pytest.mark.parametrize(("pieces", "kind", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_stream_ends_with_a_sentence(
    pieces: Callable[[], Iterator[bytes]], kind: type[Exception], words: str
) -> None:
    with sending(pieces()) as url:
        endpoint = for_reading(url)
        streaming = endpoint.stream("/v2/keys/f", 5)
        try:
            with pytest.raises(kind, match=words):
                list(streaming.events())
        finally:
            streaming.close()
            endpoint.close()


def test_an_event_in_pieces_is_put_together_and_several_in_one_are_taken_apart() -> None:
    event = b'{"action":"set","node":{"key":"/f/%d","modifiedIndex":%d}}\n'
    one, two, three = (event % (number, number) for number in (1, 2, 3))
    pieces = iter([HEAD, chunk(one[:10]), chunk(one[10:] + two), chunk(three), b"0\r\n\r\n"])
    with sending(pieces) as url:
        endpoint = for_reading(url)
        streaming = endpoint.stream("/v2/keys/f", 5)
        came = [event.node.modified_index for events in streaming.events() for event in events]
        streaming.close()
        endpoint.close()
    assert came == [1, 2, 3]


@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "TLS"])
def test_a_crowd_of_events_is_taken_as_fast_as_it_comes(tmp_path: Path, is_secure: bool) -> None:
    authority = Authority(tmp_path, "ours")
    shown = authority.issue("etcd", "127.0.0.1") if is_secure else None
    event = b'{"action":"set","node":{"key":"/f/job/a/x","modifiedIndex":%d}}\n'
    crowd = [chunk(event % index) for index in range(8, 5_008)]
    inbox: Inbox = SimpleQueue()
    came = 0
    with sending(iter([HEAD, *crowd] if is_secure else [HEAD, b"".join(crowd)]), shown) as url:
        way = Way(ca_file=authority.file)
        (source,) = open_sources([url], keys_under("/f"), ClusterId(), way)
        began = time.monotonic()
        Stream(Line(source, Pace(), inbox, Cadence(Pace())), "job")
        while came < 5_000:
            message = inbox.get(timeout=10)
            assert isinstance(message, tuple)
            came += len(message[1].events) if isinstance(message[1], Happened) else 0
    # Whoever is slower than that lets etcd's 100 places fill up, and is dropped.
    assert time.monotonic() - began < 5
    source.close()


class Brings:
    """A response of these pieces, each there when it is asked for."""

    status, version, headers, connection = 200, 11, HTTPHeaderDict(), None

    def __init__(self, sizes: Sequence[int]) -> None:
        self._pieces = [EVENT + b" " * (size - len(EVENT) - 1) + b"\n" for size in sizes]

    def read1(self, amount: int, *, decode_content: bool) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


EVENT = b'{"action":"set","node":{"key":"/f/a","modifiedIndex":9}}'


@pytest.mark.parametrize(
    ("told", "sizes", "rested"),
    [
        (0.0, [100, 100], [0.005, 0.005]),
        (0.04, [100, 100], [0.04, 0.04]),
        (0.04, [100, 256 << 10, 256 << 10, 100], [0.04, 0.02, 0.01, 0.04]),
        (0.04, [4 << 20, 4 << 20], [0.005, 0.005]),
    ],
    ids=["nobody may rest", "little comes", "more than plenty comes", "a flood comes"],
)
def test_a_stream_rests_as_told_unless_more_would_come_than_is_kept_for_it(
    monkeypatch: pytest.MonkeyPatch, told: float, sizes: list[int], rested: list[float]
) -> None:
    rests: list[float] = []
    streaming = Streaming("http://etcd", cast("BaseHTTPResponse", Brings(sizes)))
    monkeypatch.setattr(streaming._hurried, "wait", rests.append)
    assert len(list(streaming.events(lambda _: told))) == len(sizes)
    assert rests == pytest.approx(rested)


def test_a_rest_that_was_cut_short_says_nothing_of_how_much_comes_in_a_long_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    streaming = Streaming("http://etcd", cast("BaseHTTPResponse", Brings([4 << 10] * 3)))
    rests: list[float] = []

    def hurried(seconds: float) -> bool:
        rests.append(seconds)
        return True

    monkeypatch.setattr(streaming._hurried, "wait", hurried)
    assert len(list(streaming.events(lambda _: 0.4))) == 3
    in_a_breath = 0.005 * (128 << 10) / (4 << 10)
    assert rests == pytest.approx([in_a_breath] * 3)


@pytest.mark.parametrize(("index", "is_hurried"), [(7, False), (8, True)])
def test_a_stream_is_hurried_where_etcd_has_more_than_it_brought(
    monkeypatch: pytest.MonkeyPatch, index: int, is_hurried: bool
) -> None:
    hurried: list[str] = []

    class Hurried:
        def __init__(self, _: Line, part: str) -> None:
            self._part = part

        def hurry(self) -> None:
            hurried.append(self._part)

    monkeypatch.setattr("fleettui.registry.feed.Stream", Hurried)
    image = Image(keys_under("/f"))
    image.pass_to(7)
    with sending(iter(())) as url:
        (source,) = open_sources([url], keys_under("/f"), ClusterId())
    feed = Feed("job", Line(source, Pace(), SimpleQueue(), Cadence(Pace())), image)
    feed.open()
    feed.take(Ahead(index))
    assert hurried == ["job"] * is_hurried


def test_a_rest_ends_when_somebody_waits_for_what_has_come(etcd: RealEtcd) -> None:
    endpoint = for_reading(etcd.endpoint)
    streaming = endpoint.stream("/v2/keys/_coreos.com/fleet/f", 5, recursive="true")
    came: SimpleQueue[int] = SimpleQueue()

    def take() -> None:
        with suppress(Unreachable):
            for events in streaming.events(lambda _: 600.0):
                came.put(len(events))
        streaming.close()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    etcd.put("f/a", "1")
    assert came.get(timeout=10) == 1
    etcd.put("f/a", "2")
    with pytest.raises(Empty):
        came.get(timeout=0.3)
    streaming.hurry()
    assert came.get(timeout=10) == 1
    streaming.end()
    thread.join(10)
    assert not thread.is_alive(), "the end ends a rest too"
    endpoint.close()


def test_whoever_waits_for_a_stream_is_woken_when_it_is_ended(etcd: RealEtcd) -> None:
    endpoint = for_reading(etcd.endpoint)
    streaming = endpoint.stream("/v2/keys/f", 5)
    ended = threading.Event()

    def wait() -> None:
        with suppress(Unreachable):
            list(streaming.events())
        streaming.close()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    streaming.end()
    assert ended.wait(5)
    endpoint.close()
