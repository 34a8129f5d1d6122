"""The rows of one stream: which of its lines are shown, and where each stands."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

import msgspec

from fleettui.journal.chunk import Chunk
from fleettui.journal.columns import Code
from fleettui.journal.pattern import Pattern
from fleettui.journal.ring import Stream

Hits = Callable[[Chunk, int], Iterable[int]]
"""The lines of a chunk that are looked for, from one of its lines on."""


class Place(NamedTuple):
    """Where a line stands among all lines. Places of one stream are ordered by its journal."""

    key: int
    """Microseconds by the corrected clock."""
    stream: int
    number: int


class Wanted(msgspec.Struct, frozen=True):
    """What is to be shown."""

    filter: Pattern | None = None
    context: int = 0
    """Rows shown before and after each that is wanted."""
    codes: frozenset[Code] | None = None
    """Only lines of these codes; None = all. Rules are always shown."""
    folded: bool = True
    muted: frozenset[int] = frozenset()
    """Streams that are not shown."""

    @property
    def is_everything(self) -> bool:
        """Whether no line is left out; folding leaves none out."""
        return self.filter is None and self.codes is None


class _Part(msgspec.Struct):
    """The rows of one chunk, as indices of its lines."""

    chunk: Chunk
    rows: Sequence[int] = ()
    hits: "array[int]" = msgspec.field(default_factory=lambda: array("H"))
    """Candidates that are wanted for themselves, not as context."""
    scanned: int = 0
    """Lines that were looked at."""
    rows_before: int = 0
    """Rows of all parts before it, also of those that went since the first was looked at."""
    lines_before: int = 0
    """Lines that those rows stand for."""


class Rows:
    """The rows of one stream under one `Wanted`."""

    def __init__(self, number: int, stream: Stream, wanted: Wanted) -> None:
        self._number = number
        self._stream = stream
        self._wanted = wanted
        self._parts: list[_Part] = []
        self._unfolded: set[int] = set()
        """Numbers of folded lines whose repeats are shown all the same."""
        self.update()

    def update(self) -> None:
        """Take note of the lines that came and went."""
        parts, chunks = self._parts, self._stream.chunks
        gone = bisect_left(parts, self._stream.first, key=_start)
        if gone:
            del parts[:gone]
            self._unfolded = {n for n in self._unfolded if n >= self._stream.first}
        first = max(len(parts) - 1, 0)
        parts += [_Part(chunk) for chunk in chunks[len(parts) :]]
        for index in range(first, len(parts)):
            if parts[index].scanned < len(parts[index].chunk):
                self._look(index)
        self._recount(first)

    def unfold(self, number: int) -> bool:
        """Show each line that a folded row stands for, or fold them again; whether there are."""
        index = self._stream.chunk_of(number)
        chunk = self._parts[index].chunk
        head = chunk.head(number - chunk.start)
        if chunk.count(head) < 2:
            return False
        self._unfolded ^= {chunk.start + head}
        part = self._parts[index]
        part.hits, part.scanned = array("H"), 0
        self._look(index)
        self._recount(index)
        return True

    def is_folded(self, number: int) -> bool:
        """Whether a row stands for its repeats too."""
        return self._wanted.folded and number not in self._unfolded

    # --- counting ----------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many rows are shown; a folded run of repeats is one."""
        if not self._parts:
            return 0
        first, last = self._parts[0], self._parts[-1]
        return last.rows_before + len(last.rows) - first.rows_before

    @property
    def lines(self) -> int:
        """Lines that the rows stand for, rules excepted."""
        if not self._parts:
            return 0
        first, last = self._parts[0], self._parts[-1]
        return last.lines_before + self._lines_in(last) - first.lines_before

    def rank(self, place: Place) -> int:
        """How many rows stand before a place."""
        index, row = self._seek(place)
        if index == len(self._parts):
            return self.count
        return self._parts[index].rows_before - self._parts[0].rows_before + row

    def _recount(self, changed: int) -> None:
        """Count again what is before the parts behind one that changed, as its neighbour did where
        context is shown."""
        for before, part in pairwise(self._parts[max(changed - 1, 0) :]):
            part.rows_before = before.rows_before + len(before.rows)
            part.lines_before = before.lines_before + self._lines_in(before)

    def _lines_in(self, part: _Part) -> int:
        chunk, folded = part.chunk, self._wanted.folded
        if self._wanted.is_everything:
            return len(chunk) - chunk.rules
        rules = sum(chunk.codes[row] == Code.RULE for row in part.rows) if chunk.rules else 0
        if not folded:
            return len(part.rows) - rules
        start = chunk.start
        counts = (chunk.count(row) for row in part.rows if start + row not in self._unfolded)
        return sum(counts) + len(self._unfolded.intersection(start + r for r in part.rows)) - rules

    # --- walking -----------------------------------------------------------------------------

    def forward(self, place: Place | None) -> Iterator[Place]:
        """Rows from a place on; None = from the first."""
        index, row = (0, 0) if place is None else self._seek(place)
        for part in self._parts[index:]:
            for i in islice(part.rows, row, None):
                yield self._at(part, i)
            row = 0

    def backward(self, place: Place | None) -> Iterator[Place]:
        """Rows before a place, the nearest first; None = from the last."""
        parts = self._parts
        index, row = (len(parts), 0) if place is None else self._seek(place)
        if row:
            part = parts[index]
            yield from (self._at(part, part.rows[i]) for i in range(row - 1, -1, -1))
        for part in reversed(parts[:index]):
            yield from (self._at(part, i) for i in reversed(part.rows))

    def find(self, hits: Hits, place: Place | None, *, back: bool) -> Place | None:
        """The next row beyond a place that is among the hits."""
        parts = self._parts
        index = (len(parts) if back else 0) if place is None else self._seek(place)[0]
        near = reversed(parts[: index + 1]) if back else iter(parts[index:])
        for part in near:
            rows = [row for row in hits(part.chunk, 0) if _holds(part.rows, row)]
            found = (self._at(part, row) for row in (reversed(rows) if back else rows))
            beyond = (p for p in found if place is None or (p < place if back else p > place))
            if (first := next(beyond, None)) is not None:
                return first
        return None

    def _at(self, part: _Part, row: int) -> Place:
        chunk = part.chunk
        return Place(chunk.keys[row] + self._stream.shift, self._number, chunk.start + row)

    def _seek(self, place: Place) -> tuple[int, int]:
        """Chunk and row of the first row that is not before a place."""
        parts = self._parts
        if place.stream == self._number:
            index = max(bisect_right(parts, place.number, key=_start) - 1, 0)
            if index >= len(parts):
                return index, 0
            part = parts[index]
            return index, bisect_left(part.rows, place.number - part.chunk.start)
        key = place.key - self._stream.shift
        cut = bisect_left if place.stream < self._number else bisect_right
        index = cut(parts, key, key=_last_key)
        if index >= len(parts):
            return index, 0
        part = parts[index]
        return index, cut(part.rows, key, key=part.chunk.keys.__getitem__)

    # --- looking at lines --------------------------------------------------------------------

    def _look(self, index: int) -> None:
        """Look at the lines of a chunk that were not looked at."""
        part = self._parts[index]
        candidates = self._candidates(part.chunk)
        if self._wanted.is_everything:
            part.rows = candidates
        else:
            part.hits.extend(self._chosen(part, candidates))
            part.rows = part.hits
        part.scanned = len(part.chunk)
        if self._wanted.context and not self._wanted.is_everything:
            for near in range(max(index - 1, 0), min(index + 2, len(self._parts))):
                self._parts[near].rows = self._around(near)

    def _candidates(self, chunk: Chunk) -> Sequence[int]:
        if not self._wanted.folded:
            return range(len(chunk))
        unfolded = {n - chunk.start for n in self._unfolded if 0 <= n - chunk.start < len(chunk)}
        if not unfolded:
            return chunk.firsts
        repeats = {i for first in unfolded for i in chunk.repeats(first)}
        return array("H", sorted(repeats.union(chunk.firsts)))

    def _chosen(self, part: _Part, candidates: Sequence[int]) -> Iterable[int]:
        """The candidates among new lines that are wanted for themselves."""
        wanted, chunk = self._wanted, part.chunk
        fresh = candidates[bisect_left(candidates, part.scanned) :]
        hits: Iterable[int] = fresh
        if wanted.filter is not None:
            hits = wanted.filter.hits(chunk, part.scanned)
            if wanted.folded and len(fresh) < len(chunk) - part.scanned:
                hits = [i for i in hits if _holds(fresh, i)]
        codes = wanted.codes
        if codes is not None:
            hits = (i for i in hits if chunk.codes[i] in codes)
        if not chunk.rules:
            return hits
        return sorted({*hits, *coded({Code.RULE})(chunk, part.scanned)})

    def _around(self, index: int) -> Sequence[int]:
        """The hits of a chunk with the rows around them and around its neighbours' hits."""
        part, context = self._parts[index], self._wanted.context
        candidates = self._candidates(part.chunk)
        rows: set[int] = set(part.hits)
        for at in self._asking(index):
            rows.update(candidates[max(at - context, 0) : at + context + 1])
        if index and (asking := self._asking(index - 1)):
            before = len(self._candidates(self._parts[index - 1].chunk)) - asking[-1]
            rows.update(candidates[: max(context + 1 - before, 0)])
        if index + 1 < len(self._parts) and (asking := self._asking(index + 1)):
            rows.update(candidates[len(candidates) - max(context - asking[0], 0) :])
        return array("H", sorted(rows))

    def _asking(self, index: int) -> list[int]:
        """Where among the candidates of a chunk those hits are that want context."""
        part = self._parts[index]
        candidates, codes = self._candidates(part.chunk), part.chunk.codes
        return [bisect_left(candidates, hit) for hit in part.hits if codes[hit] != Code.RULE]


def coded(codes: Iterable[Code]) -> Hits:
    """Looks for the lines of some codes."""
    wanted = frozenset(int(code) for code in codes)

    def hits(chunk: Chunk, first: int) -> Iterator[int]:
        return (i for i, code in enumerate(chunk.codes[first:], first) if code in wanted)

    return hits


def _holds(ordered: Sequence[int], index: int) -> bool:
    at = bisect_left(ordered, index)
    return at < len(ordered) and ordered[at] == index


def _start(part: _Part) -> int:
    return part.chunk.start


def _last_key(part: _Part) -> int:
    return part.chunk.last_key
