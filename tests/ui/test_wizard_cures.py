"""The other faults of the catalogue, from their finding by `r`: repaired, or told by hand."""

from pathlib import Path

import pytest
from demo_session import console, quick
from driving import press_button, screen_text, squeezed, type_text, until
from textual.pilot import Pilot

from fleettui.demo.cluster import DemoCluster
from fleettui.repair.planning.cures.by_hand import BY_HAND
from fleettui.repair.records.past import PastState, past_repairs


async def open_wizard(pilot: Pilot[None], fault: str) -> None:
    """The wizard on the first finding of a fault."""
    await until(pilot, fault, within=60)
    pilot.app.screen.query_one("#findings").focus()
    await pilot.press("g", "r")
    await until(pilot, "1 Locate")
    await until(pilot, "Looking ...", gone=True, within=60)


async def confirm(pilot: Pilot[None], stage: str, button: str, unit: str = "") -> None:
    """Go on to a stage and confirm it, with the unit's name where that is asked for."""
    await press_button(pilot, f"Go on to {stage}")
    await until(pilot, button)
    if unit:
        await until(pilot, f"Type {unit}")
        await type_text(pilot, unit)
    await press_button(pilot, button)
    await until(pilot, "Under way ...", gone=True, within=60)


@pytest.mark.parametrize(
    ("fault", "unit", "steps", "left"),
    [
        ("needs-daemon-reload", "", (("reload", "Reload"), ("start", "Start")), "0 findings"),
        ("ghost-state", "reports.service", (("registry", "Write to the registry"),), "0 findings"),
        (
            "bad-target-state",
            "batch.service",
            (("registry", "Write to the registry"),),
            "0 findings",
        ),
        ("orphan-job", "export.service", (("registry", "Write to the registry"),), "1 finding "),
    ],
)
async def test_a_fault_with_a_cure_is_repaired_from_its_finding(
    fault: str, unit: str, steps: tuple[tuple[str, str], ...], left: str, tmp_path: Path
) -> None:
    """The demo has two orphans, and a repair takes the one that was chosen."""
    settings = quick(fault=fault)
    async with DemoCluster(settings) as demo, console(demo, tmp_path) as pilot:
        await open_wizard(pilot, fault)
        for stage, button in steps:
            await confirm(pilot, stage, button, unit)
        await press_button(pilot, "Go on to verify")
        text = await until(pilot, "Repaired, and read back", within=90)
        assert "0 services interrupted" in text
        assert "Report: " in text
        await press_button(pilot, "Close")
        await until(pilot, left, within=30)
    (past,) = past_repairs(tmp_path)
    assert past.state is PastState.FINISHED
    assert past.fault == fault


async def test_another_target_state_can_be_chosen_before_it_is_written(tmp_path: Path) -> None:
    settings = quick(fault="bad-target-state")
    async with DemoCluster(settings) as demo, console(demo, tmp_path) as pilot:
        await open_wizard(pilot, "bad-target-state")
        await press_button(pilot, "Go on to registry")
        first = squeezed(await until(pilot, "instead"))
        word = next(w for w in ("launched", "loaded", "inactive") if f"Set {w} instead" in first)
        await press_button(pilot, f"Set {word} instead")
        text = squeezed(await until(pilot, f"becomes {word}"))
        assert f"Set {word} instead" not in text
        unit = "batch.service"
        await type_text(pilot, unit)
        await press_button(pilot, "Write to the registry")
        await until(pilot, "Go on to verify", within=30)
        assert demo.registry.read(f"job/{unit}")[f"job/{unit}/target-state"] == word


@pytest.mark.parametrize("fault", ["no-engine-leader", "unschedulable", "hash-differs"])
async def test_a_fault_without_a_cure_is_told_by_hand_and_why(fault: str, tmp_path: Path) -> None:
    settings = quick(fault=fault)
    async with DemoCluster(settings) as demo, console(demo, tmp_path, size=(120, 40)) as pilot:
        await open_wizard(pilot, fault)
        text = squeezed(await until(pilot, "NO PLAN", within=30))
        by_hand = BY_HAND[fault]
        assert by_hand.why_not in text
        assert all(line in text for line in by_hand.do)
        assert "Go on" not in text
        await pilot.press("p")
        assert "1. " not in screen_text(pilot).splitlines()[1]
        assert not [c for _, c in demo.commands if c.startswith("sudo")]
    assert not past_repairs(tmp_path)
