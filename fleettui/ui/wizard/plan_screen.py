"""The whole plan on one screen, and its remaining steps as a script to run by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from fleettui.access import ClusterAddress
from fleettui.repair.planning.action import Stage
from fleettui.repair.planning.plan import Plan
from fleettui.ui.hanging import Hanging
from fleettui.ui.keys import named
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.wizard.script import hand_over
from fleettui.ui.wizard.words.plan import plan_lines


class PlanScreen(Screen[None]):
    """Only shows."""

    CSS_PATH = "plan.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape,p,f2,backspace", "app.pop_screen", "Back"),
            Binding(
                "y,f3", "script", "Script", tooltip="Copy the remaining steps as a shell script"
            ),
            Binding("j", "scroll(1)", "Down", show=False),
            Binding("k", "scroll(-1)", "Up", show=False),
        ]
    )

    def __init__(
        self, plan: Plan, done: Sequence[Stage], cluster: ClusterAddress, records: Path
    ) -> None:
        super().__init__()
        self._plan = plan
        self._done = tuple(done)
        self._cluster = cluster
        self._records = records

    def compose(self) -> ComposeResult:
        lines = plan_lines(self._plan, self._done, self._cluster.prefix, self._cluster.sudo)
        with VerticalScroll():
            yield Static(Hanging(lines), markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_script(self) -> None:
        hand_over(self, self._plan, self._done, self._cluster, self._records)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
