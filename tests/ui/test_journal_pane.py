"""The journal pane by keys: what is found, filtered, merged, saved; and what is never offered."""

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from driving import screen_text, squeezed, until, when
from fakes import MACHINES, U
from journal_pane import LOOP, NOISE, START, Journals, entry, night, notice, pane_app
from textual.pilot import Pilot
from textual.widgets import Input

from fleettui.journal.columns import Code
from fleettui.journal.keep import record_text, text_line
from fleettui.journal.sources import Source
from fleettui.model.clock import now
from fleettui.model.host import NEWEST, NotChecked, NoticeKind, Span
from fleettui.ui.dialogs.help import HelpScreen
from fleettui.ui.keys import entries
from fleettui.ui.widgets.journal import JournalPane, leaving
from fleettui.ui.widgets.journal.entry import EntryScreen
from fleettui.ui.widgets.journal.log import COALESCE, COALESCE_FLOOD
from fleettui.ui.widgets.journal.prompt import Asking, Prompt
from fleettui.ui.widgets.journal.saving import SaveScreen


def rows(pilot: Pilot[None]) -> list[str]:
    """The journal's lines on the screen."""
    return [line for line in screen_text(pilot).splitlines() if line.startswith(" 03:")]


def adds_up(pane: JournalPane) -> bool:
    return pane.ring.received == pane.view.lines + pane.view.filtered + pane.ring.evicted


# --- following and pausing -------------------------------------------------------------------


async def test_pausing_stops_the_view_and_not_the_receiving() -> None:
    async with pane_app(size=(120, 16)) as (pilot, pane):
        await pilot.press("c", "k", "k")
        before = rows(pilot)
        pane.take([entry("ERROR a.go:1: one", 60), entry("INFO a.go:1: two", 61)])
        await until(pilot, "paused: +2 new, 1 error, f follows")
        assert rows(pilot)[:8] == before[:8]
        await pilot.press("f")
        assert "two" in (await until(pilot, "following"))
        assert pane.received == 40


async def test_a_flood_is_painted_less_often_than_what_can_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with pane_app(size=(120, 16)) as (pilot, pane):
        await when(lambda: pane._pause is None, "what came at first is painted")
        rests: list[tuple[float, Callable[[], None]]] = []

        def rest(seconds: float, then: Callable[[], None]) -> object:
            rests.append((seconds, then))
            return then

        monkeypatch.setattr(pane, "set_timer", rest)
        pane.take([entry("INFO a.go:1: first", 60)])
        for count in (1, 100, 1):
            pane.take([entry(f"INFO a.go:1: {n}", 61) for n in range(count)])
            rests[-1][1]()
        rests[-1][1]()  # nothing came
        assert [seconds for seconds, _ in rests] == [COALESCE, COALESCE, COALESCE_FLOOD, COALESCE]

        pane.take([entry("INFO a.go:1: the first of a frame", 62)])
        pane.take([entry("INFO a.go:1: the next of it", 62)])
        await until(pilot, "the next of it")
        rests[-1][1]()  # all of it was painted at once
        assert len(rests) == 5


async def test_what_is_hidden_is_no_news() -> None:
    async with pane_app(size=(120, 16)) as (pilot, pane):
        await pilot.press("m", "k", "z", "x")  # the newest line is of the third machine
        assert len(pane.wanted.muted) == 1
        lines = [entry("ERROR a.go:1: one", 60), entry("INFO a.go:1: two", 61)]
        for stream in range(len(MACHINES)):
            pane.take(lines, stream)
        await until(pilot, f"+{len(MACHINES) - 1} new, {len(MACHINES) - 1} errors")


async def test_going_down_past_the_end_follows_again() -> None:
    async with pane_app(size=(120, 16)) as (pilot, pane):
        await pilot.press("c", "k", "k")
        await until(pilot, "paused")
        await pilot.press("j", "j", "j")
        await until(pilot, "following")
        assert pane.window.cursor is None


async def test_a_late_line_above_the_view_moves_nothing_on_the_screen() -> None:
    async with pane_app(size=(120, 16)) as (pilot, pane):
        await pilot.press("m", "c", "k", "pageup", "pageup")
        before = rows(pilot)
        pane.take([entry(f"INFO a.go:1: late {n}", 1.2) for n in range(5)], 2)
        await until(pilot, "+5 new")
        assert rows(pilot) == before


