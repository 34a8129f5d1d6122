"""What the credentials of an observer could do, server by server."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.keys import named
from fleettui.ui.paint import paint_lines
from fleettui.ui.picture import Picture
from fleettui.ui.standing import Standing


class RightsScreen(Dialog[None]):
    """Follows what is found out."""

    CSS_PATH = "rights.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named([Binding("escape,q,enter", "dismiss", "Close")])

    picture: reactive[Picture] = reactive(Picture, init=False)
    standing: reactive[Standing] = reactive(Standing, init=False)

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(paint_lines(self._lines()), id="rights", markup=False)

    def watch_picture(self) -> None:
        self._draw()

    def watch_standing(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self.is_mounted:
            self.query_one("#rights", Static).update(paint_lines(self._lines()))

    def _lines(self) -> Iterator[Content]:
        return self.standing.lines(self.picture)
