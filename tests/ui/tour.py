"""Every screen there is, opened and closed again one after the other in the same app."""

from pathlib import Path

import fakes
import past_records
from driving import until
from scenes import SCENES, Scene, State
from textual.pilot import Pilot

from fleettui.ui.app import FleetApp
from fleettui.ui.wizard.plan_screen import PlanScreen
from fleettui.ui.wizard.screen import WizardScreen
from fleettui.ui.wizard.script import ScriptScreen

WIZARD = (
    Scene("plan", PlanScreen, "1. DELETE", ("r", "f2")),
    Scene("script", ScriptScreen, "script", ("r", "f3")),
)
_LASTING = [scene for scene in SCENES if scene.state is State.FAULTED and scene.then is None]
OPENED = (*(scene for scene in _LASTING if scene.keys or scene.act), *WIZARD)
"""What is opened from the console of an operator, while the registry answers."""


def records_in(folder: Path) -> Path:
    """Records of two repairs, of which none is to be resumed here."""
    records = folder / "repairs"
    records.mkdir()
    past_records.repaired(records, "20260101T110000Z-aaaaaa")
    past_records.left(records, "20260101T113000Z-bbbbbb", past_records.ELSEWHERE)
    return records


async def open_scene(pilot: Pilot[None], scene: Scene) -> str:
    """Go there from the console, as a hand does; the screen's text."""
    app = pilot.app
    assert isinstance(app, FleetApp)
    if scene.act is not None:
        await scene.act(app)
    for key in scene.keys:
        if isinstance(app.screen, WizardScreen):
            await until(pilot, "Go on to delete")
        await pilot.press(key)
        await pilot.pause()
    text = await until(pilot, scene.words)
    assert type(app.screen) is scene.screen, f"{scene.name}: {app.screen}"
    return text


async def close_scene(pilot: Pilot[None]) -> None:
    """Back to the console, with the cursor on the first machine."""
    app = pilot.app
    assert isinstance(app, FleetApp)
    while len(app.screen_stack) > 2:
        await pilot.press("escape")
        await pilot.pause()
    await pilot.press("escape")  # a pane alone on the screen
    registry = app._access.registry
    assert isinstance(registry, fakes.FakeRegistry)
    registry.show_lock(None)
    app.screen.query_one("#machines").focus()
    await pilot.pause()
