"""What a newcomer does with README alone, in a real terminal: each key, and none is wrong."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

HELD = 1.0
"""Seconds between two presses of enter: a repeat of a held key is ignored."""
UNIT = "zookeeper@.service"

# Each line: what is read on the screen first, then what is pressed. The last one is the report.
TRANSCRIPT = (
    ("r repairs it", "r"),
    ("Go on to delete", "Enter"),
    (f"Type {UNIT}", UNIT),
    (UNIT, "Tab", "Tab", "Enter"),
    ("Go on to reload", "Enter"),
    ("word for word", "Tab", "Enter"),
    ("Go on to restart", "Enter"),
    ("Stops nothing", "Tab", "Enter"),
    ("Go on to verify", "Enter"),
    ("0 services", "Enter"),
    ("nothing is wrong", "R"),
    ("REPAIRS 1", "Enter"),
    ("# Repaired", "q"),
)


class Tmux:
    """A terminal as people have it: what is on it, and keys."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)

    def run(self, *words: str) -> str:
        argv = ("tmux", "-S", self._socket, "-f", "/dev/null", *words)
        return subprocess.run(argv, check=False, capture_output=True, text=True).stdout

    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def until(self, words: str, within: float = 100) -> None:
        end = monotonic() + within
        while words not in (text := self.screen()):
            assert monotonic() < end, f"{words!r} never came:\n{text}"
            sleep(0.1)


@contextmanager
def terminal(folder: Path, *argv: str) -> Iterator[Tmux]:
    """A program in a terminal of 120 x 40; its files go to `folder`."""
    tmux = Tmux(folder / "tmux")
    places = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE")}
    size = {"COLUMNS": "120", "LINES": "40"}  # or those of this process would count
    variables = [f"{name}={value}" for name, value in (places | size).items()]
    tmux.run("new-session", "-d", "-x", "120", "-y", "40", "env", *variables, *argv)
    try:
        yield tmux
    finally:
        tmux.run("kill-server")


@pytest.mark.timeout(400)
def test_from_readmes_command_to_the_report_without_a_wrong_key(tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("no tmux here")
    fleettui = Path(sys.executable).with_name("fleettui")
    assert os.access(fleettui, os.X_OK)
    with terminal(tmp_path, str(fleettui), "demo") as tmux:
        for words, *keys in TRANSCRIPT:
            tmux.until(words)
            for key in keys:
                sleep(HELD if key == "Enter" else 0.1)
                tmux.run("send-keys", key)
        end = monotonic() + 60
        while tmux.screen():
            assert monotonic() < end, tmux.screen()
            sleep(0.1)
    assert len(list((tmp_path / "state").rglob("reports/*.md"))) == 1
