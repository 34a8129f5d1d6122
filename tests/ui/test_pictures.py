"""The screenshots are those of the code; no text is faint, and ASCII is ASCII, on any screen."""

import importlib
import pkgutil
from functools import partial
from pathlib import Path

import pytest
from drawing import as_svg, colours, runs
from driving import screen_text, when
from scenes import SCENES, SIZES, THEMES, Scene, file_name, played, turn
from take_screenshots import DRAWN_FROM_DEMO, FOLDER
from textual.color import Color
from textual.pilot import Pilot
from textual.screen import Screen
from textual.theme import Theme

import fleettui.ui
from fleettui.ui.plain_ascii import AsciiOnly
from fleettui.ui.themes import DARK, LIGHT

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


def faint(pilot: Pilot[None]) -> set[tuple[str, str, str]]:
    """Texts that stand out too little: words, colour, background."""
    screen = pilot.app.screen
    page = screen.background_colors[1].hex6
    found = set()
    strips = screen._compositor.render_strips()
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


COMPARED = ("console", "console-healthy", "console-never", "overview", "details-finding", "keys")
"""A picture each of what looks most unlike: comparing all of them would cost a minute."""


@pytest.mark.parametrize(
    "scene", [scene for scene in SCENES if scene.name in COMPARED], ids=lambda scene: scene.name
)
async def test_the_picture_is_that_of_the_code_readable_in_both_themes_and_in_ascii(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with played(scene, Path()) as pilot:
        for size in SIZES[:2]:  # in the order in which they are drawn
            await turn(pilot, size, THEMES[0])
            assert not faint(pilot)
            path = FOLDER / file_name(scene.name, size, THEMES[0])
            same = partial(_is_drawn_as, pilot, path.read_text())
            await when(same, f"{path.name} is what the code draws: draw it anew")
        await turn(pilot, (80, 24), THEMES[1])
        assert not faint(pilot)
        pilot.app._filters.append(AsciiOnly())
        await turn(pilot, (120, 40), "fleet-dark")
        assert {c for c in screen_text(pilot) if not c.isascii() or ord(c) > 0x7E} == set()


def _is_drawn_as(pilot: Pilot[None], picture: str) -> bool:
    return as_svg(pilot.app) == picture


TEXTS = ("foreground", "foreground-muted", "text-success", "text-warning", "text-error",
         "text-accent", "text-primary", "text-secondary")  # fmt: skip
GROUNDS = ("background", "surface", "panel", "primary-muted", "warning-muted", "error-muted")
"""What texts of any tone are drawn on: panes, titles, the header, the cursor, a change, a fault."""


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_texts_of_every_tone_stand_out_from_all_they_are_drawn_on(theme: Theme) -> None:
    colour = {name: Color.parse(v) for name, v in theme.to_color_system().generate().items()
              if v.startswith("#")}  # fmt: skip
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
    drawn = {scene.screen for scene in SCENES} | set(DRAWN_FROM_DEMO.values())
    assert screens == drawn
    names = {scene.name for scene in SCENES} | DRAWN_FROM_DEMO.keys()
    wanted = {file_name(name, size, theme) for name in names for size in SIZES for theme in THEMES}
    assert {path.name for path in FOLDER.iterdir()} == wanted
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 4_000_000


def _made_from(kind: type) -> set[type]:
    below: set[type] = set(kind.__subclasses__())
    return below | {one for kind in below for one in _made_from(kind)}
