"""The one line at the foot of the journal where something is typed."""

from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from fleettui.journal.pattern import PatternWrong, pattern
from fleettui.ui.keys import named


class Asking(StrEnum):
    """What is typed."""

    SEARCH = "search"
    FILTER = "filter"
    HIGHLIGHT = "highlight"
    SINCE = "since"


_HINTS = {
    Asking.SEARCH: "search: text or regular expression, n N go on; empty ends it",
    Asking.FILTER: "filter: show only lines with this; empty shows all",
    Asking.HIGHLIGHT: "highlight: lit until H; empty removes all",
    Asking.SINCE: "since: -90min, yesterday, 2026-01-31 10:00 (UTC)",
}


class Prompt(Input):
    """Hidden until something is asked."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("enter", "submit", "Take it", key_display="enter"),
            Binding("escape", "give_up", "Never mind"),
        ]
    )
    DEFAULT_CSS = """
    Prompt { dock: bottom; height: 1; border: none; padding: 0 1; background: $panel; }
    """

    class Answered(Message):
        """Something was typed; `text` is None where it was given up."""

        def __init__(self, asking: Asking, text: str | None) -> None:
            super().__init__()
            self.asking = asking
            self.text = text

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._asking = Asking.SEARCH
        self.display = False
        self.problem = ""
        """Why what stands there is no pattern."""

    def ask(self, asking: Asking, text: str = "") -> None:
        """Show the line and take the keys."""
        self._asking, self.value = asking, text
        self.cursor_position = len(text)
        self.display = True
        self.focus()

    @property
    def hint(self) -> str:
        """What may be typed, or why it cannot be taken."""
        return self.problem or _HINTS[self._asking]

    @property
    def asking(self) -> Asking | None:
        """What is being typed; None while hidden."""
        return self._asking if self.display else None

    def on_input_changed(self) -> None:
        problem = time_problem if self._asking is Asking.SINCE else problem_of
        self.problem = problem(self.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.problem:
            return  # it stays until it is a pattern, or given up
        self.display = False
        self.post_message(self.Answered(self._asking, event.value))

    def action_give_up(self) -> None:
        self.display = False
        self.problem = ""
        self.post_message(self.Answered(self._asking, None))


def time_problem(text: str) -> str:
    """Why a text is no time that is ever sent to a machine; empty where it may be one."""
    from fleettui.commands.templates import is_time

    if not text.strip() or is_time(text.strip()):
        return ""
    return "a time has letters, digits and - : + . , / @ only, 64 at most"


def problem_of(text: str) -> str:
    """Why a text is no pattern; empty where it is one."""
    try:
        pattern(text)
    except PatternWrong as wrong:
        return str(wrong)
    return ""
