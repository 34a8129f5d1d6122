"""P7: a table of 10,000 rows in which 1,000 cells a second change, beside Textual's own."""

import argparse
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from terminal import Terminal, run_in_terminal
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from fleettui.__main__ import FPS
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.grid import Column, Grid, Rows

from .agents import agents
from .cluster import LARGE, registry
from .console import RUNS, WATCHED, console, cost, presses, settle
from .latency import where_all_answer
from .measure import Table, percentile, ratio

COLUMNS = ("", "UNIT", "WANTED", "STATE", "MACHINE")
ROWS, EACH, EVERY = 10_000, 100, 0.1
"""So many rows, of which so many change each so many seconds."""


def changing() -> Table:
    """P7: 1,000 changing cells a second in 10,000 rows."""
    table = Table(
        f"P7  {EACH / EVERY:,.0f} changing cells a second in {ROWS:,} rows",
        ("what", "CPU", f"of {RUNS} x {WATCHED:.0f} s", "/ DataTable", "key to paint p50 / p95"),
    )
    lines = []
    for name in ("DataTable", "Grid"):
        with _alone(name) as terminal:
            lines.append((f"{name} alone", *_shown(terminal)))
    for what, heartbeats, shown in (
        ("fleettui, each change through etcd", False, console),
        ("the same, and as many heartbeats of units", True, console),
        ("the first, on machines that answer", False, partial(where_all_answer, starting=True)),
    ):
        writes = (3 if heartbeats else 2) * EACH / EVERY
        with (
            registry(LARGE) as etcd,
            shown(etcd) as terminal,
            agents(etcd.endpoint, LARGE, writes, changing=True, heartbeats=heartbeats),
        ):
            settle(terminal)
            lines.append((what, *_shown(terminal)))
    _, peer, _ = lines[0]
    for what, shares, times in lines:
        keys = f"{percentile(times, 50):.1f} / {percentile(times, 95):.1f} ms"
        spread = f"{min(shares):.1%} to {max(shares):.1%}"
        table.add(what, f"{statistics.median(shares):.1%}", spread, ratio(shares, peer), keys)
    table.notes.append("goal: <= 5 % of a core, p95 <= 25 ms; <= 1/10 of DataTable")
    table.notes.append("Grid is fleettui's table; the rows below pay for following etcd as well:")
    table.notes.append("a change is two keys there, and heartbeats of units are no changes")
    table.notes.append(
        "where all answer, five machines a second are asked, and of each unit systemd"
    )
    table.notes.append("says another word; each is asked meanwhile what its user could do")
    return table


def _shown(terminal: Terminal) -> tuple[list[float], list[float]]:
    """Shares of a core, for several whiles, and milliseconds from a key to what it paints."""
    return [cost(terminal)[0] for _ in range(RUNS)], presses(terminal)


@contextmanager
def _alone(name: str) -> Iterator[Terminal]:
    """An app with nothing but a table, in which cells change already."""
    argv = (sys.executable, "-m", "tests.benchmarks.table", name)
    env = {"TEXTUAL_FPS": FPS}
    with run_in_terminal(argv, env=env) as terminal:
        terminal.until(b"app00000", 60)
        terminal.read(2)
        yield terminal


def _cells(number: int, word: str) -> tuple[str, ...]:
    return "●", f"app{number:05}.service", "launched", f"active {word}", f"127.1.0.{number % 250}"


class _Changing(App[None]):
    """Changes some cells again and again, all over the table."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ["running"] * ROWS
        self._round = 0

    def on_mount(self) -> None:
        self.begin()
        self.set_interval(EVERY, self._change)

    def begin(self) -> None:
        raise NotImplementedError

    def show(self, changed: list[int]) -> None:
        raise NotImplementedError

    def _change(self) -> None:
        self._round += 1
        changed = [(self._round * 7 + 101 * number) % ROWS for number in range(EACH)]
        for number in changed:
            self._words[number] = f"round{self._round}"
        self.show(changed)


class WithGrid(_Changing):
    def compose(self) -> ComposeResult:
        widths = (1, 19, 8, 15, 14)
        columns = [Column(label, width) for label, width in zip(COLUMNS, widths, strict=True)]
        yield Grid("UNITS", columns, empty="none", id="units")

    def begin(self) -> None:
        self._keys = tuple(range(ROWS))
        self.query_one(Grid).focus()
        self.show([])

    def show(self, changed: list[int]) -> None:
        words = self._words.copy()  # a picture is never changed, only replaced
        self.query_one(Grid).show(
            Rows(self._keys, lambda n: tuple(Cell(c, Tone.PLAIN) for c in _cells(n, words[n])))
        )


class WithDataTable(_Changing):
    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def begin(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns(*COLUMNS)
        table.add_rows(_cells(number, "running") for number in range(ROWS))
        self._rows = list(table.rows)
        self._column = list(table.columns)[3]
        table.focus()

    def show(self, changed: list[int]) -> None:
        table = self.query_one(DataTable)
        for number in changed:
            table.update_cell(self._rows[number], self._column, f"active {self._words[number]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("table", choices=("Grid", "DataTable"))
    kind = {"Grid": WithGrid, "DataTable": WithDataTable}[parser.parse_args().table]
    kind().run()
