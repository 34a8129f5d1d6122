"""The way through every screen there is: keys, and words of our own that stand on it then."""

import base64
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hostile_payloads import TERMINAL
from terminal import Terminal, run_in_terminal
from textual.screen import Screen

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
Tour = tuple[tuple[tuple[str, ...], str], ...]
OPERATOR: Tour = (
    ((), "A repair was left unfinished"),
    (("escape",), "template-loaded"),
    (("enter",), "Services, as systemd sees them"),
    (("escape",), "FINDINGS"),
    (("down", "enter"), "Units of this machine"),
    (("escape",), "FINDINGS"),
    (("tab", "enter"), "States: registry"),
    (("escape",), "FINDINGS"),
    (("tab", "tab", "enter"), "What can be done"),
    (("escape",), "FINDINGS"),
    (("question_mark",), "Keys that work here"),
    (("escape",), "FINDINGS"),
    (("colon",), "Read everything afresh"),
    (("escape",), "FINDINGS"),
    (("r",), "Go on to delete"),
    (("f2",), "1. DELETE"),
    (("escape",), "Go on to delete"),
    (("f3",), "as a shell script"),
    (("escape",), "Go on to delete"),
    (("enter",), "What will run, word for word"),
    ((*"zookeeper", "at", "full_stop", *"service"), ""),
    (("tab", "tab"), ""),
    (("enter",), "Locate again"),
    (("escape",), "FINDINGS"),
    (("R",), "HOW IT STANDS"),
    (("enter",), "# "),
    (("y",), ""),
    (("escape",), "HOW IT STANDS"),
    (("escape",), "FINDINGS"),
    (("l", "g", "enter"), "_SYSTEMD_UNIT"),
    (("escape",), "FINDINGS"),
    (("y",), ""),
    (("s",), "Save the journal"),
    (("escape",), "FINDINGS"),
    (("u",), "Whose journal?"),
    (("escape",), "FINDINGS"),
    (("M",), "Merge which machines?"),
    (("escape",), "FINDINGS"),
)
OBSERVER: Tour = (
    ((), "Unknown host key"),
    (("escape",), "FINDINGS"),
    (("R",), "UNDER WAY"),
    (("enter",), "A REPAIR IS UNDER WAY"),
    (("escape",), "UNDER WAY"),
    (("escape",), "FINDINGS"),
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
    return {s.__name__ for s in _below(Screen) if s.__module__.startswith("fleettui.")}


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def draw(payload: str, folder: Path, *, watch: bool) -> Terminal:
    """Everything that is drawn on the tour of a hostile cluster; the program has ended."""
    argv = [sys.executable, str(APP), json.dumps(payload), str(folder), *(["watch"] * watch)]
    with run_in_terminal(argv, columns=200, rows=120) as terminal:
        for keys, words in OBSERVER if watch else OPERATOR:
            for key in keys:
                terminal.press(KEYS.get(key, key.encode()))
                # Longer than an escape that begins a sequence; in the wizard, than a held key.
                terminal.read(0.9 if "delete" in words or keys == ("tab", "tab") else 0.02)
            terminal.until(words.encode(), PATIENCE)
            terminal.read(0.25)
        terminal.press(b"q")
        terminal.read(2.0)
    return terminal


def check_drawn(raw: bytes) -> None:
    """That nothing was drawn that a terminal obeys and that is not ours to send."""
    assert raw.count(b"OWNED") > 20, "the payloads were hardly shown"
    assert b"Traceback" not in raw
    for encoded in CLIPBOARD.findall(raw):
        text = base64.b64decode(encoded).decode()
        assert text.replace("\n", "").isprintable(), ascii(text[:200])
    left = ALLOWED.sub(b"", CLIPBOARD.sub(b"", raw)).decode(errors="replace")
    for sign in ("\x1b", "\x07", "\x9b", "\x9d", "\u202e", "\u200b", "\u2028", "\U000e0041"):
        assert sign not in left, ascii(left[max(left.find(sign) - 40, 0) :][:120])
    for payload in TERMINAL:
        assert payload.encode(errors="replace") not in raw or payload.isprintable()
