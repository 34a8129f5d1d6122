"""Draw every screen from the demo cluster into screenshots/, as SVG.

Run it as `python tests/ui/take_screenshots.py`.
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path

from demo_session import TEMPLATE, console
from driving import delete_by_keys, press_button, reload_by_keys, type_text, until
from textual.pilot import Pilot

from fleettui.demo.cluster import DemoCluster, DemoSettings

FOLDER = Path(__file__).parents[2] / "screenshots"


async def save(pilot: Pilot[None], name: str) -> None:
    await asyncio.sleep(1.2)  # let changed cells calm down
    svg = pilot.app.export_screenshot(title="fleettui", simplify=True)
    (FOLDER / f"{name}.svg").write_text(svg)


async def consoles(folder: Path) -> None:
    """The console at three sizes, an observer's, and the screens that open from it."""
    async with DemoCluster(DemoSettings()) as demo:
        for columns, rows in ((80, 24), (120, 40), (200, 60)):
            async with console(demo, folder, size=(columns, rows)) as pilot:
                await until(pilot, "3 of 3 machines checked")
                await until(pilot, "Failed fetching")
                await save(pilot, f"console-{columns}x{rows}")
        async with console(demo, folder, observe=True) as pilot:
            await until(pilot, "3 of 3 machines checked")
            await until(pilot, "Failed fetching")
            await save(pilot, "observer")
            for name, keys, words in (
                ("details-machine", ("enter",), "Folder"),
                ("details-unit", ("tab", "enter"), "States"),
                ("details-finding", ("shift+tab", "enter"), "What can be done"),
                ("keys", ("question_mark",), "Keys that work here"),
            ):
                await pilot.press("tab")
                pilot.app.screen.query_one("#machines").focus()
                await pilot.press(*keys)
                await until(pilot, words)
                await save(pilot, name)
                await pilot.press("escape")
                await until(pilot, "FINDINGS")
            demo.kill_etcd()
            await until(pilot, "STALE since", within=20)
            await save(pilot, "registry-lost")


async def wizard(folder: Path) -> None:
    """Every stage of the wizard, to the proof; both restarts, the plan, and the report."""
    async with DemoCluster(DemoSettings()) as demo, console(demo, folder) as pilot:
        await until(pilot, "BROKEN")
        await pilot.press("r")
        await until(pilot, "Go on to delete", within=30)
        await save(pilot, "wizard-1-locate")
        await pilot.press("p")
        await until(pilot, "1. DELETE")
        await save(pilot, "wizard-plan")
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
        await press_button(pilot, "Close")
        await until(pilot, "MACHINES")
        await pilot.press("R")
        await until(pilot, "REPAIRS 1")
        await save(pilot, "repairs")
        await pilot.press("enter")
        await until(pilot, "# Repaired")
        await save(pilot, "report")


async def full_restart(folder: Path) -> None:
    """Units on their way back, at the size of a small terminal."""
    settings = DemoSettings(version="1.0.0")
    async with DemoCluster(settings) as demo, console(demo, folder, size=(80, 24)) as pilot:
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


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        await consoles(Path("repairs"))
        await wizard(Path("repairs"))
        await full_restart(Path("repairs"))


if __name__ == "__main__":
    asyncio.run(main())
