"""An observer's whole console, walked through: each key, mouse target and palette entry of it.

Run as a process of its own by `test_observer.py`, which keeps the cluster and hears what arrives
there. This side tells what it did, and what its process did to files and programs.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import deeds
from driving import screen_text, until, when
from observer_actions import ACTIONS, Kind, action_of, kind_of
from textual.app import SystemCommand
from textual.binding import ActiveBinding
from textual.dom import DOMNode
from textual.events import Key, MouseDown, MouseUp
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker

from fleettui.access import HostKeyQuestion, SecretQuestion
from fleettui.cli.config_file import config_path, read_config
from fleettui.cli.resolve import Given, Sources, resolve
from fleettui.cli.session import build, hang_up, records_folder
from fleettui.model.untrusted import Untrusted
from fleettui.ui.app import FleetApp
from fleettui.ui.console.screen import ConsoleScreen
from fleettui.ui.palette import pane_commands
from fleettui.ui.themes import looks
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.widgets.journal.prompt import Prompt
from fleettui.ui.widgets.lines import Lines

PATIENCE = 30.0
UNBOUND = (
    *"0123456789abcdefghijklmnopqrstuvwxyz!@",
    *("ctrl+d", "ctrl+k", "ctrl+s", "ctrl+x", "f2", "f5", "f12"),
    *("enter", "space", "delete", "insert", "left", "right", "tab"),
)
"""Pressed in one breath where they mean nothing; all that mean something are pressed one by one."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a screen is reached from the console."""

    screen: str
    keys: tuple[str, ...] = ()
    act: Callable[[FleetApp], object] | None = None
    """What brings it up where no key does."""


def _ask_key(app: FleetApp) -> None:
    shown = HostKeyQuestion(Untrusted("h"), 22, "ssh-ed25519", "SHA256:x", "MD5:aa", None)
    app.run_worker(app._trusts(shown))


def _ask_secret(app: FleetApp) -> None:
    app.run_worker(app._told(SecretQuestion("The passphrase of a key")))


WAYS = (
    Way("EntryScreen", ("l", "k", "enter")),
    Way("SaveScreen", ("l", "s")),
    Way("UnitScreen", ("l", "u")),
    Way("MachinesScreen", ("l", "M")),
    Way("DetailScreen", ("enter",)),
    Way("DetailScreen", ("tab", "enter")),
    Way("DetailScreen", ("shift+tab", "enter")),
    Way("HelpScreen", ("question_mark",)),
    Way("Palette", ("colon",)),
    Way("Palette", act=FleetApp.action_change_theme),
    Way("OverviewScreen", ("o",)),
    Way("RepairsScreen", ("R",)),
    Way("ReportScreen", ("R", "g", "j", "enter")),
    Way("RightsScreen", act=FleetApp.action_rights),
    Way("QuestionScreen", act=_ask_key),
    Way("SecretScreen", act=_ask_secret),
    Way("WatchScreen", ("R", "g", "enter")),
    Way("ConsoleScreen", ("l", "slash")),
    Way("ConsoleScreen"),
)
"""The console comes last: what its keys turn on and off stays so."""


@dataclass
class Told:
    """What was done, for whoever started this process."""

    pressed: list[tuple[str, str, str]] = field(default_factory=list)
    """Screen, focused widget, key."""
    entries: set[tuple[str, str]] = field(default_factory=set)
    """Screen, title."""
    own: set[str] = field(default_factory=set)
    """Titles of entries that are no key's."""
    clicked: list[tuple[str, str, str]] = field(default_factory=list)
    """Screen, widget, what stands there."""
    bound: set[str] = field(default_factory=set)
    """Every action that a key has on any screen."""
    ran: set[str] = field(default_factory=set)
    """Every action that was run."""
    refused: set[str] = field(default_factory=set)
    """Every action whose key was pressed while it was greyed out."""


