"""What every dialog has: a way out of the program, which no key of the app is while it is open."""

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from fleettui.ui.keys import named

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A screen over another one, that returns an answer. It may hold an input, so q is a letter."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [Binding("ctrl+q,ctrl+c", "app.leave", "Quit", show=False)]
    )
