"""The patterns of `Conflicts=` and `Replaces=`, matched as Go's path.Match does for fleet."""

import re
from functools import lru_cache

LONGEST = 1024
"""Characters of a pattern that is looked at: to compile one costs by its length, and the longest
name that systemd takes has 255."""

_SPECIAL = re.compile(r"[*?\[\\]")


def matches(pattern: str, name: str) -> bool:
    """Whether the whole of `name` matches; a malformed or endless pattern matches nothing.

    `*` is any run without a slash, `?` one such character, `[a-z]` and `[^a-z]` one of a class, a
    backslash takes the next character as it is. Behind a star Go goes on byte by byte, which shows
    only in names that are not ASCII, such as systemd does not take.
    """
    if _SPECIAL.search(pattern) is None:
        return pattern == name
    if len(pattern) > LONGEST:
        return False
    compiled = _compiled(pattern)
    return compiled is not None and compiled.match(name) is not None


class _Malformed(Exception):
    """Go gives up on the pattern; fleet then takes it for one that matches nothing."""


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(_translated(pattern))
    except _Malformed:
        return None


def _translated(pattern: str) -> str:
    """Each stretch behind a star takes its first fitting place and never goes back, as in Go.

    The groups are atomic for it, which also bounds the cost of a hostile pattern.
    """
    first, *others = _stretches(pattern)
    if not others:
        return rf"{first}\Z"
    *middle, last = others
    kept = "".join(f"(?>[^/]*?{stretch})" for stretch in middle if stretch)
    return rf"{first}{kept}[^/]*?{last}\Z"


def _stretches(pattern: str) -> list[str]:
    """What stands before, between and behind the stars, as regular expressions."""
    found = [""]
    at = 0
    while at < len(pattern):
        match pattern[at]:
            case "*":
                found.append("")
                at += 1
                continue
            case "?":
                piece, at = "[^/]", at + 1
            case "[":
                piece, at = _class(pattern, at + 1)
            case _:
                char, at = _literal(pattern, at)
                piece = re.escape(char)
        found[-1] += piece
    return found


def _class(pattern: str, at: int) -> tuple[str, int]:
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    first = True
    while first or not pattern.startswith("]", at):
        low, at = _bound(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _bound(pattern, at + 1)
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        first = False
    if not ranges:  # such as [z-a]: no character is in it
        return (r"[\s\S]" if negated else r"[^\s\S]"), at + 1
    return f"[{'^' * negated}{''.join(ranges)}]", at + 1


def _bound(pattern: str, at: int) -> tuple[str, int]:
    if pattern.startswith(("-", "]"), at):
        raise _Malformed
    return _literal(pattern, at)


def _literal(pattern: str, at: int) -> tuple[str, int]:
    """One character, and where the pattern goes on; what ends too early is malformed."""
    at += pattern.startswith("\\", at)
    if at >= len(pattern):
        raise _Malformed
    return pattern[at], at + 1
