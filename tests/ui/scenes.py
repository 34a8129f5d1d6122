"""Every screen in each state that holds still, made of values: what is drawn, checked and shown."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fakes
import past_records
from driving import until, when
from fakes import MACHINES, FakeRegistry, U
from hostile_app import refused
from msgspec import structs
from textual._compositor import Compositor
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from fleettui.access import HostKeyQuestion, Observer, SecretQuestion
from fleettui.model.clock import living_by
from fleettui.model.cluster import Link, RegistryView, Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.lock import LockHolder
from fleettui.repair.driving.pace import Pace
from fleettui.repair.planning.action import Stage
from fleettui.ui.app import FleetApp
from fleettui.ui.console.screen import ConsoleScreen
from fleettui.ui.detail.screen import DetailScreen
from fleettui.ui.dialogs.help import HelpScreen
from fleettui.ui.dialogs.question import QuestionScreen
from fleettui.ui.dialogs.rights import RightsScreen
from fleettui.ui.dialogs.secret import SecretScreen
from fleettui.ui.overview.screen import OverviewScreen
from fleettui.ui.repairs.report import ReportScreen
from fleettui.ui.repairs.screen import RepairsScreen
from fleettui.ui.repairs.watch import WatchScreen
from fleettui.ui.themes import Looks
from fleettui.ui.widgets.grid import Grid
from fleettui.ui.widgets.journal.choosing import MachinesScreen, UnitScreen
from fleettui.ui.widgets.journal.entry import EntryScreen
from fleettui.ui.widgets.journal.saving import SaveScreen
from fleettui.ui.wizard import screen as wizard
from fleettui.ui.wizard.screen import WizardScreen

AT = datetime(2026, 1, 1, 12, 3, 21, tzinfo=UTC)
SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("fleet-dark", "fleet-light")
DEFAULT_LOOKS = Looks()
LOOKS = tuple((size, theme) for theme in THEMES for size in SIZES)
"""In the order in which they are drawn."""


class State(StrEnum):
    """How a cluster stands to a screen."""

    FAULTED = "faulted"
    HEALTHY = "healthy"
    EMPTY = "empty"
    LOADING = "loading"
    LOST = "lost"
    """After it was there."""
    NEVER = "never"
    """Lost from the start."""


def _sends_nothing(compositor: Compositor, *_: object, **__: object) -> None:
    """No terminal is listening, so what changed is drawn only where it is looked at."""
    compositor._dirty_regions.clear()


@contextmanager
def holding_still() -> Iterator[None]:
    """It is always the same moment, in the same folder."""
    folder = classmethod(lambda cls: cls("/home/ann"))
    always = patch("secrets.token_hex", lambda size: "ab" * size)
    no_second = patch.object(wizard, "monotonic", lambda: 0.0)
    unsent = patch.object(Compositor, "render_update", _sends_nothing)
    with living_by(lambda: AT), patch.object(Path, "cwd", folder), always, no_second, unsent:
        yield


@dataclass(frozen=True, slots=True)
class Scene:
    """A screen in one state."""

    name: str
    screen: type[Screen[Any]]
    words: str
    """What is on it once it is complete."""
    keys: tuple[str, ...] = ()
    """What leads there from the console."""
    shown: Callable[[], Snapshot] | None = fakes.faulted
    """None: the registry never answers."""
    link: Link = Link.LIVE
    act: Callable[[FleetApp], Awaitable[None]] | None = None
    observe: bool = False
    state: State = State.FAULTED
    looks: Looks = DEFAULT_LOOKS
    then: Callable[[Pilot[None]], Awaitable[None]] | None = None
    """What is done after the keys."""


def healthy() -> Snapshot:
    return fakes.snapshot(
        *(fakes.unit(f"web@{n}.service", n % 3) for n in range(1, 7)), fakes.unit("db.service", 0)
    )


def empty() -> Snapshot:
    return fakes.snapshot(machines=())


async def _ask_key(app: FleetApp) -> None:
    asked = HostKeyQuestion(
        MACHINES[0].public_ip, 22, "ssh-ed25519", "SHA256:" + "x" * 43, "MD5:aa:bb", "known_hosts"
    )
    app.run_worker(app._trusts(asked))


async def _ask_secret(app: FleetApp) -> None:
    app.push_screen(SecretScreen(SecretQuestion("The passphrase of ~/.ssh/id_ed25519")))


async def _ask_rights(app: FleetApp) -> None:
    screen = RightsScreen()
    await app.push_screen(screen.data_bind(FleetApp.picture))


async def _forget(app: FleetApp) -> None:
    """No repair was begun on this computer."""
    for record in app._records.iterdir():
        record.unlink()


async def _unlock(pilot: Pilot[None]) -> None:
    """Whoever repaired is done."""
    await until(pilot, "UNDER WAY")
    app = pilot.app
    assert isinstance(app, FleetApp)
    registry = app._access.registry
    assert isinstance(registry, FakeRegistry)
    registry.show_lock(None)


async def _hang(app: FleetApp) -> None:
    """From now on no machine answers."""

    async def probe(*_: object) -> HostFacts:
        await asyncio.Event().wait()
        raise AssertionError

    app._access.hosts.probe = probe  # type: ignore[assignment,method-assign]  # it hangs


async def _refuse(pilot: Pilot[None]) -> None:
    """The first step is confirmed, and refused."""
    await until(pilot, "Go on to delete")
    screen = pilot.app.screen
    assert isinstance(screen, WizardScreen)
    screen.errand.pace = Pace(look_every=0, clock=partial(next, count()))
    await screen.errand.go_on(Stage.DELETE)
    await screen.errand.act()


async def _lock(app: FleetApp) -> None:
    registry = app._access.registry
    assert isinstance(registry, FakeRegistry)
    since = AT - timedelta(minutes=2)
    subject = fakes.TEMPLATE
    registry.show_lock(
        LockHolder(U("t"), U("ann@desk"), MACHINES[0].id, subject, since, U("reload"))
    )


def _states(name: str, screen: type[Screen[Any]], keys: tuple[str, ...]) -> tuple[Scene, ...]:
    at_once = "CHANGES" if screen is OverviewScreen else "MACHINES"
    broken = "1 BROKEN" if screen is OverviewScreen else "BROKEN"
    asked, lost = Link.CONNECTING, Link.LOST
    return (
        Scene(name, screen, broken, keys),
        Scene(f"{name}-healthy", screen, "no fault", keys, healthy, state=State.HEALTHY),
        Scene(f"{name}-empty", screen, at_once, keys, empty, state=State.EMPTY),
        Scene(f"{name}-loading", screen, "connecting", keys, None, asked, state=State.LOADING),
        Scene(f"{name}-lost", screen, "STALE since", keys, fakes.faulted, lost, state=State.LOST),
        Scene(f"{name}-never", screen, "NOT CONNECTED", keys, None, lost, state=State.NEVER),
    )


SCENES = (
    *_states("console", ConsoleScreen, ()),
    *_states("overview", OverviewScreen, ("o",)),
    Scene("console-welcome", ConsoleScreen, "New here?", looks=Looks(welcomed=Path("seen"))),
    Scene("console-zoomed", ConsoleScreen, "JOURNAL", ("l", "Z")),
    Scene("observer", ConsoleScreen, "OBSERVER", observe=True),
    Scene("details-machine", DetailScreen, "Folder", ("enter",)),
    Scene("details-unit", DetailScreen, "States", ("tab", "enter")),
    Scene("details-finding", DetailScreen, "What can be done", ("shift+tab", "enter")),
    Scene("keys", HelpScreen, "Keys that work here", ("question_mark",)),
    Scene("question", QuestionScreen, "Unknown host key", act=_ask_key),
    Scene("secret", SecretScreen, "passphrase", act=_ask_secret),
    Scene("rights", RightsScreen, "MACHINES", observe=True, act=_ask_rights),
    Scene("journal-units", UnitScreen, "etcd", ("l", "u")),
    Scene("journal-machines", MachinesScreen, "172.17.8.102", ("l", "M")),
    Scene("journal-entry", EntryScreen, "MESSAGE", ("l", "k", "enter")),
    Scene("journal-save", SaveScreen, "Save", ("l", "s")),
    Scene("repairs", RepairsScreen, "REPAIRS 2", ("R",)),
    Scene("report", ReportScreen, "#", ("R", "enter")),
    Scene("repairs-empty", RepairsScreen, "none was begun", ("R",), act=_forget, state=State.EMPTY),
    Scene("watch-ended", WatchScreen, "Nobody", ("R", "g", "enter"), act=_lock, then=_unlock,
          state=State.EMPTY),
    Scene("details-lost", DetailScreen, "Folder", ("enter",), link=Link.LOST, state=State.LOST),
    Scene("wizard-looking", WizardScreen, "Looking ...", ("r",), act=_hang, state=State.LOADING),
    Scene("wizard-found", WizardScreen, "Go on to delete", ("r",)),
    Scene("wizard-refused", WizardScreen, "Locate again", ("r",), then=_refuse),
    Scene("wizard-unfit", WizardScreen, "Watch it", ("r",), act=_lock),
    Scene("watch", WatchScreen, "UNDER WAY", ("R", "g", "enter"), act=_lock),
)  # fmt: skip # one a line reads worse


def _access(scene: Scene) -> Observer:
    seen = fakes.observer(scene.shown() if scene.shown else empty())
    registry = seen.registry
    assert isinstance(registry, FakeRegistry)
    if scene.shown is healthy:
        hosts = fakes.FakeHosts({m.id: fakes.facts(m) for m in MACHINES}, {})
        seen = structs.replace(seen, hosts=hosts)
    shown = scene.shown() if scene.shown else None
    why = U("connection refused") if scene.link is Link.LOST else None
    ends = {"attempt": 3, "next_try": AT + timedelta(seconds=4)} if why else {}
    view = RegistryView(scene.link, AT, shown, why, endpoint="http://127.0.0.1:2379", **ends)  # type: ignore[arg-type]  # of two types
    live = RegistryView(Link.LIVE, AT, shown, endpoint="http://127.0.0.1:2379")

    def follow(sink: Callable[[RegistryView], None]) -> None:
        registry.sink = sink
        if shown is not None:
            sink(live)
        if view != live:
            sink(view)

    registry.follow = follow  # type: ignore[method-assign]  # it answers as the scene wants
    return seen if scene.observe else refused(seen)


@asynccontextmanager
async def played(scene: Scene, folder: Path) -> AsyncIterator[Pilot[None]]:
    """The scene at 120 x 40, complete and calm."""
    records = folder / "repairs"
    records.mkdir()
    with holding_still():
        past_records.repaired(records, "20260101T110000Z-aaaaaa")
        past_records.left(records, "20260101T113000Z-bbbbbb", past_records.ELSEWHERE)
        app = FleetApp(_access(scene), records, looks=scene.looks)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, "MACHINES")
            if scene.shown is fakes.faulted:
                await until(pilot, "BROKEN")
                await until(pilot, "Failed fetching")
            if scene.shown is healthy:
                await until(pilot, "waiting for the first line")
            if scene.act is not None:
                await scene.act(app)
            for key in scene.keys:
                await pilot.press(key)
                await pilot.pause()
            if scene.then is not None:
                await scene.then(pilot)
            await until(pilot, scene.words)
            await calm(pilot)
            assert type(app.screen) is scene.screen, type(app.screen)
            yield pilot


async def calm(pilot: Pilot[None]) -> None:
    """Once what had changed is lit no more, and no cursor blinks."""
    for typed in pilot.app.screen.query(Input):
        typed.cursor_blink = False
    grids = [g for screen in pilot.app.screen_stack for g in screen.query(Grid)]
    await when(lambda: not any(grid._flashes for grid in grids), "the tables calm down")
    await pilot.pause()


async def turn(pilot: Pilot[None], size: tuple[int, int], theme: str) -> None:
    """Another size and other colours, drawn."""
    pilot.app.theme = theme
    await pilot.resize_terminal(*size)
    await pilot.pause()
    await pilot.wait_for_scheduled_animations()
    await pilot.pause()


def file_name(name: str, size: tuple[int, int], theme: str) -> str:
    light = "-light" if theme == "fleet-light" else ""
    return f"{name}-{size[0]}x{size[1]}{light}.svg"
