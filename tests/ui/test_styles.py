"""What Textual makes of our classes, and of the room that no pane takes."""

import fakes
import pytest
from driving import app_of, our_nodes, until
from textual.dom import DOMNode


def test_no_class_hides_the_styles_of_another_that_it_is_made_from() -> None:
    """Textual goes from a class to the first of its bases, and on from that alone."""
    hidden = [
        f"{kind.__name__}: {base.__name__}"
        for kind in our_nodes()
        for base in kind.__mro__
        if issubclass(base, DOMNode) and base not in kind._css_bases(kind)
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
