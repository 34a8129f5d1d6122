"""A widget of many lines: draws only those in view, and never asks for a layout when it scrolls."""

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import MouseScrollDown, MouseScrollUp
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip

from fleettui.ui.keys import named
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.parts import Parts


class Lines(Parts, can_focus=True):
    """A title line, then the lines of the subclass, with a bar at the right edge.

    A changed `virtual_size` would cost a layout each time, so the scroll offset is `top`.
    """

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("down,j", "move(1)", "Down", show=False),
            Binding("up,k", "move(-1)", "Up", show=False),
            Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
            Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
            Binding("home,g", "first", "Top", show=False),
            Binding("end,G", "last", "Bottom", show=False),
        ]
    )
    DEFAULT_CSS = """
    Lines {
        height: 1fr;
        background: $background;
        color: $foreground;
        .lines--title { background: $surface; color: $foreground-muted; text-style: bold; }
        .lines--title-focused { background: $primary-muted; color: $foreground; text-style: bold; }
        .lines--cursor { background: $primary-muted; }
        .lines--flash { background: $warning-muted; }
        .lines--bar { color: $primary; }
        &:ansi .lines--cursor, &:ansi .lines--flash, &:ansi .lines--title-focused {
            text-style: reverse;
        }
        .tone--plain { color: $foreground; }
        .tone--dim { color: $foreground-muted; }
        .tone--strong { color: $foreground; text-style: bold; }
        .tone--good { color: $text-success; }
        .tone--warn { color: $text-warning; }
        .tone--bad { color: $text-error; text-style: bold; }
        .tone--alarm { color: $text-error; background: $error-muted; }
        .tone--alert { color: $text-warning; background: $warning-muted; }
        .tone--calm { color: $text-success; background: $success-muted; }
        .tone--accent { color: $text-accent; text-style: bold; }
    }
    """

    top: reactive[int] = reactive(0)
    """Index of the first line in view."""

    @property
    def room(self) -> int:
        """Lines in view below the title."""
        return max(self.size.height - self.head_height, 0)

    @property
    def head_height(self) -> int:
        """Lines that do not scroll."""
        return 1

    @property
    def line_count(self) -> int:
        """Lines there are."""
        raise NotImplementedError

    def head_line(self, y: int) -> list[Cell]:
        """The cells of a line that does not scroll; line 0 is the title."""
        raise NotImplementedError

    def body_line(self, index: int) -> Strip:
        """The drawn line `index`, as wide as `text_width`."""
        raise NotImplementedError

    @property
    def text_width(self) -> int:
        """Columns left of the bar."""
        return max(self.size.width - 1, 0)

    def validate_top(self, top: int) -> int:
        return max(0, min(top, self.line_count - self.room))

    def render_line(self, y: int) -> Strip:
        if y < self.head_height:
            name = "lines--title-focused" if self.has_focus else "lines--title"
            style = self.get_component_rich_style(name)
            return self.strip_of(self.head_line(y), style, self.size.width)
        index = self.top + y - self.head_height
        width = self.text_width
        if index >= self.line_count:
            return Strip.blank(self.size.width, self.base)
        line = self.body_line(index).adjust_cell_length(width, self.base)
        return Strip([*line, self.bar(y - self.head_height, self.line_count, self.room)], width + 1)

    def strip_of(self, cells: list[Cell], base: Style, width: int) -> Strip:
        """Cells side by side on a background, cut or filled to `width` columns."""
        segments = []
        left = width
        for part in cells:
            if left <= 0:
                break
            text = part.text if cell_len(part.text) <= left else set_cell_size(part.text, left)
            left -= cell_len(text)
            segments.append(Segment(text, self.tone_style(part.tone, base)))
        segments.append(Segment(" " * left, base))
        return Strip(segments, width)

    def tone_style(self, tone: Tone, base: Style) -> Style:
        """A tone's colour over the background of `base`."""
        if tone is Tone.PLAIN:
            return base
        return self.look(f"tone--{tone}", base)

    def bar(self, row: int, count: int, room: int) -> Segment:
        """The bar beside a row of the screen, where `room` of `count` lines are in view."""
        if count <= room or not room:
            return Segment(" ", self.base)
        size = max(1, room * room // count)
        start = (room - size) * self.top // max(count - room, 1)
        inside = start <= row < start + size
        return Segment("┃" if inside else "│", self.get_component_rich_style("lines--bar"))

    def refresh_line(self, index: int) -> None:
        """Draw one line anew, if it is in view."""
        y = index - self.top + self.head_height
        if self.head_height <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def action_move(self, lines: int) -> None:
        self.top += lines

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(self.room - 1, 1))

    def action_first(self) -> None:
        self.action_move(-self.line_count)

    def action_last(self) -> None:
        self.action_move(self.line_count)

    def on_resize(self) -> None:
        self.top = self.validate_top(self.top)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.scroll_lines(-3)

    def scroll_lines(self, lines: int) -> None:
        """Move the view and nothing else."""
        self.top += lines
