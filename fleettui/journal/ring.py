"""The lines of all streams of a pane, in bounded memory, and the exact count of what came."""

from bisect import bisect_right
from copy import copy
from datetime import datetime, timedelta

import msgspec

from fleettui.diagnosis.lines import looping_template, part
from fleettui.journal.chunk import Chunk
from fleettui.journal.columns import Batch, Code, Origin, cursor_of, moment
from fleettui.model.untrusted import Untrusted

KEPT_LINES = 1_000_000
"""Lines that a pane holds, at most; the oldest leave first."""
KEPT_BYTES = 112 * 1024 * 1024
"""What all streams together hold at most; the oldest lines go first, a chunk at a time."""

_LEVELS = ("FATAL", "FATAL", "FATAL", "ERROR", "WARN", "INFO", "INFO", "DEBUG")
"""By syslog's priority, for lines that name no level themselves."""


class Line(msgspec.Struct, frozen=True):
    """One line as it is shown."""

    stream: int
    number: int
    """Counted from 0 within its stream; never used twice."""
    at: datetime
    """UTC by the machine's clock; by ours for a rule."""
    code: Code
    level: str
    """DEBUG, INFO, WARN, ERROR or FATAL; empty for a rule."""
    source: Untrusted
    """`file.go:NN`, or what the journal calls the speaker."""
    text: Untrusted
    """The message without level and source."""
    message: Untrusted
    """The message as it was received."""
    origin: Origin
    cursor: str
    """Empty where the machine sent none."""
    count: int = 1
    """How many equal lines of its chunk this one stands for when folded."""
    last_at: datetime | None = None
    """Of the last of them."""
    template: Untrusted | None = None
    """The template that a line of the fault names."""


class Stream:
    """The lines of one source, in the order its journal has them."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.next = 0
        """Number of the next line."""
        self.evicted = 0
        """Lines thrown away, without rules."""
        self.rules = 0
        """Rules among all that came."""
        self.shift = 0
        """Microseconds added to this machine's clock where streams are merged."""
        self.tally = [0] * len(Code)
        """How many lines of each code came."""
        self._looked_at: tuple[Chunk | None, bytes | bytearray] = (None, b"")
        """The chunk that a line was last taken from, and its text: the next is of it mostly."""

    @property
    def received(self) -> int:
        """Lines that came, thrown away or not, without rules."""
        return self.next - self.rules

    @property
    def first(self) -> int:
        """Number of the oldest line held; `next` where none is."""
        return self.chunks[0].start if self.chunks else self.next

    def as_it_is(self) -> "Stream":
        """What is held now, for whoever looks through it meanwhile: lines that go stay in it."""
        stream = copy(self)
        stream.chunks = self.chunks[:]
        return stream

    def add(self, batch: Batch) -> None:
        """Take every line of a batch."""
        first = 0
        while first < len(batch):
            if not self.chunks or self.chunks[-1].is_full:
                self._open()
            chunk = self.chunks[-1]
            taken = chunk.add(batch, first)
            self.next += taken
            first += taken
        for code in Code:
            self.tally[code] += batch.codes.count(code)
        self.rules += batch.codes.count(Code.RULE)

    def _open(self) -> None:
        key = 0
        if self.chunks:
            self.chunks[-1].seal()
            key = self.chunks[-1].last_key
        self.chunks.append(Chunk(self.next, key))

    def chunk_of(self, number: int) -> int:
        """Index of the chunk that holds a line; -1 where it is older than all that is held."""
        return bisect_right(self.chunks, number, key=_start) - 1

    def holds(self, number: int) -> bool:
        """Whether a line's number is of one that came and was not thrown away."""
        return self.first <= number < self.next

    def code(self, number: int) -> int:
        """The code of a held line."""
        chunk = self.chunks[self.chunk_of(number)]
        return chunk.codes[number - chunk.start]

    def text(self, chunk: Chunk, index: int) -> bytes:
        """The text of a line of one of the chunks, without its newline."""
        if self._looked_at[0] is not chunk:
            self._looked_at = chunk, chunk.text
        return bytes(self._looked_at[1][chunk.span(index)])

    @property
    def ends(self) -> tuple[int, int] | None:
        """When the oldest and the newest of the held lines were said, in microseconds by the
        machine's clock, whatever became of that in between; None where there is none but rules."""
        times: list[int] = []
        for chunk in self.chunks:
            said = chunk.at if not chunk.rules else _without_rules(chunk)
            times += (min(said), max(said)) if said else ()
        return (min(times), max(times)) if times else None

    def key(self, number: int) -> int:
        """Where a held line stands in time, by the corrected clock."""
        chunk = self.chunks[self.chunk_of(number)]
        return chunk.keys[number - chunk.start] + self.shift


