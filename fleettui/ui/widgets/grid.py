"""A table of keyed rows: updated in place, its cursor stays on its row whatever moves around it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from time import monotonic
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from fleettui.ui.keys import named
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.lines import Lines

FLASH = 0.9
"""Seconds that a changed cell stays lit."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of at least `width` cells; what is left over is shared by weight."""

    label: str
    width: int
    weight: int = 0
    rank: int = 0
    """Where there is no room for all, the highest rank is left out first; 0 always stays."""


Layout = tuple[tuple[int, int], ...]
"""The columns that are shown, each as its number and its width."""


def lay_out(columns: Sequence[Column], width: int) -> Layout:
    """Share `width` cells among the columns; what has no room is left out by its rank."""
    shown = list(range(len(columns)))
    while sum(columns[n].width + 1 for n in shown) > width and any(columns[n].rank for n in shown):
        shown.remove(max(shown, key=lambda n: columns[n].rank))
    spare = max(width - sum(columns[n].width + 1 for n in shown), 0)
    weights = sum(columns[n].weight for n in shown) or 1
    return tuple((n, columns[n].width + spare * columns[n].weight // weights) for n in shown)


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `key` makes it the same row in a later picture."""

    key: Hashable
    cells: tuple[Cell, ...]


class Grid(Lines):
    """Rows under column labels."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("enter", "choose", "Details", show=False),
        ]
    )

    class Moved(Message):
        """The cursor came to stand on another row, or its row vanished."""

        def __init__(self, grid: "Grid", key: Hashable | None) -> None:
            super().__init__()
            self.grid = grid
            self.key = key

        @property
        def control(self) -> "Grid":
            return self.grid

    class Chosen(Message):
        """Enter or a second click on a row."""

        def __init__(self, grid: "Grid", key: Hashable) -> None:
            super().__init__()
            self.grid = grid
            self.key = key

        @property
        def control(self) -> "Grid":
            return self.grid

    def __init__(self, title: str, columns: Sequence[Column], *, empty: str, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._title = title
        self._columns = tuple(columns)
        self._empty = empty
        self._rows: tuple[Row, ...] = ()
        self._index: dict[Hashable, int] = {}
        self._cursor = 0
        self._chosen: Hashable | None = None
        """The row somebody moved to; it is returned to if it goes and comes back."""
        self._was_moved = False
        """Whether the operator has moved the cursor: from then on nobody else does."""
        self._flashes: dict[tuple[Hashable, int], float] = {}
        self._laid: tuple[int, Layout] = (-1, ())

    @property
    def cursor_key(self) -> Hashable | None:
        """Key of the row under the cursor; None in an empty table."""
        return self._rows[self._cursor].key if self._rows else None

    @property
    def line_count(self) -> int:
        return len(self._rows) or len(self._words)

    @property
    def _words(self) -> list[str]:
        """What stands in an empty table, in lines as wide as it is."""
        width = max(self.text_width - 4, 8)
        return [line for text in self._empty.splitlines() for line in wrap(text, width)] or [""]

    @property
    def head_height(self) -> int:
        return 2 if any(column.label for column in self._columns) else 1

    def show(self, rows: Sequence[Row], *, title: str | None = None, empty: str = "") -> None:
        """Take the place of all rows. Only what changed is drawn, and it flashes."""
        rows = tuple(rows)
        words = (title or self._title, empty or self._empty)
        if rows == self._rows and words == (self._title, self._empty):
            return
        self._title, self._empty = words
        before = self.cursor_key
        same_order = [row.key for row in rows] == [row.key for row in self._rows]
        self._light(rows)
        self._rows, old = rows, self._rows
        self._index = {row.key: number for number, row in enumerate(rows)}
        self._cursor = self._index.get(self._chosen, min(self._cursor, max(len(rows) - 1, 0)))
        if same_order:
            for number, (new, gone) in enumerate(zip(rows, old, strict=True)):
                if new != gone:
                    self.refresh_line(number)
            self.refresh_line(-1)
        else:
            self._keep_in_view()
        self.refresh()
        if self.cursor_key != before:
            self.post_message(self.Moved(self, self.cursor_key))

    def offer(self, key: Hashable) -> None:
        """Put the cursor on a row, if it is there and the operator has not moved the cursor."""
        if key in self._index and not self._was_moved:
            self._move(self._index[key] - self._cursor)

    def _light(self, rows: Sequence[Row]) -> None:
        now = monotonic()
        for row in rows:
            number = self._index.get(row.key)
            if number is None:
                continue
            for column, (new, old) in enumerate(
                zip(row.cells, self._rows[number].cells, strict=True)
            ):
                if new.text != old.text and old.text and Tone.DIM not in {new.tone, old.tone}:
                    self._flashes[row.key, column] = now + FLASH
        if self._flashes:
            self.set_timer(FLASH, self._calm)

    def _calm(self) -> None:
        now = monotonic()
        self._flashes = {key: until for key, until in self._flashes.items() if until > now}
        self.refresh()

    def head_line(self, y: int) -> list[Cell]:
        if y == 0:
            return [Cell(f" {self._title}")]
        labels = (f" {self._columns[number].label:<{width}}" for number, width in self._layout)
        return [Cell("".join(labels))]

    def body_line(self, index: int) -> Strip:
        if not self._rows:
            words = self._words[index : index + 1]
            parts = [Cell(f"   {line}", Tone.DIM) for line in words]
            return self.strip_of(parts, self.rich_style, self.text_width)
        row = self._rows[index]
        name = "lines--cursor" if index == self._cursor and self.has_focus else ""
        base = self.get_component_rich_style(name) if name else self.rich_style
        segments: list[Segment] = []
        for column, width in self._layout:
            part = row.cells[column]
            style = self.tone_style(part.tone, base)
            if (row.key, column) in self._flashes:
                style += self.get_component_rich_style("lines--flash", partial=True)
            segments.append(Segment(" " if column or index != self._cursor else "▸", base))
            segments.append(Segment(_fit(part.text, width), style))
        return Strip(segments).adjust_cell_length(self.text_width, base)

    @property
    def _layout(self) -> "Layout":
        width = self.text_width
        if self._laid[0] != width:
            self._laid = (width, lay_out(self._columns, width))
        return self._laid[1]

    def _keep_in_view(self) -> None:
        if self._cursor < self.top:
            self.top = self._cursor
        elif self.room and self._cursor >= self.top + self.room:
            self.top = self._cursor - self.room + 1

    def action_move(self, lines: int) -> None:
        self._was_moved = True
        self._move(lines)

    def _move(self, lines: int) -> None:
        if not self._rows:
            return
        before = self._cursor
        self._cursor = max(0, min(before + lines, len(self._rows) - 1))
        self._chosen = self.cursor_key
        self._keep_in_view()
        if self._cursor != before:
            self.refresh_line(before)
            self.refresh_line(self._cursor)
            self.post_message(self.Moved(self, self.cursor_key))

    def action_choose(self) -> None:
        key = self.cursor_key
        if key is not None:
            self.post_message(self.Chosen(self, key))

    def on_click(self, event: Click) -> None:
        index = self.top + event.y - self.head_height
        if event.y < self.head_height or index >= len(self._rows):
            return
        if event.chain >= 2:
            self.action_choose()
        else:
            self.action_move(index - self._cursor)


def _fit(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, max(width - 1, 0)) + "…"[:width]
