"""The list of repairs: who repairs right now, and every record on this computer."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Static

from fleettui.access import Observer, Operator
from fleettui.model.lock import LockHolder
from fleettui.repair.records.give_up import give_up
from fleettui.repair.records.past import PastRepair, PastState, past_repairs
from fleettui.repair.records.record import RecordInUse
from fleettui.ui.dialogs.question import QuestionScreen
from fleettui.ui.keys import Explains, named
from fleettui.ui.messages import ResumeAsked, WatchAsked
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.picture import Picture
from fleettui.ui.repairs.keep import keep_report
from fleettui.ui.repairs.report import ReportScreen
from fleettui.ui.repairs.rows import COLUMNS, UNDER_WAY, abandon_lines, is_left, repair_rows
from fleettui.ui.repairs.watch import place_of
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.widgets.grid import Grid, Rows

EVERY = 2.0
"""Seconds between two looks at the records: another fleettui may be writing one."""


class RepairsScreen(Explains, Screen[None]):
    """For observers too: it only reads, and what it opens only reads."""

    CSS_PATH = "repairs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape", "app.pop_screen", "Back"),
            Binding(
                "enter,d",
                "open",
                "Report",
                key_display="enter",
                tooltip="The report of the chosen repair; of one under way, watch it",
            ),
            Binding(
                "r", "resume", "Resume", tooltip="Go on with a repair that was left unfinished"
            ),
            Binding(
                "x",
                "abandon",
                "Give up",
                tooltip="Close the record of a repair that nobody will go on with",
            ),
        ]
    )

    picture: reactive[Picture] = reactive(Picture, init=False, repaint=False)
    holder: reactive[LockHolder | None] = reactive(None, init=False, repaint=False)

    def __init__(self, access: Observer, records: Path) -> None:
        super().__init__()
        self._access = access
        self._records = records
        self._repairs: tuple[PastRepair, ...] = ()
        self._why = ("", "")

    def compose(self) -> ComposeResult:
        yield Grid("REPAIRS", COLUMNS, empty="none was begun on this computer", id="repairs")
        yield Static(id="where", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        where = paint(("Records lie in ", Tone.DIM), str(self._records))
        self.query_one("#where", Static).update(where)
        self.query_one(Grid).focus()
        self._look()
        self.set_interval(EVERY, self._look)

    def watch_holder(self) -> None:
        if self.is_mounted:
            self._draw()

    def _look(self) -> None:
        self._repairs = past_repairs(self._records)
        self._draw()

    def _draw(self) -> None:
        where = place_of(self.holder, self.picture) if self.holder else ""
        rows = repair_rows(self._repairs, self.holder, where)
        self.query_one(Grid).show(Rows.of(rows), title=f"REPAIRS {len(rows)}")
        self.on_grid_moved()

    def on_grid_moved(self) -> None:
        """Whether `r` and `x` are greyed out follows from where the cursor stands."""
        why = (self.why_not("resume"), self.why_not("abandon"))
        if why != self._why:
            self._why = why
            self.refresh_bindings()

    def _chosen(self) -> PastRepair | None:
        grids = self.query(Grid)  # none yet while keys are asked for first
        key = grids.first().cursor_key if grids else None
        return next((past for past in self._repairs if past.path == key), None)

    def on_grid_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        past = self._chosen()
        if self.query_one(Grid).cursor_key == UNDER_WAY:
            self.post_message(WatchAsked())
        elif past is None:
            self.notify("There is nothing under the cursor.", markup=False)
        elif past.state is PastState.UNREADABLE:
            self.notify(f"It cannot be read: {past.problem}", severity="warning", markup=False)
        else:
            self.app.push_screen(ReportScreen(past.path))

    def why_not(self, action: str) -> str:
        if action not in {"resume", "abandon"}:
            return ""
        past = self._chosen()
        if not isinstance(self._access, Operator):
            return "OBSERVER: this session holds nothing that could go on with a repair."
        if past is None or past.state is PastState.UNREADABLE:
            return "There is no repair under the cursor."
        if past.state is PastState.RUNNING:
            return "Another fleettui on this computer drives this repair right now."
        if past.state is PastState.FINISHED:
            return "This repair came to its end: there is nothing to go on with."
        if action == "resume" and not is_left(past, self._access.cluster):
            return f"This repair is of another cluster: {', '.join(map(str, past.cluster))}"
        return ""

    def action_resume(self) -> None:
        past = self._chosen()
        if past is not None:
            self.post_message(ResumeAsked(past.path))

    def action_abandon(self) -> None:
        past, access = self._chosen(), self._access
        if past is not None and isinstance(access, Operator):
            words = paint_lines(abandon_lines(past))
            question = QuestionScreen(words, yes="Give it up", no="Keep it")
            record, who = past.path, access.name
            self.app.push_screen(question, lambda yes: self._abandon(record, who) if yes else None)

    def _abandon(self, path: Path, who: str) -> None:
        try:
            give_up(path, who)
            report = keep_report(path)
        except (RecordInUse, OSError) as problem:
            said = f"It was not given up: {problem}"
            self.notify(said, severity="error", markup=False)
        else:
            self.notify(f"Given up. What was done is told in {report}", markup=False)
        self._look()
