"""What Textual makes of our classes, and of the room that no pane takes."""

import fakes
import pytest
from drawing import strips_of
from driving import app_of, our_nodes, until
from textual.dom import DOMNode
from textual.filter import Monochrome

from fleettui.ui.console.header import StatusLines
from fleettui.ui.widgets.grid import Grid


def test_no_class_hides_the_styles_of_another_that_it_is_made_from() -> None:
    """Textual goes from a class to the first of its bases, and on from that alone, up to one that
    asks for no more.
    """
    hidden = [
        f"{kind.__name__}: {base.__name__}"
        for kind in our_nodes()
        for base in kind.__mro__
        if issubclass(base, DOMNode) and base not in kind._css_bases(kind)
        if kind._css_bases(kind)[-1]._inherit_css
        if {"DEFAULT_CSS", "COMPONENT_CLASSES"} & vars(base).keys()
    ]
    assert hidden == []


@pytest.mark.parametrize("keys", [(), ("o",)], ids=["console", "overview"])
async def test_words_under_the_mouse_can_be_marked(keys: tuple[str, ...]) -> None:
    async with app_of(fakes.observer()).run_test(size=(100, 30)) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press(*keys)
        await pilot.pause()
        await pilot.mouse_down(offset=(5, 0))
        await pilot.hover(offset=(20, 1))
        await pilot.pause(0.1)
        assert pilot.app.screen.selections
        await pilot.mouse_up(offset=(20, 1))


@pytest.mark.parametrize("size", [(80, 24), (100, 15), (120, 40), (200, 60)])
@pytest.mark.parametrize("pane", ["machines", "units", "findings"])
async def test_a_pane_alone_has_all_the_room(size: tuple[int, int], pane: str) -> None:
    async with app_of(fakes.observer()).run_test(size=size) as pilot:
        await until(pilot, "template-loaded")
        grid = pilot.app.screen.query_one(f"#{pane}", Grid)
        pilot.app.screen.set_focus(grid)
        await pilot.press("Z")
        await pilot.pause()
        head = pilot.app.screen.query_one(StatusLines).region.bottom
        assert (grid.region.y, grid.region.bottom) == (head, size[1] - 1)
        assert grid.region.width == size[0]
        alone = grid.region
        await pilot.press("escape")
        await pilot.pause()
        assert grid.region != alone


@pytest.mark.parametrize("size", [(80, 19), (100, 15), (120, 40)])
@pytest.mark.parametrize("keys", [(), ("Z",), ("shift+tab",)])
async def test_what_keeps_colours_away_keeps_all_away(
    size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    app = app_of(fakes.observer())
    app._filters.append(Monochrome())
    async with app.run_test(size=size) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press(*keys)
        await pilot.pause()
        styles = {segment.style for strip in strips_of(app) for segment in strip}
        behind = {style.bgcolor.triplet for style in styles if style and style.bgcolor}
        assert all(colour and len({*colour}) == 1 for colour in behind)
