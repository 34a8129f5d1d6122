"""The view: filtered, folded, muted and merged, in one order that lines do not leave."""

import random
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_lines import LOOP, LOOP_5S, NOISE, Pane, entry, rule

from fleettui.journal import chunk
from fleettui.journal.columns import Code
from fleettui.journal.pattern import PatternWrong, pattern
from fleettui.journal.ring import Ring
from fleettui.journal.rows import Wanted
from fleettui.journal.times import TimeStyle, time_words
from fleettui.model.host import JournalItem


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "LINES", 7)


def numbered(count: int) -> list[JournalItem]:
    return [entry(f"INFO a.go:1: line {n}", n, number=n + 1) for n in range(count)]


# --- folding ---------------------------------------------------------------------------------


def test_repeats_are_one_row_with_a_count_and_the_last_time() -> None:
    pane = Pane()
    pane.take([entry("a"), entry(LOOP, 1), entry(LOOP, 2), entry(LOOP, 3), entry("b", 4)])
    assert pane.counts() == [("a", 1), (LOOP, 3), ("b", 1)]
    loop = pane.view.line(list(pane.view.forward())[1])
    assert loop.last_at is not None
    assert (loop.last_at - loop.at).total_seconds() == 2
    assert (pane.view.lines, pane.view.filtered) == (5, 0)
    assert pane.adds_up


def test_both_loops_of_the_fault_fold_though_they_alternate() -> None:
    pane = Pane()
    pane.take([entry(LOOP_5S if n == 3 else LOOP, n) for n in range(6)])
    assert pane.counts() == [(LOOP, 5), (LOOP_5S, 1)]


def test_what_was_said_long_before_is_no_repeat() -> None:
    pane = Pane()
    pane.take(entry(text) for text in ("x", "1", "2", "3", "4", "x"))
    assert pane.texts() == ["x", "1", "2", "3", "4", "x"]


def test_a_fold_ends_with_its_chunk_so_that_evicting_stays_exact() -> None:
    pane = Pane(ring=Ring(lines=14))
    for n in range(40):
        pane.take([entry(LOOP, n)])
        assert pane.adds_up
    assert pane.counts() == [(LOOP, 7), (LOOP, 5)]


