"""Hostile text on every screen: shown literally, obeyed nowhere."""

import re
import sys
from pathlib import Path

import pytest
from hostile_app import ESCAPES, MARKUP, PAYLOADS, hostile
from terminal import run_in_terminal
from test_console import app_of, until

from fleettui.model.untrusted import visible
from fleettui.ui.dialogs.question import QuestionScreen

APP = Path(__file__).with_name("hostile_app.py")
DOWN = b"\x1b[B"
# Each screen there is: console, details of machines, units and findings, help, palette.
TOUR = [b"\r", b"\x1b", DOWN, b"\r", b"\x1b", b"\t", b"\r", b"\x1b", DOWN, b"\r", b"\x1b"]
TOUR += [b"\t", b"\t", b"\r", b"\x1b", b"?", b"\x1b", b"r", b":", b"\x1b"]
# What a terminal program may send: cursor moves, colours, modes, and queries of the terminal.
ALLOWED = re.compile(
    rb"\x1b\[[0-9;]*m"  # colours
    rb"|\x1b\[[0-9;]*[ABCDHJK]"  # cursor and erase
    rb"|\x1b\[[?>=<]?[0-9;]*[hlu]"  # modes and keyboard protocol
    rb"|\x1b\[[?>]?[0-9;]*\$?[cnpqt]"  # queries
    rb"|\x1b[=>78]"
    rb"|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)"  # pointer shape
)


@pytest.mark.parametrize("number", range(len(PAYLOADS)), ids=[repr(p) for p in PAYLOADS])
def test_no_byte_of_a_payload_reaches_the_terminal_as_a_command(number: int) -> None:
    with run_in_terminal([sys.executable, str(APP), str(number)]) as terminal:
        terminal.until(b"FINDINGS")
        for key in TOUR:
            terminal.press(key)
            terminal.read(0.15)
        terminal.press(b"q")
        terminal.read(2.0)
    raw = terminal.output
    assert b"OWNED" in raw or b"T1dORUQ" in raw, "the payload was never shown"
    payload = PAYLOADS[number]
    assert number >= len(ESCAPES) or payload.encode() not in raw
    left = ALLOWED.sub(b"", raw).decode(errors="replace")
    for sign in ("\x1b", "\x07", "\x9b", "\u202e"):
        assert sign not in left, left[max(left.find(sign) - 40, 0) :][:120]
    assert terminal.process.returncode is not None
    assert b"Traceback" not in raw


@pytest.mark.parametrize("payload", [*MARKUP, *ESCAPES])
async def test_a_click_on_hostile_text_runs_nothing(payload: str) -> None:
    async with app_of(hostile(payload)).run_test(size=(120, 40)) as pilot:
        text = await until(pilot, visible(payload)[:12])
        for y, line in enumerate(text.splitlines()[:-1]):
            at = line.find("OWNED")
            if at >= 0:
                await pilot.click(offset=(at + 1, y))
        assert pilot.app.is_running
        assert not isinstance(pilot.app.screen, QuestionScreen)
        assert pilot.app.return_value is None


@pytest.mark.parametrize("payload", MARKUP)
async def test_markup_is_shown_letter_by_letter(payload: str) -> None:
    async with app_of(hostile(payload)).run_test(size=(200, 60)) as pilot:
        await until(pilot, payload)
        await pilot.press("enter")
        await until(pilot, f"{payload}={payload}")
