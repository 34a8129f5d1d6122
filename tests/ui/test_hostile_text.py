"""Hostile text on every screen: shown literally, obeyed nowhere (figures 3 and 4)."""

import base64
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import fakes
import hostile_world
import pytest
from driving import our_nodes, screen_text, until, when
from hostile_app import PIECES
from hostile_world import PAYLOADS, Ink
from msgspec import structs
from scenes import Scene
from terminal import run_in_terminal
from textual.drivers import headless_driver
from textual.pilot import Pilot
from textual.screen import Screen
from tour import OPENED, close_scene, open_scene, records_in

from fleettui.access import HostKeyQuestion
from fleettui.model.cluster import Leader
from fleettui.model.untrusted import Untrusted, visible
from fleettui.ui import app
from fleettui.ui.console.screen import ConsoleScreen
from fleettui.ui.detail.screen import DetailScreen
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.resizing import Rests
from fleettui.ui.widgets.journal.alone import JournalAlone

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
APP = Path(__file__).with_name("hostile_app.py")
SHORT = ("Leader.machine_id", "LockHolder.machine_id", "Unit.target", "Unit.heartbeat",
         "UnitState.machine_id")  # fmt: skip # one a line reads worse
"""Machine IDs of which eight characters are shown: these get one payload after the other."""
COPIES = {
    "Evidence.machine_id", "Evidence.what", "Evidence.where", "Finding.machine_id", "Finding.unit",
    "Folder.entries", "HostFacts.machine_id", "HostFacts.services", "NotChecked.machine_id",
    "Snapshot.machines", "Snapshot.units",
}  # fmt: skip # one a line reads worse
"""Fields whose text is that of another one: what the rules quote, and the keys of tables."""
UNSEEN = {
    "BadRecord.key": "their number is told on the console, they themselves by `check`",
    "BadRecord.raw": "the same",
    "HostFacts.services_problem": "kept for the rules",
    "JournalEntry.boot_id": "of a line whose machine is gone: see test_journal_pane.py",
    "LockHolder.token": "names a folder",
    "ServiceFacts.fragment_path": "compared only",
    "ServiceFacts.load": "compared only, and quoted by rules",
    "UnitState.load": "compared only, and quoted by rules",
    "UnitState.unit_hash": "compared only, and quoted by rules",
}
"""Fields of which no screen of these shows a letter, and why."""
IN_A_REPAIR = {"CommandResult.reason", "ImageFacts.why", "KeyValue.value", "UnitChange.unit"}
"""Fields that only a repair shows: see test_wizard_words.py."""
# What a terminal program may send: cursor moves, colours, modes, and queries of the terminal.
ALLOWED = re.compile(
    r"\x1b\[[0-9;]*m"  # colours
    r"|\x1b\[[0-9;]*[ABCDHJK]"  # cursor and erase
    r"|\x1b\[[?>=<]?[0-9;]*[hlu]"  # modes and keyboard protocol
    r"|\x1b\[[?>]?[0-9;]*\$?[cnpqt]"  # queries
    r"|\x1b[=>78]"
    r"|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)"  # pointer shape
)
OBEYED = re.compile(r"~[a-z]{4}(?!\x1b\[[0-9;]*m|\x1b\[\d+;\d+H)[\x00-\x1f\x7f-\x9f]")
"""A payload as it is, behind its mark; there may be a colour or another line instead."""
MARK = re.compile(r"~[a-z]{4}")
CLIPBOARD = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")
WIDE = (3000, 80)
"""Cells of a terminal in which nearly every text is seen whole."""


class HostileApp(app.FleetApp):
    """The console, with an action that hostile markup asks for."""

    owned = 0

    def action_owned(self) -> None:
        self.owned += 1


