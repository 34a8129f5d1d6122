"""A screen of everything known about one row of the console; it lives on as the cluster changes."""

from collections.abc import Hashable, Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Static

from fleettui.model.untrusted import Untrusted
from fleettui.ui.detail.text import finding_lines, machine_lines, unit_lines
from fleettui.ui.hanging import Hanging
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.footer import KeyFooter


class DetailScreen(Screen[None]):
    """Read-only; escape goes back."""

    CSS_PATH = "detail.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape,backspace", "app.pop_screen", "Back"),
            Binding("j", "down", "Down", show=False),
            Binding("k", "up", "Up", show=False),
            Binding("g", "top", "Top", show=False),
            Binding("G", "bottom", "Bottom", show=False),
        ]
    )

    picture: reactive[Picture] = reactive(Picture, init=False, repaint=False)

    def __init__(self, table: str, key: Hashable) -> None:
        super().__init__()
        self._table = table
        self._key = key

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        self._draw()

    def watch_picture(self) -> None:
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        self.query_one(Static).update(Hanging(self._lines()))

    def _lines(self) -> Iterable[Content]:
        picture, key = self.picture, self._key
        snapshot = picture.snapshot
        if self._table == "findings":
            finding = next((f for f in picture.findings if f.key == key), None)
            if finding is not None:
                return finding_lines(finding, picture)
        elif snapshot is not None and isinstance(key, Untrusted):
            machine = picture.machine(key)
            if self._table == "machines" and machine is not None:
                return machine_lines(machine, picture)
            if self._table == "units" and key in snapshot.units:
                return unit_lines(snapshot.units[key], picture)
        return [paint(("This is gone: it is no longer in the cluster.", Tone.DIM))]

    def action_down(self) -> None:
        self.query_one(VerticalScroll).scroll_down()

    def action_up(self) -> None:
        self.query_one(VerticalScroll).scroll_up()

    def action_top(self) -> None:
        self.query_one(VerticalScroll).scroll_home()

    def action_bottom(self) -> None:
        self.query_one(VerticalScroll).scroll_end()