class Walk:
    """One session, from the question of its first host key to its end."""

    def __init__(self, pilot: Pilot[None], sent: Callable[[], int]) -> None:
        """`sent` tells how many journals machines were asked for."""
        self.pilot = pilot
        app = pilot.app
        assert isinstance(app, FleetApp)
        self.app = app
        self.told = Told()
        self._sent = sent
        self._journals: set[Worker[Any]] = set()
        self._sent_before = 0
        self._dispatched = 0
        self._dispatch = app._dispatch_action
        app._dispatch_action = self._noted  # type: ignore[method-assign]  # it is told, and goes on
        Screen._compositor_refresh = _nothing  # type: ignore[method-assign,assignment]  # nobody looks
        self._done: set[Hashable] = set()
        self._breathed: set[str] = set()
        self.is_over = False
        self._screen: Screen[Any] | None = None
        self._widget: Widget | None = None

    async def _noted(self, namespace: DOMNode, action_name: str, params: Any) -> bool:
        self.told.ran.add(action_of(namespace, action_name))
        self._dispatched += 1
        return await self._dispatch(namespace, action_name, params)

    # --- one event, and all that follows from it ----------------------------------------------

    async def press(self, key: str) -> None:
        self.app.post_message(_typed(key))
        await self.settle()

    async def click(self, x: int, y: int) -> None:
        """By the very events that a terminal sends."""
        for event in (MouseDown, MouseUp):
            self.app.post_message(event(None, x, y, 0, 0, 1, False, False, False, x, y))  # noqa: FBT003 - no key is held
            await self.settle()

    async def settle(self) -> None:
        """Return once it is handled, and every journal asked for was asked for at its machine."""
        end = monotonic() + PATIENCE
        is_settled = False
        while not is_settled:
            screen = self.app.screen
            await self.pilot._wait_for_screen()
            waiting = [self.app, *screen.walk_children(with_self=True)]
            is_settled = (
                self.app._typed_since is None
                and screen is self.app.screen
                and all(pump._message_queue.empty() for pump in waiting)
            )
            assert monotonic() < end, f"{screen} never settles"
        if self.app._exit and not self.is_over:
            raise self.app._exception or AssertionError(f"it quit at {self.told.pressed[-1:]}")
        asked = {w for w in self.app.workers if w.group == "journal"} - self._journals
        if asked:
            self._journals |= asked
            await when(lambda: self._is_asked(asked), "the journal is asked for")
            self._sent_before = self._sent()

    def _is_asked(self, journals: set[Worker[Any]]) -> bool:
        """Whether machines were asked for as many as are still wanted."""
        wanted = sum(not worker.is_finished for worker in journals)
        return self._sent() >= self._sent_before + wanted

    # --- where it stands ----------------------------------------------------------------------

    async def go(self, way: Way, place: int = 0) -> None:
        """To the way's screen, with the widget of this place in focus."""
        end = monotonic() + PATIENCE
        await self._try(way)
        while not self.is_at(way):
            assert monotonic() < end, (
                f"{way} leads to {self.app.screen}:\n{screen_text(self.pilot)}"
            )
            await asyncio.sleep(0.2)
            if not self.is_at(way):
                await self._try(way)
        chain = self.app.screen.focus_chain
        first = chain.index(self.app.focused) if self.app.focused in chain else 0
        self._screen = self.app.screen
        self._widget = chain[(first + place) % len(chain)] if chain else None
        await self._focus()

    async def _try(self, way: Way) -> None:
        await self._pop_to(self.app.screen_stack[0])
        await self._calm()
        for key in way.keys:
            await self.press(key)
        if way.act is not None:
            way.act(self.app)
        await self.settle()

    async def stand(self, way: Way, place: int = 0) -> None:
        """Be where the next event is to come: the one before may have led away."""
        if self._screen not in self.app.screen_stack or self._needs_anew():
            await self.go(way, place)
        await self._pop_to(self._screen)
        await self._focus()

    def _needs_anew(self) -> bool:
        widget = self._widget
        return widget is not None and not (widget.is_attached and widget.focusable)

    async def _focus(self) -> None:
        if self._widget is not None and self.app.focused is not self._widget:
            self._widget.focus()
            await self.settle()

    async def _pop_to(self, screen: Screen[Any] | None) -> None:
        while screen in self.app.screen_stack and self.app.screen is not screen:
            await self.app.pop_screen()
            await self.settle()

    async def _calm(self) -> None:
        """The console as it was opened: all its panes, and nothing being typed."""
        console = self.app.screen
        assert isinstance(console, ConsoleScreen), console
        for prompt in console.query(Prompt):
            if prompt.asking:
                prompt.action_give_up()
        console.action_unzoom()
        console.query_one("#machines").focus()
        await self.settle()

    def is_at(self, way: Way) -> bool:
        return type(self.app.screen).__name__ == way.screen

    # --- all there is on a screen -------------------------------------------------------------

    async def walk(self, way: Way) -> None:
        """Each key in each of its widgets, each palette entry, each mouse target."""
        await self.go(way)
        is_whole = not (way.screen == "ConsoleScreen" and way.keys)
        for place in range(len(self.app.screen.focus_chain) or 1 if is_whole else 1):
            await self.go(way, place)
            name = _name(self._widget)
            await self.keys(way, place, name)
        if is_whole:
            await self.entries(way)
            await self.clicks(way)

    def _would_quit(self, x: int) -> bool:
        """Whether the footer has that key there: it may show those of another focus for a while."""
        keys = [footer.key_at(x) for footer in self.app.screen.query(KeyFooter)]
        return any(key is not None and key.action.endswith("leave") for key in keys)

    async def keys(self, way: Way, place: int, name: str) -> None:
        """Those that mean something one by one, the others in one breath."""
        bound = dict(self.app.screen.active_bindings)
        for key, active in bound.items():
            await self.stand(way, place)
            if self._is_new(way, key, active):
                await self.key(way, place, key)
        await self.stand(way, place)
        if way.screen not in self._breathed:
            self._breathed.add(way.screen)
            for key in UNBOUND:
                if key not in bound:
                    self.app.post_message(_typed(key))
                    self.told.pressed.append((way.screen, name, key))
            await self.settle()

    def _is_new(self, way: Way, key: str, active: ActiveBinding) -> bool:
        """Whether the key may do here what was not tried: on this screen, if it is of ours.

        What Textual's own widgets have is tried once for all.
        """
        chain = tuple(self._chain(key))
        self.told.bound.update(chain)
        place = way.screen if any(named in ACTIONS for named in chain) else ""
        what = (place, key, chain, active.binding.action, active.enabled)
        is_new = what not in self._done
        self._done.add(what)
        return is_new

    async def key(self, way: Way, place: int, key: str) -> None:
        """Press it where it is to be pressed, which the key before may have left late."""
        await self.stand(way, place)
        if Kind.LEAVES in map(kind_of, self._chain(key)):
            return
        self.told.pressed.append((way.screen, _name(self._widget), key))
        end = monotonic() + PATIENCE
        before = self._dispatched
        while self._dispatched == before:
            assert monotonic() < end, f"{key} on {way} does nothing"
            await self.stand(way, place)
            active = self.app.screen.active_bindings.get(key)
            await self.press(key)
            if active is None or not self._does(key, active):
                return
            await asyncio.sleep(0)

    def _does(self, key: str, active: ActiveBinding) -> bool:
        """Whether the key runs its action."""
        if not active.enabled:
            self.told.refused.add(next(self._chain(key)))
        return active.enabled and not (isinstance(self.app.focused, Input) and len(key) == 1)

    def _chain(self, key: str) -> Iterator[str]:
        """All that a key may come to: an action that has nothing to do leaves it to the next."""
        for node, bindings in self.app.screen._modal_binding_chain:
            for binding in bindings.key_to_bindings.get(key, ()):
                where, action, _ = self.app._parse_action(binding.action, node)
                if self.app._check_action_state(binding.action, node) is not False:
                    yield action_of(where, action)

    async def entries(self, way: Way) -> None:
        """All that the palette offers here; what it offers everywhere is run once."""
        await self.go(way)
        actions = {active.binding.action for active in self.app.screen.active_bindings.values()}
        if "command_palette" not in actions:
            return
        of_keys = {entry.title for entry in pane_commands(self.app, self.app.screen)}
        for number, entry in enumerate(self._offered()):
            self.told.entries.add((way.screen, entry.title))
            known = (way.screen if entry.title in of_keys else "", entry.title)
            if entry.title not in of_keys:
                self.told.own.add(entry.title)
            if known in self._done or entry.title == "Quit":
                continue
            self._done.add(known)
            await self.stand(way)
            self._offered()[number].callback()
            await self.settle()

    def _offered(self) -> list[SystemCommand]:
        return list(self.app.get_system_commands(self.app.screen))

    async def clicks(self, way: Way) -> None:
        """What may be clicked, once and twice, if it was not on another such screen."""
        await self.go(way)
        await when(lambda: any(_targets(self.app.screen)), "there is something to click")
        for target, (x, y) in dict(_targets(self.app.screen)).items():
            told = (way.screen, *target)
            if told not in self._done:
                self._done.add(told)
                await self.stand(way)
                for footer in self.app.screen.query(KeyFooter):
                    footer._take_keys()  # it would after the next refresh: keys of another focus
                end = monotonic() + PATIENCE
                while target[0].startswith("KeyFooter") and self._would_quit(x):
                    assert monotonic() < end, f"{target} became the key that quits"
                    await asyncio.sleep(0.05)
                    await self.stand(way)
                await self.click(x, y)
                self.told.clicked.append(told)

    async def saves(self, keys: tuple[str, ...], name: str) -> None:
        """Have a journal read anew and saved; whatever is typed, it stays in its folder."""
        await self.go(Way("SaveScreen", keys))
        for target in ("#anew", "#yes"):
            self.app.screen.query_one("#name", Input).value = name
            await self.click(*_middle(self.app.screen.query_one(target)))
        words = "the file is written"
        await when(lambda: not any(w.group == "saving" for w in self.app.workers), words)

    async def ends(self) -> None:
        """The one key that was left out."""
        await self.go(Way("ConsoleScreen"))
        self.is_over = True
        self.app.post_message(_typed("q"))
        await when(lambda: not self.app.is_running, "it ends")


