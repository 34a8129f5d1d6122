"""Draw every screen into screenshots/, as SVG: from fixed values, repairs from the demo cluster.

Run it as `python tests/ui/take_screenshots.py`; a word after it draws only what begins with it.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from pathlib import Path

from demo_session import TEMPLATE, console
from drawing import as_svg
from driving import delete_by_keys, press_button, reload_by_keys, type_text, until
from scenes import LOOKS, SCENES, THEMES, calm, file_name, played, turn
from textual.pilot import Pilot

from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.ui.wizard.plan_screen import PlanScreen
from fleettui.ui.wizard.screen import WizardScreen
from fleettui.ui.wizard.script import ScriptScreen

FOLDER = Path(__file__).parents[2] / "screenshots"
DRAWN_FROM_DEMO = {
    "wizard-1-locate": WizardScreen,
    "wizard-plan": PlanScreen,
    "wizard-script": ScriptScreen,
    "wizard-2-delete": WizardScreen,
    "wizard-2-deleted": WizardScreen,
    "wizard-3-reload": WizardScreen,
    "wizard-4-gentle": WizardScreen,
    "wizard-4-full": WizardScreen,
    "wizard-4-returns": WizardScreen,
    "wizard-5-verified": WizardScreen,
}
"""Ports, times and hashes differ from run to run, so these are not compared with the code."""


async def save(pilot: Pilot[None], name: str) -> None:
    """All sizes and themes; afterwards it is at 120 x 40 again."""
    await calm(pilot)
    for size, theme in LOOKS:
        await turn(pilot, size, theme)
        (FOLDER / file_name(name, size, theme)).write_text(as_svg(pilot.app))
    await turn(pilot, (120, 40), THEMES[0])
    sys.__stdout__.write(f"{name}\n") if sys.__stdout__ else None


async def still(begin: str) -> None:
    """What holds still."""
    for scene in SCENES:
        if scene.name.startswith(begin):
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                async with played(scene, Path()) as pilot:
                    await save(pilot, scene.name)


async def wizard(folder: Path) -> None:
    """Every stage of the wizard, to the proof; both restarts, the plan, and the script."""
    async with DemoCluster(DemoSettings()) as demo, console(demo, folder) as pilot:
        await until(pilot, "BROKEN")
        await pilot.press("r")
        await until(pilot, "Go on to delete", within=60)
        await save(pilot, "wizard-1-locate")
        await pilot.press("p")
        await until(pilot, "1. DELETE")
        await save(pilot, "wizard-plan")
        await pilot.press("escape", "y")
        await until(pilot, "script")
        await save(pilot, "wizard-script")
        await pilot.press("escape")
        await press_button(pilot, "Go on to delete")
        await type_text(pilot, TEMPLATE)
        await until(pilot, "Type zookeeper")
        await save(pilot, "wizard-2-delete")
        await press_button(pilot, "Delete")
        await until(pilot, "Go on to reload", within=40)
        await save(pilot, "wizard-2-deleted")
        await reload_by_keys(pilot)
        await save(pilot, "wizard-3-reload")
        await press_button(pilot, "Go on to restart")
        await until(pilot, "Stops nothing")
        await save(pilot, "wizard-4-gentle")
        await press_button(pilot, "Full restart instead")
        await until(pilot, "STOPS EVERY UNIT")
        await save(pilot, "wizard-4-full")
        await press_button(pilot, "Gentle way instead")
        await press_button(pilot, "Restart gently")
        await until(pilot, "Go on to verify", within=60)
        await press_button(pilot, "Go on to verify")
        await until(pilot, "Repaired, and read back", within=60)
        await save(pilot, "wizard-5-verified")


async def full_restart(folder: Path) -> None:
    """Units on their way back."""
    settings = DemoSettings(version="1.0.0")
    async with DemoCluster(settings) as demo, console(demo, folder) as pilot:
        machine = demo.broken
        assert machine is not None
        await until(pilot, "BROKEN")
        await pilot.press("r")
        await delete_by_keys(pilot, TEMPLATE)
        await reload_by_keys(pilot)
        await press_button(pilot, "Go on to restart")
        await until(pilot, f"Type {machine.traits.hostname}")
        await type_text(pilot, machine.traits.hostname)
        await press_button(pilot, "Stop all units and restart")
        await until(pilot, "back  ", within=60)
        await save(pilot, "wizard-4-returns")


async def main(begin: str = "") -> None:
    FOLDER.mkdir(exist_ok=True)
    await still(begin)
    if any(name.startswith(begin) for name in DRAWN_FROM_DEMO):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            os.environ.pop("NO_COLOR", None)
            await wizard(Path("repairs"))
            await full_restart(Path("repairs"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
