"""The app: holds the one picture of the cluster, keeps it fresh, and opens the screens."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from fleettui.access import HostKeyQuestion, HostUnreachable, Observer, Operator
from fleettui.model.clock import now
from fleettui.model.cluster import Machine, RegistryView
from fleettui.model.host import HostReport, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.ui.console.screen import ConsoleScreen
from fleettui.ui.detail.screen import DetailScreen
from fleettui.ui.dialogs.help import HelpScreen
from fleettui.ui.dialogs.question import QuestionScreen, host_key_text
from fleettui.ui.messages import DetailsAsked, FactsAsked, RepairAsked, ViewTaken
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.picture import Picture, asked_at

PROBE_EVERY = timedelta(seconds=10)
RETRY_EVERY = timedelta(seconds=4)
"""A machine that did not answer is asked again sooner, so that its return is soon seen."""
PROBES_PER_SECOND = 5
"""A large cluster is asked round by round at this pace, so that asking never becomes a load."""


class FleetApp(App[None]):
    """fleettui, for an Observer or an Operator."""

    CSS_PATH = "app.tcss"
    TITLE = "fleettui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "keys", "Keys", key_display="?"),
        Binding("q,ctrl+q,ctrl+c", "leave", "Quit", key_display="q", priority=False),
        Binding("colon", "command_palette", "Palette", show=False),
    ]

    picture: reactive[Picture] = reactive(Picture)

    def __init__(self, access: Observer, records: Path) -> None:
        super().__init__()
        self._access = access
        self._records = records
        self._asking: set[Untrusted] = set()

    def on_mount(self) -> None:
        self.push_screen(ConsoleScreen(self._access).data_bind(FleetApp.picture))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Only now, after the first paint, the network is touched."""
        self._access.hosts.ask_host_keys(self._trusts)
        self._access.registry.follow(self._view_taken)
        self.set_interval(1.0, self._ask_due)

    # --- facts go up --------------------------------------------------------------------------

    def _view_taken(self, view: RegistryView) -> None:
        """Called on the follower's thread."""
        self.post_message(ViewTaken(view))

    def on_view_taken(self, message: ViewTaken) -> None:
        self.picture = self.picture.with_view(message.view)
        self._ask_due()

    def _ask_due(self) -> None:
        """Ask the machines whose facts are missing or old."""
        machines = self.picture.snapshot.machines if self.picture.snapshot else {}
        pace = timedelta(seconds=len(machines) / PROBES_PER_SECOND)
        for machine in machines.values():
            report = self.picture.reports.get(machine.id)
            every = RETRY_EVERY if isinstance(report, NotChecked) else PROBE_EVERY
            if report is None or now() - asked_at(report) > max(every, pace):
                self._ask(machine)

    def _ask(self, machine: Machine) -> None:
        if machine.id not in self._asking:
            self._asking.add(machine.id)
            self.run_worker(self._asked(machine), group="probes")

    async def _asked(self, machine: Machine) -> None:
        try:
            units = self.picture.units_on(machine.id)
            report: HostReport = await self._access.hosts.probe(machine, units)
        except HostUnreachable as reason:
            report = NotChecked(machine.id, now(), Untrusted(str(reason)))
        finally:
            self._asking.discard(machine.id)
        self.picture = self.picture.with_report(report)

    def on_facts_asked(self, _: FactsAsked) -> None:
        self._access.registry.refresh()
        for machine in self.picture.snapshot.machines.values() if self.picture.snapshot else ():
            self._ask(machine)

    async def _trusts(self, question: HostKeyQuestion) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        screen = QuestionScreen(host_key_text(question), yes="Trust this key", no="Refuse")
        self.push_screen(screen, lambda yes: answer.set_result(yes is True))
        return await answer

    # --- screens ------------------------------------------------------------------------------

    def on_details_asked(self, message: DetailsAsked) -> None:
        screen = DetailScreen(message.table, message.key)
        self.push_screen(screen.data_bind(FleetApp.picture))

    def on_repair_asked(self, message: RepairAsked) -> None:
        finding = message.finding
        if not isinstance(self._access, Operator) or finding.unit is None:
            return
        # An observer's process never even loads what repairs.
        from fleettui.ui.wizard.screen import WizardScreen

        if any(isinstance(screen, WizardScreen) for screen in self.screen_stack):
            return  # a second press of the same key
        machine = self.picture.machine(finding.machine_id)
        screen = WizardScreen(self._access, finding, machine, self._records)
        self.push_screen(screen, lambda _: self.on_facts_asked(FactsAsked()))

    def get_system_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        """The palette: nothing here writes to the cluster, nor a file."""
        yield SystemCommand("Keys", "The keys that work here", self.action_keys)
        yield SystemCommand("Refresh", "Read everything afresh", self.action_refresh)
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Quit", "Leave fleettui", self.action_leave)

    def action_refresh(self) -> None:
        """Read the registry and every machine afresh."""
        self.on_facts_asked(FactsAsked())

    def action_keys(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(list(self.screen.active_bindings.values())))

    # --- leaving ------------------------------------------------------------------------------

    async def action_leave(self) -> None:
        """Quit; but a step under way on a machine asks first."""
        if not any(getattr(screen, "is_acting", False) for screen in self.screen_stack):
            await self._quit()
            return
        words = paint_lines(
            [
                paint(("A repair step is under way.", Tone.STRONG)),
                paint("Quit now, and its result is not read back: the record says so."),
            ]
        )
        self.push_screen(
            QuestionScreen(words, yes="Quit all the same", no="Stay"), self._quit_if_sure
        )

    async def _quit_if_sure(self, sure: bool | None) -> None:
        if sure:
            await self._quit()

    async def _quit(self) -> None:
        self.workers.cancel_all()
        self.exit()