async def test_what_a_machine_said_before_it_was_added_is_no_news() -> None:
    async with pane_app(size=(120, 16)) as (pilot, pane):
        await pilot.press("k")
        held = pane.received
        await pilot.press("m")
        await until(pilot, "3 machines")
        await when(lambda: pane.received > 2 * held, "the others told what they had")
        assert "new" not in await until(pilot, "paused, f follows")
        ahead = (now() - START).total_seconds() + 5
        pane.take([entry("ERROR a.go:1: fresh", ahead)], 1)
        await until(pilot, "paused: +1 new, 1 error")


async def test_a_low_pane_still_counts_every_line() -> None:
    async with pane_app(size=(80, 10)) as (pilot, pane):
        assert f"{pane.received} lines" in await until(pilot, "following")
        await pilot.press("i")
        text = await until(pilot, " filtered")
        shown, filtered = pane.view.lines, pane.view.filtered
        assert f"{pane.received} = {shown} shown + {filtered} filtered" in text
        assert adds_up(pane)


async def test_the_wheel_scrolls_and_a_click_chooses() -> None:
    async with pane_app(size=(120, 16)) as (pilot, pane):
        await pilot.press("c")
        pane.scroll_lines(-5)
        await until(pilot, "paused")
        await pilot.click("#journal", offset=(30, 6))
        assert pane.chosen is not None
        text = screen_text(pilot).splitlines()[6]
        assert str(pane.chosen.text)[:30] in text
        pane.scroll_lines(50)
        await until(pilot, "following")


async def test_long_lines_wrap_or_are_shifted_and_columns_stay_while_following() -> None:
    async with pane_app(size=(80, 30)) as (pilot, pane):
        assert "unit name." not in screen_text(pilot)
        await pilot.press("w")
        assert "unit name." in squeezed(await until(pilot, "wrapped"))
        await pilot.press("w", "greater_than_sign", "greater_than_sign")
        await until(pilot, "from column 32")
        pane.take([entry(f"INFO a.go:1: {'x' * 60}END", 70)])
        assert "END" in await until(pilot, "END")
        await pilot.press("less_than_sign", "less_than_sign")
        await until(pilot, "from column", gone=True)


async def test_times_are_shown_in_four_ways_and_two_zones() -> None:
    async with pane_app() as (pilot, _):
        await pilot.press("t")
        await until(pilot, "2026-01-31 03:00:05.000 W")
        await pilot.press("t")
        await until(pilot, "+1.000 s W")
        await pilot.press("t")
        await until(pilot, " W job.go:12")
        assert not rows(pilot)
        await pilot.press("t", "T")
        await until(pilot, "UTC", gone=True)


# --- finding ---------------------------------------------------------------------------------


async def test_search_finds_the_last_match_and_more_presses_go_around() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("slash", *"fleet", "enter")
        await until(pilot, "search fleet")
        found = [chosen(pane)]
        for _ in range(3):
            await pilot.press("N")
            found.append(chosen(pane))
        assert found[0] != found[1]
        await pilot.press("n")
        assert chosen(pane) == found[2]
        assert pane.received == 38
        assert pane.view.filtered == 0  # searching hides nothing


async def test_what_is_no_expression_is_said_while_it_is_typed() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("F", *"etcd", "left_parenthesis")
        await until(pilot, "no regular expression: missing ): etcd(")
        await pilot.press("enter")
        await until(pilot, "no regular expression")  # it stays until it is one
        await pilot.press("escape")
        await until(pilot, "no regular expression", gone=True)
        assert pane.wanted.filter is None


async def test_a_filter_hides_counts_and_shows_lines_around() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("F", *"Watch|lost", "enter")
        await until(pilot, "38 received = 2 shown + 36 filtered + 0 evicted")
        await pilot.press("plus")
        await until(pilot, "38 received = 4 shown + 34 filtered")
        pane.take([entry("INFO a.go:1: hidden", 60), entry("INFO a.go:1: Watch this", 61)])
        await until(pilot, "Watch this")
        assert adds_up(pane)
        await pilot.press("F", *("backspace",) * 10, "enter")
        await until(pilot, "40 received = 40 shown")


async def test_what_was_typed_is_taken_with_the_focus_in_one_painting() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("F")
        assert not pane.has_focus
        pane.on_prompt_answered(Prompt.Answered(Asking.FILTER, "etcd"))
        assert pane.screen.focused is pane  # nothing was awaited, and so nothing painted yet
        assert pane.wanted.filter is not None


