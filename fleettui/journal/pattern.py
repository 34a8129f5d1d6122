"""What an operator looks for: plain text or a regular expression, in many lines at once."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fleettui.journal.chunk import Chunk
from fleettui.model.untrusted import visible

if TYPE_CHECKING:
    import re2

_SPECIAL = frozenset("\\.^$*+?{}[]|()")
MEMORY = 1 << 20
"""Bytes that an expression may take while it searches; with none left it goes on, but slower."""
LARGEST = 500
"""States of an expression, beside those of its own letters: a searched letter may take as many
steps."""


class PatternWrong(ValueError):
    """The text is no regular expression, or one that is too large; the message says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text without signs of a regular expression is taken as it is. Capital letters are told
    from small ones only where the text has some."""

    text: str
    is_plain: bool
    exact: bool
    """Whether capital letters count."""
    _needle: bytes
    _regex: "re2._Regexp"

    def spans(self, shown: str) -> Iterator[tuple[int, int]]:
        """Where it matches in one line, which holds no half of a surrogate."""
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
        search, text, ends = self._regex.search, chunk.text, chunk.ends
        at = ends[first - 1] if first else 0
        while (found := search(text, at)) is not None:
            index = bisect_right(ends, found.start())
            if index >= len(ends):
                return
            yield index
            at = ends[index]


def pattern(text: str) -> Pattern:
    """What `text` asks for. Raises PatternWrong."""
    exact = text != text.lower()
    is_plain = _SPECIAL.isdisjoint(text) and (exact or text.isascii())
    needle = (text if exact else text.lower()).encode("utf-8", "backslashreplace")
    return Pattern(text, is_plain, exact, needle, _compiled(text, exact=exact))


def _compiled(text: str, *, exact: bool) -> "re2._Regexp":
    """An expression whose search takes time in proportion to the text, whatever both hold.

    `re` goes back and tries again: `(a+)+$` on a line of forty `a` and a `!` would hold up the
    console for hours, and anyone may write such a line. RE2 never goes back; therefore it has no
    `(?=`, no `(?<=` and no `\\1`.
    """
    import re2  # takes 10 ms, and nobody searches before the first paint

    options = re2.Options()
    options.case_sensitive = exact
    options.log_errors = False
    options.max_mem = MEMORY
    options.never_nl = True  # no match goes on in the next line
    try:
        re2.compile(text.encode("utf-8", "backslashreplace"), options)
        regex = re2.compile(f"(?m){text}".encode("utf-8", "backslashreplace"), options)
    except re2.error as exc:
        said = visible(exc.args[0].decode("utf-8", "backslashreplace"))
        raise PatternWrong(f"no regular expression: {said}") from exc
    if regex.programsize > LARGEST + 4 * len(text):
        raise PatternWrong("too large an expression: repeat something less often, or without end")
    return regex
