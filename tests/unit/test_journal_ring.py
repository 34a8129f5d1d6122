"""The ring: lines in bounded memory, each counted, none changed."""

from datetime import timedelta
from hashlib import shake_128

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journal_lines import LOOP, NOISE, START, Pane, entry, rule

from fleettui.journal import chunk
from fleettui.journal.chunk import Chunk
from fleettui.journal.columns import Code, Packer
from fleettui.journal.ring import Ring
from fleettui.journal.rows import Wanted
from fleettui.journal.view import View
from fleettui.model.host import NoticeKind


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "LINES", 10)
    monkeypatch.setattr(chunk, "BYTES", 500)


def test_a_line_comes_back_as_it_went_in() -> None:
    pane = Pane()
    pane.take([entry("ERROR a.go:1: two\nlines \x1b \u20ac", 5.25, number=42, pid=9)])
    (place,) = pane.view.forward()
    line = pane.view.line(place)
    assert line.message.raw == "ERROR a.go:1: two\nlines \x1b \u20ac"
    assert (line.level, line.source.raw, line.text.raw) == (
        "ERROR",
        "a.go:1",
        "two\nlines \x1b \u20ac",
    )
    assert line.at == START + timedelta(seconds=5.25)
    assert (line.origin.pid, line.origin.unit.raw, line.code) == (9, "fleet.service", Code.ERROR)
    assert line.cursor == "s=ab;i=2a"


def test_who_said_a_line_is_known_however_many_speakers_there_are() -> None:
    pane = Pane()
    pane.take(entry(f"line {n}", n, pid=n % 3) for n in range(25))
    assert [pane.view.line(place).origin.pid for place in pane.view.forward()] == [
        n % 3 for n in range(25)
    ]


def test_a_line_without_a_prefix_has_its_priority_as_level_and_its_speaker_as_source() -> None:
    pane = Pane()
    pane.take([entry("Started fleet.", priority=3), entry("x", priority=4), entry("y")])
    lines = [pane.view.line(place) for place in pane.view.forward()]
    assert [line.level for line in lines] == ["ERROR", "WARN", "INFO"]
    assert {line.source.raw for line in lines} == {"fleetd"}


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "s=1;i=zz;b=2", "s=1;i=-5", "s=1;i=" + "f" * 99]
)
def test_a_cursor_of_another_shape_is_kept_whole(cursor: str) -> None:
    pane = Pane()
    odd = entry("x")
    pane.take([type(odd)(cursor, odd.at, odd.message, 6, odd.unit, odd.identifier)])
    (place,) = pane.view.forward()
    assert pane.view.line(place).cursor == cursor


def test_the_oldest_lines_go_first_and_are_counted() -> None:
    pane = Pane(ring=Ring(lines=50))
    for number in range(20):
        pane.take(entry(f"line {number * 10 + n}", number) for n in range(10))
        assert pane.adds_up
    assert pane.ring.received == 200
    assert pane.ring.evicted == 150
    assert pane.texts() == [f"line {n}" for n in range(150, 200)]


def test_long_lines_are_bounded_by_their_bytes() -> None:
    pane = Pane(ring=Ring(size=3000))
    pane.take(entry(f"{n} {'x' * 200}") for n in range(100))
    assert pane.adds_up
    assert pane.ring.received == 100
    assert 5 < pane.ring.held < 20
    assert pane.texts()[-1].startswith("99 ")


def test_a_line_longer_than_a_chunk_is_held_whole() -> None:
    pane = Pane()
    pane.take([entry("a"), entry("x" * 5000), entry("b")])
    assert pane.texts() == ["a", "x" * 5000, "b"]


def test_the_stream_that_is_behind_loses_its_lines_first() -> None:
    pane = Pane(2, Ring(lines=40))
    pane.take([entry(f"old {n}", n) for n in range(20)], 0)
    pane.take([entry(f"new {n}", 1000 + n) for n in range(40)], 1)
    assert [text for text in pane.texts() if text.startswith("new")] == [
        f"new {n}" for n in range(10, 40)
    ]
    assert pane.ring.streams[0].received - pane.ring.streams[0].evicted == 10  # its last chunk


