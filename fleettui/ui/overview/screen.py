"""The overview screen: machines, units, findings and events over time, and the last changes."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from fleettui.access import ClusterAddress
from fleettui.model.clock import now
from fleettui.model.lock import LockHolder
from fleettui.ui.console.header import StatusLines
from fleettui.ui.keys import named
from fleettui.ui.messages import FactsAsked
from fleettui.ui.overview.board import (
    change_panel,
    events_panel,
    findings_panel,
    machine_panel,
    unit_panel,
)
from fleettui.ui.overview.trail import SLOTS, Trail
from fleettui.ui.paint import paint_lines
from fleettui.ui.picture import Picture
from fleettui.ui.resizing import Rests
from fleettui.ui.widgets.footer import KeyFooter


class Panel(Static):
    """One framed part of the overview."""

    class Sized(Message):
        """It has another size now; that of the screen is known before those of its parts."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name, classes="panel", markup=False)

    def on_resize(self) -> None:
        self.post_message(self.Sized())


class MachinesPanel(Panel):
    """A map of the machines by state."""

    BORDER_TITLE = "MACHINES"


class UnitsPanel(Panel):
    """Bars of the units by state."""

    BORDER_TITLE = "UNITS"


class FindingsPanel(Panel):
    """Findings over time."""

    BORDER_TITLE = "FINDINGS"


class EventsPanel(Panel):
    """Events over time."""

    BORDER_TITLE = "EVENTS"


class ChangesPanel(Panel):
    """The last changes."""

    BORDER_TITLE = "CHANGES"


class OverviewScreen(Rests):
    """Only looks; drawn anew each second while it is in front."""

    CSS_PATH = "overview.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]  # noqa: RUF012 - declared by Textual
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - declared by Textual, as an instance's
        (0, "-short"),
        (20, "-medium"),
        (34, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape,o,O", "app.pop_screen", "Console", key_display="esc"),
            Binding("ctrl+r", "refresh", "Refresh", tooltip="Read everything afresh"),
        ]
    )

    picture: reactive[Picture] = reactive(Picture, init=False)
    trail: reactive[Trail] = reactive(Trail, init=False)
    holder: reactive[LockHolder | None] = reactive(None, init=False)

    def __init__(self, cluster: ClusterAddress, *, may_change: bool) -> None:
        super().__init__()
        self._cluster = cluster
        self._may_change = may_change
        self._drawn: dict[str, str] = {}
        self._seen: Picture | None = None
        self._drawn_at: tuple[Size, ...] = ()

    def compose(self) -> ComposeResult:
        yield StatusLines(self._cluster, may_change=self._may_change).data_bind(
            OverviewScreen.picture, OverviewScreen.holder
        )
        with Horizontal(id="now"):
            yield MachinesPanel("machines")
            yield UnitsPanel("units")
        with Horizontal(id="time"):
            yield FindingsPanel("findings")
            yield EventsPanel("events")
        yield ChangesPanel("changes")
        yield KeyFooter(show_command_palette=False)

    def on_mount(self) -> None:
        self.set_interval(1.0, self._draw)
        self.call_after_refresh(self._draw)

    def on_panel_sized(self) -> None:
        self._draw()

    def _draw(self) -> None:
        """Draw what is in front; a panel that says the same is left alone."""
        if not self.is_current:
            return
        picture, trail, at = self.picture, self.trail, now()
        room = (self.size, *(panel.content_size for panel in self.query(Panel)))
        if self._seen is not picture or self._drawn_at != room:
            self._seen, self._drawn_at = picture, room
            self._draw_states()
        tall = 3 if self.has_class("-tall") else 1
        width = min(self._width("findings"), SLOTS)
        self._show("findings", list(findings_panel(picture, trail, at, width, tall)))
        width = min(self._width("events"), SLOTS)
        self._show("events", list(events_panel(picture, trail, at, width, tall)))
        changes = self.query_one("#changes").content_size
        self._show("changes", list(change_panel(trail, changes.width, changes.height)))

    def _draw_states(self) -> None:
        """What changes with the picture alone; both panels are as high as the higher one."""
        machines = list(machine_panel(self.picture, self._width("machines")))
        units = list(unit_panel(self.picture, self._width("units")))
        self._show("machines", machines)
        self._show("units", units)
        frame = 0 if self.has_class("-short") else 2
        height = min(max(len(machines), len(units)) + frame, self.size.height // 2)
        for name in ("machines", "units"):
            self.query_one(f"#{name}").styles.height = height

    def _width(self, name: str) -> int:
        return max(self.query_one(f"#{name}").content_size.width, 20)

    def _show(self, name: str, lines: list[Content]) -> None:
        content = paint_lines(lines)
        if self._drawn.get(name) != (drawn := content.markup):
            self._drawn[name] = drawn
            self.query_one(f"#{name}", Static).update(content)

    def action_refresh(self) -> None:
        self.post_message(FactsAsked())
