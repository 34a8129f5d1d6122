"""Driving the app as an operator does: keys in, the words on the screen out."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from textual.pilot import Pilot

from fleettui.access import Observer
from fleettui.ui.app import FleetApp

TYPED = {"@": "at", ".": "full_stop", "-": "minus", "_": "underscore"}


def app_of(access: Observer, records: Path = Path("records")) -> FleetApp:
    return FleetApp(access, records)


def screen_text(pilot: Pilot[None]) -> str:
    """What a reader sees, row by row."""
    size = pilot.app.size
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips[: size.height])


async def until(pilot: Pilot[None], words: str, *, gone: bool = False, within: float = 10) -> str:
    """The screen's text once `words` are on it (or gone from it)."""
    end = monotonic() + within
    while True:
        text = screen_text(pilot)
        if (words in text) is not gone:
            return text
        assert monotonic() < end, f"{words!r} {'stayed' if gone else 'never came'}:\n{text}"
        await asyncio.sleep(0.05)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Type a name letter by letter."""
    await pilot.press(*(TYPED.get(c, c) for c in text))


async def press_button(pilot: Pilot[None], label: str) -> None:
    """Go to a button by tab and press it with enter, as a hand does: not faster than a held key."""
    for _ in range(12):
        focused = pilot.app.focused
        if focused is not None and str(getattr(focused, "label", "")).strip() == label:
            await asyncio.sleep(0.9)
            await pilot.press("enter")
            return
        await pilot.press("tab")
    raise AssertionError(f"no way by tab to {label!r}:\n{screen_text(pilot)}")


async def repair_by_keys(
    pilot: Pilot[None], unit: str, *, full: str | None = None
) -> Sequence[str]:
    """The wizard from `r` to its end; `full` is the host name to type for the full restart.

    Returns the screen's text after each stage.
    """
    seen = []
    await pilot.press("r")
    seen.append(await until(pilot, "AFFECTED"))
    await until(pilot, "Go on to delete")
    await press_button(pilot, "Go on to delete")
    await until(pilot, f"Type {unit}")
    await type_text(pilot, unit)
    await press_button(pilot, "Delete")
    seen.append(await until(pilot, "Go on to reload", within=40))
    await press_button(pilot, "Go on to reload")
    await press_button(pilot, "Reload")
    seen.append(await until(pilot, "Go on to restart", within=30))
    await press_button(pilot, "Go on to restart")
    await until(pilot, "What will run")
    if full is None:
        await press_button(pilot, "Restart gently")
    else:
        if "Full restart instead" in screen_text(pilot):
            await press_button(pilot, "Full restart instead")
        await until(pilot, f"Type {full}")
        await type_text(pilot, full)
        await press_button(pilot, "Stop all units and restart")
    seen.append(await until(pilot, "Go on to verify", within=120))
    await press_button(pilot, "Go on to verify")
    seen.append(await until(pilot, "Repaired, and read back", within=120))
    await press_button(pilot, "Close")
    await until(pilot, "MACHINES")
    return seen


def squeezed(text: str) -> str:
    """Text with each run of blanks as one, for words that a narrow screen wraps."""
    return re.sub(r"\s+", " ", text)