class Terminal(headless_driver.HeadlessDriver):
    """Keeps what is sent to the terminal."""

    sent: list[str]
    is_headless = False  # else nothing is sent

    def write(self, data: str) -> None:
        self.sent.append(data)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the app of this test sends to its terminal."""
    Terminal.sent = []
    monkeypatch.setattr(headless_driver, "HeadlessDriver", Terminal)
    return Terminal.sent


@pytest.mark.timeout(300)  # it goes through every screen
async def test_each_remote_field_is_shown_letter_by_letter_and_does_nothing(
    tmp_path: Path, sent: list[str]
) -> None:
    """Figures 3 and 4: all remote fields x 60 payloads, 20 of them markup, on every screen."""
    ink = Ink()
    console = HostileApp(hostile_world.operator(ink), records_in(tmp_path))
    seen: set[str] = set()
    glimpsed: set[str] = set()
    visited: set[type] = {ConsoleScreen}
    async with console.run_test(size=WIDE) as pilot:
        await until(pilot, "BROKEN")
        for scene in _scenes(ink):
            await open_scene(pilot, scene)
            visited.add(type(console.screen))
            seen |= marks_on(pilot)
            glimpsed |= set(MARK.findall(screen_text(pilot)))
            assert_inert(pilot)
            await _click(pilot)
            await close_scene(pilot)
        await pilot.press("colon")
        await until(pilot, "Search for commands")
        visited.add(type(console.screen))
        assert_inert(pilot)
        await pilot.press("escape")
        registry = _registry(console)
        assert registry.sink is not None
        registry.sink(hostile_world.lost(ink, registry.shown))
        await until(pilot, "STALE since")
        seen |= marks_on(pilot)
        await _one_after_the_other(pilot, ink)
        assert console.owned == 0
        assert console.is_running
    screens = {kind for kind in our_nodes() if issubclass(kind, Screen)}
    assert visited == screens - {Dialog, JournalAlone, Rests}  # of which others are made
    assert_nothing_obeyed("".join(sent))
    assert (obeyed := OBEYED.search("".join(sent))) is None, obeyed
    fields = hostile_world.remote_fields()
    elsewhere = {*SHORT, *COPIES, *UNSEEN, *IN_A_REPAIR}
    assert fields == {*ink.numbers, *elsewhere}, "a field that is not hostile"
    assert UNSEEN.keys() <= ink.numbers.keys()
    assert not {f for f in UNSEEN if ink.marks(f) & glimpsed}, "they are shown, and must be whole"
    whole = fields - elsewhere
    assert len(whole) >= 25
    for mark in ink.marks("UnitFile.raw"):  # a unit file is shown line by line
        if len(f"a{PAYLOADS[hostile_world.payload_of(mark)]}b".splitlines()) > 1:
            seen.add(mark)
    missing = {f: some for f in whole if (some := ink.marks(f) - seen)}
    assert not missing, f"payloads that were never shown whole: {missing}"


def test_no_byte_of_a_payload_reaches_a_terminal_as_a_command(tmp_path: Path) -> None:
    """The real program in a terminal, with a machine that refuses every act in hostile words."""
    with run_in_terminal(
        [sys.executable, str(APP), str(tmp_path)], columns=200, rows=60
    ) as terminal:
        terminal.until(b"template-loaded")
        for keys, words in TOUR:
            terminal.press(keys)
            terminal.until(words)
            # Longer than an escape that begins a sequence; in the wizard, than a held key.
            terminal.read(0.9 if b"delete" in words or keys == TAB + TAB else 0.3)
        terminal.press(b"q")
        terminal.read(2.0)
    raw = bytes(terminal.output)
    assert raw.count(b"OWNED") > 20, "the payloads were hardly shown"
    for payload in PIECES:
        assert (payload.encode() in raw) is payload.isprintable(), payload
    assert_nothing_obeyed(raw.decode(errors="replace"))
    assert terminal.process.returncode is not None
    assert b"Traceback" not in raw


def assert_nothing_obeyed(sent: str) -> None:
    """That the terminal was told nothing but what Textual tells it, and given no control character
    to put into the clipboard: the script of a repair is copied there.
    """
    for copied in CLIPBOARD.findall(sent):
        assert base64.b64decode(copied).decode().replace("\n", "").isprintable()
    left = ALLOWED.sub("", CLIPBOARD.sub("", sent))
    for sign in ("\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\U000e0041"):
        assert sign not in left, left[max(left.find(sign) - 40, 0) :][:120]


def assert_inert(pilot: Pilot[None]) -> None:
    """That no cell of the screen is a link, or does something when it is clicked."""
    for strip in pilot.app.screen._compositor.render_strips():
        for segment in strip:
            if segment.style is not None:
                assert segment.style.link is None, segment
                assert "@click" not in segment.style.meta, segment


async def _click(pilot: Pilot[None]) -> None:
    """On the first text that asks for it."""
    for y, line in enumerate(screen_text(pilot).splitlines()):
        at = line.find("[@click=app.owned")
        if at >= 0:
            await pilot.click(offset=(at + 2, y))
            return


async def _one_after_the_other(pilot: Pilot[None], ink: Ink) -> None:
    """The short IDs of machines, in the details of a unit and in the header."""
    console = pilot.app
    assert isinstance(console, HostileApp)
    registry, shown = _registry(console), _registry(console).shown
    name = ink("Unit.name")
    unit = shown.units[name]
    await pilot.resize_terminal(160, 40)
    await open_scene(pilot, UNIT)
    for payload in PAYLOADS:
        bad = Untrusted(payload)
        state = structs.replace(unit.states[0], machine_id=bad)
        turned = structs.replace(unit, target=bad, heartbeat=bad, states=(state,))
        units = {**shown.units, name: turned}
        registry.show(structs.replace(shown, units=units))
        short = f"{Untrusted(payload[:8])}..."
        words = (f"target        {short}", f"heartbeat     {short}", f"  {short}  ")
        await _shown(pilot, words)
    await close_scene(pilot)
    await open_scene(pilot, replace(WATCH, act=partial(_locked, ink)))
    for payload in PAYLOADS:
        registry.show_lock(
            structs.replace(hostile_world.holder(ink), machine_id=Untrusted(payload))
        )
        await _shown(pilot, (f"{Untrusted(payload[:8])}...",))
    await close_scene(pilot)
    for payload in PAYLOADS:
        bad = Untrusted(payload)
        registry.show(structs.replace(shown, units={}, leader=Leader(bad)))
        await _shown(pilot, (f"engine leader {Untrusted(payload[:8])}...",))


async def _shown(pilot: Pilot[None], words: tuple[str, ...]) -> None:
    squeezed = [" ".join(each.split()) for each in words]

    def is_there() -> bool:
        text = " ".join(screen_text(pilot).split())
        return all(each in text for each in squeezed)

    await when(is_there, f"{words} stand on the screen")


def marks_on(pilot: Pilot[None]) -> set[str]:
    """The marks of all payloads that stand on the screen, each with its payload behind it; blanks
    do not count, for lines are wrapped at them.
    """
    text = re.sub(r"[ █│▏▕]|\n", "", screen_text(pilot))
    return {
        mark.group()
        for mark in MARK.finditer(text)
        if text.startswith(_unblanked(hostile_world.payload_of(mark.group())), mark.end())
    }


def _unblanked(payload: int) -> str:
    return visible(PAYLOADS[payload]).replace(" ", "")


WATCH = next(scene for scene in OPENED if scene.name == "watch")
UNIT = Scene("details-hostile", DetailScreen, "States", ("tab", "g", "enter"))


def _scenes(ink: Ink) -> Iterator[Scene]:
    """Every screen, asking about a hostile host, and with a hostile operator at work."""
    acts = {"question": _ask_key, "watch": _locked, "wizard-unfit": _locked, "wizard-found": _led}
    acts |= {"plan": _led, "script": _led}
    yield UNIT
    yield Scene("details-other", DetailScreen, "another machine ID", ("g", "down", "enter"))
    yield Scene("details-silent", DetailScreen, "NOT CHECKED", ("G", "enter"))
    yield Scene("details-broken", DetailScreen, "Services", ("g", "enter"))
    for scene in OPENED:
        act = acts.get(scene.name)
        yield replace(scene, act=partial(act, ink)) if act is not None else scene


async def _ask_key(ink: Ink, console: app.FleetApp) -> None:
    host = ink("HostKeyQuestion.host")
    asked = HostKeyQuestion(host, 22, "ssh-ed25519", "SHA256:" + "x" * 43, "MD5:aa:bb", None)
    console.run_worker(console._trusts(asked))


async def _locked(ink: Ink, console: app.FleetApp) -> None:
    _registry(console).show_lock(hostile_world.holder(ink))


async def _led(_: Ink, console: app.FleetApp) -> None:
    """No repair begins while a machine leads that nobody knows."""
    registry = _registry(console)
    registry.show(structs.replace(registry.shown, leader=Leader(fakes.MACHINES[0].id)))


def _registry(console: app.FleetApp) -> fakes.FakeRegistry:
    registry = console._access.registry
    assert isinstance(registry, fakes.FakeRegistry)
    return registry
