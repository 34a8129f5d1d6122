"""Driving the app as an operator does: keys in, the words on the screen out."""

import asyncio
import importlib
import pkgutil
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from drawing import strips_of
from textual.dom import DOMNode
from textual.pilot import Pilot

import fleettui.ui
from fleettui.access import Observer
from fleettui.ui.app import FleetApp

TYPED = {"@": "at", ".": "full_stop", "-": "minus", "_": "underscore"}


def app_of(access: Observer, records: Path = Path("records")) -> FleetApp:
    return FleetApp(access, records)


def screen_text(pilot: Pilot[None]) -> str:
    """What a reader sees, row by row."""
    return "\n".join(strip.text for strip in strips_of(pilot.app))


async def until(pilot: Pilot[None], words: str, *, gone: bool = False, within: float = 40) -> str:
    """The screen's text once `words` are on it (or gone from it)."""
    end = monotonic() + within
    while True:
        text = screen_text(pilot)
        if (words in text) is not gone:
            return text
        assert monotonic() < end, f"{words!r} {'stayed' if gone else 'never came'}:\n{text}"
        await asyncio.sleep(0.05)


async def when(condition: Callable[[], bool], what: str, within: float = 60) -> None:
    """Return once something is so that does not stand on the screen."""
    end = monotonic() + within
    while not condition():
        assert monotonic() < end, f"it never came to this: {what}"
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


async def delete_by_keys(pilot: Pilot[None], unit: str) -> str:
    """The stage that asks for the unit's name; the screen's text after it."""
    await until(pilot, "Go on to delete", within=30)
    await press_button(pilot, "Go on to delete")
    await until(pilot, f"Type {unit}")
    await type_text(pilot, unit)
    await press_button(pilot, "Delete")
    return await until(pilot, "Go on to reload", within=40)


async def reload_by_keys(pilot: Pilot[None]) -> str:
    await press_button(pilot, "Go on to reload")
    await press_button(pilot, "Reload")
    return await until(pilot, "Go on to restart", within=30)


async def restart_by_keys(pilot: Pilot[None], full: str | None = None) -> str:
    """`full` is the host name to type for the full restart."""
    await press_button(pilot, "Go on to restart")
    await until(pilot, "It changes", within=20)
    if full is None:
        await press_button(pilot, "Restart gently")
    else:
        if "Full restart instead" in screen_text(pilot):
            await press_button(pilot, "Full restart instead")
        await until(pilot, f"Type {full}")
        await type_text(pilot, full)
        await press_button(pilot, "Stop all units and restart")
    return await until(pilot, "Go on to verify", within=120)


async def up_to_verify(pilot: Pilot[None], unit: str) -> None:
    """Every stage of a gentle repair but its proof, which then is being watched."""
    await delete_by_keys(pilot, unit)
    await reload_by_keys(pilot)
    await restart_by_keys(pilot)
    await press_button(pilot, "Go on to verify")


async def repair_by_keys(
    pilot: Pilot[None],
    unit: str,
    *,
    full: str | None = None,
    opened: Callable[[], None] = lambda: None,
    verifying: Callable[[], None] = lambda: None,
) -> Sequence[str]:
    """The wizard from `r` to its end; `full` is the host name to type for the full restart.

    `opened` is told when the wizard stands, `verifying` when the last stage was asked for, which
    asks for no confirmation. Returns the screen's text after each stage.
    """
    await pilot.press("r")
    seen = [await until(pilot, "AFFECTED")]
    opened()
    seen.append(await delete_by_keys(pilot, unit))
    seen.append(await reload_by_keys(pilot))
    seen.append(await restart_by_keys(pilot, full))
    await press_button(pilot, "Go on to verify")
    verifying()
    await until(pilot, "Repaired, and read back", within=120)
    await pilot.pause()  # its first frame may come before its columns have their room
    proof = screen_text(pilot)
    for _ in range(10):  # units that were away come first, and take the room of the proof
        if "the finding is gone" in proof:
            break
        await pilot.press("pagedown")
        await pilot.pause()
        proof += screen_text(pilot)
    seen.append(proof)
    await press_button(pilot, "Close")
    await until(pilot, "MACHINES")
    return seen


def squeezed(text: str) -> str:
    """Text with each run of blanks as one, for words that a narrow screen wraps."""
    return re.sub(r"\s+", " ", text)


def our_nodes() -> set[type[DOMNode]]:
    """Every class of ours that Textual styles."""
    for module in pkgutil.walk_packages(fleettui.ui.__path__, "fleettui.ui."):
        importlib.import_module(module.name)
    found, kinds = set[type[DOMNode]](), [DOMNode]
    while kinds:
        kinds += kinds.pop().__subclasses__()
        found.update(kind for kind in kinds if kind.__module__.startswith("fleettui."))
    return found