async def test_no_line_holds_up_what_is_searched_marked_and_filtered() -> None:
    """Python's own `re` would look at this line for years; the keys would be dead."""
    async with pane_app() as (pilot, pane):
        pane.take([entry("a" * 4096 + "!", 60)])
        asked = ("left_parenthesis", "a", "plus", "right_parenthesis", "plus", "dollar_sign")
        await pilot.press("slash", *asked, "enter")
        await until(pilot, "search (a+)+$")
        await pilot.press("h", *asked, "enter", "F", *asked, "enter")
        await until(pilot, "39 received = 0 shown + 39 filtered")


async def test_what_a_filter_shows_above_the_chosen_row_fills_the_screen() -> None:
    async with pane_app(size=(100, 20)) as (pilot, _):
        await pilot.press("c", "up", "F", *"Watch|lost", "enter")
        text = await until(pilot, "= 2 shown")
        assert "etcd watcher" in text
        assert "lost its heartbeat" in text


async def test_a_narrow_pane_says_that_it_filters_before_it_says_whose_journal_it_is() -> None:
    async with pane_app(size=(80, 10)) as (pilot, pane):
        await pilot.press("up", "F", *"Watch|lost", "enter")
        pane.take([entry(LOOP, 60)])
        await until(pilot, "1 error   filter Watch|lost")


async def test_highlights_stay_while_something_else_is_searched() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("h", *"zoo", "enter", "slash", *"Unit", "enter")
        await until(pilot, "search Unit")
        assert [p.text for p in pane.display_as.highlights] == ["zoo"]
        await pilot.press("H")
        assert pane.display_as.highlights == ()
        assert pane.is_searching is not None


async def test_what_has_no_room_in_the_head_is_cut_off_with_a_sign() -> None:
    async with pane_app(size=(80, 24)) as (pilot, pane):
        await pilot.press("up", "F", *"Watch|lost|Unit", "enter", "h", *"zookeeper", "enter")
        await pilot.press("slash", *"generator", "enter", "w", "1")
        pane.take([entry(LOOP, 60 + n) for n in range(1234)])
        await until(pilot, " = ")  # `received` and `+ 0 evicted` give way first
        first, second = screen_text(pilot).splitlines()[:2]
        assert second.startswith(" 1,272 = 1,266 shown + 6 filtered  filter Watch|lost|Unit ")
        assert second.endswith("…")
        await pilot.press("up")
        pane.take([entry(LOOP, 2000 + n) for n in range(2_345)])
        first = (await until(pilot, "+2,345 new")).splitlines()[0]
        assert first.rstrip().endswith("fleet.service on 172.17.8.101, UTC")


async def test_a_key_that_can_do_nothing_says_why() -> None:
    said = {
        "n": "Nothing has been searched for yet",
        "plus": "only where a filter is set",
        "B": "This is the present boot",
        "o": "Only one machine is shown",
        "g space": "This row stands for one line alone.",
        "c space": "Every row is unfolded already",
    }
    async with pane_app(size=(120, 60)) as (pilot, pane):
        before = pane.choice
        for keys, words in said.items():
            await pilot.press(*keys.split())
            await until(pilot, words)
        assert pane.choice == before
        assert not pane.wanted.muted
    async with pane_app(Journals()) as (pilot, pane):
        await pilot.press("m", "o")
        await until(pilot, "There is no line under the cursor.")
        assert not pane.wanted.muted


async def test_errors_and_warnings_are_gone_through() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("e")
        assert code(pane) is Code.FAULT
        await pilot.press("E", "E")
        assert code(pane) is Code.ERROR
        await pilot.press("E")
        await until(pilot, "No further error")
        await pilot.press("right_square_bracket")
        await until(pilot, "No further warning")
        await pilot.press("left_square_bracket")
        assert code(pane) is Code.WARNING


async def test_faults_only_and_no_noise() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("i")
        assert "etcd watcher" not in await until(pilot, "no noise")
        await pilot.press("z")
        assert "Starting fleetd" not in await until(pilot, "faults only")
        await pilot.press("z")
        await until(pilot, "Starting fleetd")
        assert adds_up(pane)


