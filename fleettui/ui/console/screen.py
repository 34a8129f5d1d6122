"""The console: machines and units on the left, the journal beside them, findings below."""

from collections.abc import Hashable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Footer

from fleettui.access import Observer, Operator
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Unit
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
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
from fleettui.ui.messages import DetailsAsked, FactsAsked, RepairAsked, RepairsAsked
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.grid import Grid
from fleettui.ui.widgets.journal import JournalPane

SETTLE = 0.25
"""Seconds the cursor must rest on a machine before its journal is opened over SSH."""


class ConsoleScreen(Screen[None]):
    """What the operator sees first and returns to."""

    CSS_PATH = "console.tcss"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - declared by Textual, as an instance's
        (0, "-narrow"),
        (100, "-normal"),
        (160, "-wide"),
    ]
    TITLE = "fleettui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "repair", "Repair", tooltip="Open the wizard on the selected finding"),
        Binding("R", "repairs", "Repairs", tooltip="Past repairs, and who repairs right now"),
        Binding("enter,d", "details", "Details", show=True, key_display="enter"),
        Binding("l", "journal", "Journal", tooltip="Go to the journal pane"),
        Binding("L", "unit_journal", "Unit's journal", show=False, tooltip="This unit's journal"),
        Binding("tab", "app.focus_next", "Next pane", show=False),
        Binding(
            "ctrl+r", "refresh", "Refresh", tooltip="Read the registry and all machines afresh"
        ),
    ]

    picture: reactive[Picture] = reactive(Picture, init=False)
    holder: reactive[LockHolder | None] = reactive(None, init=False)

    def __init__(self, access: Observer, folder: Path) -> None:
        """`folder` is the only one that an observer's files go to."""
        super().__init__()
        self._access = access
        self._folder = folder
        self._settling: Timer | None = None
        self._leading = "machines"
        """The table whose cursor chooses the journal, and what `r` repairs."""

    def compose(self) -> ComposeResult:
        may_change = isinstance(self._access, Operator)
        yield StatusLines(self._access.cluster, may_change=may_change).data_bind(
            ConsoleScreen.picture, ConsoleScreen.holder
        )
        with Horizontal(id="panes"):
            with Vertical(id="tables"):
                yield Grid("MACHINES", MACHINE_COLUMNS, empty="not read yet", id="machines")
                yield Grid("UNITS", UNIT_COLUMNS, empty="not read yet", id="units")
            yield self._journal_pane().data_bind(ConsoleScreen.picture)
        yield Grid("FINDINGS", FINDING_COLUMNS, empty="not read yet", id="findings")
        yield Footer()

    def _journal_pane(self) -> JournalPane:
        """An observer reads as nobody but himself, and saves into one folder only."""
        access = self._access
        if isinstance(access, Operator):
            return JournalPane(access.hosts, id="journal", root=access.root_journals)
        return JournalPane(access.hosts, id="journal", keep_in=self._folder)

    def on_mount(self) -> None:
        self.set_interval(1.0, self._draw_ages)
        self.query_one("#machines").focus()

    def watch_picture(self, before: Picture, after: Picture) -> None:
        if not self.is_mounted:
            return
        self._draw()
        if before.findings != after.findings and after.findings and not before.findings:
            self._select(after.findings[0].machine_id)
        self._follow_selected()

    def _draw(self) -> None:
        picture = self.picture
        if picture.snapshot is None:
            return
        units = len(picture.snapshot.units)
        self._grid("units").show(unit_rows(picture), title=f"UNITS {units}", empty="none")
        self._draw_ages()

    def _draw_ages(self) -> None:
        """What grows old by itself, each second."""
        picture = self.picture
        if picture.snapshot is None:
            return
        members, left = len(picture.snapshot.machines), len(picture.departed)
        machines = self._grid("machines")
        machines.styles.height = min(members + left, self.size.height // 4) + 2
        title = f"MACHINES {members}" + (f", {left} left the registry" if left else "")
        machines.show(machine_rows(picture), title=title, empty="none")
        grid = self._grid("findings")
        words = checked_words(picture)
        count = len(picture.findings)
        grid.show(
            finding_rows(picture),
            title=f"FINDINGS {count}{self._hint(count)}   {words}",
            empty="nothing is wrong, as far as this was checked",
        )
        grid.styles.height = min(max(count, 1), 5) + 1

    def _hint(self, count: int) -> str:
        return "   r repairs the chosen one" if count and isinstance(self._access, Operator) else ""

    def _grid(self, name: str) -> Grid:
        return self.query_one(f"#{name}", Grid)

    # --- the journal follows the selected machine ---------------------------------------------

    def on_grid_moved(self, event: Grid.Moved) -> None:
        if event.grid.has_focus:
            self._leading = event.grid.id or "machines"
        if event.grid.id == self._leading:
            self._follow_selected()

    def on_descendant_focus(self) -> None:
        if isinstance(self.focused, Grid):
            self._leading = self.focused.id or "machines"

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

    def _select(self, machine_id: Untrusted | None) -> None:
        if machine_id is not None:
            self._grid("machines").move_to(machine_id)

    def _unit(self, key: Hashable | None) -> Unit | None:
        snapshot = self.picture.snapshot
        return snapshot.units.get(key) if snapshot and isinstance(key, Untrusted) else None

    def _finding(self, key: Hashable | None) -> Finding | None:
        return next((f for f in self.picture.findings if f.key == key), None)

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

    def action_repairs(self) -> None:
        self.post_message(RepairsAsked())

    def action_repair(self) -> None:
        finding = self._finding_under()
        if not isinstance(self._access, Operator):
            self.notify(
                "OBSERVER: this session holds nothing that could change the cluster. "
                "Start fleettui without --observe to repair.",
                severity="warning",
                markup=False,
            )
        elif finding is None:
            self.notify("There is no finding under the cursor.", markup=False)
        else:
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
