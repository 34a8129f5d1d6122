"""The journal below a repair: reached by keys, alone when a few lines are not enough, and left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from driving import screen_text, until
from scenes import SCENES, Scene, played
from textual.pilot import Pilot
from wizard_scenes import REPAIRS

from fleettui.ui.repairs.watch import WatchScreen
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.wizard.screen import WizardScreen


@asynccontextmanager
async def played_at(
    name: str, size: tuple[int, int], folder: Path
) -> AsyncIterator[tuple[Pilot[None], JournalPane]]:
    scene: Scene = next(one for one in (*SCENES, *REPAIRS) if one.name == name)
    async with played(scene, folder) as pilot:
        await pilot.resize_terminal(*size)
        await pilot.pause()
        yield pilot, pilot.app.screen.query_one(JournalPane)


@pytest.mark.parametrize("size", [(80, 24), (80, 18)], ids=str)
async def test_the_journal_below_a_step_has_the_room_and_gives_it_back(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with played_at("wizard-2-delete", size, tmp_path) as (pilot, pane):
        await until(pilot, "Type zookeeper")
        await pilot.press("shift+tab", "Z")  # away from where the name is typed
        text = await until(pilot, "JOURNAL following")
        assert pane.size.height == size[1] - 5  # below the target, above the keys
        assert "Type zookeeper" not in text
        assert "esc Back" in text
        await pilot.press("slash", *"valid", "enter", "k")
        await until(pilot, "search valid")
        await pilot.press("escape")
        await until(pilot, "Type zookeeper")
        assert not pane.has_focus
        assert isinstance(pilot.app.screen, WizardScreen)


async def test_whoever_leaves_the_journal_comes_back_to_the_step_and_not_out_of_it(
    tmp_path: Path,
) -> None:
    async with played_at("wizard-1-locate", (120, 40), tmp_path) as (pilot, pane):
        await pilot.press("tab")
        await until(pilot, "esc Back")
        assert pane.has_focus
        await pilot.press("question_mark", *"merged")
        await until(pilot, "No key does that here")  # it knows one machine
        await pilot.press("ctrl+u", *"journal alone")
        await until(pilot, "The journal alone, or all again")
        await pilot.press("escape", "escape")
        assert "esc Leave" in await until(pilot, "Go on to delete")
        await pilot.press("escape")
        await until(pilot, "MACHINES")


async def test_a_small_wizard_has_no_place_among_its_keys_that_is_not_seen(tmp_path: Path) -> None:
    async with played_at("wizard-1-locate", (80, 18), tmp_path) as (pilot, pane):
        assert not pane.display
        for _ in range(4):
            await pilot.press("tab")
            assert not pane.has_focus


async def test_whoever_watches_may_have_the_journal_alone(tmp_path: Path) -> None:
    async with played_at("watch", (80, 24), tmp_path) as (pilot, pane):
        assert "Merged" not in screen_text(pilot)
        await pilot.press("Z")
        await until(pilot, "UNDER WAY", gone=True)
        assert pane.size.height == 23
        await pilot.press("escape")
        await until(pilot, "UNDER WAY")
        assert isinstance(pilot.app.screen, WatchScreen)
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, WatchScreen)