async def test_lines_around_end_with_the_filter_that_they_are_around() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("F", *"etcd", "enter", "plus", "F", "ctrl+u", "enter", "i")
        assert "+ 1 filtered" in await until(pilot, "no noise")
        await pilot.press("z")
        await until(pilot, "faults only")
        assert pane.view.lines == 31


async def test_one_row_is_unfolded_and_then_all() -> None:
    async with pane_app() as (pilot, _):
        await pilot.press("E", "space")
        await until(pilot, "  5x ", gone=True)
        await until(pilot, "  25x since 03:00:10")
        await pilot.press("space", "c")
        await until(pilot, "25x", gone=True)


async def test_the_fault_is_explained_where_it_begins_once() -> None:
    async with pane_app() as (pilot, _):
        await pilot.press("c", "g")
        text = await until(pilot, "zookeeper@.service was loaded itself")
        assert text.count("was loaded itself") == 1


async def test_the_fault_is_explained_once_more_for_the_next_fleetd_and_not_after_noise() -> None:
    async with pane_app(size=(120, 24)) as (pilot, pane):
        between = [entry(NOISE, 60), entry("INFO a.go:1: something else", 61)]
        pane.take([*between, entry(LOOP, 62), *between, entry(LOOP, 63)])
        await pilot.press("c")
        await until(pilot, "something else")
        assert "was loaded itself" not in screen_text(pilot)
        pane.take([entry(LOOP, 64, pid=700), entry(LOOP, 65, pid=700)])
        assert (await until(pilot, "was loaded itself")).count("was loaded itself") == 1


def chosen(pane: JournalPane) -> str:
    assert pane.chosen is not None
    return f"{pane.chosen.at:%S} {pane.chosen.text}"


def code(pane: JournalPane) -> Code:
    assert pane.chosen is not None
    return pane.chosen.code


# --- sources ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "span", "words"),
    [
        ("1", Span(None, "-1min"), "since: the last minute"),
        ("4", Span(None, "-1h"), "since: the last hour"),
        ("6", Span(None), "since: everything"),
    ],
)
async def test_a_number_shows_the_journal_since_then(key: str, span: Span, words: str) -> None:
    journals = Journals({MACHINES[0].id: night()})
    async with pane_app(journals) as (pilot, _):
        await pilot.press(key)
        await until(pilot, words)
        await until(pilot, "38 received")
        assert journals.tails == [
            (MACHINES[0].id, "fleet.service", NEWEST),
            (MACHINES[0].id, "fleet.service", span),
        ]
        assert journals.open == 1


async def test_since_is_typed_freely_and_a_boot_before_is_asked_for() -> None:
    journals = Journals({MACHINES[0].id: night()})
    async with pane_app(journals) as (pilot, _):
        await pilot.press("a", *"2026", "enter")
        await pilot.pause()
        assert journals.tails[-1][2] == Span(None, "2026")
        await until(pilot, "since: 2026")
        await pilot.press("b")
        await until(pilot, "the boot before")
        await until(pilot, "since:", gone=True)  # it is the whole of that boot
        assert journals.tails[-1][2] == Span(None, boot=-1)
        await until(pilot, "JOURNAL read to its end")
        await pilot.press("b")
        await until(pilot, "2 boots ago")
        await pilot.press("B", "B")
        await until(pilot, "boot", gone=True)
        assert journals.tails[-1][2] == NEWEST
        await until(pilot, "JOURNAL following")


async def test_another_unit_is_chosen_from_a_list() -> None:
    journals = Journals()
    async with pane_app(journals) as (pilot, _):
        await pilot.press("u")
        await until(pilot, "etcd.service")
        await pilot.press("j", "enter")
        await until(pilot, "etcd.service on 172.17.8.101")
        assert journals.tails[-1][:2] == (MACHINES[0].id, "etcd.service")
        await pilot.press("u")
        await until(pilot, "etcd.service  (shown)")
        await pilot.press("j", "enter")
        await until(pilot, "etcd2.service on 172.17.8.101")  # the one below what was shown


