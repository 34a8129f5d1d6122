"""The screen without Unicode: each line on its way to the terminal is put into ASCII."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SHAPES = {
    "●": "*", "○": "o", "◌": "~", "◆": "#", "✖": "x", "✔": "+", "❄": "%", "▲": "!", "…": "~",
    "▸": ">", "▶": ">", "▾": "v", "→": ">", "←": "<", "↑": "^", "↓": "v", "↳": ">", "↶": "<",
    "±": "~", "·": ".", "≠": "!", "\u00d7": "x", "\u2013": "-", "\u2014": "-", "\u2018": "'",
    "\u2019": "'", "\u201c": '"', "\u201d": '"', "█": "#", "▓": "#", "▒": "=", "░": ".", "■": "#",
    "□": ".", "▁": "_", "▂": ".", "▃": ":", "▄": "-", "▅": "=", "▆": "+", "▇": "*", "⭘": "o",
    "▊": "|", "▎": "|", "▔": "-", "🔎": "/",
}  # fmt: skip # one a line reads worse
_KEYS = {"↑": "up", "↓": "down", "←": "left", "→": "right", "⏎": "enter", "⌫": "backspace"}
_CORNERS = "┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬"


class AsciiOnly(LineFilter):
    """Takes what is wider than ASCII for something of the same width, whoever wrote it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(in_ascii(text), style, control) if not text.isascii() else
            Segment(text, style, control)
            for text, style, control in segments
        ]  # fmt: skip # one a line reads worse


def in_ascii(text: str) -> str:
    """Text without a character above U+007E, as many cells wide as it was."""
    return "".join(_one(character) for character in text)


def key_in_ascii(shown: str) -> str:
    """A key by its name: `v` for an arrow is a letter that does something else."""
    for sign, name in _KEYS.items():
        shown = shown.replace(sign, name)
    return shown


@lru_cache(4096)
def _one(character: str) -> str:
    if character <= "~":
        return character
    width = cell_len(character)
    if character in _SHAPES:
        return _SHAPES[character].ljust(width)
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):
        return "+" if character in _CORNERS else "|" if "VERTICAL" in name else "-"
    if "BLOCK" in name:
        return "|" if width and ("LEFT" in name or "RIGHT" in name) else "#" * width
    letter = unicodedata.normalize("NFKD", character)[:1]
    if " " <= letter <= "~":
        return letter.ljust(width)
    return "?" * width
