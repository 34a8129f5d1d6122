"""A question with No focused; it returns the answer and does nothing itself."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from fleettui.access import HostKeyQuestion
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.hanging import Hanging
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint, paint_lines


class QuestionScreen(Dialog[bool]):
    """Yes or no; enter alone means no, because No is focused."""

    CSS_PATH = "question.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (20, "-roomy")]  # noqa: RUF012 - declared by Textual
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape", "answer_no", "No"),
            Binding("left,right", "app.focus_next", "Other answer", show=False),
            Binding("pagedown,down", "page(1)", "More", show=False),
            Binding("pageup,up", "page(-1)", "Page up", show=False),
        ]
    )

    def __init__(self, text: Content, *, yes: str, no: str) -> None:
        super().__init__()
        self._text = text
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        with Vertical(id="question"):
            with VerticalScroll(can_focus=False):
                yield Static(Hanging(self._text.split()), markup=False)
            with Horizontal(id="answers"):
                yield Button(self._no, id="no", variant="primary")
                yield Button(self._yes, id="yes")

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_page(self, pages: int) -> None:
        text = self.query_one(VerticalScroll)
        text.scroll_relative(y=pages * max(text.size.height - 1, 1), animate=False)

    def action_answer_no(self) -> None:
        self.dismiss(False)  # noqa: FBT003 - the answer is the value


def host_key_question(question: HostKeyQuestion) -> QuestionScreen:
    """Whether a machine's key is to be trusted."""
    return QuestionScreen(_host_key_text(question), yes="Trust this key", no="Refuse")


def _host_key_text(question: HostKeyQuestion) -> Content:
    """What an operator needs to compare before trusting a machine's key."""
    where = question.remembered_in
    kept = (
        f"A yes is remembered in {where}."
        if where
        else "Nothing is written; a yes lasts until quit."
    )
    return paint_lines(
        [
            paint(("Unknown host key", Tone.STRONG)),
            paint(
                question.host, f" port {question.port} shows a key that no known_hosts file holds."
            ),
            paint(""),
            paint(("  key     ", Tone.DIM), question.algorithm),
            paint(("  SHA256  ", Tone.DIM), question.sha256.removeprefix("SHA256:")),
            paint(("  MD5     ", Tone.DIM), question.md5.removeprefix("MD5:")),
            paint(""),
            paint("Compare it with what the machine's console or its owner tells you."),
            paint((kept, Tone.DIM)),
        ]
    )