def test_all_is_unfolded_on_demand_and_one_row_alone() -> None:
    pane = Pane()
    pane.take([entry("a"), entry(LOOP, 1), entry("a", 2), entry(LOOP, 3)])
    assert pane.counts() == [("a", 2), (LOOP, 2)]
    first = next(pane.view.forward())
    pane.view.unfold(first)
    assert pane.counts() == [("a", 1), (LOOP, 2), ("a", 1)]
    assert pane.adds_up
    pane.take([entry("a", 4)])
    assert pane.counts() == [("a", 1), (LOOP, 2), ("a", 1), ("a", 1)]
    pane.view.unfold(list(pane.view.forward())[2])  # by one of its repeats
    assert pane.counts() == [("a", 3), (LOOP, 2)]
    pane.view.want(Wanted(folded=False))
    assert pane.texts() == ["a", LOOP, "a", LOOP, "a"]
    assert pane.adds_up


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "wanted",
    [Wanted(), Wanted(folded=False), Wanted(filter=pattern("^b"), context=2, folded=False)],
)
def test_whatever_comes_goes_and_is_unfolded_counting_agrees_with_walking(
    wanted: Wanted, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the order of a test
    pane = Pane(2, Ring(lines=100))
    pane.view.want(wanted)
    for number in range(40):
        if rows := list(pane.view.forward()):
            pane.view.unfold(chance.choice(rows))
            assert pane.adds_up
        said = chance.choices(["a", "b", LOOP, "rule"], k=chance.randint(0, 12))
        pane.take((rule(t) if t == "rule" else entry(t, number) for t in said), number % 2)
        assert pane.adds_up
        assert pane.view.lines == sum(c for t, c in pane.counts() if t != "rule")


# --- filtering -------------------------------------------------------------------------------


def test_a_filter_hides_and_counts_what_it_hides() -> None:
    pane = Pane()
    pane.take(numbered(30))
    pane.view.want(Wanted(filter=pattern("line 2")))
    assert pane.texts() == [f"INFO a.go:1: line {n}" for n in (2, *range(20, 30))]
    assert (pane.view.lines, pane.view.filtered) == (11, 19)
    pane.take(numbered(3))
    assert (pane.view.lines, pane.view.filtered) == (12, 21)
    assert pane.adds_up


def test_context_is_shown_over_the_edges_of_chunks() -> None:
    pane = Pane()
    pane.take(numbered(6))
    pane.view.want(Wanted(filter=pattern("line (8|20)$"), context=2))
    for item in numbered(40)[6:]:
        pane.take([item])
    shown = [int(text.rpartition(" ")[2]) for text in pane.texts()]
    assert shown == [6, 7, 8, 9, 10, 18, 19, 20, 21, 22]
    assert pane.adds_up


def test_only_faults_and_errors_on_demand_but_no_rule_is_ever_hidden() -> None:
    pane = Pane()
    pane.take([rule("lost"), entry("x"), entry(LOOP), entry(NOISE), entry("ERROR a.go:1: e")])
    pane.view.want(Wanted(codes=frozenset({Code.FAULT, Code.ERROR})))
    assert pane.texts() == ["lost", LOOP, "ERROR a.go:1: e"]
    assert pane.view.filtered == 2
    assert pane.adds_up


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("failed", ["Failed a", "FAILED b", "failed c"]),
        ("Failed", ["Failed a"]),
        ("^f.*c$", ["failed c"]),
        (r"a$|\(b", ["Failed a", "x (b"]),
        ("\u00e4", ["\u00c4pfel", "b\u00e4r"]),
        ("\u00e4r", ["b\u00e4r"]),
        (r"b\s+next", []),
        ("", ["Failed a", "FAILED b", "failed c", "x (b", "next", "\u00c4pfel", "b\u00e4r"]),
    ],
)
def test_small_letters_match_both_and_an_expression_never_crosses_lines(
    text: str, matched: list[str]
) -> None:
    pane = Pane()
    lines = ["Failed a", "FAILED b", "failed c", "x (b", "next", "\u00c4pfel", "b\u00e4r"]
    pane.take(entry(line) for line in lines)
    pane.view.want(Wanted(filter=pattern(text)))
    assert pane.texts() == matched


@pytest.mark.parametrize("text", ["(", "[", "*", "(?P<n", "(?<=b)", "(a)\\1", "\udc80", "a{1001}"])
def test_what_is_no_expression_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(PatternWrong, match=r"^no regular expression: .+"):
        pattern(text)


@pytest.mark.parametrize("text", ["a(?=b)", "a(?!b)", "(?<=b)a", "(?<!b)a", "(a)\\1"])
def test_what_other_programs_know_and_this_search_does_not_is_named(text: str) -> None:
    with pytest.raises(PatternWrong, match=r"(\(\?|\\1).*; a search looks at no text twice"):
        pattern(text)


def test_an_expression_that_would_go_through_thousands_of_states_is_refused() -> None:
    with pytest.raises(PatternWrong, match="too large an expression"):
        pattern("([ab]?){1000}[ab]{1000}c$")
    assert list(pattern("a" * 3000).spans("b" + "a" * 3000)) == [(1, 3001)]


@pytest.mark.parametrize("text", ["(a+)+$", "(a|a)+$", "(a*)+a$", "a*a*a*a*a*a*b", "(.*a){9}b"])
def test_no_line_makes_an_expression_try_again_and_again(text: str) -> None:
    """Python's own `re` would need 2^4096 steps for the first three, and 4096^5 for the fourth."""
    pane = Pane()
    pane.take(entry(line) for line in ("a" * 4096 + "!", "aaab", "b"))
    asked = pattern(text)
    pane.view.want(Wanted(filter=asked))
    assert "a" * 4096 + "!" not in pane.texts()
    assert list(asked.spans("a" * 4096 + "!")) == []


def test_spans_are_where_the_pattern_stands_in_a_shown_line() -> None:
    assert list(pattern("a+").spans("caab A")) == [(1, 3), (5, 6)]
    assert list(pattern("x*").spans("abc")) == []


