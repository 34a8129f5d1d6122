"""Several machines broken by one template: one after the other, each proven before the next."""

from dataclasses import replace
from pathlib import Path

from demo_session import JOB, TEMPLATE, console, quick
from driving import press_button, squeezed, type_text, until
from textual.pilot import Pilot

from fleettui.demo.cluster import DemoCluster
from fleettui.demo.machine import Machine
from fleettui.demo.machine_faults import is_broken
from fleettui.repair.action import Stage
from fleettui.repair.past import PastState, past_repairs
from fleettui.ui.wizard.screen import WizardScreen


async def break_another(demo: DemoCluster) -> tuple[Machine, Machine]:
    """Send the template on to a second machine: the first one's agent is dead, and keeps it."""
    first = demo.broken
    assert first is not None
    second = next(m for m in demo.machines if m is not first)
    demo.registry.write(f"{JOB}/target", second.id)
    return first, second


async def repair_one(pilot: Pilot[None]) -> None:
    """The machine at hand, from its first stage to the end of its verify."""
    await until(pilot, "Go on to delete", within=30)
    await press_button(pilot, "Go on to delete")
    await until(pilot, f"Type {TEMPLATE}")
    await type_text(pilot, TEMPLATE)
    await press_button(pilot, "Delete")
    await until(pilot, "Go on to reload", within=40)
    await press_button(pilot, "Go on to reload")
    await press_button(pilot, "Reload")
    await until(pilot, "Go on to restart", within=30)
    await press_button(pilot, "Go on to restart")
    await press_button(pilot, "Restart gently")
    await until(pilot, "Go on to verify", within=90)
    await press_button(pilot, "Go on to verify")


async def test_the_next_machine_is_offered_only_after_the_one_before_is_proven(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo, console(demo, tmp_path) as pilot:
        await until(pilot, "BROKEN")
        await break_another(demo)
        await until(pilot, "2 findings", within=30)
        await pilot.press("r")
        text = await until(pilot, "machine 1 of 2", within=20)
        assert text.count("AFFECTED") == 2
        assert "this one first" in text
        assert "number 2, after the one before" in text
        await repair_one(pilot)
        text = await until(pilot, "Repaired, and read back", within=60)
        (next_ip,) = (m.traits.ip for m in demo.machines if is_broken(m))
        assert f"Still to come: {next_ip}" in squeezed(text)
        await press_button(pilot, f"Go on to {next_ip}")
        await until(pilot, "machine 2 of 2", within=20)
        await repair_one(pilot)
        text = squeezed(await until(pilot, "Repaired, and read back", within=60))
        assert "Proven healthy" in text
        await press_button(pilot, "Close")
        await until(pilot, "0 findings", within=30)
    assert [past.state for past in past_repairs(tmp_path)] == [PastState.FINISHED] * 2


async def test_a_machine_that_does_not_verify_stops_it_and_the_others_stay_as_they_are(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick()) as demo, console(demo, tmp_path) as pilot:
        await until(pilot, "BROKEN")
        await break_another(demo)
        await until(pilot, "2 findings", within=30)
        await pilot.press("r")
        await repair_one(pilot)
        await until(pilot, "Repaired, and read back", within=60)
        (second,) = (m for m in demo.machines if is_broken(m))
        (proven,) = (p.ip for p in past_repairs(tmp_path))
        await press_button(pilot, f"Go on to {second.traits.ip}")
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        screen.errand.pace = replace(screen.errand.pace, verified_within=15.0)
        await repair_one(pilot)
        demo.registry.write(f"{JOB}/target-state", "loaded")
        demo.registry.write(f"{JOB}/target", second.id)
        text = squeezed(await until(pilot, "STOPPED HERE", within=60))
        assert f"STOPPED HERE: {second.traits.ip} is not proven healthy" in text
        assert f"Proven healthy: {proven}" in text
        assert "the full restart is on offer" in text
        assert "Full restart" in text
        await pilot.press("escape")
        await until(pilot, "MACHINES")
    newest, oldest = past_repairs(tmp_path)
    assert oldest.state is PastState.FINISHED
    assert newest.state is PastState.UNFINISHED
    assert Stage.VERIFY not in newest.stages_done
