"""The way through every screen there is: keys, and words of our own that stand on it then."""

import base64
import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from pkgutil import walk_packages
from time import monotonic
from typing import Any

from hostile_payloads import TERMINAL
from terminal import Terminal, run_in_terminal
from textual.screen import Screen

from fleettui import ui
from fleettui.model.untrusted import visible

APP = Path(__file__).with_name("hostile_app.py")
KEYS = {
    "escape": b"\x1b",
    "down": b"\x1b[B",
    "tab": b"\t",
    "enter": b"\r",
    "f2": b"\x1bOQ",
    "f3": b"\x1bOR",
    "question_mark": b"?",
    "colon": b":",
    "at": b"@",
    "full_stop": b".",
}
Tour = tuple[tuple[tuple[str, ...], str, str], ...]
"""Of each step: keys, words that stand on the screen then, and the screen."""
OPERATOR: Tour = (
    ((), "A repair was left unfinished", "QuestionScreen"),
    (("escape",), "template-loaded", "ConsoleScreen"),
    (("enter",), "Services, as systemd sees them", "DetailScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("down", "enter"), "Units of this machine", "DetailScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("tab", "enter"), "States: registry", "DetailScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("tab", "tab", "enter"), "What can be done", "DetailScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("question_mark",), "Keys that work here", "HelpScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("colon",), "Read everything afresh", "CommandPalette"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("r",), "Go on to delete", "WizardScreen"),
    (("f2",), "1. DELETE", "PlanScreen"),
    (("escape",), "Go on to delete", "WizardScreen"),
    (("f3",), "as a shell script", "ScriptScreen"),
    (("escape",), "Go on to delete", "WizardScreen"),
    (("enter",), "What will run, word for word", "WizardScreen"),
    ((*"zookeeper", "at", "full_stop", *"service"), "", "WizardScreen"),
    (("tab", "tab"), "", "WizardScreen"),
    (("enter",), "Locate again", "WizardScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("R",), "HOW IT STANDS", "RepairsScreen"),
    (("enter",), "# ", "ReportScreen"),
    (("y",), "", "ReportScreen"),
    (("escape",), "HOW IT STANDS", "RepairsScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("l",), "Merged", "ConsoleScreen"),
    (("g",), "", "ConsoleScreen"),
    (("enter",), "_SYSTEMD_UNIT", "EntryScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("y",), "", "ConsoleScreen"),
    (("s",), "Save the journal", "SaveScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("u",), "Whose journal?", "UnitScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("M",), "Merge which machines?", "MachinesScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
)
OBSERVER: Tour = (
    ((), "Unknown host key", "QuestionScreen"),
    (("escape",), "It is kept in memory", "SecretScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
    (("R",), "UNDER WAY", "RepairsScreen"),
    (("enter",), "A REPAIR IS UNDER WAY", "WatchScreen"),
    (("escape",), "UNDER WAY", "RepairsScreen"),
    (("escape",), "FINDINGS", "ConsoleScreen"),
)
"""While somebody repairs whose every word is hostile, and the registry is lost."""
# What a terminal program may send: cursor moves, colours, modes, and queries of the terminal.
ALLOWED = re.compile(
    rb"\x1b\[[0-9;]*m"  # colours
    rb"|\x1b\[[0-9;]*[ABCDHJK]"  # cursor and erase
    rb"|\x1b\[[?>=<]?[0-9;]*[hlu]"  # modes and keyboard protocol
    rb"|\x1b\[[?>]?[0-9;]*\$?[cnpqt]"  # queries
    rb"|\x1b[=>78]"
    rb"|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)"  # pointer shape
)
CLIPBOARD = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")
"""What is sent to the clipboard, whole."""
PATIENCE = 60
"""Seconds."""


def every_screen() -> set[str]:
    """The name of each screen of the product."""
    return {screen.__name__ for screen in screens()}


def screens() -> tuple[type[Screen[Any]], ...]:
    """Each screen of the product, however it is opened."""
    for module in walk_packages(ui.__path__, "fleettui.ui."):
        importlib.import_module(module.name)
    shared = {"Dialog"}
    ours = (s for s in _below(Screen) if s.__module__.startswith("fleettui."))
    return tuple(screen for screen in ours if screen.__name__ not in shared)


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def draw(payload: str, folder: Path, *, watch: bool) -> Terminal:
    """Everything that is drawn on the tour of a hostile cluster; the program has ended."""
    argv = [sys.executable, str(APP), json.dumps(payload), str(folder), *(["watch"] * watch)]
    with run_in_terminal(argv, columns=200, rows=120) as terminal:
        for keys, words, screen in OBSERVER if watch else OPERATOR:
            for key in keys:
                terminal.press(KEYS.get(key, key.encode()))
                # In the wizard a key that is held down presses no button.
                terminal.read(0.9 if "delete" in words or keys == ("tab", "tab") else 0.02)
            terminal.until(words.encode(), PATIENCE)
            _wait_for(screen, folder / "screens", terminal)
        terminal.press(b"q")
        _wait_for("", folder / "screens", terminal)
    return terminal


def _wait_for(screen: str, seen: Path, terminal: Terminal) -> None:
    """Read until a screen is the uppermost; an escape that was not read yet joins the next key."""
    end = monotonic() + PATIENCE
    while terminal.process.poll() is None:
        terminal.read(0.1)
        if screen and seen.exists() and seen.read_text().split()[-1:] == [screen]:
            return
        assert monotonic() < end, f"{screen or 'the end'} never came"
    terminal.read(0.5)
    assert not screen, f"it ended before {screen}: {terminal.output[-2000:]!r}"


def check_drawn(raw: bytes, payload: str) -> None:
    """That nothing was drawn that a terminal obeys and that is not ours to send."""
    assert raw.count(visible(payload)[:5].encode()) > 10, "the payload was hardly shown"
    assert b"Traceback" not in raw
    for encoded in CLIPBOARD.findall(raw):
        text = base64.b64decode(encoded).decode()
        assert text.replace("\n", "").isprintable(), ascii(text[:200])
    left = ALLOWED.sub(b"", CLIPBOARD.sub(b"", raw)).decode(errors="replace")
    for sign in ("\x1b", "\x07", "\x9b", "\x9d", "\u202e", "\u200b", "\u2028", "\U000e0041"):
        assert sign not in left, ascii(left[max(left.find(sign) - 40, 0) :][:120])
    for known in TERMINAL:
        assert known.encode(errors="replace") not in raw
