"""A table of keyed rows: updated in place, its cursor stays on its row whatever moves around it."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from textwrap import wrap
from time import monotonic
from typing import ClassVar

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from fleettui.ui.keys import named
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.lines import Lines

FLASH = 0.9
"""Seconds that a changed cell stays lit."""


class Column(msgspec.Struct, frozen=True):
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


class Row(msgspec.Struct, frozen=True):
    """One row; `key` makes it the same row in a later picture."""

    key: Hashable
    cells: tuple[Cell, ...]


class Rows:
    """Rows in order, each made when it comes into view: there may be ten thousand."""

    def __init__(
        self, keys: Sequence[Hashable], cells_of: Callable[[int], tuple[Cell, ...]]
    ) -> None:
        """`cells_of` makes the cells of the row at an index."""
        self.keys = tuple(keys)
        self.made: dict[Hashable, Row] = {}
        """Those that somebody has looked at, by key."""
        self._cells_of = cells_of

    @staticmethod
    def of(rows: Sequence[Row]) -> "Rows":
        """Rows that are there already."""
        return Rows([row.key for row in rows], lambda index: rows[index].cells)

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Row]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Row:
        key = self.keys[index]
        row = self.made.get(key)
        if row is None:
            row = self.made[key] = Row(key, self._cells_of(index))
        return row


class OfRow(Message):
    """Something about one row of a grid."""

    def __init__(self, grid: "Grid", key: Hashable | None) -> None:
        super().__init__()
        self.grid = grid
        self.key = key

    @property
    def control(self) -> "Grid":
        """The grid itself, for whoever listens to one of several."""
        return self.grid


class Grid(Lines):
    """Rows under column labels."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("enter", "choose", "Details", show=False),
        ]
    )

    class Moved(OfRow):
        """The cursor came to stand on another row, or its row vanished."""

    class Chosen(OfRow):
        """Enter or a second click on a row."""

    def __init__(self, title: str, columns: Sequence[Column], *, empty: str, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._title = title
        self._columns = tuple(columns)
        self._empty = empty
        self._rows = Rows.of(())
        self._places: dict[Hashable, int] | None = None
        """Index of each row, once somebody asks."""
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
        return self._rows.keys[self._cursor] if self._rows else None

    @property
    def line_count(self) -> int:
        return len(self._rows) or len(self._words)

    @property
    def _words(self) -> list[str]:
        """What stands in an empty table, in lines as wide as it is, once that is known: until then
        each is one, which it mostly is, or its first layout would have to be followed by another.
        """
        if not self.size:
            return self._empty.splitlines() or [""]
        width = max(self.text_width - 4, 8)
        return [line for text in self._empty.splitlines() for line in wrap(text, width)] or [""]

    @property
    def head_height(self) -> int:
        return 2 if any(column.label for column in self._columns) else 1

    def show(self, rows: Rows, *, title: str | None = None, empty: str = "") -> None:
        """Take the place of all rows. Only what changed in view is drawn, and it flashes."""
        words = (title or self._title, empty or self._empty)
        if words != (self._title, self._empty):
            self._title, self._empty = words
            self.refresh(Region(0, 0, self.size.width, self.size.height if not rows else 1))
        before = self.cursor_key
        self._rows, old = rows, self._rows
        if rows.keys is not old.keys and rows.keys != old.keys:
            self._places = None
            was_seen = self.top <= self._cursor < self.top + self.room
            self._cursor = self._place_of(self._chosen, min(self._cursor, max(len(rows) - 1, 0)))
            if 0 < self.top < len(old):  # what is read stays where it is read
                self.top = self._place_of(old.keys[self.top], self.top)
            if was_seen:
                self._keep_in_view()
            self.refresh()
        self._light(old)
        if self.cursor_key != before:
            self.post_message(self.Moved(self, self.cursor_key))

    def offer(self, key: Hashable) -> None:
        """Put the cursor on a row, if it is there and the operator has not moved the cursor."""
        place = -1 if self._was_moved else self._place_of(key, -1)
        if place >= 0:
            self._move(place - self._cursor)

    def _place_of(self, key: Hashable | None, otherwise: int) -> int:
        if key is None:
            return otherwise
        if self._places is None:
            self._places = {key: number for number, key in enumerate(self._rows.keys)}
        return self._places.get(key, otherwise)

    def _light(self, old: Rows) -> None:
        """Draw the rows in view that are not as they were drawn, and let what changed flash."""
        until = monotonic() + FLASH
        is_lit = False
        for index in range(self.top, min(self.top + self.room, len(self._rows))):
            was = old.made.get(self._rows.keys[index])
            if was is None or self._rows[index].cells == was.cells:
                continue
            self.refresh_line(index)
            for column in _changed(was, self._rows[index]):
                self._flashes[was.key, column] = until
                is_lit = True
        if is_lit:
            self.set_timer(FLASH, self._calm)

    def _calm(self) -> None:
        """Put out what has flashed for long enough."""
        now = monotonic()
        over = {key for (key, _), until in self._flashes.items() if until <= now}
        self._flashes = {key: until for key, until in self._flashes.items() if until > now}
        for index in range(self.top, min(self.top + self.room, len(self._rows))):
            if self._rows.keys[index] in over:
                self.refresh_line(index)

    def head_line(self, y: int) -> list[Cell]:
        if y == 0:
            return [Cell(f" {self._title}")]
        labels = (f" {self._columns[number].label:<{width}}" for number, width in self._layout)
        return [Cell("".join(labels))]

    def body_line(self, index: int) -> Strip:
        if not self._rows:
            words = self._words[index : index + 1]
            parts = [Cell(f"   {line}", Tone.DIM) for line in words]
            return self.strip_of(parts, self.base, self.text_width)
        row = self._rows[index]
        name = "lines--cursor" if index == self._cursor and self.has_focus else ""
        base = self.get_component_rich_style(name) if name else self.base
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


def _changed(old: Row, new: Row) -> list[int]:
    """The columns of which an operator should see that they changed."""
    pairs = enumerate(zip(old.cells, new.cells, strict=True))
    return [
        column
        for column, (was, now) in pairs
        if now.text != was.text and was.text and Tone.DIM not in {now.tone, was.tone}
    ]


def _fit(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, max(width - 1, 0)) + "…"[:width]
