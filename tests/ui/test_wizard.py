"""The wizard on the demo cluster, by keys: what it shows at each size, and what stops it."""

import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from demo_session import JOB, TEMPLATE, access_to, console, quick
from driving import (
    delete_by_keys,
    press_button,
    reload_by_keys,
    restart_by_keys,
    screen_text,
    squeezed,
    type_text,
    until,
    when,
)
from msgspec.structs import replace
from textual.pilot import Pilot

from fleettui.access import Operator
from fleettui.demo.cluster import DemoCluster
from fleettui.demo.http_registry import HttpRegistry
from fleettui.demo.machine import Machine
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.ui.wizard.screen import WizardScreen

LOCK_PREFIX = "/fleettui/_coreos.com/fleet"
SIZES = [(80, 24), (120, 40), (200, 60)]


@asynccontextmanager
async def wizard(
    demo: DemoCluster, folder: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[None]]:
    """The wizard on the template's finding, as soon as it has looked."""
    async with console(demo, folder, size=size) as pilot:
        await until(pilot, "BROKEN")
        await pilot.press("r")
        await until(pilot, "AFFECTED", within=60)
        await until(pilot, "Looking ...", gone=True, within=60)
        yield pilot


def broken_of(demo: DemoCluster) -> Machine:
    assert demo.broken is not None
    return demo.broken


def records(folder: Path, pattern: str = "*.jsonl") -> list[Path]:
    return sorted(folder.glob(pattern))


# --- what is always in view -------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_target_and_button_are_in_view_at_every_stage(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path, size) as pilot:
        broken = broken_of(demo)
        target = (TEMPLATE, broken.id, broken.traits.hostname, broken.traits.ip, demo.endpoint)

        def complete(text: str, button: str) -> None:
            assert button in text
            assert all(words in text for words in target), text
            assert "5 Verify" in text
            assert "Leave" in text

        complete(screen_text(pilot), "Go on to delete")
        await press_button(pilot, "Go on to delete")
        complete(await until(pilot, "Type zoo"), "Delete")
        await type_text(pilot, TEMPLATE)
        await press_button(pilot, "Delete")
        complete(await until(pilot, "Go on to reload", within=40), "Go on to reload")
        complete(await reload_by_keys(pilot), "Go on to restart")
        await press_button(pilot, "Go on to restart")
        complete(await until(pilot, "Restart gently"), "Full restart instead")
        await press_button(pilot, "Full restart instead")
        text = await until(pilot, "Stop all units and restart")
        complete(text, "Gentle way instead")
        assert "STOPS EVERY UNIT" in text
        assert f"Type {broken.traits.hostname} to stop all its units" in text


