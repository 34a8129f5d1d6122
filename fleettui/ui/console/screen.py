"""The console: findings first, then machines and units, and the journal with what room is left."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size
from textual.reactive import reactive
from textual.timer import Timer
from textual.widget import Widget

from fleettui.access import Observer, Operator
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Unit
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.ui.console.empty import empty_words
from fleettui.ui.console.header import StatusLines
from fleettui.ui.console.rows import (
    FINDING_COLUMNS,
    MACHINE_COLUMNS,
    UNIT_COLUMNS,
    checked_words,
    finding_rows,
    machine_rows,
    unit_rows,
)
from fleettui.ui.console.welcome import Welcome, is_welcome_due, keep_welcome
from fleettui.ui.keys import Explains, named
from fleettui.ui.messages import DetailsAsked, FactsAsked, OverviewAsked, RepairAsked, RepairsAsked
from fleettui.ui.picture import Picture
from fleettui.ui.resizing import Rests
from fleettui.ui.standing import Standing
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.widgets.grid import Column, Grid
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.widgets.parts import Collected

SETTLE = 0.25
"""Seconds the cursor must rest on a machine before its journal is opened over SSH."""


class Frame(Container, Collected):
    """Holds panes."""


class ConsoleScreen(Explains, Rests):
    """What the operator sees first and returns to."""

    CSS_PATH = "console.tcss"
    AUTO_FOCUS = "#machines"
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - declared by Textual, as an instance's
        (0, "-short"),
        (20, "-tall"),
    ]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - declared by Textual, as an instance's
        (0, "-narrow"),
        (100, "-normal"),
        (160, "-wide"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("r", "repair", "Repair", tooltip="Open the wizard on the selected finding"),
            Binding("R", "repairs", "Repairs", tooltip="Past repairs, and who repairs right now"),
            Binding("o,O", "overview", "Overview", tooltip="The whole cluster at a glance"),
            Binding("enter,d", "details", "Details", show=True, key_display="enter"),
            Binding("l", "journal", "Journal", tooltip="Go to the journal pane"),
            Binding(
                "L", "unit_journal", "Unit's journal", show=False, tooltip="This unit's journal"
            ),
            Binding("Z", "zoom", "Zoom", show=False, tooltip="This pane alone, or all panes again"),
            Binding("escape", "unzoom", "All panes", tooltip="All panes again"),
            Binding("tab", "app.focus_next", "Next pane", show=False),
            Binding("shift+tab", "app.focus_previous", "Previous pane", show=False),
            Binding("ctrl+r", "refresh", "Refresh", show=False, tooltip="Read everything afresh"),
        ]
    )

    picture: reactive[Picture] = reactive(Picture, init=False, repaint=False)
    holder: reactive[LockHolder | None] = reactive(None, init=False, repaint=False)
    standing: reactive[Standing] = reactive(Standing, init=False, repaint=False)

    def __init__(self, access: Observer, folder: Path, welcomed: Path | None = None) -> None:
        """`folder` is the only one that an observer's files go to. `welcomed` is the file that
        says that a newcomer was welcomed; None where nobody is."""
        super().__init__()
        self._access = access
        self._folder = folder
        self._welcomed = welcomed
        self._settling: Timer | None = None
        self._leading = "machines"
        """The table whose cursor chooses the journal, and what `r` repairs."""
        self._why = ""

    def fit(self, size: Size) -> None:
        """Take the classes of a size before anything stands: the first resize would have all of it
        styled, laid out and drawn once more for them.
        """
        for breakpoints, room in (
            (self.HORIZONTAL_BREAKPOINTS, size.width),
            (self.VERTICAL_BREAKPOINTS, size.height),
        ):
            _, name = max(one for one in breakpoints if one[0] <= room)
            self.add_class(name, update=False)

    def compose(self) -> ComposeResult:
        may_change = isinstance(self._access, Operator)
        yield StatusLines(self._access.cluster, may_change=may_change).data_bind(
            ConsoleScreen.picture, ConsoleScreen.holder, ConsoleScreen.standing
        )
        yield self._table("FINDINGS", FINDING_COLUMNS)
        with Frame(id="panes"):
            with Frame(id="tables"):
                yield self._table("MACHINES", MACHINE_COLUMNS)
                yield self._table("UNITS", UNIT_COLUMNS)
            yield self._journal_pane().data_bind(ConsoleScreen.picture)
        if is_welcome_due(self._welcomed):
            yield Welcome()
        yield KeyFooter(show_command_palette=False)

    def key_was_pressed(self) -> None:
        """Whoever presses keys is no newcomer any more."""
        for welcome in self.query(Welcome):
            welcome.remove()
            if self._welcomed is not None:
                keep_welcome(self._welcomed)

    def _table(self, title: str, columns: Sequence[Column]) -> Grid:
        name = title.lower()
        return Grid(title, columns, empty=self._empty(name), id=name)

    def _empty(self, table: str) -> str:
        return empty_words(table, self.picture, self._access.cluster.advice)

    def _journal_pane(self) -> JournalPane:
        """An observer reads as nobody but himself, and saves into one folder only."""
        access = self._access
        if isinstance(access, Operator):
            root = access.root_journals
            return JournalPane(access.hosts, id="journal", keep_in=None, root=root)
        return JournalPane(access.hosts, id="journal", keep_in=self._folder)

    def on_mount(self) -> None:
        self._draw()
        self.set_interval(1.0, self._draw_ages)

    def watch_picture(self, before: Picture, after: Picture) -> None:
        if not self.is_mounted:
            return
        self._draw_units()
        if not after.says_the_same_of_machines(before):
            self._draw_ages()
        if before.findings != after.findings and after.findings and not before.findings:
            self._select(after.findings[0])
        self._follow_selected()
        self._explain_anew()

    def _draw(self) -> None:
        self._draw_units()
        self._draw_ages()

    def _draw_units(self) -> None:
        picture = self.picture
        rows = unit_rows(picture)
        title = f"UNITS {len(rows)}" if picture.snapshot else "UNITS"
        self._grid("units").show(rows, title=title, empty=self._empty("units"))

    def _draw_ages(self) -> None:
        """What grows old by itself, each second, or is not of units alone."""
        picture = self.picture
        members = len(picture.snapshot.machines) if picture.snapshot else 0
        left = f", {len(picture.departed)} left the registry" if picture.departed else ""
        self._grid("machines").show(
            machine_rows(picture),
            title=f"MACHINES {members}{left}" if picture.snapshot else "MACHINES",
            empty=self._empty("machines"),
        )
        count = len(picture.findings)
        words = f" {count}{self._hint(count)}   {checked_words(picture)}"
        self._grid("findings").show(
            finding_rows(picture),
            title=f"FINDINGS{words}" if picture.snapshot else "FINDINGS",
            empty=self._empty("findings"),
        )
        self._share_room()

    def on_resize(self, event: Resize) -> None:
        """How the panes lie follows from the classes of the new size."""
        self.call_after_refresh(self._share_room)

    def _share_room(self) -> None:
        """Give the tables what they need, and the journal the rest."""
        rows = self.size.height
        findings, machines = self._grid("findings"), self._grid("machines")
        is_alone = self.has_class("-short") or self.has_class("-zoomed")
        is_row = self.has_class("-normal") and not is_alone
        _set_height(findings, None if is_alone else _height(findings, 5))
        _set_height(machines, None if is_alone or is_row else _height(machines, rows // 4))
        tallest = max(machines.line_count, self._grid("units").line_count)
        _set_height(self.query_one("#tables"), min(tallest + 2, rows * 2 // 5) if is_row else None)

    def _hint(self, count: int) -> str:
        return "   r repairs it" if count and isinstance(self._access, Operator) else ""

    def _grid(self, name: str) -> Grid:
        return self.query_one(f"#{name}", Grid)

    # --- the journal follows the selected machine ---------------------------------------------

    def on_grid_moved(self, event: Grid.Moved) -> None:
        if event.grid.has_focus:
            self._leading = event.grid.id or "machines"
        if event.grid.id == self._leading:
            self._follow_selected()
            self._explain_anew()

    def on_descendant_focus(self) -> None:
        self._bring_to_front()
        if isinstance(self.focused, Grid):
            self._leading = self.focused.id or "machines"
            self._explain_anew()

    def _bring_to_front(self) -> None:
        """The pane in focus, with what holds it. It stays there while the terminal itself is not in
        focus: of a small one, whoever looks on from another window sees the same."""
        if self.focused is None:
            return  # it was in focus, and the terminal is not any more
        front = set(self.focused.ancestors_with_self)
        for node in self.query("#findings, #panes, #tables, #machines, #units, #journal"):
            node.set_class(node in front, "-front", update=self.has_class("-short"))

    def _follow_selected(self) -> None:
        """Open the journal of the machine under the cursor, once the cursor rests."""
        machine = self.picture.machine(self._machine_under(self._grid(self._leading)))
        pane = self.query_one(JournalPane)
        if machine is None or pane.shows(machine):
            return
        if self._settling is not None:
            self._settling.stop()
        chosen = machine
        self._settling = self.set_timer(SETTLE, lambda: pane.suggest(chosen))

    def _machine_under(self, grid: Grid) -> Untrusted | None:
        key = grid.cursor_key
        match grid.id:
            case "machines":
                return key if isinstance(key, Untrusted) else None
            case "units":
                unit = self._unit(key)
                return unit.target if unit else None
            case _:
                finding = self._finding(key)
                return finding.machine_id if finding else None

    def _select(self, finding: Finding) -> None:
        """Have a finding's machine and unit under cursors that nobody moved, and so in view."""
        for table, key in (("machines", finding.machine_id), ("units", finding.unit)):
            if key is not None:
                self._grid(table).offer(key)

    def _unit(self, key: Hashable | None) -> Unit | None:
        snapshot = self.picture.snapshot
        return snapshot.units.get(key) if snapshot and isinstance(key, Untrusted) else None

    def _finding(self, key: Hashable | None) -> Finding | None:
        return next((f for f in self.picture.findings if f.key == key), None)

    # --- one pane alone -----------------------------------------------------------------------

    def action_zoom(self) -> None:
        pane = self.focused
        self._zoom(None if self.has_class("-zoomed") else pane)

    def action_unzoom(self) -> None:
        self._zoom(None)

    def _zoom(self, pane: Widget | None) -> None:
        """Show one pane alone; without one, all of them."""
        if pane is not None and pane not in self._panes:
            pane = next(one for one in self._panes if one in pane.ancestors)
        self.set_class(pane is not None, "-zoomed")
        for one in self._panes:
            one.set_class(pane is not None and one is not pane, "-hidden")
        is_table = pane is not None and pane.parent is self.query_one("#tables")
        self.query_one("#tables").set_class(pane is not None and not is_table, "-hidden")
        is_finding = pane is self._grid("findings")
        self.query_one("#panes").set_class(is_finding, "-hidden")
        self._draw_ages()
        self.refresh_bindings()

    @property
    def _panes(self) -> tuple[Widget, ...]:
        return (*self.query(Grid), self.query_one(JournalPane))

    def why_not(self, action: str) -> str:
        if action != "repair":
            return ""
        if not isinstance(self._access, Operator):
            return (
                "OBSERVER: this session holds nothing that could change the cluster. "
                "Start fleettui without --observe to repair."
            )
        return "" if self._finding_under() else "There is no finding under the cursor."

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to go back to while all panes are shown."""
        if action == "unzoom":
            return self.has_class("-zoomed")
        return super().check_action(action, parameters) if self.is_mounted else True

    def _explain_anew(self) -> None:
        """Whether `r` is greyed out follows from where the cursor stands."""
        why = self.why_not("repair")
        if why != self._why:
            self._why = why
            self.refresh_bindings()

    # --- actions ------------------------------------------------------------------------------

    def on_grid_chosen(self, event: Grid.Chosen) -> None:
        self._open(event.grid)

    def action_details(self) -> None:
        grid = self.focused if isinstance(self.focused, Grid) else self._grid("machines")
        self._open(grid)

    def _open(self, grid: Grid) -> None:
        key = grid.cursor_key
        if key is None:
            self.notify("There is nothing under the cursor yet.", markup=False)
            return
        self.post_message(DetailsAsked(grid.id or "", key))

    def action_journal(self) -> None:
        self.query_one(JournalPane).focus()

    def action_unit_journal(self) -> None:
        """The journal of the unit under the cursor, wherever the registry has it."""
        unit = self._unit(self._grid("units").cursor_key)
        machines = self.picture.snapshot.machines.values() if self.picture.snapshot else ()
        on = [machine for machine in machines if unit is not None and unit.is_on(machine.id)]
        if unit is None or not on:
            self.notify("The unit under the cursor is on no machine.", markup=False)
            return
        self.query_one(JournalPane).watch_unit(unit.name, on)
        self.action_journal()

    def action_refresh(self) -> None:
        self.post_message(FactsAsked())

    def action_overview(self) -> None:
        self.post_message(OverviewAsked())

    def action_repairs(self) -> None:
        self.post_message(RepairsAsked())

    def action_repair(self) -> None:
        finding = self._finding_under()
        if finding is not None:
            self.post_message(RepairAsked(finding))

    def _finding_under(self) -> Finding | None:
        """The finding under the leading cursor: itself, or the worst of its machine or unit."""
        grid, findings = self._grid(self._leading), self.picture.findings
        key = grid.cursor_key
        match grid.id:
            case "findings":
                return self._finding(key)
            case "units":
                return next((f for f in findings if f.unit == key), None)
            case _:
                return next((f for f in findings if f.machine_id == key), None)


def _height(grid: Grid, most: int) -> int:
    """Of a table with so many lines at most."""
    return min(grid.line_count, most) + grid.head_height


def _set_height(widget: Widget, height: int | None) -> None:
    """Give a widget a height of its own; None leaves it to the stylesheet.

    Textual lays the screen out anew for every None, even where there was none before.
    """
    if height is not None or widget.styles.inline.has_rule("height"):
        widget.styles.height = height
