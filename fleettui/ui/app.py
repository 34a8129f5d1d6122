"""The app: holds the one picture of the cluster, keeps it fresh, and opens the screens."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.reactive import Reactive, reactive
from textual.screen import ModalScreen, Screen
from textual.timer import Timer

from fleettui.access import (
    HostKeyQuestion,
    HostUnreachable,
    Observer,
    Operator,
    RegistryUnavailable,
    RightsReader,
    SecretQuestion,
)
from fleettui.diagnosis.departed import Place, place_of
from fleettui.diagnosis.finding import Finding
from fleettui.model.clock import now
from fleettui.model.cluster import Link, Machine, RegistryView, Snapshot
from fleettui.model.host import HostReport, NotChecked
from fleettui.model.lock import LockHolder
from fleettui.model.secret import Secret
from fleettui.model.untrusted import Untrusted
from fleettui.ui.console.screen import ConsoleScreen
from fleettui.ui.detail.screen import DetailScreen
from fleettui.ui.dialogs.help import HelpScreen
from fleettui.ui.dialogs.question import QuestionScreen, host_key_text
from fleettui.ui.dialogs.rights import RightsScreen
from fleettui.ui.dialogs.secret import SecretScreen
from fleettui.ui.keys import entries, named, reason
from fleettui.ui.keystrokes import InOrder
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
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.picture import Picture, units_by_machine
from fleettui.ui.plain_ascii import AsciiOnly
from fleettui.ui.standing import Standing
from fleettui.ui.themes import THEMES, Looks, other_than

if TYPE_CHECKING:
    from fleettui.ui.wizard.screen import WizardScreen

_Answer = TypeVar("_Answer")
_Screen = TypeVar("_Screen", bound=Screen[Any])

PROBE_EVERY = timedelta(seconds=10)
RETRY_EVERY = timedelta(seconds=4)
"""A machine of the registry that did not answer is asked again sooner, so that its return is soon
seen."""
PROBES_PER_SECOND = 5
"""A large cluster is asked round by round at this pace, so that asking never becomes a load."""
PROBES_AT_ONCE = 64
"""The rest waits for its turn: with a thousand machines the first answers must not wait for it."""
FOLD_EVERY = 0.1
"""Seconds between two pictures because of what machines answered; the first comes at once."""

LEARN_EVERY = 2.0
"""Seconds between two looks for servers whose rights are not known yet."""
LET_GO_WITHIN = 0.4
"""Seconds that quitting waits for a repair to be let go; its lock expires by itself anyway."""


class FleetApp(InOrder):
    """fleettui, for an Observer or an Operator."""

    CSS_PATH = "app.tcss"
    TITLE = "fleettui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("question_mark,f1", "keys", "Keys", key_display="?"),
            Binding("q,ctrl+q,ctrl+c", "leave", "Quit", key_display="q", priority=False),
            Binding(
                "colon", "command_palette", "Palette", show=False, tooltip="Any command by name"
            ),
            Binding("ctrl+t", "light", "Light", show=False, tooltip="Light or dark colours"),
        ]
    )

    picture: reactive[Picture] = reactive(Picture, repaint=False)
    trail: reactive[Trail] = reactive(Trail, repaint=False)
    """What became of the cluster meanwhile."""
    holder: reactive[LockHolder | None] = reactive(None, repaint=False)
    """Who repairs right now, here or elsewhere."""
    standing: reactive[Standing] = reactive(Standing)
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
        self.theme = looks.theme
        self.set_keymap(dict(keys))
        if looks.is_ascii:
            self._filters.append(AsciiOnly())
        self._repair = repair
        self._access = access
        self._follows_lock = False
        self._records = records
        self._asking: set[Place] = set()
        """Machines that are being asked, wait for it, or were and are not in the picture yet."""
        self._unasked: deque[Machine] = deque()
        self._under_way = 0
        self._heard: list[tuple[HostReport, Machine]] = []
        """Answers that are not in the picture yet."""
        self._folding: Timer | None = None
        self._placed: tuple[Snapshot | None, Mapping[Untrusted, Sequence[Untrusted]]] = (None, {})

    def on_mount(self) -> None:
        self.push_screen(
            ConsoleScreen(self._access, self._records.parent / "journals").data_bind(
                FleetApp.picture, FleetApp.holder, FleetApp.standing
            )
        )
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """Only now, after the first paint, anything that imports etcd or asyncssh is begun."""
        self._access.hosts.ask_host_keys(self._trusts)
        self._access.hosts.ask_secrets(self._told)
        self._access.registry.follow(self._view_taken)
        self.set_interval(1.0, self._ask_due)
        if self._repair is not None:
            self._begin_repair(*self._repair)
        elif isinstance(self._access, Operator):
            self.run_worker(self._offer_to_resume(self._access))
        elif self._access.rights is not None:
            self.run_worker(self._learn(self._access.rights))

    # --- facts go up --------------------------------------------------------------------------

    def _view_taken(self, view: RegistryView) -> None:
        """Called on the follower's thread."""
        self.post_message(ViewTaken(view))

    def _lock_changed(self, holder: LockHolder | None) -> None:
        """Called on the follower's thread."""
        self.post_message(LockChanged(holder))

    def on_lock_changed(self, message: LockChanged) -> None:
        self.holder = message.holder

    def on_view_taken(self, message: ViewTaken) -> None:
        before = self.picture
        self.picture = before.with_view(message.view)
        if not self._follows_lock and message.view.link is not Link.CONNECTING:
            self._follows_lock = True
            self._access.registry.follow_lock(self._lock_changed)
        if not self.picture.lists_same_machines(before):
            self.call_after_refresh(self._ask_due)

    def watch_picture(self, before: Picture, after: Picture) -> None:
        self.trail = self.trail.went_on(before, after, now())

    def _ask_due(self) -> None:
        """Ask the machines whose facts are missing or old, those that left the registry too."""
        picture = self.picture
        machines = picture.places
        pace = timedelta(seconds=len(machines) / PROBES_PER_SECOND)
        for machine in machines:
            asked = picture.asked_at(machine)
            if asked is None or now() - asked > max(self._every(machine), pace):
                self._ask(machine)

    def _every(self, machine: Machine) -> timedelta:
        listed = self.picture.snapshot.machines if self.picture.snapshot else {}
        is_silent = isinstance(self.picture.reports.get(machine.id), NotChecked)
        return RETRY_EVERY if is_silent and listed.get(machine.id) is machine else PROBE_EVERY

    def _ask(self, machine: Machine) -> None:
        place = place_of(machine)
        if place not in self._asking:
            self._asking.add(place)
            self._unasked.append(machine)
            self._ask_next()

    def _ask_next(self) -> None:
        while self._unasked and self._under_way < PROBES_AT_ONCE:
            self._under_way += 1
            self.run_worker(self._asked(self._unasked.popleft()), group="probes")

    async def _asked(self, machine: Machine) -> None:
        try:
            units = self._units_on(machine)
            report: HostReport = await self._access.hosts.probe(machine, units)
        except HostUnreachable as reason:
            report = NotChecked(machine.id, now(), Untrusted(str(reason)))
        self._under_way -= 1
        self._ask_next()
        self._heard.append((report, machine))
        if self._folding is None:
            self._fold()

    def _units_on(self, machine: Machine) -> Sequence[Untrusted]:
        """What the registry has there, worked out once a snapshot for all machines."""
        snapshot = self.picture.snapshot
        if self._placed[0] is not snapshot:
            self._placed = snapshot, units_by_machine(snapshot)
        return self._placed[1].get(machine.id, ())

    def _fold(self) -> None:
        """Take what was answered into the picture: one answer at once, then those of a while."""
        self._folding = None
        if self._heard:
            heard, self._heard = self._heard, []
            self._asking.difference_update(place_of(machine) for _, machine in heard)
            self._folding = self.set_timer(FOLD_EVERY, self._fold)
            self.picture = self.picture.with_reports(heard)

    def on_facts_asked(self, _: FactsAsked) -> None:
        self._access.registry.refresh()
        for machine in self.picture.places:
            self._ask(machine)

    async def _learn(self, rights: RightsReader) -> None:
        """Ask each server once what these credentials could do, when it has begun to answer."""
        while True:
            if self.standing.registry is None and self.picture.view.link is Link.LIVE:
                with contextlib.suppress(RegistryUnavailable):
                    registry = await rights.of_registry()
                    self.standing = replace(self.standing, registry=registry)
            for machine in self.picture.places:
                is_known = machine.id in self.standing.machines
                if self.picture.facts(machine.id) is not None and not is_known:
                    with contextlib.suppress(HostUnreachable):
                        found = await rights.on(machine)
                        self.standing = self.standing.with_machine(machine.id, found)
            await asyncio.sleep(LEARN_EVERY)

    async def _trusts(self, question: HostKeyQuestion) -> bool:
        return await self._answered(
            lambda: QuestionScreen(host_key_text(question), yes="Trust this key", no="Refuse"),
            otherwise=False,
        )

    async def _told(self, question: SecretQuestion) -> Secret | None:
        return await self._answered(lambda: SecretScreen(question), otherwise=None)

    async def _answered(
        self, ask: Callable[[], ModalScreen[_Answer]], otherwise: _Answer
    ) -> _Answer:
        """What the operator answers to a modal, whatever task asks: that of a tunnel is begun by a
        thread of the registry, in whose context no screen can be made.
        """
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()

        def settle(given: _Answer | None) -> None:
            if not answer.done():
                answer.set_result(otherwise if given is None else given)

        self.call_later(lambda: self.push_screen(ask(), settle))
        return await answer

    # --- screens ------------------------------------------------------------------------------

    def _bound(self, screen: _Screen, *facts: Reactive[Any]) -> _Screen:
        """A new screen to which these facts are handed down.

        Textual lets go of a closed screen only when a fact is set that it was bound to, and these
        two may stay as they are for days.
        """
        self.mutate_reactive(FleetApp.holder)
        self.mutate_reactive(FleetApp.standing)
        return screen.data_bind(*facts)

    def on_details_asked(self, message: DetailsAsked) -> None:
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
        """Ask once whether to go on with the newest repair that was left on this cluster."""
        from fleettui.repair.records.past import past_repairs
        from fleettui.ui.repairs.rows import is_left, left_lines

        repairs = await asyncio.to_thread(past_repairs, self._records)
        left = [past for past in repairs if is_left(past, access.cluster)]
        if left:
            question = QuestionScreen(
                paint_lines(left_lines(left[0], others=len(left) - 1)), yes="Resume", no="Later"
            )
            if await self.push_screen_wait(question):
                self.post_message(ResumeAsked(left[0].path))

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

        screen = WatchScreen(self._access)
        self.push_screen(self._bound(screen, FleetApp.picture, FleetApp.holder))

    def get_system_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        """The palette: nothing here writes to the cluster, nor a file."""
        yield SystemCommand("Keys", "The keys that work here", self.action_keys)
        yield SystemCommand("Overview", "The whole cluster at a glance", self.action_overview)
        yield SystemCommand("Refresh", "Read everything afresh", self.action_refresh)
        yield SystemCommand("Repairs", "Past repairs and their reports", self.action_repairs)
        yield SystemCommand("Light or dark", "The other of our two themes", self.action_light)
        if self._access.rights is not None:
            words = "What this observer's credentials could do"
            yield SystemCommand("Rights", words, self.action_rights)
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        yield SystemCommand("Quit", "Leave fleettui", self.action_leave)
        yield from self._pane_commands(screen)

    def _pane_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        """All that keys do in the focused pane and its screen."""
        told = set[str]()
        for active in screen.active_bindings.values():
            binding = active.binding
            words = active.tooltip or binding.tooltip or binding.description
            if not words or words in told or active.node is self or not active.enabled:
                continue
            told.add(words)
            act = partial(self.call_later, self.run_action, binding.action, active.node)
            yield SystemCommand(words, f"Key {self.get_key_display(binding)}", act)

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
        self.push_screen(self._bound(RightsScreen(), FleetApp.picture, FleetApp.standing))

    def action_repairs(self) -> None:
        """The list of repairs, past and under way."""
        self.on_repairs_asked(RepairsAsked())

    def action_keys(self) -> None:
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
        for screen in self.screen_stack:
            let_go = getattr(screen, "let_go", None)
            if let_go is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LET_GO_WITHIN):
                        await let_go()
        self.exit()