def test_rules_are_no_lines() -> None:
    pane = Pane()
    pane.take([rule("lost", kind=NoticeKind.GAP), entry("a", 1), rule("back")])
    assert (pane.ring.received, pane.view.lines, pane.view.count) == (1, 1, 3)
    first, _, last = (pane.view.line(place) for place in pane.view.forward())
    assert (first.code, first.origin.notice) == (Code.RULE, NoticeKind.GAP)
    assert last.text.raw == "back"
    assert pane.adds_up


def test_every_code_is_counted() -> None:
    pane = Pane()
    pane.take([entry(LOOP), entry(NOISE), entry("WARN a.go:1: x"), entry("plain"), entry(LOOP)])
    codes = (Code.FAULT, Code.NOISE, Code.WARNING, Code.PLAIN, Code.ERROR)
    assert [pane.ring.tally(code) for code in codes] == [2, 1, 1, 1, 0]


def test_a_closed_stream_takes_its_lines_along() -> None:
    pane = Pane(2)
    pane.take([entry("a")], 0)
    pane.take([entry("b")], 1)
    pane.ring.close(0)
    pane.view.update()
    assert pane.texts() == ["b"]
    assert pane.ring.received == 1
    assert pane.adds_up


def test_a_stream_has_its_ends_by_the_clock_however_that_was_set() -> None:
    pane = Pane()
    assert pane.ring.streams[0].ends is None
    pane.take([rule("back", 9_000_000), *(entry("a", at) for at in (50, 90, 20, 40))])
    pane.take(entry("b", 60) for _ in range(20))
    start = round(START.timestamp()) * 1_000_000
    assert pane.ring.streams[0].ends == (start + 20_000_000, start + 90_000_000)


def test_what_is_looked_through_loses_nothing_that_goes_meanwhile() -> None:
    pane = Pane(ring=Ring(lines=20))
    pane.take(entry(f"line {n}", n) for n in range(20))
    then = pane.ring.as_it_is()
    view = View(then)
    view.want(Wanted(folded=False))
    pane.take(entry(f"more {n}", 20 + n) for n in range(100))
    pane.ring.close(0)
    texts = [view.line(place).message.raw for place in view.forward()]
    assert texts == [f"line {n}" for n in range(20)]


def test_a_repeat_is_judged_anew_where_its_priority_is_another() -> None:
    batch = Packer().pack([entry("odd", priority=6), entry("odd", priority=3)])
    assert list(batch.codes) == [Code.PLAIN, Code.ERROR]
    assert list(batch.back) == [0, 0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.sampled_from([LOOP, NOISE, "", "x" * 3000]), st.text()), min_size=1),
    st.integers(0, 30),
)
def test_a_chunk_that_is_full_gives_back_each_of_its_lines_however_its_text_is_held(
    texts: list[str], turn: int
) -> None:
    pane = Pane(2)
    for number, text in enumerate(texts):
        pane.take([entry(text, number)], number % 2)
        pane.take([entry(text, number)], number % 2)
    pane.view.want(Wanted(folded=False))
    said = [text.encode("utf-8", "backslashreplace").decode() for text in texts for _ in range(2)]
    assert pane.texts() == said
    places = list(pane.view.forward())
    for at in (turn % len(said), 0, -1):  # in any order, as when a screen is scrolled
        assert pane.view.line(places[at]).message.raw == said[at]
    assert pane.adds_up


def test_a_full_chunk_is_held_in_less_room_unless_its_text_is_noise() -> None:
    words, noise = Chunk(0, 0), Chunk(0, 0)
    odd = "".join(chr(byte & 127) for byte in shake_128(b"seven").digest(400))
    words.add(Packer().pack(entry(f"{LOOP} {n}") for n in range(500)), 0)
    noise.add(Packer().pack([entry(odd)]), 0)
    texts = bytes(words.text), bytes(noise.text)
    words.seal()
    noise.seal()
    assert (words.text, noise.text) == texts
    assert words.room < words.size / 2
    assert noise.room == noise.size