async def test_merged_shows_all_machines_by_time_and_keeps_what_was_received() -> None:
    journals = Journals({m.id: night(n / 4) for n, m in enumerate(MACHINES)})
    async with pane_app(journals, size=(120, 60)) as (pilot, pane):
        await pilot.press("m")
        await until(pilot, "fleet.service on 3 machines, UTC")
        await until(pilot, " 114 received")
        names = [row.split()[1] for row in rows(pilot) if "fleetd.go:64" in row]
        assert names == ["core-01", "core-02", "core-03"]
        assert len(journals.tails) == 3  # the first was not read again
        pane.suggest(MACHINES[2])  # somebody moves the cursor in a table
        assert len(pane.choice.sources) == 3
        await pilot.press("m")
        await until(pilot, "fleet.service on 172.17.8.101, UTC")
        await until(pilot, " 38 received")
        await until(pilot, "core-02", gone=True)
        assert len(journals.tails) == 3
        assert journals.open == 1


async def test_machines_are_marked_and_merged() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("M")
        await until(pilot, "Merge which machines?")
        await pilot.press("down", "down", "space", "enter")
        await until(pilot, "fleet.service on 2 machines")
        assert pane.choice.machines == (MACHINES[0], MACHINES[2])


async def test_a_machine_is_heard_alone_or_muted() -> None:
    async with pane_app(size=(120, 60)) as (pilot, pane):
        await pilot.press("m")
        await until(pilot, "3 machines")
        await pilot.press("g", "o")
        await until(pilot, "2 of 3 machines hidden")
        assert {row.split()[1] for row in rows(pilot)} == {"core-01"}
        await pilot.press("o", "g", "x")
        await until(pilot, "1 of 3 machines hidden")
        assert "core-01" not in {row.split()[1] for row in rows(pilot)}
        assert adds_up(pane)
        await pilot.press("X")
        await until(pilot, "hidden", gone=True)


async def test_a_clock_that_is_off_is_named_and_its_lines_are_put_where_they_belong() -> None:
    hour = timedelta(hours=1)
    journals = Journals({m.id: night(3600 if n == 1 else 0) for n, m in enumerate(MACHINES)})
    async with pane_app(journals, size=(120, 60), ahead=hour) as (pilot, pane):
        await pilot.press("m")
        await until(pilot, "core-02's clock is 60 min ahead")
        lines = [pane.view.line(place) for place in pane.view.forward()]
        starts = [line.stream for line in lines if line.source == U("fleetd.go:64")]
        assert starts == [0, 1, 2]
        second = next(line for line in lines if line.stream == 1 and line.code is Code.PLAIN)
        assert second.at - START == hour + timedelta(seconds=1)

        lost = NotChecked(MACHINES[1].id, START, U("no route to host"))
        pane.picture = pane.picture.with_reports([(lost, MACHINES[1])])
        await pilot.press("up")
        pane.take([notice(NoticeKind.LOST, "no route to host", 7200)], stream=1)
        text = await until(pilot, "paused: core-02: connection lost, f follows")
        assert "core-02's clock is 60 min ahead" in text  # what is known holds while it is away
        after = [pane.view.line(place).stream for place in pane.view.forward()]
        assert after[: len(lines)] == [line.stream for line in lines]


async def test_a_unit_of_no_valid_name_is_refused_without_asking_a_machine() -> None:
    journals = Journals()
    async with pane_app(journals) as (pilot, pane):
        before = len(journals.tails)
        pane.watch_all([Source(MACHINES[0], "--file=x")])
        await until(pilot, "no journal is asked for under this name")
        assert len(journals.tails) == before


async def test_a_journal_that_is_left_is_let_go() -> None:
    journals = Journals()
    async with pane_app(journals) as (pilot, pane):
        for machine in (*MACHINES, *MACHINES):
            pane.watch_machine(machine)
            await pilot.pause()
        assert journals.open == 1
    assert journals.open == 0


# --- rights ----------------------------------------------------------------------------------

REFUSED = notice(NoticeKind.REFUSED, "core is not in group systemd-journal on core-01", 1)


async def test_an_operator_may_read_through_sudo_and_is_told_so() -> None:
    root = Journals({MACHINES[0].id: night()})
    async with pane_app(Journals({MACHINES[0].id: [REFUSED]}), root=root) as (pilot, _):
        await until(pilot, "S reads this journal through sudo")
        await until(pilot, "may not be read")
        assert root.tails == []
        await pilot.press("S")
        await until(pilot, "fleet.service on 172.17.8.101 as root")
        await until(pilot, "Starting fleetd")
        await pilot.press("S")
        await until(pilot, "may not be read")
        assert root.open == 0


