"""What an observer can do is an enumeration: every action, screen and entry has its class."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo_session import console, quick
from driving import until
from fakes import observer
from observer_actions import ACTIONS, PALETTE, SCREENS, actions, screens

from fleettui.demo.cluster import DemoCluster
from fleettui.ui.app import FleetApp
from fleettui.ui.palette import pane_commands


class Writes:
    """Every file that this process opens for writing, makes, moves or removes."""

    CHANGES = frozenset(
        f"os.{verb}"
        for verb in ("mkdir", "rename", "remove", "rmdir", "symlink", "link", "chmod", "truncate")
    )
    NO_FILES = ("/dev/", "/proc/")

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.programs: list[object] = []
        self.is_on = False
        sys.addaudithook(self._hear)  # it cannot be taken away again

    @contextmanager
    def heard(self) -> Iterator[None]:
        self.is_on = True
        try:
            yield
        finally:
            self.is_on = False

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event == "subprocess.Popen":
            self.programs.append(args[1])
        wanted = event in self.CHANGES
        if event == "open" and isinstance(args[2], int):
            wanted = bool(args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        if wanted and isinstance(args[0], str | bytes | os.PathLike):
            path = os.fsdecode(args[0])
            if not path.startswith(self.NO_FILES) and "__pycache__" not in path:
                self.paths.append(Path(path))


async def test_a_key_that_an_observer_trusts_is_written_nowhere(tmp_path: Path) -> None:
    writes = Writes()
    async with DemoCluster(quick(record_requests=True, machines=1, fault="none")) as demo:
        demo.known_hosts.write_text("")
        async with console(demo, tmp_path / "repairs", observe=True) as pilot:
            with writes.heard():
                await until(pilot, "Unknown host key")
                await pilot.press("right", "left", "tab")
                await pilot.click("#yes")
                await until(pilot, "1 of 1 machine")
        assert {method for method, _ in demo.requests} == {"GET"}
    assert writes.paths == []


def test_every_action_and_screen_is_classed() -> None:
    assert actions() == ACTIONS.keys(), "say in observer_actions.py what it is to an observer"
    assert screens() == SCREENS, "say in observer_actions.py that an observer may have it"


async def test_every_palette_entry_is_classed(tmp_path: Path) -> None:
    """Those of its own; the rest are the bindings of the focused pane, and classed as actions."""
    async with FleetApp(observer(), tmp_path).run_test() as pilot:
        app = pilot.app
        assert isinstance(app, FleetApp)
        by_keys = {entry.title for entry in pane_commands(app, app.screen)}
        titles = {entry.title for entry in app.get_system_commands(app.screen)}
    assert titles - by_keys == PALETTE.keys() - {"Rights"}, "say in PALETTE what it is"


LOADED = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from driving import until
from fakes import observer
from fleettui.ui.app import FleetApp

async def walk():
    async with FleetApp(observer(), Path(sys.argv[2])).run_test(size=(120, 40)) as pilot:
        await until(pilot, "BROKEN")
        await pilot.press("r", "R", "r", "escape", "l", "S")
        await until(pilot, "OBSERVER")

asyncio.run(walk())
print(*sorted(name for name in sys.modules if name.startswith("fleettui.")))
"""


def test_an_observers_process_never_loads_what_repairs(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", LOADED, str(Path(__file__).parent), str(tmp_path)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    loaded = set(ended.stdout.split())
    assert "fleettui.ui.repairs.screen" in loaded
    acting = ("ui.wizard", "repair.driving", "repair.script", "repair.planning.plan_repair")
    writing = ("registry.write", "registry.send", "hosts.hands", "hosts.rootjournal")
    names = tuple(f"fleettui.{name}" for name in (*acting, *writing))
    assert [name for name in loaded if name.startswith(names)] == []
