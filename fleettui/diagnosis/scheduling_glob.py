"""The patterns of `Conflicts=` and `Replaces=`, matched as Go's path.Match does for fleet."""

from dataclasses import dataclass


class _BadPattern(Exception):
    """Go gives up on the pattern; fleet then takes it for one that matches nothing."""


def matches(pattern: str, name: str) -> bool:
    """Whether the whole of `name` matches; a malformed pattern matches nothing.

    `*` is any run without a slash, `?` one such character, `[a-z]` and `[^a-z]` one of a class, a
    backslash takes the next character as it is. The cost is bounded by the product of the lengths:
    a hostile pattern cannot make it explode.
    """
    try:
        return _matches(pattern, name)
    except _BadPattern:
        return False


def _matches(pattern: str, name: str) -> bool:
    at, start = 0, 0
    while at < len(pattern):
        chunk = _Chunk.at(pattern, at)
        if chunk.after_star and chunk.is_empty:
            return "/" not in name[start:]
        found = _find(chunk, name, start)
        if found is None:
            return False
        at, start = chunk.end, found
    return start == len(name)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A stretch of a pattern without a star, and whether stars stand before it."""

    pattern: str
    start: int
    end: int
    after_star: bool

    @classmethod
    def at(cls, pattern: str, at: int) -> "_Chunk":
        start = at
        while start < len(pattern) and pattern[start] == "*":
            start += 1
        end, in_class = start, False
        while end < len(pattern) and (in_class or pattern[end] != "*"):
            if pattern[end] == "\\" and end + 1 < len(pattern):
                end += 1
            elif pattern[end] in "[]":
                in_class = pattern[end] == "["
            end += 1
        return cls(pattern, start, end, start > at)

    @property
    def is_empty(self) -> bool:
        return self.start == self.end

    @property
    def is_last(self) -> bool:
        return self.end == len(self.pattern)


def _find(chunk: _Chunk, name: str, start: int) -> int | None:
    """Where the name goes on after the chunk's first fitting place at or behind `start`."""
    for place in range(start, len(name) + 1):
        end = _fit(chunk, name, place)
        if end is not None and (end == len(name) or not chunk.is_last):
            return end
        if not chunk.after_star or name[place : place + 1] == "/":
            return None
    return None


def _fit(chunk: _Chunk, name: str, place: int) -> int | None:
    """Where the name goes on after the chunk, if it fits right here."""
    pattern, at = chunk.pattern, chunk.start
    while at < chunk.end:
        if place == len(name):
            return None
        char = name[place]
        match pattern[at]:
            case "[":
                fits, at = _in_class(pattern, at + 1, chunk.end, char)
            case "?":
                fits, at = char != "/", at + 1
            case _:
                wanted, at = _literal(pattern, at, chunk.end)
                fits = wanted == char
        if not fits:
            return None
        place += 1
    return place


def _in_class(pattern: str, at: int, end: int, char: str) -> tuple[bool, int]:
    """Whether a character is of the class that begins at `at`, and where the class ends."""
    negated = at < end and pattern[at] == "^"
    at += negated
    found, first = False, True
    while first or at >= end or pattern[at] != "]":
        low, at = _bound(pattern, at, end)
        high = low
        if at < end and pattern[at] == "-":
            high, at = _bound(pattern, at + 1, end)
        found = found or low <= char <= high
        first = False
    return found != negated, at + 1


def _bound(pattern: str, at: int, end: int) -> tuple[str, int]:
    if at >= end or pattern[at] in "-]":
        raise _BadPattern
    bound, at = _literal(pattern, at, end)
    if at >= end:
        raise _BadPattern
    return bound, at


def _literal(pattern: str, at: int, end: int) -> tuple[str, int]:
    if pattern[at] == "\\":
        at += 1
        if at >= end:
            raise _BadPattern
    return pattern[at], at + 1
