"""Lines out of blocks of bytes, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass

LINE_LIMIT = 1024 * 1024
"""Bytes of the longest line that is kept."""
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line over the limit: how it began, and how long it was."""

    head: bytes
    size: int
    """Bytes, without the newline."""


class LineCutter:
    """Cuts a stream into lines. Of a line over the limit only the head stays in memory."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> Iterator[bytes | TooLong]:
        """The lines that `block` completes, without their newlines."""
        *ends, rest = block.split(b"\n")
        for end in ends:
            self._add(end)
            yield self._line()
        self._add(rest)

    def flush(self) -> bytes | TooLong | None:
        """What stood after the last newline, None if nothing."""
        return self._line() if self._size else None

    def _add(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        self._pieces.append(piece)
        if self._size > self._limit:
            self._pieces = [b"".join(self._pieces)[:_HEAD]]

    def _line(self) -> bytes | TooLong:
        line, size = b"".join(self._pieces), self._size
        self._pieces, self._size = [], 0
        return line if size <= self._limit else TooLong(line[:_HEAD], size)
