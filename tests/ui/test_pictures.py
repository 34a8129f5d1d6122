"""The screenshots are those of the code; no text is faint, and ASCII is ASCII, on any screen."""

import asyncio
import importlib
import pkgutil
from collections.abc import Sequence
from difflib import unified_diff
from pathlib import Path
from time import monotonic

import pytest
from drawing import as_svg, colours, runs, strips_of
from scenes import LOOKS, Scene, State, file_name, played, turn
from take_screenshots import FOLDER
from textual.app import App
from textual.color import Color
from textual.screen import Screen
from textual.strip import Strip
from textual.theme import Theme
from textual.widgets import Button
from wizard_scenes import EVERY

import fleettui.ui
from fleettui.ui.console.screen import ConsoleScreen
from fleettui.ui.detail.screen import DetailScreen
from fleettui.ui.dialogs.rights import RightsScreen
from fleettui.ui.overview.screen import OverviewScreen
from fleettui.ui.palette import Palette
from fleettui.ui.plain_ascii import AsciiOnly
from fleettui.ui.repairs.screen import RepairsScreen
from fleettui.ui.repairs.watch import WatchScreen
from fleettui.ui.themes import DARK, LIGHT
from fleettui.ui.wizard.screen import WizardScreen

ENOUGH = 4.5
"""Contrast of text against its background, as WCAG 2 has it for AA."""


def contrast_of(one: Color, other: Color) -> float:
    """From 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    parts = [v / 255 for v in (colour.r, colour.g, colour.b)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def faint(app: App[None], strips: Sequence[Strip]) -> set[tuple[str, str, str]]:
    """Texts that stand out too little: words, colour, background."""
    screen = app.screen
    page = screen.background_colors[1].hex6
    found = set()
    if screen.is_modal:  # what lies behind is dimmed on purpose
        x, y, width, height = screen.children[0].region
        strips = [strip.crop(x, x + width) for strip in strips[y : y + height]]
    for strip in strips:
        for _, text, style in runs(strip):
            words = "".join(c for c in text if c.isalnum())
            text_colour, behind = colours(style, page)
            contrast = contrast_of(Color.parse(text_colour), Color.parse(behind))
            if words and contrast < ENOUGH and not style.dim:  # dim: a key that is greyed out
                found.add((text.strip(), text_colour, behind))
    return found


REDRAW = ".venv/bin/python tests/ui/take_screenshots.py"


@pytest.mark.parametrize("scene", EVERY, ids=lambda scene: scene.name)
async def test_the_pictures_are_those_of_the_code_readable_in_both_themes_and_in_ascii(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with played(scene, Path()) as pilot:
        for size, theme in LOOKS:
            await turn(pilot, size, theme)
            strips = await _is_drawn(pilot.app, scene.name, file_name(scene.name, size, theme))
            assert not faint(pilot.app, strips)
            plain = (strip.apply_filter(AsciiOnly(), Color(0, 0, 0)) for strip in strips)
            assert {c for strip in plain for c in strip.text if not " " <= c <= "~"} == set()
        await turn(pilot, (60, 15), theme)
        assert not _cut_off(pilot.app)


def _cut_off(app: App[None]) -> set[str]:
    """Labels of buttons that are not in view as a whole."""
    buttons = app.screen.query(Button)
    parts = {
        str(button.label): (button.region, button.region.intersection(app.screen.region))
        for button in buttons
        if button.display and button.region
    }
    cut = {label for label, (whole, seen) in parts.items() if whole != seen}
    return cut | {str(b.label) for b in buttons if b.display and not b.region}


async def _is_drawn(app: App[None], scene: str, name: str) -> Sequence[Strip]:
    """The screen, once it is that of the picture."""
    picture, end = (FOLDER / name).read_text(), monotonic() + 10
    while True:
        strips = strips_of(app)
        drawn = as_svg(app, strips)
        if drawn == picture:
            return strips
        if monotonic() > end:
            break
        await asyncio.sleep(0.05)
    kept, found = (text.split("<text") for text in (picture, drawn))
    unlike = list(unified_diff(kept, found, n=0, lineterm=""))[2:8]
    told = f"{name} is not what the code draws. If the code is right: {REDRAW} {scene}"
    raise AssertionError(f"{told}\n{unlike}")


TEXTS = ("foreground", "foreground-muted", "text-success", "text-warning", "text-error",
         "text-accent", "text-primary", "text-secondary")  # fmt: skip # one a line reads worse
GROUNDS = ("background", "surface", "panel", "primary-muted", "warning-muted", "error-muted")
"""What texts of any tone are drawn on: panes, titles, the header, the cursor, a change, a fault."""


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_texts_of_every_tone_stand_out_from_all_they_are_drawn_on(theme: Theme) -> None:
    colour = {name: Color.parse(v) for name, v in theme.to_color_system().generate().items()
              if v.startswith("#")}  # fmt: skip # one a line reads worse
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [("text-success", "success-muted"), ("text-accent", "accent-muted")]
    pairs += [("background", "warning"), ("background", "secondary"), ("background", "foreground")]
    pairs += [("text-disabled", "panel"), ("footer-key-foreground", "panel")]
    found = {p: contrast_of(colour[p[0]], colour[p[1]]) for p in pairs}
    assert {pair: ratio for pair, ratio in found.items() if ratio < ENOUGH} == {}


def test_each_screen_and_state_has_its_pictures_and_all_together_are_small() -> None:
    for module in pkgutil.walk_packages(fleettui.ui.__path__, "fleettui.ui."):
        importlib.import_module(module.name)
    ours = {kind for kind in _made_from(Screen) if kind.__module__.startswith("fleettui.")}
    screens = {kind for kind in ours if not kind.__subclasses__()}
    screens -= {Palette}  # which looks as Textual's
    assert screens == {scene.screen for scene in EVERY}
    wanted = {file_name(scene.name, *look) for scene in EVERY for look in LOOKS}
    assert {path.name for path in FOLDER.iterdir()} == wanted
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 4_000_000


_STATES = {State.FAULTED, State.LOST, State.EMPTY, State.LOADING}
_NEVER_SO = {
    DetailScreen: {State.EMPTY, State.LOADING},  # it is opened on a row
    RepairsScreen: {State.LOST, State.LOADING},  # records lie on this computer
    WatchScreen: {State.LOST, State.LOADING},  # it is opened on a lock that was read
    RightsScreen: {State.LOST, State.LOADING, State.EMPTY},  # a line a server, asked or not
    WizardScreen: {State.LOST, State.EMPTY},  # it looks by itself: see wizard-unfit
}
"""Screens that follow the cluster, and the states of it that look like another of theirs."""


def test_each_screen_that_follows_the_cluster_is_drawn_in_each_of_its_states() -> None:
    follow = {scene.screen for scene in EVERY if {"holder", "picture"} & vars(scene.screen).keys()}
    drawn = {(scene.screen, scene.state) for scene in EVERY}
    wanted = {(kind, state) for kind in follow for state in _STATES - _NEVER_SO.get(kind, set())}
    assert wanted - drawn == set()
    assert {ConsoleScreen, OverviewScreen, WizardScreen} <= follow


def _made_from(kind: type) -> set[type]:
    below: set[type] = set(kind.__subclasses__())
    return below | {one for kind in below for one in _made_from(kind)}
