"""The keys that work right now, read from the bindings themselves."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from fleettui.ui.paint import Tone, paint, paint_lines


class HelpScreen(ModalScreen[None]):
    """Keys of the focused pane and of the screen below."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "dismiss", "Close"),
    ]

    def __init__(self, bindings: list[ActiveBinding]) -> None:
        super().__init__()
        self._active = bindings

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(paint_lines(self._lines()), markup=False)

    def _lines(self) -> Iterator[Content]:
        yield paint(("Keys that work here", Tone.STRONG), ("   escape closes", Tone.DIM))
        yield paint("")
        keys: dict[str, list[str]] = {}
        for active in self._active:
            binding = active.binding
            words = active.tooltip or binding.tooltip or binding.description
            if words:
                keys.setdefault(words, []).append(self.app.get_key_display(binding))
        for words, names in keys.items():
            yield paint((f"  {' '.join(names):<18}", Tone.ACCENT), words)
