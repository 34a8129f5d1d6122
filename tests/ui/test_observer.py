"""An observer presses every key there is and runs every palette entry: only reads leave."""

import shlex
import string
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from demo_session import JOB, access_to, console, quick
from driving import screen_text, until
from textual.pilot import Pilot

from fleettui.access import Observer, Operator
from fleettui.commands import scripts
from fleettui.demo.cluster import DemoCluster
from fleettui.ui.app import FleetApp

READ_SCRIPTS = {
    scripts.PROBE_SCRIPT,
    scripts.JOURNAL_SCRIPT,
    scripts.COPY_SCRIPT,
    scripts.RIGHTS_SCRIPT,
}
QUITS = {"q", "ctrl+q", "ctrl+c"}
EVERY_KEY = [
    *(c for c in string.ascii_letters + string.digits if c not in QUITS),
    *(f"ctrl+{c}" for c in string.ascii_lowercase if f"ctrl+{c}" not in QUITS),
    *(f"f{n}" for n in range(1, 13)),
    *("enter", "space", "tab", "shift+tab", "backspace", "delete", "insert"),
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *("question_mark", "colon", "slash", "full_stop", "comma", "semicolon", "minus", "plus"),
    *("exclamation_mark", "at", "number_sign", "asterisk", "underscore", "escape"),
]
# How each screen is reached from the console, with its first machine under the cursor.
SCREENS = {
    "console": (),
    "journal pane": ("l",),
    "machine": ("enter",),
    "unit": ("tab", "enter"),
    "finding": ("shift+tab", "enter"),
    "repairs": ("R",),
    "help": ("question_mark",),
    "palette": ("colon",),
}


def is_read(text: str) -> bool:
    match shlex.split(text):
        case ["sh", "-c", script, *_]:
            return script in READ_SCRIPTS
        case _:
            return False


async def back_to_console(pilot: Pilot[None]) -> None:
    for _ in range(10):
        if len(pilot.app.screen_stack) == 2:  # Textual's own first screen, and the console
            break
        await pilot.press("escape")
    assert pilot.app.is_running
    if "MACHINES" not in screen_text(pilot):
        await pilot.press("escape")  # one pane has the screen to itself
    await until(pilot, "MACHINES")


async def enter(pilot: Pilot[None], way: tuple[str, ...]) -> None:
    await back_to_console(pilot)
    pilot.app.screen.query_one("#machines").focus()
    await pilot.press(*way)


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Pilot[None]]:
    """An observer's console on a broken cluster; at its end, only reads may have left."""
    settings = quick(record_requests=True)
    async with DemoCluster(settings) as demo, console(demo, folder, observe=True) as pilot:
        await until(pilot, "BROKEN")
        job = demo.registry.read(JOB)
        yield pilot
        await back_to_console(pilot)
        assert "OBSERVER" in await until(pilot, "MACHINES")
        assert {method for method, _ in demo.requests} == {"GET"}
        assert [text for _, text in demo.commands if not is_read(text)] == []
        assert len(demo.commands) >= 3
        assert demo.registry.read(JOB).keys() == job.keys()
        assert not list(folder.iterdir())  # noqa: ASYNC240 - one look at a folder of the test's


@pytest.mark.parametrize("screen", SCREENS)
async def test_every_key_on_every_screen_only_reads(screen: str, tmp_path: Path) -> None:
    way = SCREENS[screen]
    async with watched(tmp_path) as pilot:
        await enter(pilot, way)
        wanted = pilot.app.screen
        for key in EVERY_KEY:
            await pilot.press(key)
            if pilot.app.screen is not wanted:
                await enter(pilot, way)
                wanted = pilot.app.screen


async def test_every_palette_entry_only_reads(tmp_path: Path) -> None:
    async with watched(tmp_path) as pilot:
        app = pilot.app
        assert isinstance(app, FleetApp)
        entries = [e for e in app.get_system_commands(app.screen) if e.title != "Quit"]
        assert entries
        for entry in entries:
            entry.callback()
            await pilot.pause()
            await back_to_console(pilot)


async def test_an_observer_holds_nothing_that_writes() -> None:
    async with DemoCluster(quick()) as demo:
        access = access_to(demo, observe=True)
        assert type(access) is Observer
        assert not isinstance(access, Operator)
        parts = (access, access.registry, access.hosts)
        for part in parts:
            for word in (
                "set_target_state",
                "delete_key",
                "take_lock",
                "perform",
                "writer",
                "hands",
            ):
                assert not hasattr(part, word), (part, word)
        await access.hosts.close()
        await access.registry.close()
