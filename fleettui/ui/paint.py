"""The one way from text to the screen: our words and remote text become styled, inert content."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec
from textual.content import Content

from fleettui.model.untrusted import Untrusted


class Tone(StrEnum):
    """What a text means; the theme decides its colour, and a glyph or word says it too."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    ALARM = "alarm"
    ALERT = "alert"
    CALM = "calm"
    ACCENT = "accent"


_STYLES = {
    Tone.PLAIN: "",
    Tone.DIM: "$foreground-muted",
    Tone.STRONG: "bold",
    Tone.GOOD: "$text-success",
    Tone.WARN: "$text-warning",
    Tone.BAD: "$text-error bold",
    Tone.ALARM: "$text-error on $error-muted bold",
    Tone.ALERT: "$text-warning on $warning-muted bold",
    Tone.CALM: "$text-success on $success-muted",
    Tone.ACCENT: "$text-accent bold",
}

Piece = str | Untrusted | tuple[str | Untrusted, Tone]


class Cell(msgspec.Struct, frozen=True):
    """A text of one tone, for the widgets that draw line by line."""

    text: str
    tone: Tone = Tone.PLAIN


def cell(value: str | Untrusted, tone: Tone = Tone.PLAIN) -> Cell:
    """A cell for a table or a log; remote text in its visible form."""
    return Cell(str(value), tone)


def paint(*pieces: Piece) -> Content:
    """One run of text. Nothing in it is markup, whoever wrote it."""
    parts: list[tuple[str, str]] = []
    for piece in pieces:
        value, tone = piece if isinstance(piece, tuple) else (piece, Tone.PLAIN)
        parts.append((str(value), _STYLES[tone]))
    return Content.assemble(*parts)


def paint_lines(lines: Iterable[Content]) -> Content:
    """Several runs, one a line."""
    return Content("\n").join(list(lines))
