"""Buttons that are on or off, and say which by their glyph: Textual tells it by colour alone."""

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip
from textual.widgets import RadioButton, SelectionList


class Choice(RadioButton):
    """One of several: a full circle where it is chosen, an empty one elsewhere."""

    def render(self) -> Content:
        self.BUTTON_INNER = "●" if self.value else "○"
        return super().render()


class Marks(SelectionList[int]):
    """Any of several, each a number: a cross where it is marked, nothing elsewhere."""

    def render_line(self, y: int) -> Strip:
        line = super().render_line(y)
        index = self.scroll_offset.y + y
        if index >= self.option_count or self.get_option_at_index(index).value in self.selected:
            return line
        left, cross, *rest = line
        return Strip([left, Segment(" ", cross.style), *rest])
