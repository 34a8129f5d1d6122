"""Text that came from etcd, a machine or a file, kept apart from our own words by its type."""

import re

import msgspec

MAX_SHOWN = 4096
"""Characters of one text that are ever shown; the rest is counted."""

_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
# Printable by Unicode's book, yet of no width or no ink: they hide or join what an operator reads.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


class Untrusted(msgspec.Struct, frozen=True, order=True, gc=False):
    """A remote string. `raw` is byte-exact for comparing and acting; `str()` is safe to look at.

    It is no `str`, so nothing that takes text accepts it unseen: mypy refuses it, and an f-string
    gets the visible form. Markup is a second danger, closed by `fleettui.ui.paint`.

    A struct, for it is the key of every table: a dataclass would be made, hashed and compared
    twenty times slower, which at 10,000 units is the greater part of all that is done.
    """

    raw: str

    def __str__(self) -> str:
        return visible(self.raw)

    def __format__(self, spec: str) -> str:
        return format(visible(self.raw), spec)

    @property
    def is_plain(self) -> bool:
        """Whether the text shows exactly as it is, so that typing it back is possible."""
        return visible(self.raw) == self.raw


def visible(raw: str) -> str:
    """`raw` with every character that a terminal would obey or hide replaced by a visible sign.

    C0 and DEL become control pictures; C1, bidi, zero-width, tag and separator characters and
    surrogates become `\\uXXXX`; a tab becomes one space; text over `MAX_SHOWN` is cut and says so.
    """
    cut = raw[:MAX_SHOWN]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(c if _shows(c) else _sign(c) for c in cut)
    hidden = len(raw) - MAX_SHOWN
    return f"{cut}... [+{hidden} chars]" if hidden > 0 else cut


def _shows(char: str) -> bool:
    return char.isprintable() and not _INVISIBLE.match(char)


def _sign(char: str) -> str:
    code = ord(char)
    if char == "\t":
        return " "
    picture = _CONTROL_PICTURES.get(code)
    if picture is not None:
        return picture
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
