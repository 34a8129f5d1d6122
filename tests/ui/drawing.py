"""A screen as a small SVG: one rectangle a background, one text a run, nothing fetched."""

from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from textual._context import visible_screen_stack
from textual.app import App
from textual.color import Color
from textual.strip import Strip

WIDE, HIGH = 8.4, 17.0
"""Pixels of a cell."""
Run = tuple[int, str, Style]
"""Column, text, style."""


def strips_of(app: App[None]) -> list[Strip]:
    """What is on the screen right now, row by row; behind a dialog what it was opened on."""
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()[: app.size.height]


def as_svg(app: App[None], strips: Iterable[Strip]) -> str:
    """The rows of a screen as a picture."""
    size = app.size
    page = app.screen.background_colors[1].hex6
    classes: dict[str, str] = {}
    rows = "".join(_row(y, strip, page, classes) for y, strip in enumerate(strips))
    styles = "".join(f".{name}{{{css}}}" for css, name in classes.items())
    wide, high = size.width * WIDE + 16, size.height * HIGH + 16
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}">'
        f"<style>text{{font:14px Menlo,'DejaVu Sans Mono',monospace;white-space:pre}}{styles}"
        f'</style><rect width="100%" height="100%" rx="6" fill="{page}"/>'
        f'<g transform="translate(8,8)">{rows}</g></svg>\n'
    )


def runs(strip: Strip) -> Iterator[Run]:
    """Neighbours of one style are one run."""
    column = 0
    for style, group in groupby(strip, key=lambda segment: segment.style or Style()):
        segments = list(group)
        yield column, "".join(segment.text for segment in segments), style
        column += sum(segment.cell_length for segment in segments)


def colours(style: Style, page: str) -> tuple[str, str]:
    """Text and background in hex, as they are seen."""
    text = _hex(style, "color", "#ffffff")
    behind = _hex(style, "bgcolor", page)
    return (behind, text) if style.reverse else (text, behind)


def _hex(style: Style, which: str, otherwise: str) -> str:
    colour = getattr(style, which)
    if colour is None or colour.is_default:
        return otherwise
    return Color.from_rich_color(colour).hex6


def _row(y: int, strip: Strip, page: str, classes: dict[str, str]) -> str:
    drawn = list(runs(strip))
    return "".join((*_behind(y, drawn, page), *_texts(y, drawn, page, classes)))


def _behind(y: int, drawn: Iterable[Run], page: str) -> Iterator[str]:
    for fill, group in groupby(drawn, key=lambda run: colours(run[2], page)[1]):
        parts = list(group)
        if fill != page:
            left = parts[0][0]
            width = sum(Segment(text).cell_length for _, text, _ in parts)
            yield (
                f'<rect x="{left * WIDE:.1f}" y="{y * HIGH:.1f}" width="{width * WIDE:.1f}" '
                f'height="{HIGH}" fill="{fill}"/>'
            )


def _texts(y: int, drawn: Iterable[Run], page: str, classes: dict[str, str]) -> Iterator[str]:
    for column, text, style in drawn:
        for start, word in _words(text):
            css = f"fill:{colours(style, page)[0]}" + (";font-weight:bold" if style.bold else "")
            name = classes.setdefault(css, f"s{len(classes)}")
            left, width = column + Segment(text[:start]).cell_length, Segment(word).cell_length
            yield (
                f'<text class="{name}" x="{left * WIDE:.1f}" y="{y * HIGH + 13:.0f}" '
                f'textLength="{width * WIDE:.1f}">{escape(word, quote=False)}</text>'
            )


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Pieces without two blanks in a row, each where it begins."""
    start = 0
    for piece in text.split("  "):
        word = piece.strip(" ")
        if word:
            yield start + len(piece) - len(piece.lstrip(" ")), word
        start += len(piece) + 2
