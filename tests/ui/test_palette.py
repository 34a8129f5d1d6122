"""The command palette: where it has no page to turn, its keys do nothing."""

import fakes
import pytest
from driving import app_of, when
from textual.command import CommandList

from fleettui.ui.palette import Palette


@pytest.mark.parametrize(("rows", "highlighted"), [(24, range(3, 30)), (3, range(1))])
async def test_a_page_is_turned_where_there_is_one(rows: int, highlighted: range) -> None:
    app = app_of(fakes.observer())
    async with app.run_test(size=(80, rows)) as pilot:
        await pilot.press("colon")
        assert isinstance(app.screen, Palette)
        entries = app.screen.query_one(CommandList)
        await when(lambda: entries.highlighted == 0, "there are entries")
        await pilot.press("pagedown")
        assert entries.highlighted in highlighted
        await pilot.press("pageup")
        assert entries.highlighted == 0


async def test_there_is_one_palette_at_a_time() -> None:
    app = app_of(fakes.observer())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon")
        app.action_command_palette()
        await pilot.pause()
        assert [type(screen) for screen in app.screen_stack].count(Palette) == 1
