"""A table under load: what did not change is not drawn again, and nothing that is read moves."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from inspect import isawaitable

import fakes
from driving import when
from textual.app import App, ComposeResult
from textual.filter import Monochrome
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget

from fleettui.model.cluster import Link, RegistryView
from fleettui.ui.console.rows import unit_rows
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.grid import Column, Grid, Row, Rows

COLUMNS = (Column("UNIT", 12), Column("STATE", 10), Column("AGE", 6))


class Table(App[None]):
    """Nothing but a grid."""

    CSS = ".odd { background: red; }"

    def __init__(self) -> None:
        super().__init__()
        self.grid = Grid("UNITS", COLUMNS, empty="none", id="units")

    def compose(self) -> ComposeResult:
        yield self.grid


def rows(numbers: Sequence[int], age: int = 0, **states: str) -> Rows:
    """A row a number; `u7="failed"` is the state of the seventh."""
    return Rows.of(
        [
            Row(n, (Cell(f"u{n}"), Cell(states.get(f"u{n}", "active")), Cell(f"{age} s", Tone.DIM)))
            for n in numbers
        ]
    )


@asynccontextmanager
async def table() -> AsyncIterator[tuple[Pilot[None], Grid, list[Region]]]:
    """A grid of 100 rows, 10 of them in view, and every region that it has drawn anew."""
    app, drawn = Table(), list[Region]()
    async with app.run_test(size=(40, 12)) as pilot:
        grid, refresh = app.grid, app.grid.refresh
        grid.show(rows(range(100)))
        await pilot.pause()

        def counted(*regions: Region, **options: bool) -> Grid:
            drawn.extend(regions or [Region(0, 0, *grid.size)])
            return refresh(*regions, **options)

        grid.refresh = counted  # type: ignore[method-assign]  # it counts what is drawn
        yield pilot, grid, drawn


async def test_nothing_is_drawn_for_what_is_out_of_view_or_as_it_was() -> None:
    async with table() as (_, grid, drawn):
        for number in range(2000):
            grid.show(rows(range(100), u99=f"state {number}"))
        assert drawn == []


async def test_lines_that_were_drawn_before_are_as_if_they_were_drawn_now() -> None:
    async with table() as (pilot, grid, _):
        app = pilot.app
        changes: dict[str, Callable[[], object]] = {
            "another word": lambda: grid.show(rows(range(100), u7="failed")),
            "the cursor": lambda: grid.action_move(3),
            "the focus": lambda: app.set_focus(None),
            "the theme": lambda: setattr(app, "theme", "textual-light"),
            "a class": lambda: grid.add_class("odd"),
            "what a terminal cannot show": lambda: app._filters.append(Monochrome()),
            "the size": lambda: pilot.resize_terminal(50, 12),
            "disabled": lambda: setattr(grid, "disabled", True),
        }
        for name, change in changes.items():
            before = grid.render_lines(grid.size.region)
            if isawaitable(waits := change()):
                await waits
            await pilot.pause()
            shown = grid.render_lines(grid.size.region)
            assert shown != before, name
            assert grid.render_lines(grid.size.region) is shown, f"twice after {name}"
            grid.refresh()
            assert Widget.render_lines(grid, grid.size.region) == shown, name


async def test_one_changed_cell_is_one_row_drawn_its_cell_lit_and_calm_again() -> None:
    async with table() as (_, grid, drawn):
        grid.show(rows(range(100), u7="failed"))
        assert [(r.y, r.height) for r in drawn] == [(grid.head_height + 7, 1)]
        assert list(grid._flashes) == [(7, 1)]
        await when(lambda: not grid._flashes, "it calms down")
        assert [r.y for r in drawn[1:]] == [grid.head_height + 7]


async def test_ages_are_drawn_without_a_flash() -> None:
    async with table() as (_, grid, drawn):
        grid.show(rows(range(100), age=1))
        assert len(drawn) == grid.room
        assert grid._flashes == {}


async def test_rows_that_come_above_move_neither_cursor_nor_what_is_read() -> None:
    async with table() as (_, grid, _drawn):
        grid.action_move(30)
        before = (grid.cursor_key, grid._rows.keys[grid.top], grid._cursor - grid.top)
        for more in range(101, 150):
            grid.show(rows([*range(101, more + 1), *range(100)]))
            after = (grid.cursor_key, grid._rows.keys[grid.top], grid._cursor - grid.top)
            assert after == before


async def test_a_view_that_was_scrolled_away_from_the_cursor_is_not_pulled_back() -> None:
    async with table() as (_, grid, _drawn):
        grid.action_move(2)
        grid.scroll_lines(60)
        seen = grid._rows.keys[grid.top]
        grid.show(rows([101, *range(100)]))
        assert (grid.cursor_key, grid._rows.keys[grid.top]) == (2, seen)


async def test_an_empty_table_asks_for_the_room_of_its_words_before_it_has_any_size() -> None:
    words = "nothing is known yet"
    assert Grid("UNITS", COLUMNS, empty=words, id="units").line_count == 1
    app = Table()
    async with app.run_test(size=(40, 12)) as pilot:
        app.grid.show(rows(()), empty=words)
        assert app.grid.line_count == 1
        await pilot.resize_terminal(20, 12)
        assert app.grid.line_count == 2


def test_units_that_come_in_place_of_others_are_other_rows() -> None:
    first, same, other = (
        unit_rows(_seen(*names)) for names in (("a", "b", "c"), ("a", "b", "c"), ("a", "b", "d"))
    )
    assert same.keys is first.keys
    assert [row.cells[1].text for row in other] == ["a.service", "b.service", "d.service"]


def _seen(*names: str) -> Picture:
    units = (fakes.unit(f"{name}.service", 0) for name in names)
    snapshot = fakes.snapshot(*units)
    return Picture().with_view(RegistryView(Link.LIVE, snapshot.read_at, snapshot))