async def test_an_observer_is_never_offered_sudo(tmp_path: Path) -> None:
    journals = Journals({MACHINES[0].id: [REFUSED]})
    async with pane_app(journals, keep_in=tmp_path) as (pilot, pane):
        await until(pilot, "core is not in group systemd-journal")
        assert "sudo" not in screen_text(pilot)
        await pilot.press("S")
        await pilot.pause()
        assert not pane.choice.as_root
        bindings = list(pilot.app.screen.active_bindings.values())
        pilot.app.push_screen(HelpScreen(entries(pilot.app, bindings)))
        assert "sudo" not in await until(pilot, "Keys that work here")


async def test_every_key_is_in_the_help(tmp_path: Path) -> None:
    async with pane_app(root=Journals(), size=(120, 70)) as (pilot, _):
        bindings = list(pilot.app.screen.active_bindings.values())
        pilot.app.push_screen(HelpScreen(entries(pilot.app, bindings)))
        text = await until(pilot, "Keys that work here")
        for words in ("Since: the last hour", "Next and previous error", "through sudo", "$PAGER"):
            assert words in text, words
        ours = [b for b in bindings if isinstance(b.node, JournalPane)]
        assert all(b.tooltip or b.binding.tooltip or b.binding.description for b in ours)


# --- out of the pane -------------------------------------------------------------------------


async def save(pilot: Pilot[None], name: str, *chosen: str) -> None:
    await pilot.press("s")
    await until(pilot, "Save the journal")
    screen = pilot.app.screen
    assert isinstance(screen, SaveScreen)
    for button in chosen:
        await pilot.click(f"#{button}")
    screen.query_one("#name").focus()
    await pilot.press("end", "ctrl+u", *(_KEYS.get(c, c) for c in name), "enter")


async def saved(pilot: Pilot[None], path: Path, *chosen: str) -> bytes:
    await save(pilot, str(path), *chosen)
    await until(pilot, "lines saved as")
    return path.read_bytes()  # noqa: ASYNC240 - the test's own file


_KEYS = {"/": "slash", ".": "full_stop", "-": "minus", "_": "underscore", "~": "tilde"}


async def test_all_that_was_received_is_saved_as_text(tmp_path: Path) -> None:
    async with pane_app() as (pilot, _):
        await pilot.press("F", *"etcd", "enter")
        text = (await saved(pilot, tmp_path / "all.log")).decode()
        assert len(text.splitlines()) == 39  # with the notice between the lines
        assert "\x1b" not in text
        assert "2026-01-31T03:00:05.000000Z core-01 fleetd[600]: WARN job.go:12: Unit" in text
        assert (tmp_path / "all.log").stat().st_mode & 0o777 == 0o600
        await pilot.press("s")
        await until(pilot, "Save the journal")


async def test_what_is_shown_is_saved_as_json_lines(tmp_path: Path) -> None:
    async with pane_app() as (pilot, _):
        await pilot.press("z")
        data = await saved(pilot, tmp_path / "f.jsonl", "shown", "json")
        records = [json.loads(line) for line in data.splitlines()]
        messages = [r["MESSAGE"] for r in records if "MESSAGE" in r]
        assert len(messages) == 31  # each repeat by itself
        assert messages[1] == LOOP
        assert records[-1]["__REALTIME_TIMESTAMP"] == "1769828439000000"


async def test_the_stretch_is_read_once_more_from_the_machine(tmp_path: Path) -> None:
    journals = Journals({MACHINES[0].id: night()})
    async with pane_app(journals) as (pilot, _):
        data = await saved(pilot, tmp_path / "new.jsonl", "anew", "json")
        assert len(data.splitlines()) == 38
        assert journals.recalls == [
            ("fleet.service", Span(None, "2026-01-31 03:00:01", "2026-01-31 03:00:40"), "")
        ]


async def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("mine")
    async with pane_app() as (pilot, _):
        await save(pilot, str(tmp_path / "x.log"))
        await until(pilot, "Nothing was saved")
    assert (tmp_path / "x.log").read_text() == "mine"


