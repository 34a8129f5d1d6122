"""Several machines broken by one template: one after the other, each proven before the next."""

from dataclasses import replace
from pathlib import Path

import pytest
from demo_session import console, quick
from driving import press_button, screen_text, squeezed, until, up_to_verify, when
from textual.pilot import Pilot

from fleettui.demo.cluster import DemoCluster
from fleettui.demo.machine import Machine
from fleettui.demo.units import HELLO, Submission
from fleettui.model.host import FLEET_UNITS
from fleettui.repair.planning.action import Stage
from fleettui.repair.records.past import PastState, past_repairs
from fleettui.ui.wizard.screen import WizardScreen

pytestmark = pytest.mark.timeout(300)
"""Two repairs one after the other, each of which watches for silence."""
ECHO = "echo@.service"
"""A template that may lie on any machine: it conflicts with nothing."""


async def two_broken(demo: DemoCluster, pilot: Pilot[None]) -> tuple[Machine, Machine]:
    """Send one template first here, then there: the first agent is dead by then, and keeps it."""
    await until(pilot, "0 findings", within=30)
    demo.submit(Submission(ECHO, HELLO, "loaded"))
    await until(pilot, "BROKEN", within=30)
    await when(lambda: any(map(holds, demo.machines)), "the template lies somewhere")
    first = next(machine for machine in demo.machines if holds(machine))
    second = next(machine for machine in demo.machines if not holds(machine))
    demo.registry.write(f"job/{ECHO}/target", second.id)
    await when(lambda: holds(second), "the template lies on the second machine too")
    await when(lambda: screen_text(pilot).count("BROKEN") == 2, "both are seen to be broken")
    assert holds(first)
    return first, second


def holds(machine: Machine) -> bool:
    with machine.systemd.lock:
        return ECHO in machine.files.folders[FLEET_UNITS]


async def test_the_next_machine_is_offered_only_after_the_one_before_is_proven(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick(fault="none")) as demo, console(demo, tmp_path) as pilot:
        await two_broken(demo, pilot)
        await pilot.press("r")
        text = await until(pilot, "machine 1 of 2", within=60)
        assert text.count("AFFECTED") == 2
        assert "this one first" in text
        assert "number 2, after the one before" in text
        await up_to_verify(pilot, ECHO)
        text = await until(pilot, "Repaired, and read back", within=60)
        (next_ip,) = (m.traits.ip for m in demo.machines if holds(m))
        assert f"Still to come: {next_ip}" in squeezed(text)
        await press_button(pilot, f"Go on to {next_ip}")
        await until(pilot, "machine 2 of 2", within=60)
        await up_to_verify(pilot, ECHO)
        text = squeezed(await until(pilot, "Repaired, and read back", within=60))
        assert "Proven healthy" in text
        await press_button(pilot, "Close")
        await until(pilot, "0 findings", within=30)
    assert [past.state for past in past_repairs(tmp_path)] == [PastState.FINISHED] * 2


async def test_a_machine_that_does_not_verify_stops_it_and_the_others_stay_as_they_are(
    tmp_path: Path,
) -> None:
    async with DemoCluster(quick(fault="none")) as demo, console(demo, tmp_path) as pilot:
        await two_broken(demo, pilot)
        await pilot.press("r")
        await up_to_verify(pilot, ECHO)
        await until(pilot, "Repaired, and read back", within=60)
        (second,) = (m for m in demo.machines if holds(m))
        (proven,) = (p.ip for p in past_repairs(tmp_path))
        await press_button(pilot, f"Go on to {second.traits.ip}")
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        screen.errand.pace = replace(screen.errand.pace, quiet=30.0, verified_within=15.0)
        await up_to_verify(pilot, ECHO)
        demo.registry.write(f"job/{ECHO}/target-state", "loaded")
        demo.registry.write(f"job/{ECHO}/target", second.id)
        await until(pilot, "STOPPED HERE", within=60)
        text = squeezed(await until(pilot, "Full restart"))  # of the footer, a moment later
        assert f"STOPPED HERE: {second.traits.ip} is not proven healthy" in text
        assert f"Proven healthy: {proven}" in text
        assert "the full restart is on offer" in text
        await pilot.press("escape")
        await until(pilot, "MACHINES")
    newest, oldest = past_repairs(tmp_path)
    assert oldest.state is PastState.FINISHED
    assert newest.state is PastState.UNFINISHED
    assert Stage.VERIFY not in newest.stages_done
