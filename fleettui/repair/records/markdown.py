"""Text as Markdown that shows it as it is: nothing in it becomes markup, a link or HTML."""

import re

from fleettui.model.untrusted import MAX_SHOWN, Untrusted, visible

_ANYWHERE = re.compile(r"[\\`*_\[\]<>&|~$@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What is markup wherever it stands: GitHub links addresses, and names after an @, by itself."""
_AT_BEGIN = re.compile(r"(?<=^\d)[.)]|(?<=^\d\d)[.)]|^[#+=-]")
"""What makes a heading, a list or a rule of a line that begins with it."""
_BACKTICKS = re.compile(r"`+")


def prose(text: Untrusted | str) -> str:
    """Text within a line, with every character escaped that Markdown could read as more.

    Control characters are made visible, and a line end becomes a sign: it stays one line.
    """
    shown = " ".join(str(text if isinstance(text, Untrusted) else Untrusted(text)).split())
    return _AT_BEGIN.sub(r"\\\g<0>", _ANYWHERE.sub(r"\\\g<0>", shown))


def code(text: Untrusted | str) -> str:
    """A code span, also within a table; what it holds is read by nobody as markup."""
    shown = str(text if isinstance(text, Untrusted) else Untrusted(text)).strip()
    if not shown:
        return "(empty)"
    fence = "`" * (_longest(shown) + 1)
    pad = " " if "`" in {shown[0], shown[-1]} else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(text: Untrusted | str) -> str:
    """A code span within a table, where a bar would end the cell."""
    return code(text).replace("|", r"\|")


def block(text: str, indent: str = "") -> list[str]:
    """Lines of a fenced block; the text may have several lines, and none of them ends the fence."""
    lines = [_whole(line) for line in text.split("\n")]
    fence = "`" * max(3, _longest(text) + 1)
    return [f"{indent}{line}" if line else "" for line in (f"{fence}sh", *lines, fence)]


def _whole(line: str) -> str:
    """A line that is safe to show, however long it is: a command is not cut."""
    pieces = range(0, len(line), MAX_SHOWN)
    return "".join(visible(line[start : start + MAX_SHOWN]) for start in pieces)


def _longest(text: str) -> int:
    """The longest run of backticks in a text."""
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
