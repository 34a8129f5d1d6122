"""What is not shown any more is let go: screens that were closed, and the keys of other panes."""

import gc
from collections import Counter
from functools import partial
from pathlib import Path
from time import monotonic

import fakes
import pytest
from driving import app_of, until, when
from hostile_app import refused
from scenes import Scene
from textual._styles_cache import StylesCache
from textual.pilot import Pilot
from textual.widget import Widget
from tour import OPENED, close_scene, open_scene, records_in

from fleettui.ui.app import FleetApp


def held() -> Counter[str]:
    """What is alive but on no screen, by type: widgets, and what widgets painted."""
    gc.collect()
    alive = gc.get_objects()
    widgets = [o for o in alive if isinstance(o, Widget)]
    painted = {id(widget._styles_cache) for widget in widgets}
    closed = Counter(type(o).__name__ for o in widgets if not o.is_attached)
    closed["StylesCache"] = sum(isinstance(o, StylesCache) and id(o) not in painted for o in alive)
    return closed


@pytest.mark.timeout(300)  # it goes through every screen
async def test_each_screen_that_was_closed_is_let_go_with_all_it_painted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On each of them ctrl+q quits, too, were the app not kept from it here (figure 24)."""
    quits: list[str] = []
    monkeypatch.setattr(FleetApp, "_quit", partial(_counted, quits))
    app = app_of(refused(fakes.observer()), records_in(tmp_path))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, "BROKEN")
        await until(pilot, "Failed fetching")
        await _opened_and_closed(pilot, OPENED[0])  # the last one is held until the next
        before = held()
        for scene in (*OPENED, OPENED[0]):
            await _opened_and_closed(pilot, scene, quits)
        end = monotonic() + 60
        while more := held() - before:
            assert monotonic() < end, f"held for ever: {more}"
            await pilot.pause(1)
            await _opened_and_closed(pilot, OPENED[0])


async def _counted(quits: list[str]) -> None:
    quits.append("ctrl+q")


async def _opened_and_closed(
    pilot: Pilot[None], scene: Scene, quits: list[str] | None = None
) -> None:
    await open_scene(pilot, scene)
    if quits is not None:
        before = len(quits)
        await pilot.press("ctrl+q")
        await when(lambda: len(quits) == before + 1, f"ctrl+q quits from {scene.name}")
    await close_scene(pilot)