async def test_no_name_has_half_a_journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What came of it before a machine was lost is kept beside; a full disk is left no fuller."""
    journals = Journals({MACHINES[0].id: night()}, unreachable="no route to host")
    async with pane_app(journals) as (pilot, _):
        await save(pilot, f"{tmp_path}/x.jsonl", "anew", "json")
        await until(pilot, "no route to host")
        assert names_in(tmp_path) == []
        journals.unreachable, journals.breaks_off = "", "the line broke"
        await save(pilot, f"{tmp_path}/x.jsonl", "anew", "json")
        assert "x.jsonl.part" in squeezed(await until(pilot, "Not all came: the line broke"))
        assert names_in(tmp_path) == ["x.jsonl.part"]
        assert len((tmp_path / "x.jsonl.part").read_bytes().splitlines()) == 38
        await save(pilot, f"{tmp_path}/x.jsonl", "json")
        await until(pilot, "is there already")
        (tmp_path / "x.jsonl.part").unlink()
        monkeypatch.setattr(leaving, "text_line", lambda *_: (_ for _ in ()).throw(FULL))
        await save(pilot, f"{tmp_path}/y.log")
        await until(pilot, "No space left on device")
        assert names_in(tmp_path) == []


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("extent", ["held", "anew"])
async def test_what_is_saved_is_what_there_was_whatever_is_shown_meanwhile(
    extent: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another journal is chosen while the first line is made: the first one's ring is gone."""
    journals = Journals({m.id: night(n / 2) for n, m in enumerate(MACHINES)})
    async with pane_app(journals) as (pilot, pane):
        await pilot.press("m")
        made: dict[str, Callable[..., str]] = {"text_line": text_line, "record_text": record_text}
        for name, make in made.items():

            def made_late(*line: Any, make: Callable[..., str] = make) -> str:
                pane.watch_machine(None)
                return make(*line)

            monkeypatch.setattr(leaving, name, made_late)
        monkeypatch.setattr(leaving, "AT_ONCE", 10)
        data = await saved(pilot, tmp_path / "x.log", *(["anew"] if extent == "anew" else []))
        assert len(data.splitlines()) == (3 * 39 if extent == "held" else 3 * 38)
        assert not pane.ring.streams


async def test_a_pane_that_is_left_says_that_its_file_was_not_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As when the wizard is left, and the console goes on."""
    async with pane_app() as (pilot, pane):
        begun, held = asyncio.Event(), asyncio.Event()

        async def written(*_: object) -> int:
            begun.set()
            await held.wait()
            return 0

        monkeypatch.setattr(pane, "_written", written)
        await save(pilot, f"{tmp_path}/x.log")
        await begun.wait()
        await pane.remove()
        assert "its journal was left before" in squeezed(await until(pilot, "Nothing was saved"))
        assert names_in(tmp_path) == []


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_the_home_of_nobody_is_a_folder_that_is_not_there() -> None:
    async with pane_app() as (pilot, _):
        await save(pilot, "~nobody-here/x.log")
        await until(pilot, "~nobody-here/x.log: No such file")


async def test_a_name_that_no_file_can_have_is_refused_in_words(tmp_path: Path) -> None:
    async with pane_app() as (pilot, _):
        await pilot.press("s")
        await until(pilot, "Save the journal")
        pilot.app.screen.query_one("#name", Input).value = f"{tmp_path}/a\0b.log"
        pilot.app.screen.query_one("#name").focus()
        await pilot.press("enter")
        await until(pilot, "embedded null byte")
    assert [*tmp_path.iterdir()] == []  # noqa: ASYNC240 - nothing waits here


async def test_an_observers_files_go_to_one_folder_whatever_is_typed(tmp_path: Path) -> None:
    folder = tmp_path / "journals"
    async with pane_app(keep_in=folder) as (pilot, _):
        await save(pilot, "../../out.log")
        await until(pilot, "lines saved as")
    assert [path.name for path in tmp_path.iterdir()] == ["journals"]  # noqa: ASYNC240 - one look
    assert [path.name for path in folder.iterdir()] == ["out.log"]


async def test_the_proposed_name_is_a_free_one_where_time_stands_still(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As at the end of a replay."""
    monkeypatch.setattr(leaving, "now", lambda: datetime(2026, 1, 31, 3, tzinfo=UTC))
    begun = "journal-core-01-fleet.service-20260131T030000Z"
    (tmp_path / f"{begun}-2.jsonl.part").touch()
    async with pane_app(keep_in=tmp_path) as (pilot, _):
        for name in (f"{begun}.log", f"{begun}-3.log"):
            await pilot.press("s")
            await until(pilot, "Save the journal")
            await pilot.press("enter")
            await when((tmp_path / name).exists, f"{name} is there")


