"""Without any colour the screens still say what is broken, chosen, focused and out of reach."""

from pathlib import Path

import pytest
from drawing import runs
from driving import screen_text
from rich.style import Style
from scenes import SCENES, played, turn
from textual.filter import NoColor
from textual.pilot import Pilot

from fleettui.ui import marks
from fleettui.ui.marks import Mark

SCENE = {scene.name: scene for scene in SCENES}


@pytest.mark.parametrize(
    ("scene", "focused", "others"),
    [
        ("console", "MACHINES 3", ["UNITS 6", "JOURNAL", "FINDINGS 1"]),
        ("question", "Refuse", ["Trust this key"]),
        ("wizard-found", "Go on to delete", ["Leave"]),
    ],
)
async def test_what_has_the_focus_is_drawn_the_other_way_round(
    scene: str, focused: str, others: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with played(SCENE[scene], Path()) as pilot:
        await _colourless(pilot)
        assert style_of(pilot, focused).reverse
        assert not any(style_of(pilot, other).reverse for other in others)


async def test_the_line_of_the_journal_that_is_chosen_is_drawn_the_other_way_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with played(SCENE["console"], Path()) as pilot:
        await _colourless(pilot)
        assert not style_of(pilot, "Failed fetching").reverse
        await pilot.press("l", "z", "g")
        await pilot.pause()
        assert style_of(pilot, "Failed fetching").reverse


async def test_what_cannot_be_done_is_struck_out_and_what_is_chosen_has_a_glyph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wizard").mkdir()
    async with played(SCENE["wizard-looking"], Path("wizard")) as pilot:
        await _colourless(pilot)
        assert style_of(pilot, "Looking ...").strike
        assert style_of(pilot, "Plan").strike
        assert not style_of(pilot, "Leave").strike
    (tmp_path / "save").mkdir()
    async with played(SCENE["journal-save"], Path("save")) as pilot:
        await _colourless(pilot)
        text = screen_text(pilot)
        assert (text.count("▐●▌"), text.count("▐○▌")) == (2, 3), "one of each question"
    (tmp_path / "machines").mkdir()
    async with played(SCENE["journal-machines"], Path("machines")) as pilot:
        await _colourless(pilot)
        assert screen_text(pilot).count("▐X▌") == 1


@pytest.mark.parametrize("kinds", [marks.MACHINE_MARKS, marks.UNIT_MARKS])
def test_no_two_states_share_glyph_and_word(kinds: tuple[Mark, ...]) -> None:
    assert len({(mark.glyph, mark.word) for mark in kinds}) == len(kinds)
    assert len({mark.word for mark in kinds}) == len(kinds)


async def _colourless(pilot: Pilot[None]) -> None:
    """As NO_COLOR has it in a terminal of sixteen colours."""
    pilot.app._filters.append(NoColor())
    await turn(pilot, (120, 40), "fleet-ansi")


def style_of(pilot: Pilot[None], words: str) -> Style:
    """How a text on the screen is drawn."""
    for strip in pilot.app.screen._compositor.render_strips():
        for _, text, style in runs(strip):
            if words in text:
                return style
    raise AssertionError(f"{words!r} is not on the screen:\n{screen_text(pilot)}")
