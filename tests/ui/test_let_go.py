"""What is not shown any more is let go: screens that were closed, and the keys of other panes."""

import gc
from collections import Counter
from pathlib import Path
from time import monotonic

import fakes
import past_records
from driving import app_of, until
from hostile_app import Refusing
from scenes import SCENES, Scene
from textual._styles_cache import StylesCache
from textual.pilot import Pilot
from textual.widget import Widget

from fleettui.access import Operator
from fleettui.model.cluster import Link
from fleettui.ui.app import FleetApp
from fleettui.ui.wizard.plan_screen import PlanScreen
from fleettui.ui.wizard.screen import WizardScreen
from fleettui.ui.wizard.script import ScriptScreen

WIZARD = (
    Scene("wizard", WizardScreen, "Go on to delete", ("r",)),
    Scene("plan", PlanScreen, "1. DELETE", ("r", "f2")),
    Scene("script", ScriptScreen, "script", ("r", "f3")),
)
_TOLD = [scene for scene in SCENES if scene.shown is fakes.faulted and scene.link is Link.LIVE]
OPENED = (*(scene for scene in _TOLD if scene.keys or scene.act), *WIZARD)


def held() -> Counter[str]:
    """What is alive but on no screen, by type: widgets, and what widgets painted."""
    gc.collect()
    alive = gc.get_objects()
    widgets = [o for o in alive if isinstance(o, Widget)]
    painted = {id(widget._styles_cache) for widget in widgets}
    closed = Counter(type(o).__name__ for o in widgets if not o.is_attached)
    closed["StylesCache"] = sum(isinstance(o, StylesCache) and id(o) not in painted for o in alive)
    return closed


async def test_each_screen_that_was_closed_is_let_go_with_all_it_painted(tmp_path: Path) -> None:
    records = tmp_path / "repairs"
    records.mkdir()
    past_records.repaired(records, "20260101T110000Z-aaaaaa")
    past_records.left(records, "20260101T113000Z-bbbbbb", past_records.ELSEWHERE)
    seen, refusing = fakes.observer(), Refusing("no")
    access = Operator(seen.cluster, seen.registry, seen.hosts, refusing, refusing, "ann@desk")
    async with app_of(access, records).run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, "BROKEN")
        await until(pilot, "Failed fetching")
        await _opened_and_closed(pilot, OPENED[0])  # the last one is held until the next
        before = held()
        for scene in (*OPENED, OPENED[0]):
            await _opened_and_closed(pilot, scene)
        end = monotonic() + 60
        while more := held() - before:
            assert monotonic() < end, f"held for ever: {more}"
            await pilot.pause(1)
            await _opened_and_closed(pilot, OPENED[0])


async def _opened_and_closed(pilot: Pilot[None], scene: Scene) -> None:
    app = pilot.app
    assert isinstance(app, FleetApp)
    if scene.act is not None:
        await scene.act(app)
    for key in scene.keys:
        if isinstance(app.screen, WizardScreen):
            await until(pilot, "Go on to delete")
        await pilot.press(key)
        await pilot.pause()
    await until(pilot, scene.words)
    assert type(app.screen) is scene.screen
    while len(app.screen_stack) > 2:
        await pilot.press("escape")
        await pilot.pause()
    await pilot.press("escape")  # whole journal pane, or a prompt
    registry = app._access.registry
    assert isinstance(registry, fakes.FakeRegistry)
    registry.show_lock(None)
    app.screen.query_one("#machines").focus()
    await pilot.pause()