def _middle(widget: Widget) -> tuple[int, int]:
    region = widget.region
    return region.x + region.width // 2, region.y + region.height // 2


def _nothing(_: object) -> tuple[()]:
    return ()


def _typed(key: str) -> Key:
    return Key(key, {"space": " "}.get(key, key if len(key) == 1 else None))


def _name(widget: Widget | None) -> str:
    return f"{type(widget).__name__}#{widget.id}" if widget is not None else ""


def _targets(screen: Screen[Any]) -> Iterator[tuple[tuple[str, str], tuple[int, int]]]:
    """Places that a click may mean something at: widgets, and the parts of them that differ."""
    for y, strip in enumerate(screen._compositor.render_strips()[: screen.size.height]):
        x = 0
        for segment in strip:
            if x < screen.size.width and segment.cell_length:
                widget, region = screen.get_widget_at(x, y)
                meta = segment.style.meta if segment.style else {}
                what = {key: value for key, value in meta.items() if key != "offset"}
                row = min(y - region.y, 3) if isinstance(widget, Lines) else ""
                part = widget.key_at(x - region.x) if isinstance(widget, KeyFooter) else widget
                does = getattr(part, "action", None) or ""
                if not does.endswith("leave") and (row or what or does or widget.can_focus):
                    yield (_name(widget), f"{does} {row} {what or ''}".strip()), (x, y)
            x += segment.cell_length


