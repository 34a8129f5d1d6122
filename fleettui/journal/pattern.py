"""What an operator looks for: plain text or a regular expression, in many lines at once."""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from fleettui.journal.chunk import Chunk
from fleettui.model.untrusted import visible

if TYPE_CHECKING:
    import re2

_SPECIAL = frozenset("\\.^$*+?{}[]|()")
_CASELESS = re.compile(rb"[^A-Za-z]+")
_SHORTEST_ANCHOR = 3
"""Bytes; what is shorter stands in too many lines."""
_MISSES = 32
"""In one chunk: more, and looking at each costs more than making all of it small letters."""
MEMORY = 1 << 20
"""Bytes that an expression may take while it searches; with none left it goes on, but slower."""
LARGEST = 500
"""States of an expression, beside those of its own letters: a searched letter may take as many
steps."""


_GOES_BACK = re.compile(r"invalid (perl operator: \(\?[=!<]|escape sequence: \\[1-9])")
"""What RE2 says of a look ahead or behind, and of a reference back."""


class PatternWrong(ValueError):
    """The text is no regular expression, or one that is too large; the message says why."""


class Pattern(msgspec.Struct, frozen=True):
    """A text without signs of a regular expression is taken as it is. Capital letters are told
    from small ones only where the text has some."""

    text: str
    is_plain: bool
    exact: bool
    """Whether capital letters count."""
    _needle: bytes
    _anchor: bytes
    """The longest part of the needle that is written in one way only; empty where none helps."""
    _regex: "re2._Regexp"
    _sign: "re2._Regexp"
    """What stands in every text that the needle stands in."""

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
        text, begin = chunk.text, chunk.ends[first - 1] if first else 0
        # RE2 looks at many bytes at once, `find` at one after the other; but it is slow to say
        # where it found something, and most chunks have nothing.
        if self._sign.search(text, begin) is None:
            return iter(())
        if self.exact:
            return _found(text, self._needle, chunk.ends, begin)
        if self._anchor:
            return self._anchored_hits(text, chunk.ends, begin)
        return _found(text.lower(), self._needle, chunk.ends, begin)

    def _anchored_hits(
        self, text: bytes | bytearray, ends: "array[int]", begin: int
    ) -> Iterator[int]:
        """Look for the anchor, and around it for the rest of the needle."""
        needle, anchor = self._needle, self._anchor
        before, misses = needle.find(anchor), 0
        at = text.find(anchor, begin + before)
        while at >= 0:
            if text[at - before : at - before + len(needle)].lower() == needle:
                index = bisect_right(ends, at)
                yield index
                begin = ends[index]
                at = text.find(anchor, begin + before)
                continue
            misses += 1
            if misses > _MISSES:
                yield from _found(text.lower(), needle, ends, begin)
                return
            at = text.find(anchor, at + 1)

    def _regex_hits(self, chunk: Chunk, first: int) -> Iterator[int]:
        search, text, ends = self._regex.search, chunk.text, chunk.ends
        at = ends[first - 1] if first else 0
        while (found := search(text, at)) is not None:
            index = bisect_right(ends, found.start())
            if index >= len(ends):
                return
            yield index
            at = ends[index]


def _found(text: bytes | bytearray, needle: bytes, ends: "array[int]", begin: int) -> Iterator[int]:
    """Indices of the lines that hold a needle, from a place in their text on."""
    find = text.find
    at = find(needle, begin)
    while 0 <= at < len(text):
        index = bisect_right(ends, at)
        yield index
        at = find(needle, ends[index])


def _anchor_of(needle: bytes) -> bytes:
    longest: bytes = max(_CASELESS.findall(needle), key=len, default=b"")
    return longest if len(longest) >= _SHORTEST_ANCHOR else b""


def pattern(text: str) -> Pattern:
    """What `text` asks for. Raises PatternWrong."""
    exact = text != text.lower()
    is_plain = _SPECIAL.isdisjoint(text) and (exact or text.isascii())
    needle = (text if exact else text.lower()).encode("utf-8", "backslashreplace")
    regex, anchor = _compiled(text, exact=exact), _anchor_of(needle)
    sign = needle if exact else anchor
    literal = _compiled(sign.decode(), exact=True) if is_plain and sign else regex
    return Pattern(text, is_plain, exact, needle, anchor, regex, literal)


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
        hint = "; a search looks at no text twice, leave it out" if _GOES_BACK.match(said) else ""
        raise PatternWrong(f"no regular expression: {said}{hint}") from exc
    if regex.programsize > LARGEST + 4 * len(text):
        raise PatternWrong("too large an expression: repeat something less often, or without end")
    return regex
