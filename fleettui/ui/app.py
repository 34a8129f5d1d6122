"""The app: holds the one picture of the cluster, keeps it fresh, and opens the screens."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Event, Key
from textual.reactive import Reactive, reactive
from textual.screen import Screen
from textual.theme import ThemeProvider

from fleettui.access import (
    HostKeyQuestion,
    HostUnreachable,
    Observer,
    Operator,
    RegistryUnavailable,
    RightsReader,
    SecretQuestion,
)
from fleettui.diagnosis.finding import Finding
from fleettui.model.clock import now
from fleettui.model.cluster import Link, Machine, RegistryView
from fleettui.model.host import HostFacts
from fleettui.model.lock import LockHolder
from fleettui.model.secret import Secret
from fleettui.ui import leaving, palette
from fleettui.ui.console.screen import ConsoleScreen
from fleettui.ui.crash import TellsNoValues
from fleettui.ui.keys import entries, named, reason
from fleettui.ui.keystrokes import InOrder
from fleettui.ui.letting_go import let_go
from fleettui.ui.messages import (
    DetailsAsked,
    FactsAsked,
    LockChanged,
    OverviewAsked,
    RepairAsked,
    RepairsAsked,
    ResumeAsked,
    ViewTaken,
    WatchAsked,
)
from fleettui.ui.overview.trail import Trail
from fleettui.ui.picture import Picture
from fleettui.ui.plain_ascii import AsciiOnly, key_in_ascii
from fleettui.ui.rounds import Heard, Rounds
from fleettui.ui.saying import SaysOnce
from fleettui.ui.standing import Standing
from fleettui.ui.themes import THEMES, Looks, other_than

if TYPE_CHECKING:
    from fleettui.ui.wizard.screen import WizardScreen

_Screen = TypeVar("_Screen", bound=Screen[Any])

PAINTED_WITHIN = 5.0
"""Seconds that the follower waits at most for its first view to be painted."""

_HERE = Path(__file__).parent

LEARN_EVERY = 2.0
"""Seconds between two looks for servers whose rights are not known yet."""


class FleetApp(TellsNoValues, SaysOnce, InOrder):
    """fleettui, for an Observer or an Operator."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [_HERE / "app.tcss", _HERE / "console/console.tcss"]
    """The console's too: read with the screen, it would have all rules parsed a second time."""
    TITLE = "fleettui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        *named(
            [
                Binding("question_mark,f1", "keys", "Keys", key_display="?"),
                Binding("q,ctrl+c", "leave", "Quit", key_display="q"),
                Binding(
                    "colon", "command_palette", "Palette", show=False, tooltip="Any command by name"
                ),
                Binding("ctrl+t", "light", "Light", show=False, tooltip="Light or dark colours"),
            ]
        ),
        # Whatever is open, also the palette, which is Textual's own: so it cannot be another key,
        # which may be a letter.
        Binding("ctrl+q", "leave", "Quit", key_display="q", priority=True),
    ]

    picture: reactive[Picture] = reactive(Picture, repaint=False)
    trail: reactive[Trail] = reactive(Trail, repaint=False)
    """What became of the cluster meanwhile."""
    holder: reactive[LockHolder | None] = reactive(None, repaint=False)
    """Who repairs right now, here or elsewhere."""
    standing: reactive[Standing] = reactive(Standing, repaint=False)
    """What an observer's credentials could do."""

    def __init__(
        self,
        access: Observer,
        records: Path,
        repair: tuple[Finding, Machine | None] | None = None,
        looks: Looks = Looks(),  # noqa: B008 - frozen
        keys: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`repair` is a finding, with its machine, whose wizard is opened at once. `keys` are by
        the name of what they do."""
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self._looks = looks
        self.theme = looks.theme
        self.stylesheet.set_variables(self.get_css_variables())
        self._styled_as = looks.theme
        self.set_keymap(dict(keys))
        if looks.is_ascii:
            self._filters.append(AsciiOnly())
        self._repair = repair
        self._access = access
        self._follows_lock = False
        self._thread = 0
        self._painted = threading.Event()
        """Set when a view has been painted."""
        self._records = records
        self._journals = records.parent / "journals"
        """Where an observer's files go."""
        self._rounds = Rounds(self, access.hosts, lambda: self.picture, self._heard)

    def get_default_screen(self) -> Screen[Any]:
        """The console is the first screen, with no empty one below it."""
        screen = ConsoleScreen(self._access, self._journals, self._looks.welcomed)
        screen.fit(self.size)
        return screen.data_bind(FleetApp.picture, FleetApp.holder, FleetApp.standing)

    def get_key_display(self, binding: Binding) -> str:
        shown = super().get_key_display(binding)
        return key_in_ascii(shown) if self._looks.is_ascii else shown

    def refresh_css(self, animate: bool = True) -> None:
        """Style all screens anew, for a new theme.

        Textual does that too when it has told itself the theme that it began with, once the first
        screen stands: that one is styled so already, and it would take as long again.
        """
        if self._styled_as != self.theme:
            self._styled_as = self.theme
            super().refresh_css(animate)

    def on_mount(self) -> None:
        self._thread = threading.get_ident()
        self._access.hosts.ask_host_keys(self._trusts)
        self._access.hosts.ask_secrets(self._told)
        self._access.registry.follow(self._view_taken)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Only now, after the first paint, machines are asked, for which asyncssh is imported."""
        self.set_interval(1.0, self._ask_due)
        if self._repair is not None:
            self._begin_repair(*self._repair)
        elif isinstance(self._access, Operator):
            self.run_worker(self._offer_to_resume(self._access))
        elif self._access.rights is not None:
            self.run_worker(self._learn(self._access.rights))

    async def on_event(self, event: Event) -> None:
        """Every key passes here first, whoever it is for."""
        is_key = self._looks.welcomed is not None and isinstance(event, Key)
        if is_key and isinstance(self.screen, ConsoleScreen):
            self.screen.key_was_pressed()
        await super().on_event(event)

    # --- facts go up --------------------------------------------------------------------------

    def _view_taken(self, view: RegistryView) -> None:
        """Called on the follower's thread, which loads next all that follows: until the first view
        is painted, it waits, or it would take the processor away from that.
        """
        self.post_message(ViewTaken(view))
        if threading.get_ident() != self._thread:
            self._painted.wait(PAINTED_WITHIN)

    def _lock_changed(self, holder: LockHolder | None) -> None:
        """Called on the follower's thread."""
        self.post_message(LockChanged(holder))

    def on_lock_changed(self, message: LockChanged) -> None:
        self.holder = message.holder

    def on_view_taken(self, message: ViewTaken) -> None:
        before = self.picture
        self.picture = before.with_view(message.view)
        if not self._painted.is_set():
            self.call_after_refresh(self._painted.set)
        if not self._follows_lock and message.view.link is not Link.CONNECTING:
            self._follows_lock = True
            self.call_after_refresh(self._access.registry.follow_lock, self._lock_changed)
        if not self.picture.lists_same_machines(before):
            self.call_after_refresh(self._ask_due)

    def watch_picture(self, before: Picture, after: Picture) -> None:
        self.trail = self.trail.went_on(before, after, now())

    def _ask_due(self) -> None:
        self._rounds.ask_due()

    def _heard(self, answers: Sequence[Heard]) -> None:
        self.picture = self.picture.with_reports(answers)

    def on_facts_asked(self, _: FactsAsked) -> None:
        self._access.registry.refresh()
        self._rounds.ask_all()

    async def _learn(self, rights: RightsReader) -> None:
        """Ask each server once what these credentials could do, when it has begun to answer."""
        while True:
            if self.standing.registry is None and self.picture.view.link is Link.LIVE:
                with contextlib.suppress(RegistryUnavailable):
                    registry = await rights.of_registry()
                    self.standing = msgspec.structs.replace(self.standing, registry=registry)
            answered = (m for m, r in self.picture.reports.items() if isinstance(r, HostFacts))
            for machine_id in answered:
                machine = self.picture.machine(machine_id)
                if machine is None or machine_id in self.standing.machines:
                    continue
                with contextlib.suppress(HostUnreachable):
                    found = await rights.on(machine)
                    self.standing = self.standing.with_machine(machine_id, found)
            await asyncio.sleep(LEARN_EVERY)

    async def _trusts(self, question: HostKeyQuestion) -> bool:
        from fleettui.ui.dialogs.dialog import answer_to
        from fleettui.ui.dialogs.question import host_key_question

        return await answer_to(self, lambda: host_key_question(question), otherwise=False)

    async def _told(self, question: SecretQuestion) -> Secret | None:
        from fleettui.ui.dialogs.dialog import answer_to
        from fleettui.ui.dialogs.secret import SecretScreen

        return await answer_to(self, lambda: SecretScreen(question), otherwise=None)

    # --- screens ------------------------------------------------------------------------------

    def _bound(self, screen: _Screen, *facts: Reactive[Any]) -> _Screen:
        """A new screen to which these facts are handed down."""
        let_go(self)
        return screen.data_bind(*facts)

    def on_details_asked(self, message: DetailsAsked) -> None:
        from fleettui.ui.detail.screen import DetailScreen

        screen = DetailScreen(message.table, message.key)
        self.push_screen(self._bound(screen, FleetApp.picture))

    def on_repair_asked(self, message: RepairAsked) -> None:
        finding = message.finding
        self._begin_repair(finding, self.picture.machine(finding.machine_id))

    def _begin_repair(self, finding: Finding, machine: Machine | None) -> None:
        if isinstance(self._access, Operator):
            # An observer's process never even loads what repairs.
            from fleettui.ui.wizard.screen import WizardScreen

            self._open_wizard(WizardScreen(self._access, finding, machine, self._records))

    def on_resume_asked(self, message: ResumeAsked) -> None:
        """Go on with a repair that was left; its machine may have left the registry since."""
        if not isinstance(self._access, Operator):
            return
        from fleettui.repair.records.past import read_past
        from fleettui.ui.wizard.screen import WizardScreen

        past = read_past(message.record)
        if past.finding is not None and past.plan is not None:
            machine = self.picture.machine(past.machine_id) or past.plan.machine
            self._open_wizard(
                WizardScreen(self._access, past.finding, machine, self._records, past)
            )

    def _open_wizard(self, screen: "WizardScreen") -> None:
        if any(isinstance(known, type(screen)) for known in self.screen_stack):
            return  # a second press of the same key
        self.push_screen(
            self._bound(screen, FleetApp.holder), lambda _: self.on_facts_asked(FactsAsked())
        )

    async def _offer_to_resume(self, access: Operator) -> None:
        from fleettui.ui.repairs.resuming import record_to_resume

        record = await record_to_resume(self, access.cluster, self._records)
        if record is not None:
            self.post_message(ResumeAsked(record))

    def on_repairs_asked(self, _: RepairsAsked) -> None:
        from fleettui.ui.repairs.screen import RepairsScreen

        screen = RepairsScreen(self._access, self._records)
        self.push_screen(self._bound(screen, FleetApp.picture, FleetApp.holder))

    def on_overview_asked(self, _: OverviewAsked) -> None:
        from fleettui.ui.overview.screen import OverviewScreen

        if not isinstance(self.screen, OverviewScreen):
            may_change = isinstance(self._access, Operator)
            screen = OverviewScreen(self._access.cluster, may_change=may_change)
            bound = (FleetApp.picture, FleetApp.trail, FleetApp.holder)
            self.push_screen(self._bound(screen, *bound))

    def on_watch_asked(self, _: WatchAsked) -> None:
        from fleettui.ui.repairs.watch import WatchScreen

        screen = WatchScreen(self._access, self._journals)
        self.push_screen(self._bound(screen, FleetApp.picture, FleetApp.holder))

    def action_command_palette(self) -> None:
        """Any command by name."""
        if not isinstance(self.screen, palette.Palette):
            self.push_screen(palette.Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Any theme by name."""
        self.push_screen(palette.Palette([ThemeProvider], placeholder="Search for themes…"))

    def get_system_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        return palette.commands(self, screen, rights=self._access.rights is not None)

    def action_refresh(self) -> None:
        """Read the registry and every machine afresh."""
        self.on_facts_asked(FactsAsked())

    def action_light(self) -> None:
        """Go from dark to light, and back."""
        self.theme = other_than(self.theme).name

    def action_overview(self) -> None:
        """The whole cluster at a glance."""
        self.on_overview_asked(OverviewAsked())

    def action_rights(self) -> None:
        """What an observer's credentials could do."""
        from fleettui.ui.dialogs.rights import RightsScreen

        self.push_screen(self._bound(RightsScreen(), FleetApp.picture, FleetApp.standing))

    def action_repairs(self) -> None:
        """The list of repairs, past and under way."""
        self.on_repairs_asked(RepairsAsked())

    def action_keys(self) -> None:
        from fleettui.ui.dialogs.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            found = entries(self, self.screen.active_bindings.values())
            self.push_screen(HelpScreen(found))

    def on_key(self, event: Key) -> None:
        """A key that does nothing right now says why."""
        active = self.screen.active_bindings.get(event.key)
        why = reason(active) if active else ""
        if why:
            self.notify(why, severity="warning", markup=False)

    # --- leaving ------------------------------------------------------------------------------

    async def action_leave(self) -> None:
        """Quit; but a step under way on a machine asks first."""
        if leaving.is_acting(self.screen_stack):
            self.push_screen(leaving.acting_question(), self._quit_if_sure)
        else:
            await self._quit()

    async def _quit_if_sure(self, sure: bool | None) -> None:
        if sure:
            await self._quit()

    async def _quit(self) -> None:
        self.workers.cancel_all()
        await leaving.let_go(self.screen_stack)
        self.exit()
