"""What is not shown any more is let go: screens that were closed, and the keys of other panes."""

import gc
from collections import Counter
from pathlib import Path
from time import monotonic

import fakes
from driving import app_of, until
from textual.widget import Widget

ROUNDS = 5
"""How often a screen is opened; nothing may be held as often as that."""


def held() -> Counter[str]:
    """Widgets that are alive but on no screen, by type."""
    gc.collect()
    alive = [o for o in gc.get_objects() if isinstance(o, Widget) and not o.is_attached]
    return Counter(type(widget).__name__ for widget in alive)


async def test_closed_screens_and_keys_that_were_shown_are_not_held(tmp_path: Path) -> None:
    async with app_of(fakes.observer(), tmp_path).run_test(size=(80, 20)) as pilot:
        await until(pilot, "template-loaded")
        before = held()
        for _ in range(ROUNDS):
            await pilot.press("R")
            await until(pilot, "REPAIRS")
            await pilot.press("escape", "tab")
            await until(pilot, "FINDINGS")
        end = monotonic() + 30
        while many := _beyond(held() - before):
            assert monotonic() < end, f"held for ever: {many}"
            await pilot.pause(0.2)


def _beyond(held_now: Counter[str]) -> dict[str, int]:
    """What is held of more than the last screens, which wait for the next fact."""
    limits = {"FooterKey": 25}
    return {n: c for n, c in held_now.items() if c > limits.get(n, ROUNDS // 2)}
