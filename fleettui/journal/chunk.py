"""A piece of a stream: some thousand lines as columns, thrown away together."""

from array import array
from bisect import bisect_right
from itertools import accumulate
from operator import eq

from fleettui.journal.columns import Batch, Code, Origin
from fleettui.journal.compression import compressed, decompressed

LINES = 1024
"""Lines of one chunk, at most."""
BYTES = 256 * 1024
"""A chunk takes no more lines once it holds so many, or so much text."""
_TOLD_APART = 256
"""Origins that fit into a byte a line."""
_COUNTS = ("_sequence", "_heads", "firsts")
"""Columns that often only count: no line is missing, or none repeats another."""


class Chunk:
    """Lines `start` and following of one stream. Lines are added at its end only."""

    def __init__(self, start: int, key: int) -> None:
        self.start = start
        self._key = key
        """Where in time the line before this chunk stands."""
        self._text: bytearray | bytes = bytearray()
        self._compressed: bytes | None = None
        """The text of a sealed chunk in less room; None = it is held as it is."""
        self.ends = array("I")
        self.at = array("q")
        self._keys: array[int] | None = None
        self._sequence: array[int] | range = array("Q")
        self._origin: array[int] | bytes = array("H")
        self.codes = bytearray()
        self.firsts: array[int] | range = array("H")
        """The lines that repeat no other of this chunk, in order."""
        self._heads: array[int] | range = array("H")
        """For each line, the one of `firsts` that it repeats, or itself."""
        self._counts: dict[int, int] = {}
        self._lasts: dict[int, int] = {}
        self._origins: list[Origin] = []
        self._known: dict[Origin, int] = {}
        self.rules = 0

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_full(self) -> bool:
        """Whether the next line needs another chunk: LINES or BYTES are reached."""
        return len(self.codes) >= LINES or self.size >= BYTES

    @property
    def size(self) -> int:
        """Bytes of text, compressed or not."""
        return self.ends[-1] if self.ends else 0

    @property
    def room(self) -> int:
        """Bytes that the text takes in memory."""
        return len(self._text if self._compressed is None else self._compressed)

    @property
    def text(self) -> bytearray | bytes:
        """Every line, with a newline behind it. Decompressed at each call: whoever looks at many
        lines asks once."""
        if self._compressed is None:
            return self._text
        return decompressed(self._compressed, self.size)

    @property
    def keys(self) -> "array[int]":
        """Microseconds by which lines are merged: a line's time, but never before its
        predecessor's, whatever the machine's clock did."""
        return self.at if self._keys is None else self._keys

    @property
    def last_key(self) -> int:
        """Of the newest line; before the first, what it may not fall below."""
        return self.keys[-1] if self.codes else self._key

    def add(self, batch: Batch, first: int) -> int:
        """Take lines of a batch from number `first` on, as many as fit; returns how many."""
        count = min(len(batch) - first, LINES - len(self))
        begin = batch.ends[first - 1] if first else 0
        fits = bisect_right(batch.ends, begin + BYTES, first, first + count)
        count = max(1, min(count, fits - first))
        self._add_times(batch, first, first + count)
        self._add_text(batch, begin, first, first + count)
        self._add_origins(batch, first, first + count)
        codes = batch.codes[first : first + count]
        self._fold(batch.back[first : first + count])
        self.codes += codes
        self.rules += codes.count(Code.RULE)
        return count

    def seal(self) -> None:
        """Nothing is added any more: give back what growing needed, and what says nothing."""
        self._compressed = compressed(self._text)
        self._text = b"" if self._compressed is not None else bytes(self._text)
        self.codes = bytearray(bytes(self.codes))
        for name in ("ends", "at", "_sequence", "_origin", "_heads", "firsts"):
            column: array[int] = getattr(self, name)
            counted = _counted(column) if name in _COUNTS else None
            setattr(self, name, counted or array(column.typecode, column.tobytes()))
        if len(self._origins) <= _TOLD_APART:
            self._origin = bytes(iter(self._origin))  # a byte each, not those of its memory
        self._known = {}

    # --- one line ----------------------------------------------------------------------------

    def span(self, index: int) -> slice:
        """Where in the text a line stands, without its newline."""
        return slice(self.ends[index - 1] if index else 0, self.ends[index] - 1)

    def origin(self, index: int) -> Origin:
        """Who said a line, and in which file of the journal it stands."""
        return self._origins[self._origin[index]]

    def sequence(self, index: int) -> int:
        """A line's number in the file of its journal, from its cursor."""
        return self._sequence[index]

    def head(self, index: int) -> int:
        """The first line of this chunk that said the same."""
        return self._heads[index]

    def count(self, first: int) -> int:
        """How many lines one of `firsts` stands for, itself included."""
        return self._counts.get(first, 1)

    def last(self, first: int) -> int:
        """The last line that repeats one of `firsts`."""
        return self._lasts.get(first, first)

    def repeats(self, first: int) -> list[int]:
        """Every line that one of `firsts` stands for."""
        if first not in self._counts:
            return [first]
        return [i for i in range(first, self.last(first) + 1) if self._heads[i] == first]

    # --- adding ------------------------------------------------------------------------------

    def _add_times(self, batch: Batch, first: int, last: int) -> None:
        times = batch.at[first:last]
        if batch.codes.find(Code.RULE, first, last) >= 0:
            # A rule has our time, not the machine's: it stands where the stream stands.
            timed = zip(batch.codes[first:last], times, strict=True)
            times = array("q", [0 if code == Code.RULE else at for code, at in timed])
        keys = array("q", accumulate(times, max, initial=self.last_key))
        del keys[0]
        if self._keys is None and keys != batch.at[first:last]:
            self._keys = self.at[:]
        if self._keys is not None:
            self._keys.extend(keys)
        self.at.extend(batch.at[first:last])

    def _add_origins(self, batch: Batch, first: int, last: int) -> None:
        origin, sequence = self._origin, self._sequence
        assert isinstance(origin, array), "a sealed chunk takes nothing"
        assert isinstance(sequence, array), "a sealed chunk takes nothing"
        places = [self._place(one) for one in batch.origins]
        origin.extend(map(places.__getitem__, batch.origin[first:last]))
        sequence.extend(batch.sequence[first:last])

    def _add_text(self, batch: Batch, begin: int, first: int, last: int) -> None:
        text, shift = self._text, self.size - begin
        assert isinstance(text, bytearray), "a sealed chunk takes nothing"
        text += batch.text[begin : batch.ends[last - 1]]
        self.ends.extend(map(shift.__add__, batch.ends[first:last]))

    def _place(self, origin: Origin) -> int:
        place = self._known.get(origin)
        if place is None:
            place = self._known[origin] = len(self._origins)
            self._origins.append(origin)
        return place

    def _fold(self, back: "array[int]") -> None:
        heads, firsts = self._heads, self.firsts
        assert isinstance(heads, array), "a sealed chunk takes nothing"
        assert isinstance(firsts, array), "a sealed chunk takes nothing"
        for index, distance in enumerate(back, len(heads)):
            if not 0 < distance <= index:
                heads.append(index)
                firsts.append(index)
            else:
                head = heads[index - distance]
                heads.append(head)
                self._counts[head] = self._counts.get(head, 1) + 1
                self._lasts[head] = index


def _counted(column: "array[int]") -> range | None:
    """A column that only counts, as the numbers that it is."""
    numbers = range(column[0], column[0] + len(column)) if column else range(0)
    return numbers if all(map(eq, column, numbers)) else None