PIECES = st.sampled_from(
    ["n=", "99", "=99", "-4", "N", "n", "Ab", "aB", " ", "\u00e4", "\u00c4", "k"]
)
TEXTS = st.lists(PIECES, min_size=1, max_size=6).map("".join)


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS | st.just("") | st.just("n=99 " * 60), max_size=24), TEXTS)
def test_lines_are_found_as_if_each_was_looked_at_alone(lines: list[str], text: str) -> None:
    pane = Pane()
    pane.take(entry(line) for line in lines)
    pane.view.want(Wanted(filter=pattern(text), folded=False))
    exact = text != text.lower()
    assert pane.texts() == [line for line in lines if text in (line if exact else line.lower())]


def test_a_letter_beyond_ascii_finds_the_ascii_letter_that_is_another_case_of_it() -> None:
    pane = Pane()
    pane.take([entry("SELF"), entry("other")])
    pane.view.want(Wanted(filter=pattern("\u017felf")))
    assert pane.texts() == ["SELF"]
    pane.view.want(Wanted(filter=pattern("\u00e4elf")))
    assert pane.texts() == []


# --- merging ---------------------------------------------------------------------------------

TIMES = st.lists(st.integers(0, 30), max_size=25)


@settings(max_examples=150, deadline=None, database=None)
@given(st.lists(TIMES, min_size=1, max_size=4), st.integers(0, 2**32), st.data())
def test_the_merged_order_does_not_depend_on_when_lines_came(
    machines: list[list[int]], seed: int, data: st.DataObject
) -> None:
    wanted = data.draw(
        st.sampled_from(
            [
                Wanted(),
                Wanted(folded=False),
                Wanted(filter=pattern("[02468]$"), folded=False),
                Wanted(filter=pattern("5"), context=1),
                Wanted(codes=frozenset({Code.ERROR})),
                Wanted(muted=frozenset({0})),
            ]
        )
    )
    levels = ("INFO", "ERROR")
    items = [
        [entry(f"{levels[t % 2]} a.go:1: {t}", t, number=n + 1) for n, t in enumerate(times)]
        for times in machines
    ]
    at_once, bit_by_bit = Pane(len(items)), Pane(len(items))
    for number, stream in enumerate(items):
        at_once.take(stream, number)
    at_once.view.want(wanted)
    bit_by_bit.view.want(wanted)
    chance = random.Random(seed)  # noqa: S311 - the order of a test
    left = {number: list(stream) for number, stream in enumerate(items)}
    while any(left.values()):
        number = chance.choice([n for n, stream in left.items() if stream])
        count = chance.randint(1, 6)
        bit_by_bit.take(left[number][:count], number)
        del left[number][:count]
    assert bit_by_bit.counts() == at_once.counts()
    assert list(bit_by_bit.view.forward()) == list(at_once.view.forward())
    assert bit_by_bit.adds_up
    assert at_once.adds_up


def test_late_lines_take_their_place_and_the_others_keep_their_order() -> None:
    pane = Pane(2)
    pane.take([entry("a0", 0), entry("a2", 2), entry("a4", 4)], 0)
    before = pane.texts()
    pane.take([entry("b1", 1), entry("b3", 3)], 1)
    assert pane.texts() == ["a0", "b1", "a2", "b3", "a4"]
    assert [text for text in pane.texts() if text in before] == before


def test_a_clock_that_jumps_back_changes_no_order_within_its_machine() -> None:
    pane = Pane(2)
    pane.take([entry("a0", 100), entry("a1", 5), entry("a2", 101)], 0)
    pane.take([entry("b0", 50), entry("b1", 100.5)], 1)
    assert pane.texts() == ["b0", "a0", "a1", "b1", "a2"]


def test_a_clock_an_hour_off_is_corrected_once_it_is_known() -> None:
    pane = Pane(2)
    pane.take([entry("a0", 3600), entry("a2", 3602)], 0)
    pane.take([entry("b1", 1), entry("b3", 3)], 1)
    assert pane.texts() == ["b1", "b3", "a0", "a2"]
    pane.ring.correct(0, timedelta(hours=1))
    assert pane.texts() == ["a0", "b1", "a2", "b3"]
    assert pane.adds_up
    assert pane.view.line(next(pane.view.forward())).at.hour == 1  # shown as the machine has it


