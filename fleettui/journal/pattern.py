"""What an operator looks for: plain text or a regular expression, in many lines at once."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from warnings import catch_warnings, simplefilter

from fleettui.journal.chunk import Chunk
from fleettui.model.untrusted import visible

_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")


class PatternWrong(ValueError):
    """The text is no regular expression; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text without signs of a regular expression is taken as it is. Capital letters are told
    from small ones only where the text has some."""

    text: str
    is_plain: bool
    exact: bool
    """Whether capital letters count."""
    _needle: bytes
    _regex: "re.Pattern[str]"
    _lines: "re.Pattern[bytes] | None"
    """For many lines at once; None where letters beyond ASCII have to be read as letters."""

    def spans(self, shown: str) -> Iterator[tuple[int, int]]:
        """Where it matches in one line."""
        return (
            found.span() for found in self._regex.finditer(shown) if found.end() > found.start()
        )

    def hits(self, chunk: Chunk, first: int = 0) -> Iterator[int]:
        """Indices of the lines of a chunk that it matches, from line `first` on."""
        if self.is_plain:
            return self._plain_hits(chunk, first)
        return self._regex_hits(chunk, first)

    def _plain_hits(self, chunk: Chunk, first: int) -> Iterator[int]:
        text = chunk.text if self.exact else chunk.text.lower()
        find, needle, ends = text.find, self._needle, chunk.ends
        at = find(needle, ends[first - 1] if first else 0)
        while 0 <= at < len(text):
            index = bisect_right(ends, at)
            yield index
            at = find(needle, ends[index])

    def _regex_hits(self, chunk: Chunk, first: int) -> Iterator[int]:
        if self._lines is None:
            matches = self._regex.search
            for index in range(first, len(chunk)):
                if matches(chunk.line(index).decode()):
                    yield index
            return
        search, text, ends = self._lines.search, chunk.text, chunk.ends
        at = ends[first - 1] if first else 0
        while (found := search(text, at)) is not None:
            index = bisect_right(ends, found.start())
            if index >= len(ends):
                return
            at = ends[index]
            begin = ends[index - 1] if index else 0
            # What begins in this line may have matched only by going on into the next one.
            if found.end() < at or search(text, begin, at - 1) is not None:
                yield index


def pattern(text: str) -> Pattern:
    """What `text` asks for. Raises PatternWrong."""
    exact = text != text.lower()
    is_plain = _SPECIAL.search(text) is None and (exact or text.isascii())
    flags = re.MULTILINE if exact else re.MULTILINE | re.IGNORECASE
    try:
        with catch_warnings():
            simplefilter("ignore", FutureWarning)  # of `[[`: nobody could read it on a full screen
            regex = re.compile(text, flags)
            lines = re.compile(text.encode(), flags) if text.isascii() else None
    except re.error as exc:
        where = "" if exc.pos is None else f", at letter {exc.pos + 1}"
        raise PatternWrong(f"no regular expression: {visible(exc.msg)}{where}") from exc
    except (OverflowError, RecursionError) as exc:
        raise PatternWrong(f"no regular expression: {exc}") from exc
    needle = (text if exact else text.lower()).encode("utf-8", "backslashreplace")
    return Pattern(text, is_plain, exact, needle, regex, lines)
