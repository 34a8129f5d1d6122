"""The colours: a dark theme, a light one, and one of the terminal's own sixteen."""

from pathlib import Path

import msgspec
from rich.console import Console
from textual.theme import Theme

# Muted text and the colours of states are opaque and fixed, so that their contrast can be computed
# for each background they are drawn on: tests/ui/test_looks.py.

DARK = Theme(
    name="fleet-dark",
    dark=True,
    primary="#4ea1f3",
    secondary="#3fb6c6",
    accent="#f2b64b",
    warning="#eebf55",
    error="#e5646e",
    success="#4cc58a",
    foreground="#dfe6ee",
    background="#0e1319",
    surface="#171e27",
    panel="#1d2733",
    variables={
        "foreground-muted": "#93a1b1",
        "text": "#dfe6ee",
        "text-muted": "#93a1b1",
        "text-disabled": "#8593a3",
        "text-primary": "#79bbff",
        "text-secondary": "#64d0de",
        "text-accent": "#f5c163",
        "text-warning": "#f3c866",
        "text-error": "#ff959c",
        "text-success": "#66d89f",
        "primary-muted": "#173450",
        "secondary-muted": "#123a41",
        "accent-muted": "#42310f",
        "warning-muted": "#3f320f",
        "error-muted": "#3f1c22",
        "success-muted": "#123526",
        "footer-key-foreground": "#f5c163",
        "border": "#4ea1f3",
        "border-blurred": "#3a4654",
        "scrollbar": "#3a4b5e",
        "scrollbar-background": "#12181f",
        "button-color-foreground": "#0e1319",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-background": "#1f4d7a",
        "input-selection-background": "#1f4d7a",
    },
)

LIGHT = Theme(
    name="fleet-light",
    dark=False,
    primary="#0b5cab",
    secondary="#0b6a75",
    accent="#8f4a00",
    warning="#8a5a00",
    error="#b4232d",
    success="#12693f",
    foreground="#1b2632",
    background="#fcfcfa",
    surface="#f0f2f4",
    panel="#e6eaee",
    variables={
        "foreground-muted": "#54606c",
        "text": "#1b2632",
        "text-muted": "#54606c",
        "text-disabled": "#5b6773",
        "text-primary": "#0b559e",
        "text-secondary": "#08606a",
        "text-accent": "#834400",
        "text-warning": "#744b00",
        "text-error": "#a51e28",
        "text-success": "#0d5f38",
        "primary-muted": "#d5e7fa",
        "secondary-muted": "#d3eef1",
        "accent-muted": "#fbe6cd",
        "warning-muted": "#fbeebf",
        "error-muted": "#fce3e4",
        "success-muted": "#d8f1e3",
        "footer-key-foreground": "#834400",
        "border": "#0b5cab",
        "border-blurred": "#b5bec7",
        "scrollbar": "#aab6c2",
        "scrollbar-background": "#eceff1",
        "button-color-foreground": "#ffffff",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-background": "#0b5cab",
        "input-selection-background": "#b9d7f5",
    },
)

SIXTEEN = Theme(
    name="fleet-ansi",
    ansi=True,
    dark=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    accent="ansi_yellow",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "foreground-muted": "ansi_default",
        "text-muted": "ansi_default",
        "text-disabled": "ansi_default",
        "text-primary": "ansi_bright_blue",
        "text-secondary": "ansi_cyan",
        "text-accent": "ansi_yellow",
        "text-warning": "ansi_yellow",
        "text-error": "ansi_bright_red",
        "text-success": "ansi_green",
        "primary-muted": "ansi_default",
        "secondary-muted": "ansi_default",
        "accent-muted": "ansi_default",
        "warning-muted": "ansi_default",
        "error-muted": "ansi_default",
        "success-muted": "ansi_default",
        "footer-key-foreground": "ansi_yellow",
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
    },
)


class Looks(msgspec.Struct, frozen=True):
    """What a session wants to look like."""

    theme: str = DARK.name
    is_ascii: bool = False
    """Whether the screen holds no character above U+007E."""
    welcomed: Path | None = None
    """The file whose presence says that a newcomer was welcomed; None = nobody is."""


THEMES = (DARK, LIGHT, SIXTEEN)


def looks(theme: str, *, is_ascii: bool, welcomed: Path | None = None) -> Looks:
    """From the setting: `dark`, `light`, `ansi`, or `auto` for what suits the terminal."""
    if theme == "auto":
        theme = "ansi" if Console().color_system == "standard" else "dark"
    return Looks(f"fleet-{theme}", is_ascii, welcomed)


def other_than(name: str) -> Theme:
    """The theme to go to from another one: light from whatever is dark, and back."""
    return DARK if name == LIGHT.name else LIGHT
