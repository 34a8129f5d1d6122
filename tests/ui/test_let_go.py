"""What is not shown any more is let go: screens that were closed, and the keys of other panes."""

import gc
from collections import Counter
from pathlib import Path
from time import monotonic

import fakes
import pytest
from driving import app_of, until
from hostile_app import Refusing
from scenes import Scene
from textual._styles_cache import StylesCache
from textual.pilot import Pilot
from textual.widget import Widget
from tour import OPENED, close_scene, open_scene, records_in

from fleettui.access import Operator


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
async def test_each_screen_that_was_closed_is_let_go_with_all_it_painted(tmp_path: Path) -> None:
    seen, refusing = fakes.observer(), Refusing("no")
    access = Operator(seen.cluster, seen.registry, seen.hosts, refusing, refusing, "ann@desk")
    app = app_of(access, records_in(tmp_path))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
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
    await open_scene(pilot, scene)
    await close_scene(pilot)