async def test_chosen_lines_are_copied_sanitised_and_what_is_unknown_is_said() -> None:
    async with pane_app() as (pilot, pane):
        await pilot.press("slash", *"odd.*markup", "enter", "K")
        assert pane.window.selected is not None
        await pilot.press("y")
        assert "OSC 52 has no answer" in squeezed(await until(pilot, "Copied 2 lines"))
        lines = pilot.app.clipboard.splitlines()
        assert lines[0].endswith("Writing systemd unit zookeeper@.service (80b)")
        assert lines[1].endswith("odd \u241b[31mcolour\u241b[0m and [red]markup[/red]")


async def test_enter_shows_every_field_as_the_machine_has_it() -> None:
    journals = Journals({MACHINES[0].id: night()})
    async with pane_app(journals) as (pilot, _):
        await pilot.press("left_square_bracket", "enter")
        await until(pilot, "As the journal of 172.17.8.101 has it.")
        text = await until(pilot, "_SYSTEMD_UNIT")
        assert "WARN job.go:12: Unit hello.service lost its heartbeat" in text
        assert journals.recalls == [("fleet.service", Span(lines=1), "s=ab;i=33")]
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, EntryScreen)


async def test_an_answer_that_comes_while_its_screen_is_taken_down_does_no_harm() -> None:
    journals = Journals({MACHINES[0].id: night()})
    async with pane_app(journals) as (pilot, _):
        await pilot.press("left_square_bracket", "enter")
        await until(pilot, "_SYSTEMD_UNIT")
        screen = pilot.app.screen
        assert isinstance(screen, EntryScreen)
        await screen.query_children().remove()
        await screen._ask()
        assert len(journals.recalls) == 2
        await pilot.press("escape")
        await until(pilot, "_SYSTEMD_UNIT", gone=True)


async def test_where_the_machine_is_gone_the_fields_that_are_held_are_shown() -> None:
    journals = Journals({MACHINES[0].id: night()}, unreachable="connection refused")
    async with pane_app(journals) as (pilot, _):
        await pilot.press("left_square_bracket", "enter")
        text = await until(pilot, "This is all that is held: connection refused")
        assert "s=ab;i=33" in text


async def test_without_a_terminal_no_pager_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", f"{sys.executable} -c pass")
    async with pane_app() as (pilot, _):
        await pilot.press("v")
        await until(pilot, "This terminal cannot be lent to a pager.")
    assert os.environ["PAGER"]


async def test_the_terminal_is_taken_back_from_a_pager_whatever_becomes_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The interrupt that a terminal sends for ctrl+c reaches both, and is the pager's alone."""
    lent: list[str] = []

    @contextmanager
    def suspend() -> Iterator[None]:
        """As Textual's: it takes back nothing where something is raised."""
        lent.append("lent")
        yield
        lent.append("taken back")

    script = tmp_path / "pager"
    over = tmp_path / "over"
    wait = f"until [ -e {over} ]; do sleep 0.02; done"
    script.write_text(f"#!/bin/sh\nkill -INT $PPID\ncat > {tmp_path}/read\n{wait}\n")
    script.chmod(0o755)
    before = signal.getsignal(signal.SIGINT)
    async with pane_app() as (pilot, _):
        monkeypatch.setattr(pilot.app, "suspend", suspend)
        monkeypatch.setenv("PAGER", str(tmp_path / "nosuch"))
        await pilot.press("v")
        await until(pilot, "No such file or directory")
        monkeypatch.setenv("PAGER", str(script))
        await pilot.press("v")
        await when(lambda: len(lent) == 3, "the pager began")
        await pilot.press("v")  # once more while it is open
        over.touch()
        await when(lambda: len(lent) == 4, "the pager ended")
        await pilot.press("w")
        await until(pilot, "wrapped")
    assert lent == ["lent", "taken back"] * 2
    assert "Starting fleetd version" in (tmp_path / "read").read_text()
    assert signal.getsignal(signal.SIGINT) is before


async def test_a_pager_that_is_no_command_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAGER", "less 'unfinished")
    async with pane_app() as (pilot, _):
        await pilot.press("v")
        await until(pilot, "$PAGER cannot be read: No closing quotation")
        monkeypatch.setenv("PAGER", "   ")
        await pilot.press("v")
        await until(pilot, "This terminal cannot be lent to a pager.")
