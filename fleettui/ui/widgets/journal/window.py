"""The part of a view that is on the screen: where it stands, and what it does when lines come."""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from fleettui.journal.columns import Batch, Code
from fleettui.journal.ring import Line
from fleettui.journal.rows import Place
from fleettui.journal.view import View
from fleettui.ui.widgets.journal.looks import Bit
from fleettui.ui.widgets.journal.words import Display, drawn

EXPLAINED_AGAIN = 200
"""Rows of a journal without a line of the fault after which the next is explained once more."""


class Drawn(msgspec.Struct, frozen=True):
    """One line of the screen."""

    place: Place
    bits: Sequence[Bit]
    code: Code


class Window:
    """Follows the end of a view, or stands still at a row of it."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.following = True
        self.cursor: Place | None = None
        """The chosen row; None while following."""
        self.mark: Place | None = None
        """The other end of a selection."""
        self.unseen = 0
        self.unseen_errors = 0
        """Lines that came since the view stands still."""
        self._joined: dict[int, int] = {}
        """When each stream joined that did so while the view stands still, in microseconds."""
        self._top: Place | None = None
        self._skip = 0
        """Screen lines of the top row that are above the screen."""
        self._room = 1
        self._display = Display()

    # --- drawing -----------------------------------------------------------------------------

    def draw(self, display: Display, room: int) -> list[Drawn]:
        """At most `room` lines of the screen, from the top."""
        self._display, self._room = display, max(room, 1)
        if self.following:
            return self._tail()
        self._keep_cursor_in_view()
        lines = self._lines_from(self._top, self._skip)
        # A filter may leave few rows below the top: what it shows above them fills the screen.
        return lines if len(lines) >= self._room else self._tail()

    @property
    def rank(self) -> int:
        """How many rows are above the screen."""
        return self.view.rank(self._top) if self._top is not None else 0

    def _tail(self) -> list[Drawn]:
        """The screen that ends with the last row."""
        rows = list(islice(self.view.backward(), self._room + 1))
        lines: list[Drawn] = []
        for index, place in enumerate(rows[: self._room]):
            before = rows[index + 1] if index + 1 < len(rows) else None
            part = self._row(place, before)
            lines = [*part, *lines]
            self._top, self._skip = place, max(len(lines) - self._room, 0)
            if len(lines) >= self._room:
                break
        if not rows:
            self._top, self._skip = None, 0
        return lines[-self._room :]

    def _lines_from(self, top: Place | None, skip: int) -> list[Drawn]:
        lines: list[Drawn] = []
        before = next(self.view.backward(top), None) if top is not None else None
        for place in self.view.forward(top):
            lines += self._row(place, before)
            before = place
            if len(lines) - skip >= self._room:
                break
        return lines[skip : skip + self._room]

    def _row(self, place: Place, before: Place | None) -> list[Drawn]:
        line = self.view.line(place)
        above: Line | None = self.view.line(before) if before is not None else None
        explained = line.template is not None and self._is_explained(place, line)
        parts = drawn(line, self._display, above, explained=explained)
        return [Drawn(place, bits, line.code) for bits in parts]

    def _is_explained(self, place: Place, line: Line) -> bool:
        """Whether a line of the fault only goes on with what the same fleetd began above."""
        before = self.view.near(line.code, place, EXPLAINED_AGAIN)
        if before is None:
            return False
        above = self.view.line(before)
        return (above.template, above.origin.pid) == (line.template, line.origin.pid)

    def _height(self, place: Place) -> int:
        return len(self._row(place, next(self.view.backward(place), None)))

    def _keep_cursor_in_view(self) -> None:
        cursor = self.cursor
        if self._top is not None:
            top = self.view.nearest(self.view.again(self._top))
            if top != self._top:
                self._skip = 0
            self._top = top
        if cursor is None:
            return
        self.cursor = cursor = self.view.nearest(self.view.again(cursor))
        if cursor is None:
            return
        if self._top is None or cursor < self._top or (cursor == self._top and self._skip):
            self._top, self._skip = cursor, 0
            return
        shown = self._lines_from(self._top, self._skip)
        last = sum(line.place == cursor for line in shown)
        if last < self._height(cursor) and (not last or shown[0].place != cursor):
            self._put_last(cursor)

    def _put_last(self, place: Place) -> None:
        """Scroll so far that a row is the last one on the screen."""
        height = 0
        above = self.view.backward(place)
        for row in (place, *islice(above, self._room)):
            height += self._height(row)
            self._top, self._skip = row, max(height - self._room, 0)
            if height >= self._room:
                break

    # --- moving ------------------------------------------------------------------------------

    def follow(self) -> None:
        """Back to the newest line."""
        self.following = True
        self.cursor = self.mark = None
        self.unseen = self.unseen_errors = 0
        self._joined.clear()

    def pause(self) -> None:
        """Stand still; the last row is chosen."""
        if self.following:
            self.following = False
            self.cursor = next(self.view.backward(), None)

    def move(self, rows: int, *, select: bool = False) -> None:
        """Choose a row further down or up; behind the last one it is followed again."""
        if self.following and rows >= 0:
            return
        self.pause()
        if select and self.mark is None:
            self.mark = self.cursor
        elif not select:
            self.mark = None
        cursor = self.cursor
        if cursor is None:
            return
        found = list(self._near(cursor, rows))
        if len(found) < rows and not select:
            self.follow()
        elif found:
            self.cursor = found[-1]

    def scroll(self, rows: int) -> None:
        """Move the screen; the chosen row goes along only as far as it must."""
        if self.following:
            if rows >= 0:
                return
            self.pause()
        if self._top is None:
            return
        found = list(self._near(self._top, rows))
        if found:
            self._top, self._skip = found[-1], 0
        shown = self._lines_from(self._top, self._skip)
        at_end = not shown or next(self._near(shown[-1].place, 1), None) is None
        if rows > 0 and at_end:
            self.follow()
        elif self.cursor is not None and shown:
            self.cursor = min(max(self.cursor, shown[0].place), shown[-1].place)

    def first(self) -> None:
        """To the oldest row."""
        self.pause()
        self.cursor = next(self.view.forward(), None)
        self.mark = None

    def go(self, place: Place) -> None:
        """Choose a row."""
        self.following = False
        self.cursor, self.mark = place, None

    def _near(self, place: Place, rows: int) -> Iterator[Place]:
        if rows > 0:
            return islice(self.view.forward(place), 1, rows + 1)
        return islice(self.view.backward(place), -rows)

    # --- what came, what is chosen -----------------------------------------------------------

    def joined(self, stream: int, at: int) -> None:
        """A stream is shown from now on; what it said before `at` (in microseconds) is no news."""
        if not self.following:
            self._joined[stream] = at

    def took(self, stream: int, batch: Batch) -> None:
        """Count what came while the view stands still: not what is hidden by machine or by code."""
        wanted = self.view.wanted
        if self.following or stream in wanted.muted:
            return
        codes = batch.codes
        since = self._joined.get(stream)
        if since is not None:
            codes = bytes(c for c, at in zip(codes, batch.at, strict=True) if at >= since)
        if wanted.codes is not None:
            codes = codes.translate(None, bytes(frozenset(Code) - wanted.codes))
        self.unseen += len(codes) - codes.count(Code.RULE)
        self.unseen_errors += sum(codes.count(c) for c in (Code.ERROR, Code.FAULT))

    @property
    def selected(self) -> tuple[Place, Place] | None:
        """First and last row of the selection, or the chosen row twice."""
        if self.cursor is None:
            return None
        ends = sorted((self.cursor, self.mark or self.cursor))
        return ends[0], ends[1]

    def selection(self) -> Iterator[Place]:
        """The selected rows."""
        ends = self.selected
        if ends is None:
            return
        for place in self.view.forward(ends[0]):
            if place > ends[1]:
                return
            yield place
