"""A replay stands still, steps and hurries, and needs no network."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from driving import screen_text, until, when
from fakes import observer

from fleettui.cli.session import recording
from fleettui.model.clock import living_by
from fleettui.recording.file import open_recording
from fleettui.recording.player import Player
from fleettui.recording.replayed import replayed
from fleettui.ui.app import FleetApp
from fleettui.ui.replay.app import ReplayApp


async def test_a_replay_stands_still_steps_and_hurries(tmp_path: Path) -> None:
    file = tmp_path / "short.rec"
    with recording(observer(), file) as told:
        async with FleetApp(told, tmp_path / "repairs").run_test(size=(120, 40)) as pilot:
            await until(pilot, "BROKEN")
            await asyncio.sleep(0)
    player = Player(open_recording(file), paused=True)
    with living_by(player.now):
        app = ReplayApp(replayed(player), tmp_path / "none", player)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, f"PAUSED  0/{player.total}  F5 go on  F6 step  F7 slower  F8 faster")
            await pilot.resize_terminal(80, 24)
            await until(pilot, "UTC  PAUSED  F5 go on  F6 step  F7 F8 speed")
            await pilot.resize_terminal(120, 40)
            stood_at = player.now()
            for told_now in range(1, player.total + 1):
                await pilot.press("f6")
                await when(lambda n=told_now: player.told == n, "one more record")  # type: ignore[misc]  # a lambda's default
            await until(pilot, "at its end")
            await until(pilot, "BROKEN")
            assert player.now() >= stood_at
            await pilot.press("f8", "f8", "f7")
            assert player.speed == 2
            await pilot.press("enter")
            assert "REPLAY" in await until(pilot, "at its end")
            await pilot.press("escape", "R")
            assert "resume" not in screen_text(pilot).lower().split("\n")[0]


ALONE = """
import socket, sys
def refused(*args):
    raise AssertionError(f"the network was touched: {args}")
socket.socket.connect = refused
sys.path[:0] = sys.argv[1].split(":")
import asyncio
from pathlib import Path
from driving import until
from fleettui.model.clock import living_by
from fleettui.recording.file import open_recording
from fleettui.recording.player import Player
from fleettui.recording.replayed import replayed
from fleettui.ui.replay.app import ReplayApp

async def look():
    player = Player(open_recording(Path(sys.argv[2])), speed=64)
    with living_by(player.now):
        app = ReplayApp(replayed(player), Path("none"), player)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, "at its end")
            await until(pilot, "BROKEN")
            await pilot.press("ctrl+r")
            await until(pilot, "BROKEN")

asyncio.run(look())
found = [name for name in sys.modules if name.split(".")[0] in {"etcd", "asyncssh", "urllib3"}]
assert not found, found
"""


async def test_a_replay_loads_and_touches_no_network(tmp_path: Path) -> None:
    file = tmp_path / "short.rec"
    with recording(observer(), file) as told:
        async with FleetApp(told, tmp_path / "repairs").run_test(size=(120, 40)) as pilot:
            await until(pilot, "BROKEN")
    here = Path(__file__).parent
    argv: Sequence[str] = (sys.executable, "-c", ALONE, f"{here}:{here.parent}/unit", str(file))
    ended = await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("replay", "foreign"), "is no recording of fleettui"),
        (("replay", "pipe"), "pipe is a pipe: only a file can be replayed"),
        (("--record", "x", "check"), "--record goes with the console"),
        (("--record", "x", "replay", "foreign"), "--record goes with the console"),
    ],
)
def test_the_command_line_refuses_in_a_sentence(
    argv: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    (tmp_path / "foreign").write_text("something else\n")
    os.mkfifo(tmp_path / "pipe")
    ended = subprocess.run(
        [sys.executable, "-m", "fleettui", *argv],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
