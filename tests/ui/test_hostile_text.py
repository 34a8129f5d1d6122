"""Hostile text on every screen: shown literally, obeyed nowhere."""

import re
import sys
from pathlib import Path

import fakes
import pytest
from driving import app_of, until
from fakes import FakeHosts
from hostile_app import ESCAPES, GROUPS, MARKUP, hostile
from terminal import run_in_terminal

from fleettui.access import HostKeyQuestion
from fleettui.model.untrusted import Untrusted, visible
from fleettui.ui.dialogs.question import QuestionScreen

APP = Path(__file__).with_name("hostile_app.py")
ESC, DOWN, TAB, ENTER, F2 = b"\x1b", b"\x1b[B", b"\t", b"\r", b"\x1bOQ"
# Every screen there is: the keys that lead to it, and words of our own that stand on it.
TOUR = (
    (ENTER, b"Services, as systemd sees them"),
    (ESC, b"FINDINGS"),
    (DOWN + ENTER, b"Units of this machine"),
    (ESC, b"FINDINGS"),
    (TAB + ENTER, b"States: registry"),
    (ESC, b"FINDINGS"),
    (TAB + TAB + ENTER, b"What can be done"),
    (ESC, b"FINDINGS"),
    (b"?", b"Keys that work here"),
    (ESC, b"FINDINGS"),
    (b":", b"Read everything afresh"),
    (ESC, b"FINDINGS"),
    (b"r", b"Go on to delete"),
    (F2, b"1. DELETE"),
    (ESC, b"Go on to delete"),
    (ENTER, b"What will run, word for word"),
    (b"zookeeper@.service", b""),
    (TAB + TAB, b""),
    (ENTER, b"Locate again"),
    (ESC, b"FINDINGS"),
    (b"R", b"HOW IT STANDS"),
    (ENTER, b"# "),
    (ESC, b"HOW IT STANDS"),
    (ESC, b"FINDINGS"),
)
# While somebody repairs whose every word is hostile.
WATCH_TOUR = (
    (b"R", b"UNDER WAY"),
    (ENTER, b"A REPAIR IS UNDER WAY"),
    (ESC, b"UNDER WAY"),
    (ESC, b"FINDINGS"),
)
PARTIES = [((), TOUR), (("watch",), WATCH_TOUR)]
# What a terminal program may send: cursor moves, colours, modes, and queries of the terminal.
ALLOWED = re.compile(
    rb"\x1b\[[0-9;]*m"  # colours
    rb"|\x1b\[[0-9;]*[ABCDHJK]"  # cursor and erase
    rb"|\x1b\[[?>=<]?[0-9;]*[hlu]"  # modes and keyboard protocol
    rb"|\x1b\[[?>]?[0-9;]*\$?[cnpqt]"  # queries
    rb"|\x1b[=>78]"
    rb"|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)"  # pointer shape
)


@pytest.mark.parametrize("number", range(len(GROUPS)), ids=["titles", "modes", "markup"])
@pytest.mark.parametrize(("who", "tour"), PARTIES, ids=["operator", "observer"])
def test_no_byte_of_a_payload_reaches_the_terminal_as_a_command(
    number: int, who: tuple[str, ...], tour: tuple[tuple[bytes, bytes], ...], tmp_path: Path
) -> None:
    argv = [sys.executable, str(APP), str(number), str(tmp_path), *who]
    with run_in_terminal(argv, columns=200, rows=60) as terminal:
        terminal.until(b"template-loaded")
        for keys, words in tour:
            terminal.press(keys)
            terminal.until(words)
            # Longer than an escape that begins a sequence; in the wizard, than a held key.
            terminal.read(0.9 if b"delete" in words or keys == TAB + TAB else 0.3)
        terminal.press(b"q")
        terminal.read(2.0)
    raw = terminal.output
    assert raw.count(b"OWNED") > 20, "the payloads were hardly shown"
    for payload in ESCAPES:
        assert payload.encode() not in raw
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


@pytest.mark.parametrize("payload", [*MARKUP, *ESCAPES])
async def test_a_hostile_host_name_in_a_question_is_only_text(payload: str) -> None:
    observer = fakes.observer()
    async with app_of(observer).run_test(size=(200, 60)) as pilot:
        await until(pilot, "template-loaded")
        hosts = observer.hosts
        assert isinstance(hosts, FakeHosts)
        assert hosts.asker is not None
        host = Untrusted(payload)  # its key's type and fingerprints are our own words
        question = HostKeyQuestion(host, 22, "ssh-ed25519", "SHA256:abc", "MD5:aa:bb", None)
        pilot.app.run_worker(hosts.asker(question))
        shown = await until(pilot, "Unknown host key")
        assert visible(payload) in shown
        assert payload not in shown or payload in MARKUP
