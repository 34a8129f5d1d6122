"""Leaving: what is asked while a step is under way, and what open screens let go of."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.screen import Screen

from fleettui.ui.paint import Tone, paint, paint_lines

if TYPE_CHECKING:
    from fleettui.ui.dialogs.question import QuestionScreen

LET_GO_WITHIN = 0.4
"""Seconds that quitting waits for a repair to be let go; its lock expires by itself anyway."""


def is_acting(screens: Iterable[Screen[object]]) -> bool:
    """Whether one of the screens changes something right now."""
    return any(getattr(screen, "is_acting", False) for screen in screens)


def acting_question() -> "QuestionScreen":
    """Whether to leave although a step is under way."""
    from fleettui.ui.dialogs.question import QuestionScreen

    words = paint_lines(
        [
            paint(("A repair step is under way.", Tone.STRONG)),
            paint("Quit now, and its result is not read back: the record says so."),
        ]
    )
    return QuestionScreen(words, yes="Quit all the same", no="Stay")


async def let_go(screens: Iterable[Screen[object]]) -> None:
    """Have each screen give back what it holds, one that hangs left behind."""
    for screen in screens:
        letting_go = getattr(screen, "let_go", None)
        if letting_go is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LET_GO_WITHIN):
                    await letting_go()