def _start(chunk: Chunk) -> int:
    return chunk.start


def _without_rules(chunk: Chunk) -> list[int]:
    said = zip(chunk.at, chunk.codes, strict=True)
    return [at for at, code in said if code != Code.RULE]


class Ring:
    """All streams, numbered from 0 in the order they were opened."""

    def __init__(self, lines: int = KEPT_LINES, size: int = KEPT_BYTES) -> None:
        """Hold at most so many lines, and so many bytes of text."""
        self._most_lines, self._most_bytes = lines, size
        self.streams: dict[int, Stream] = {}
        self._next = 0
        self._held = 0
        self._bytes = 0

    def open(self) -> int:
        """Begin a stream; returns its number."""
        number, self._next = self._next, self._next + 1
        self.streams[number] = Stream()
        return number

    def as_it_is(self) -> "Ring":
        """Each stream that is held now, as it is; also when it is closed meanwhile."""
        ring = Ring()
        ring.streams = {number: stream.as_it_is() for number, stream in self.streams.items()}
        return ring

    def close(self, number: int) -> None:
        """Forget a stream and all its lines."""
        for chunk in self.streams.pop(number).chunks:
            self._held -= len(chunk)
            self._bytes -= chunk.size

    def add(self, number: int, batch: Batch) -> int:
        """Take a batch of one stream; returns how many lines had to go for it, rules too."""
        stream = self.streams[number]
        stream.add(batch)
        self._held += len(batch)
        self._bytes += len(batch.text)
        gone = 0
        while self._held > self._most_lines or self._bytes > self._most_bytes:
            before = self._held
            if not self._evict():
                break
            gone += before - self._held
        return gone

    def correct(self, number: int, ahead: timedelta) -> None:
        """Merge a stream as if its machine's clock, which is `ahead` of ours, were right."""
        self.streams[number].shift = -(ahead // timedelta(microseconds=1))

    @property
    def received(self) -> int:
        """Lines that came, without rules."""
        return sum(stream.received for stream in self.streams.values())

    @property
    def evicted(self) -> int:
        """Lines thrown away for room, of all streams and without rules."""
        return sum(stream.evicted for stream in self.streams.values())

    @property
    def held(self) -> int:
        """Lines that can still be shown, without rules."""
        return self.received - self.evicted

    def tally(self, code: Code) -> int:
        """How many lines of a code came."""
        return sum(stream.tally[code] for stream in self.streams.values())

    def line(self, stream: int, number: int, *, folded: bool = False) -> Line:
        """A held line; `folded` tells what it stands for, if it is the first of its equals."""
        held = self.streams[stream]
        chunk = held.chunks[held.chunk_of(number)]
        raw = held.text(chunk, number - chunk.start).decode()
        return _line(chunk, raw, stream, number, folded=folded)

    def _evict(self) -> bool:
        """Throw away the oldest chunk that is not the only one of its stream."""
        oldest = min(
            (s for s in self.streams.values() if len(s.chunks) > 1),
            key=lambda s: s.chunks[0].last_key + s.shift,
            default=None,
        )
        if oldest is None:
            return False
        chunk = oldest.chunks.pop(0)
        oldest.evicted += len(chunk) - chunk.rules
        self._held -= len(chunk)
        self._bytes -= chunk.size
        return True


def _line(chunk: Chunk, raw: str, stream: int, number: int, *, folded: bool) -> Line:
    index = number - chunk.start
    code, origin = Code(chunk.codes[index]), chunk.origin(index)
    at = moment(chunk.at[index])
    if code is Code.RULE:
        nothing = Untrusted("")
        rule = Untrusted(raw)
        return Line(stream, number, at, code, "", nothing, rule, rule, origin, "")
    parted = part(raw)
    template = looping_template(raw) if code is Code.FAULT else None
    count = chunk.count(index) if folded and chunk.head(index) == index else 1
    return Line(
        stream,
        number,
        at,
        code,
        parted.level or _LEVELS[origin.priority],
        Untrusted(parted.source) if parted.source else origin.identifier,
        Untrusted(parted.text),
        Untrusted(raw),
        origin,
        cursor_of(origin, chunk.sequence(index)),
        count,
        moment(chunk.at[chunk.last(index)]) if count > 1 else None,
        Untrusted(template) if template is not None else None,
    )