def main() -> None:
    """Walk, and tell."""
    given = json.loads(sys.stdin.readline())
    told = asyncio.run(_walked(given))
    report = {
        "pressed": told.pressed,
        "entries": sorted(told.entries),
        "own": sorted(told.own),
        "clicked": told.clicked,
        "bound": sorted(told.bound),
        "ran": sorted(told.ran),
        "refused": sorted(told.refused),
        "changed": deeds.changed,
        "started": deeds.started,
        "reached": sorted(deeds.reached),
        "loaded": sorted(name for name in sys.modules if name.startswith("fleettui.")),
    }
    _tell(json.dumps(report))


def _sent() -> int:
    """How many journals the machines were asked for, as the side knows that has them."""
    _tell("sent?")
    return int(sys.stdin.readline())


def _tell(line: str) -> None:
    """Past Textual, which takes what is printed."""
    os.write(1, f"{line}\n".encode())


async def _walked(given: dict[str, list[str]]) -> Told:
    flags = {name: tuple(values) for name, values in given.items()}
    sources = Sources(Given(flags, observe=True), os.environ, read_config(config_path()))
    access = build(resolve(sources))
    try:
        seen = looks("auto", is_ascii=False, welcomed=records_folder().parent / "welcomed")
        app = FleetApp(access, records_folder(), looks=seen)
        async with app.run_test(size=(120, 40)) as pilot:
            walk = Walk(pilot, _sent)
            await until(pilot, "Unknown host key")
            await walk.click(*_middle(pilot.app.screen.query_one("#yes")))
            for words in ("3 of 3 machines", "BROKEN", "Failed fetching", "R watches", "OBSERVER"):
                await until(pilot, words)
            await walk.saves(("l", "s"), "../../of-the-console.log")
            await walk.saves(("R", "g", "enter", "s"), str(Path.home() / "of-the-watch.log"))
            for way in WAYS:
                await walk.walk(way)
            await walk.ends()
    finally:
        await hang_up(access)
    return walk.told
