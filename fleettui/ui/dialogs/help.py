"""The keys that work right now, read from the bindings themselves, to be searched by typing."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from fleettui.ui import marks
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.keys import Entry, named, of_places
from fleettui.ui.paint import Tone, paint, paint_lines


class HelpScreen(Dialog[None]):
    """Keys of the focused pane, then of the screen below, then of every screen."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape,f1,enter", "dismiss", "Close"),
            Binding("down", "scroll(1)", "Down", show=False),
            Binding("up", "scroll(-1)", "Up", show=False),
            Binding("pagedown", "scroll(10)", "Page down", show=False),
            Binding("pageup", "scroll(-10)", "Page up", show=False),
        ]
    )

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._entries = entries

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static(self._head(), markup=False)
            yield Input(placeholder="type to search, such as journal or repair", compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(paint_lines(self._lines(())), id="keys", markup=False)

    def _head(self) -> Content:
        return paint(("Keys that work here", Tone.STRONG), ("   escape closes", Tone.DIM))

    def on_input_changed(self, event: Input.Changed) -> None:
        words = event.value.split()
        self.query_one("#keys", Static).update(paint_lines(self._lines(words)))
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def on_input_submitted(self) -> None:
        self.dismiss()

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _lines(self, words: Sequence[str]) -> Iterator[Content]:
        found = [entry for entry in self._entries if entry.has(words)]
        if not found:
            yield paint(("No key does that here.", Tone.DIM))
        for place, entries in of_places(found):
            yield paint("")
            yield paint((place, Tone.ACCENT))
            for entry in entries:
                yield paint((f"  {' '.join(entry.keys):<18} ", Tone.STRONG), entry.words)
                if entry.why_not:
                    why = marks.UNMET.saying(f"not now: {entry.why_not}").piece
                    yield paint(" " * 21, why)
