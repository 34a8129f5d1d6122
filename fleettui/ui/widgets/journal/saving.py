"""What of a journal goes into a file, in which form, and under which name."""

from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, RadioSet, Static

from fleettui.model.untrusted import Untrusted
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint
from fleettui.ui.widgets.toggles import Choice


class Extent(StrEnum):
    """Which lines."""

    RECEIVED = "received"
    SHOWN = "shown"
    ANEW = "anew"


class Saving(msgspec.Struct, frozen=True):
    """What was decided."""

    extent: Extent
    as_json: bool
    path: Path


def _place(typed: str) -> Path:
    """A path with its `~` filled in; that of a user who does not exist is a name like any other."""
    try:
        return Path(typed).expanduser()
    except RuntimeError:
        return Path(typed)


class SaveScreen(Dialog[Saving | None]):
    """Returns what is to be saved; saves nothing itself."""

    CSS_PATH = "saving.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (20, "-roomy")]  # noqa: RUF012 - declared by Textual
    BINDINGS: ClassVar[list[BindingType]] = named(
        [Binding("escape", "dismiss(None)", "Never mind")]
    )

    def __init__(self, held: int, shown: int, folder: Path, name: str, *, fixed: bool) -> None:
        """`fixed`: the folder is not to be chosen."""
        super().__init__()
        self._held, self._shown = held, shown
        self._folder, self._proposed, self._fixed = folder, name, fixed

    def compose(self) -> ComposeResult:
        with Vertical():
            keys = "  tab and arrows move, space chooses, enter saves"
            yield Static(paint(("Save the journal", Tone.STRONG), keys), markup=False)
            with RadioSet(id="extent"):
                yield Choice(f"the {self._held:,} lines received and held", value=True)
                yield Choice(f"only the {self._shown:,} lines that are shown", id="shown")
                yield Choice("the same stretch, read once more from the machines", id="anew")
            with RadioSet(id="form"):
                yield Choice("text, safe to look at", value=True)
                yield Choice("JSON lines, to work with", id="json")
            if self._fixed:
                yield Static(paint("in ", Untrusted(str(self._folder))), markup=False)
            yield Input(
                self._proposed if self._fixed else str(self._folder / self._proposed), id="name"
            )
            with Horizontal():
                yield Button("Never mind", id="no")
                yield Button("Save", id="yes", variant="primary")

    def on_mount(self) -> None:
        self.query_one("#name").focus()

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        if event.radio_set.id == "form":
            name = self.query_one("#name", Input)
            stem = name.value.removesuffix(".log").removesuffix(".jsonl")
            name.value = f"{stem}.jsonl" if event.index else f"{stem}.log"

    def on_input_submitted(self) -> None:
        self._decide()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self._decide()
        else:
            self.dismiss(None)

    def _decide(self) -> None:
        typed = self.query_one("#name", Input).value.strip()
        if not typed:
            return
        # With a fixed folder only the last part of what was typed counts.
        path = self._folder / Path(typed).name if self._fixed else _place(typed)
        extent = list(Extent)[self._pressed("extent")]
        self.dismiss(Saving(extent, self._pressed("form") == 1, path))

    def _pressed(self, name: str) -> int:
        return max(self.query_one(f"#{name}", RadioSet).pressed_index, 0)
