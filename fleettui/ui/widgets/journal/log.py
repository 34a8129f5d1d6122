"""The lines of a journal on the screen: following or standing still, chosen, wrapped, timed."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.strip import Strip
from textual.timer import Timer

from fleettui.journal.columns import Batch, Code
from fleettui.journal.ring import Line, Ring
from fleettui.journal.rows import Place
from fleettui.journal.view import View
from fleettui.ui.keys import named
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.journal.looks import CHOSEN, CSS, Bit
from fleettui.ui.widgets.journal.window import Drawn, Window
from fleettui.ui.widgets.journal.words import Display
from fleettui.ui.widgets.lines import Lines

COALESCE = 0.05
"""Seconds between two paintings while lines keep coming; the first of them is painted at once."""
COALESCE_FLOOD = 0.25
"""The same where a whole pane of new lines came since the last: nobody reads them as they pass, and
a key that is pressed meanwhile waits for a painting that has begun."""
ROOM_FOR_COUNTS = 12
"""Lines of the pane from which on the counts have a line of their own."""
ROOM_BESIDE = 150
"""Columns from which on they need none; it is not for their length to move the lines below."""
SHIFT = 16
"""Cells that a step to the side moves the text."""
_ASIDE = "What is cut off at the right, at the left"


class JournalLog(Lines):
    """Draws the rows of a ring and moves among them; where lines come from is not its matter."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("f", "follow", "Follow", tooltip="Back to the newest line"),
            Binding("w", "wrap", "Wrap", show=False, tooltip="Wrap long lines, or cut them off"),
            Binding(
                "t", "times", "Times", show=False, tooltip="Time, date, time between, or no time"
            ),
            Binding("T", "zone", "UTC", show=False, tooltip="Times in UTC, or as it is here"),
            Binding("right,greater_than_sign", "shift(1)", "Right", show=False, tooltip=_ASIDE),
            Binding("left,less_than_sign", "shift(-1)", "Left", show=False, tooltip=_ASIDE),
            Binding("shift+down,J", "select(1)", "Select", show=False, tooltip="Select lines"),
            Binding("shift+up,K", "select(-1)", "Select", show=False, tooltip="Select lines"),
        ]
    )
    DEFAULT_CSS = CSS

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.ring = Ring()
        self.view = View(self.ring)
        self.window = Window(self.view)
        self.display_as = Display()
        self._drawn: list[Drawn] | None = None
        """The lines on the screen; None = to be drawn anew."""
        self._head: int | None = None
        """Lines of the head; None = to be counted anew, as after each refresh."""
        self._pause: Timer | None = None
        self._unpainted = 0
        """Lines that came since the last painting."""

    # --- what came ----------------------------------------------------------------------------

    @property
    def received(self) -> int:
        """Lines that came from the journals shown now."""
        return self.ring.received

    def add(self, stream: int, batch: Batch) -> None:
        """Take lines of one stream; they are painted at once, or with those that follow soon."""
        if self.ring.add(stream, batch):
            self.view.update()
        else:
            self.view.grow(stream)
        self.window.took(stream, batch)
        self._unpainted += len(batch)
        if self._pause is None:
            self._paint_what_came(COALESCE)

    def _paint_what_came(self, pause: float) -> None:
        self._unpainted = 0
        self.redraw()
        self._pause = self.set_timer(pause, self._rested)

    def _rested(self) -> None:
        self._pause = None
        if self._unpainted:
            is_flood = self._unpainted > self.room
            self._paint_what_came(COALESCE_FLOOD if is_flood else COALESCE)

    def redraw(self) -> None:
        """Draw everything anew."""
        self._drawn = None
        self.refresh()

    def forget(self) -> None:
        super().forget()
        self._head = None

    # --- drawing ------------------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        return max(self.view.count, 1)

    @property
    def head_height(self) -> int:
        if self._head is None:
            self._head = self._counted_head()
        return self._head

    def _counted_head(self) -> int:
        is_low, is_wide = self.size.height < ROOM_FOR_COUNTS, self.size.width >= ROOM_BESIDE
        return 1 if is_low or is_wide else 2

    def render_line(self, y: int) -> Strip:
        if y < self.head_height:
            return super().render_line(y)
        lines = self._lines()
        index = y - self.head_height
        if index < len(lines):
            strip = self._strip(lines[index])
        elif index == 0:
            strip = self._said(self.nothing())
        else:
            strip = Strip.blank(self.text_width, self.base)
        bar = self._bars[index] if index < len(self._bars) else Segment(" ", self.base)
        return Strip([*strip, bar], self.size.width)

    def body_line(self, index: int) -> Strip:
        return Strip.blank(self.text_width, self.base)

    def nothing(self) -> str:
        """What is said where there are no rows."""
        return "waiting for the first line"

    def _lines(self) -> list[Drawn]:
        if self._drawn is None:
            display = replace(self.display_as, width=self.text_width)
            self._drawn = self.window.draw(display, self.room)
            self._unpainted = 0  # those too that came since this painting was asked for
            self.set_reactive(Lines.top, self.window.rank)
            count, room = self.line_count, self.room
            self._bars = [self.bar(row, count, room) for row in range(room)]
        return self._drawn

    def _said(self, words: str) -> Strip:
        return self.strip_of([Cell(f" {words}", Tone.DIM)], self.base, self.text_width)

    def _strip(self, line: Drawn) -> Strip:
        base = self.base
        if line.code is Code.FAULT:
            base = self.look("tone--alarm", base)
        ends = self.window.selected
        if ends is not None and ends[0] <= line.place <= ends[1]:
            base = self.look(CHOSEN, base)
        return self._painted(line.bits, base)

    def _painted(self, bits: Sequence[Bit], base: Style) -> Strip:
        segments, left = [], self.text_width
        for text, look in bits:
            if left <= 0:
                break
            shown = text if cell_len(text) <= left else set_cell_size(text, left)
            left -= cell_len(shown)
            style = self.look(look, base) if look else base
            segments.append(Segment(shown, style))
        segments.append(Segment(" " * left, base))
        return Strip(segments, self.text_width)

    def on_resize(self) -> None:
        self.redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn = None

    # --- moving -------------------------------------------------------------------------------

    @property
    def chosen(self) -> Line | None:
        """The line under the cursor, or the newest one while following."""
        place = self.chosen_place
        return self.view.line(place) if place is not None else None

    @property
    def chosen_place(self) -> Place | None:
        """Of the line under the cursor, or the newest while following; None without lines."""
        cursor = self.window.cursor
        if cursor is None:
            return next(self.view.backward(), None)
        return self.view.nearest(self.view.again(cursor))

    def action_move(self, lines: int) -> None:
        self.window.move(lines)
        self.redraw()

    def action_select(self, lines: int) -> None:
        self.window.move(lines, select=True)
        self.redraw()

    def action_first(self) -> None:
        self.window.first()
        self.redraw()

    def action_last(self) -> None:
        self.action_follow()

    def action_follow(self) -> None:
        """Back to the newest line."""
        self.window.follow()
        self.redraw()

    def scroll_lines(self, lines: int) -> None:
        self.window.scroll(lines)
        self.redraw()

    def on_click(self, event: Click) -> None:
        index = event.y - self.head_height
        lines = self._lines()
        if 0 <= index < len(lines):
            self.window.go(lines[index].place)
            self.redraw()

    # --- how lines are shown ------------------------------------------------------------------

    def show_as(self, display: Display) -> None:
        """Draw lines in another way."""
        self.display_as = display
        self.redraw()

    def action_wrap(self) -> None:
        self.show_as(replace(self.display_as, wrap=not self.display_as.wrap, shift=0))

    def action_times(self) -> None:
        self.show_as(replace(self.display_as, times=self.display_as.times.next))

    def action_zone(self) -> None:
        self.show_as(replace(self.display_as, local=not self.display_as.local))

    def action_shift(self, steps: int) -> None:
        shift = max(0, self.display_as.shift + steps * SHIFT)
        self.show_as(replace(self.display_as, shift=shift, wrap=False))
