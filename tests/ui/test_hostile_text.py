"""Hostile text on every screen: shown literally, obeyed nowhere.

The payloads stand in every remote field there is, joined to a few texts here. One by one they are
tried by `python -m tests.hardening screens`: RESULT.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import fakes
import pytest
from driving import app_of, screen_text, until
from fakes import FakeHosts
from hostile_app import HostileApp, app_on, hostile, question
from hostile_fields import filled_fields, remote_fields
from hostile_payloads import MARKUP, TERMINAL
from hostile_tour import OBSERVER, OPERATOR, Tour, check_drawn, draw, every_screen
from textual.pilot import Pilot

from fleettui.model.untrusted import visible

GROUPS = ("".join(TERMINAL[::2]), "".join(TERMINAL[1::2]))
"""Half of the payloads in one text each."""
FILLED_AS_IT_RUNS = {
    "RegistryView.reason": "by HostileRegistry.follow",
    "NotChecked.reason": "by what HostileHosts.probe raises",
    "NotChecked.machine_id": "by the machine that HostileHosts does not reach",
    "CommandResult.reason": "in the sentence that shows stderr, which Refusing.perform fills",
}


def test_there_are_as_many_payloads_and_fields_as_it_takes(tmp_path: Path) -> None:
    assert len(set(TERMINAL)) >= 40
    assert len(set(MARKUP)) >= 20
    assert len(remote_fields()) >= 25


def test_every_remote_field_there_is_holds_the_payload(tmp_path: Path) -> None:
    unfilled = remote_fields() - filled_fields("\x1b[2JOWNED", tmp_path)
    assert unfilled == set(FILLED_AS_IT_RUNS)


@pytest.mark.parametrize("number", range(len(GROUPS)))
@pytest.mark.parametrize("watch", [False, True], ids=["operator", "observer"])
def test_no_byte_of_a_payload_reaches_the_terminal_as_a_command(
    number: int, watch: bool, tmp_path: Path
) -> None:
    terminal = draw(GROUPS[number], tmp_path, watch=watch)
    check_drawn(terminal.output, GROUPS[number])
    assert terminal.process.returncode is not None


async def toured(pilot: Pilot[None], tour: Tour) -> None:
    """Go through every screen; on each of ours, click whatever a payload shows.

    On the console last: there a click moves the cursor.
    """
    for keys, words, screen in tour:
        for key in keys:
            await pilot.press(key)
            await asyncio.sleep(0.9 if "delete" in words or keys == ("tab", "tab") else 0)
        await until(pilot, words)
        assert type(pilot.app.screen).__name__ == screen
        if screen != "ConsoleScreen" and screen in every_screen():
            await clicked(pilot)
    await clicked(pilot)


async def clicked(pilot: Pilot[None]) -> None:
    """Click every place where a payload is seen; nothing may come of it."""
    app, screen = pilot.app, pilot.app.screen
    assert isinstance(app, HostileApp)
    for y, line in enumerate(screen_text(pilot).splitlines()[:-1]):
        at = line.find("OWNED")
        if at >= 0:
            await pilot.click(offset=(at + 1, y))
    assert pilot.app.screen is screen
    assert app.owned == 0


@asynccontextmanager
async def running(payload: str, folder: Path, *, watch: bool) -> AsyncIterator[Pilot[None]]:
    async with app_on(payload, folder, watch=watch).run_test(size=(200, 120)) as pilot:
        yield pilot
        assert pilot.app.is_running
        assert pilot.app.return_value is None


async def test_no_markup_is_obeyed_on_any_screen_and_no_click_on_it_runs_anything(
    tmp_path: Path,
) -> None:
    payload = "".join(MARKUP)
    async with running(payload, tmp_path / "operator", watch=False) as pilot:
        await toured(pilot, OPERATOR)
    async with running(payload, tmp_path / "observer", watch=True) as pilot:
        await toured(pilot, OBSERVER)
    opened = {(tmp_path / who / "screens").read_text() for who in ("operator", "observer")}
    assert every_screen() - set("".join(opened).split()) == set(), "no tour leads there"


@pytest.mark.parametrize("payload", MARKUP[::5])
async def test_markup_is_shown_letter_by_letter(payload: str) -> None:
    async with app_of(hostile(payload)).run_test(size=(200, 60)) as pilot:
        await until(pilot, payload)
        await pilot.press("enter")
        await until(pilot, f"{payload}={payload}")


async def test_a_hostile_host_name_in_a_question_is_only_text() -> None:
    observer = fakes.observer()
    async with app_of(observer).run_test(size=(200, 60)) as pilot:
        await until(pilot, "template-loaded")
        hosts = observer.hosts
        assert isinstance(hosts, FakeHosts)
        assert hosts.asker is not None
        for payload in ("".join(MARKUP), *GROUPS):
            pilot.app.run_worker(hosts.asker(question(payload)))
            shown = await until(pilot, "Unknown host key")
            assert visible(payload)[:30] in shown
            await pilot.press("escape")
            await until(pilot, "Unknown host key", gone=True)