async def test_all_that_speaks_against_it_stands_there_at_once_and_delete_stays_closed(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo:
        broken = broken_of(demo)
        broken.sudo_refusal = "sudo: a password is required"
        (tmp_path / "file").write_text("")
        async with console(demo, tmp_path / "file" / "repairs") as pilot:
            await until(pilot, "BROKEN")
            await pilot.press("r")
            text = squeezed(await until(pilot, "before the first change not met", within=60))
            assert "a password is required" in text
            assert "the record can be written" in text
            assert "Go on to delete" not in text
            broken.sudo_refusal = ""
            await pilot.press("ctrl+l")
            await until(pilot, "1 check before the first change not met", within=60)


async def test_a_held_enter_presses_nothing_on_its_way(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path) as pilot:
        for _ in range(30):
            await pilot.press("enter")
        await until(pilot, f"Type {TEMPLATE}")
        await type_text(pilot, TEMPLATE)
        for _ in range(10):  # leads from the name to the button, and no further
            await pilot.press("enter")
        await when(lambda: focused_label(pilot) == "Delete", "the button is focused")
        assert demo.registry.read(JOB)[f"{JOB}/target-state"] == "loaded"
        assert not records(tmp_path)


async def test_enter_behind_the_right_name_leads_to_the_button_which_is_pressed_by_itself(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path) as pilot:
        await press_button(pilot, "Go on to delete")
        await until(pilot, f"Type {TEMPLATE}")
        await type_text(pilot, TEMPLATE[:-1])
        await pilot.press("enter")
        assert pilot.app.focused is pilot.app.screen.query_one("#name")
        await type_text(pilot, TEMPLATE[-1])
        await pilot.press("enter")
        await when(lambda: focused_label(pilot) == "Delete", "the button is focused")
        assert demo.registry.read(JOB)[f"{JOB}/target-state"] == "loaded"
        await press_button(pilot, "Delete")
        await until(pilot, "Go on to reload", within=40)
        assert records(tmp_path)


def focused_label(pilot: Pilot[None]) -> str:
    return str(getattr(pilot.app.focused, "label", ""))


# --- the plan, and by hand --------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_p_shows_the_whole_plan_and_escape_returns(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path, size) as pilot:
        await pilot.press("p")
        text = await until(pilot, "1. DELETE")
        assert "Script" in text
        seen = text
        while "4. VERIFY" not in seen:
            await pilot.press("pagedown")
            seen += screen_text(pilot)
        for words in ("2. RELOAD", "3. RESTART", "systemctl daemon-reload"):
            assert words in seen
        await pilot.press("escape")
        await until(pilot, "Go on to delete")


async def test_y_hands_the_remaining_steps_over_as_a_script_and_says_where_it_lies(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path, (200, 60)) as pilot:
        ip = broken_of(demo).traits.ip
        await delete_by_keys(pilot, TEMPLATE)
        await pilot.press("y")
        text = await until(pilot, "does not tell if it took it")
        (path,) = records(tmp_path, "scripts/*.sh")
        assert str(path) in text
        script = path.read_text()
        assert pilot.app.clipboard == script
        assert path.stat().st_mode & 0o777 == 0o700
        assert "daemon-reload" in script
        assert "prevValue" not in script, "what is done is not done again"
        assert f"{demo.username}@{ip}" in script
        assert f"-p {demo.ssh_port}" in script
    insist_on_syntax(path)


def insist_on_syntax(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)


async def test_while_a_name_is_typed_the_keys_of_the_plan_are_function_keys(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path) as pilot:
        await press_button(pilot, "Go on to delete")
        await until(pilot, f"Type {TEMPLATE}")
        await pilot.press("p", "y", "u")
        assert "1. DELETE" not in screen_text(pilot)
        assert "pyu" in screen_text(pilot)
        await pilot.press("f2")
        await until(pilot, "1. DELETE")


# --- taking back ------------------------------------------------------------------------------


async def test_u_takes_the_deletion_back_after_the_name_was_typed(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path) as pilot:
        await pilot.press("u")
        await until(pilot, "nothing to take back")
        await delete_by_keys(pilot, TEMPLATE)
        await pilot.press("u")
        await until(pilot, "Undo delete")
        text = await until(pilot, "to take it back")
        assert "The fault comes back with it" in text
        await type_text(pilot, TEMPLATE)
        await press_button(pilot, "Undo delete")
        await until(pilot, "byte for byte", within=30)
        await until(pilot, "Close")
        await press_button(pilot, "Close")
        await until(pilot, "MACHINES")
        await pilot.press("R")
        await until(pilot, "undone")
        assert demo.broken is not None


# --- somebody else ----------------------------------------------------------------------------


def bob(machine_id: str) -> LockHolder:
    at = datetime(2026, 1, 1, 12, 3, tzinfo=UTC)
    who, unit = Untrusted("bob@desk"), Untrusted("web@.service")
    return LockHolder(Untrusted("other"), who, Untrusted(machine_id), unit, at, Untrusted("reload"))


async def test_a_lock_of_somebody_else_closes_the_wizard_and_can_be_watched(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo:
        other = access_to(demo)
        assert isinstance(other, Operator)
        holder = bob(broken_of(demo).id)
        index = await other.writer.take_lock(holder, 30)
        async with wizard(demo, tmp_path) as pilot:
            text = squeezed(await until(pilot, "nobody else repairs", within=60))
            for words in ("bob@desk", "web@.service", "12:03:00", "reload"):
                assert words in text, words
            await press_button(pilot, "Watch it")
            await until(pilot, "A REPAIR IS UNDER WAY")
            later = replace(holder, stage=Untrusted("verify"))
            index = await other.writer.keep_lock(later, index, 30)
            await until(pilot, "verify")
            await other.writer.drop_lock(index)
            await until(pilot, "Nobody repairs right now")
            await pilot.press("escape")
            await press_button(pilot, "Check again")
            await until(pilot, "Go on to delete", within=60)
        await other.registry.close()
        await other.hosts.close()


async def test_a_lost_lock_stops_the_wizard_before_its_next_step(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo, wizard(demo, tmp_path) as pilot:
        await delete_by_keys(pilot, TEMPLATE)
        await until(pilot, "Go on to reload")
        own = HttpRegistry(demo.endpoint, LOCK_PREFIX)
        assert own.delete("lock")
        own.close()
        await press_button(pilot, "Go on to reload")
        await press_button(pilot, "Reload")
        text = squeezed(await until(pilot, "not ours any more", within=60))
        assert "Close" in text
        assert "Go on" not in text
        assert not [c for _, c in demo.commands if shlex.split(c)[-1:] == ["daemon-reload"]]
        await press_button(pilot, "Close")
        await until(pilot, "MACHINES")


# --- going on ---------------------------------------------------------------------------------


async def test_quitting_halfway_gives_the_lock_back_and_the_next_start_goes_on(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo:
        before = broken_of(demo).systemd.main_pids()
        async with wizard(demo, tmp_path) as pilot:
            await delete_by_keys(pilot, TEMPLATE)
            await pilot.press("q")
        access = access_to(demo)
        assert await access.registry.lock_holder() is None
        await access.registry.close()
        async with console(demo, tmp_path) as pilot:
            text = await until(pilot, "A repair was left unfinished")
            assert TEMPLATE in text
            assert "delete was read back last" in text
            await press_button(pilot, "Resume")
            await until(pilot, "Go on to reload", within=30)
            await reload_by_keys(pilot)
            await restart_by_keys(pilot)
            await press_button(pilot, "Go on to verify")
            text = await until(pilot, "Repaired, and read back", within=60)
            assert "0 services interrupted" in text
            assert "Report: " in text
        assert len(records(tmp_path)) == 1, "one record tells the whole story"
        machine = next(m for m in demo.machines if m.systemd.main_pids().items() >= before.items())
        assert machine is not None


async def test_leaving_while_it_looks_holds_nothing(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo, console(demo, tmp_path) as pilot:
        await until(pilot, "BROKEN")
        await pilot.press("r")
        await until(pilot, "1 Locate")
        await pilot.press("escape")
        await until(pilot, "MACHINES")
        assert not isinstance(pilot.app.screen, WizardScreen)
        assert not records(tmp_path)
