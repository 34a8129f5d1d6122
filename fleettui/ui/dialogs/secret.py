"""A question whose answer nobody may see; it returns the answer and does nothing itself."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from fleettui.access import SecretQuestion
from fleettui.model.secret import Secret
from fleettui.model.untrusted import Untrusted
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint, paint_lines


class SecretScreen(Dialog[Secret | None]):
    """Something to be typed unseen; None where the operator does not say."""

    CSS_PATH = "secret.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named([Binding("escape", "refuse", "Do not say")])

    def __init__(self, question: SecretQuestion) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        lines = [paint((Untrusted(self._question.what), Tone.STRONG))]
        if self._question.why:
            lines.insert(0, paint((Untrusted(self._question.why), Tone.BAD)))
        lines.append(paint(("It is kept in memory, and only as long as it is needed.", Tone.DIM)))
        with Vertical(id="question"):
            yield Static(paint_lines(lines), markup=False)
            yield Input(password=True, id="secret")
            with Horizontal(id="answers"):
                yield Button("Do not say", id="no")
                yield Button("Go on", id="yes", variant="primary")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self) -> None:
        self._answer()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self._answer()
        else:
            self.dismiss(None)

    def action_refuse(self) -> None:
        self.dismiss(None)

    def _answer(self) -> None:
        field = self.query_one(Input)
        text = field.value
        field.value = ""
        self.dismiss(Secret(text) if text else None)