def test_a_rule_stands_where_its_stream_stood_not_at_our_time() -> None:
    pane = Pane(2)
    pane.take([rule("following", 9000), entry("a0", 0), rule("lost", 9001)], 0)
    pane.take([entry("b1", 1)], 1)
    assert pane.texts() == ["following", "a0", "lost", "b1"]


def test_what_is_wrong_with_a_pattern_is_said_in_signs_that_no_terminal_obeys() -> None:
    with pytest.raises(PatternWrong) as raised:
        pattern("[z-\x1b]")
    assert str(raised.value).isprintable()


def test_a_pattern_that_may_mean_something_else_one_day_is_taken_without_a_word() -> None:
    assert list(pattern("[[a]").spans("x[a")) == [(1, 2), (2, 3)]


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("at", [(1, 1, 1, 0), (9999, 12, 31, 23)])
def test_a_time_at_the_end_of_the_calendar_is_shown_in_any_zone(
    zone: str, at: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        shown = time_words(datetime(*at, tzinfo=UTC), TimeStyle.TIME, local=True)
    time.tzset()
    assert len(shown) == 8


def test_muting_hides_a_machine_and_counts_its_lines() -> None:
    pane = Pane(3)
    for number in range(3):
        pane.take([entry(f"{number}", 0)], number)
    pane.view.want(Wanted(muted=frozenset({0, 2})))
    assert pane.texts() == ["1"]
    assert pane.view.filtered == 2
    pane.view.want(Wanted())
    assert pane.texts() == ["0", "1", "2"]


# --- walking and finding ---------------------------------------------------------------------


def test_walking_begins_at_any_place_even_one_that_is_not_shown_any_more() -> None:
    pane = Pane(ring=Ring(lines=28))
    pane.take(numbered(20))
    middle = list(pane.view.forward())[10]
    assert pane.view.line(next(pane.view.backward(middle))).text.raw == "line 9"
    pane.view.want(Wanted(filter=pattern("line 1[357]$")))
    assert pane.view.line(next(pane.view.forward(middle))).text.raw == "line 13"
    pane.view.want(Wanted())
    pane.take(numbered(60))
    assert not pane.view.holds(middle)
    nearest = pane.view.nearest(middle)
    assert nearest == next(pane.view.forward())


def test_searching_goes_both_ways_over_chunks_and_streams() -> None:
    pane = Pane(2)
    pane.take([entry(f"{'hit' if n % 10 == 3 else 'miss'} a{n}", n) for n in range(30)], 0)
    pane.take([entry(f"{'hit' if n == 15 else 'miss'} b{n}", n) for n in range(30)], 1)
    found, place = [], None
    while (place := pane.view.find(pattern("hit"), place)) is not None:
        found.append(pane.view.line(place).text.raw)
    assert found == ["hit a3", "hit a13", "hit b15", "hit a23"]
    back, place = [], None
    while (place := pane.view.find(pattern("hit"), place, back=True)) is not None:
        back.append(pane.view.line(place).text.raw)
    assert back == found[::-1]


def test_the_next_error_is_found_whatever_is_between() -> None:
    pane = Pane()
    pane.take([entry("x"), entry(LOOP), entry(NOISE), entry("WARN a.go:1: w"), entry("y")])
    errors = {Code.ERROR, Code.FAULT}
    (error,) = [pane.view.find_code(errors, None)]
    assert error is not None
    assert pane.view.line(error).message.raw == LOOP
    assert pane.view.find_code(errors, error) is None
    last = list(pane.view.forward())[-1]
    assert pane.view.find_code({Code.WARNING}, last, back=True) is not None


def test_the_end_of_many_machines_is_read_without_reading_all() -> None:
    pane = Pane(50)
    for number in range(50):
        pane.take([entry(f"{number} {n}", n) for n in range(30)], number)
    tail = [pane.view.line(p).text.raw for p in islice(pane.view.backward(), 50)]
    assert tail == [f"{number} 29" for number in range(49, -1, -1)]
