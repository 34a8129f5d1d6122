"""How one folder of the registry is kept current: when its stream counts, and when it is doubted.

All times are those of time.monotonic().
"""

import time
from collections.abc import Sequence
from datetime import datetime
from math import inf

from fleettui.registry.answers import Event
from fleettui.registry.image import REMOVALS, Image
from fleettui.registry.inbox import Ahead, Report, StreamEnded, StreamOpened, Unknowable
from fleettui.registry.line import Line
from fleettui.registry.stream import Proof, Stream

_BURST = 25
"""Removals together after which nobody asks whether the stream lost any: the folder is read."""
_AFTERSHOCK = 1.2
"""Seconds after a burst in which the next is likely: etcd looks for what expired twice a second,
and a burst that ends a stream at once is seen by the poll alone."""
_DEATHS = 3
"""Streams that died within `_SPELL` seconds: streaming does not work here."""
_SPELL = 20.0


class Feed:
    """The stream of one folder, with what proves that it brings everything.

    A stream brings what comes after the index at which it began; it counts once the folder was
    read at that index or later.
    """

    def __init__(self, part: str, line: Line, image: Image) -> None:
        self.part = part
        self.uncovered_since: float | None = None
        self._line, self._pace = line, line.pace
        self._image = image
        self._stream: Stream | None = None
        self._proof: Proof | None = None
        self._floor: int | None = None
        self._doubt: Ahead | None = None
        self._doubt_until = 0.0
        self._current_at: datetime | None = None
        self._removals = 0
        self._verify_at: float | None = None
        self._verified_at = 0.0
        self._shaken_until = 0.0
        self._is_unknowable = False
        self._unknowable_at = -inf
        self._asks_at_once = False
        """Whether the poll that could not tell was the first for a while."""
        self._is_refused = False
        self._deaths: list[float] = []

    @property
    def covers(self) -> bool:
        """Whether nothing can happen in the folder without being brought, unless in doubt."""
        return self._floor is not None and not self.must_read

    @property
    def must_read(self) -> bool:
        """Whether something may have happened that nobody told."""
        return self._is_unknowable or (self._floor is not None and self._floor > self._seen())

    @property
    def is_in_doubt(self) -> bool:
        """Whether etcd told of a change that neither stream nor read has brought yet."""
        return self._doubt is not None and self._doubt.index > self._seen()

    @property
    def is_hopeless(self) -> bool:
        """Whether its streams are refused, die one after the other or do not come in time."""
        since = self.uncovered_since
        late = since is not None and time.monotonic() - since > self._pace.stream_within
        return self._is_refused or late or len(self._deaths) >= _DEATHS

    @property
    def due(self) -> float:
        """When `mind` has something to do."""
        times = [self._verify_at, self._doubt_until if self._doubt else None]
        if self.uncovered_since is not None:
            times.append(self.uncovered_since + self._pace.stream_within)
        return min((t for t in times if t is not None), default=inf)

    def open(self) -> None:
        """Begin a stream, in place of the one there is."""
        self._end_stream()
        self.uncovered_since = time.monotonic()
        self._stream = Stream(self._line, self.part)

    def close(self) -> None:
        """End everything; it covers nothing until it is opened again."""
        self._end_stream()
        self.uncovered_since = None
        self._deaths.clear()
        self._is_refused = False
        if self._proof is not None:
            self._proof.stop()
            self._proof = None

    def is_from(self, sender: object) -> bool:
        """Whether a report came from what is in use now, not from a stream that was ended."""
        return sender is self._stream or sender is self._proof

    def take(self, report: Report) -> None:
        """Note what its stream or its poll says."""
        match report:
            case StreamOpened(index):
                self._floor = index
                self.uncovered_since = None
                self._begin_proof()
            case Ahead():
                self._be_in_doubt(report)
            case Unknowable():
                now = time.monotonic()
                self._asks_at_once = now - self._unknowable_at > self._pace.prove_every
                self._is_unknowable, self._unknowable_at = True, now
            case StreamEnded(is_refused):
                self._is_refused = is_refused
                self._die()

    def was_read(self, asked_at: datetime) -> None:
        """The folder was read afresh; `asked_at` in UTC."""
        if self._is_unknowable and self._asks_at_once and self._proof is not None:
            self._proof.ask()  # from there on, before etcd has forgotten that, too
        self._is_unknowable = False
        self._current_at = asked_at

    def current_at(self, asked_at: datetime, store_index: int, long_ago: float) -> datetime | None:
        """A time in UTC of which the folder is known to be current, if there is one.

        At `asked_at` etcd had come to `store_index`. A stream that has brought anything later has
        brought everything before it; and had anything happened that it has not brought, a poll
        that has waited since `long_ago` would have said so.
        """
        if not self.covers or self.is_in_doubt:
            return None
        waiting_since = self._proof.waiting_since if self._proof is not None else None
        if (waiting_since or inf) < long_ago or self._seen() >= store_index:
            self._current_at = asked_at
        return self._current_at

    def lets_through(self, events: Sequence[Event]) -> bool:
        """Whether events of its stream may be folded in: nothing before them is missing.

        Where something is, the read that must come has them too.
        """
        self._count(sum(event.action in REMOVALS for event in events))
        if self.must_read:
            self._floor = max(self._floor or 0, events[-1].node.modified_index)
            return False
        return True

    def _count(self, removals: int) -> None:
        """Plan a verify for what was removed: at once where it is a burst, but not again and again
        while one goes on.
        """
        now, after = time.monotonic(), self._pace.verify_after
        self._removals += removals
        if removals and self._verify_at is None:
            self._verify_at = now + after
        if self._verify_at is not None and self._removals >= _BURST:
            self._verify_at = min(self._verify_at, max(now, self._verified_at + after))

    def mind(self, now: float) -> None:
        """Do what is due."""
        if self._doubt is not None and not self.is_in_doubt:
            self._doubt = None
        if self._doubt is not None and now >= self._doubt_until:
            self._die()
        if self._verify_at is not None and now >= self._verify_at:
            self._verify()

    def doubt(self) -> None:
        """Somebody else has found that it is behind."""
        self._die()

    def _verify(self) -> None:
        now = time.monotonic()
        if self._removals >= _BURST:
            self._shaken_until = now + _AFTERSHOCK
            self.open()
        elif self._proof is not None:
            self._proof.ask()
        again = now + self._pace.verify_after
        self._removals, self._verified_at = 0, now
        self._verify_at = again if again < self._shaken_until else None

    def _be_in_doubt(self, told: Ahead) -> None:
        """Give the stream a moment to bring what etcd has; what comes later gives it no more."""
        if self.is_in_doubt or told.index <= self._seen():
            return
        now, within = time.monotonic(), self._pace.prove_within
        patience = within if now > self._shaken_until else within / 3
        self._doubt, self._doubt_until = told, now + patience
        if self._stream is not None:
            self._stream.hurry()

    def _die(self) -> None:
        now = time.monotonic()
        self._deaths = [then for then in self._deaths if now - then < _SPELL] + [now]
        if not self.is_hopeless:
            self.open()

    def _begin_proof(self) -> None:
        if self._proof is None:
            self._proof = Proof(self._line, self.part, self._seen)

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.stop()
            self._stream = None
        self._floor = self._doubt = self._current_at = None

    def _seen(self) -> int:
        return self._image.indexes[self.part]
