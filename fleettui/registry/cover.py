"""What brings the events of a registry: a stream a folder, or else one long poll of everything."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import inf

from fleettui.registry.feed import Feed
from fleettui.registry.image import Change, Image
from fleettui.registry.inbox import Alive, Happened, Report, WatchEnded
from fleettui.registry.keys import JOB, LEASE, MACHINES, STATES
from fleettui.registry.line import Line
from fleettui.registry.watch import Watch

STREAMED = (MACHINES, JOB, STATES, LEASE)
"""A unit file never changes once it is written, and is read when a unit first names it."""


class Cover:
    """Keeps an image current. Streams are begun before the first read, so that nothing is lost
    between the two; the long poll bridges what they do not cover yet, or no more.
    """

    def __init__(self, line: Line, image: Image) -> None:
        self._line = line
        self._image = image
        self._feeds = [Feed(part, line, image) for part in STREAMED]
        self._watch: Watch | None = None
        self._streams_at: float | None = None
        """When streams are tried again; None while they are in use."""
        self._refusals = 0

    @property
    def is_sound(self) -> bool:
        """Whether every event is being brought, as far as is known."""
        if self._watch is not None:
            return True
        return self._streams_cover and not any(feed.is_in_doubt for feed in self._feeds)

    def current_at(self, alive: Alive) -> tuple[datetime | None, bool]:
        """A time in UTC of which the picture is known to be current, if there is one; and whether
        that sign of life has proved all that it could.
        """
        # Long enough for a poll to be on its way, and for its answer to come back.
        a_while = max(self._line.pace.prove_within, 2 * alive.took)
        asked_at = min(alive.asked_at, datetime.now(UTC) - timedelta(seconds=a_while))
        long_ago = time.monotonic() - a_while
        if self._watch is not None:
            has_come_as_far = min(self._image.indexes.values()) >= alive.store_index
            is_silent = (self._watch.waiting_since or inf) < long_ago
            return (asked_at, True) if has_come_as_far or is_silent else (None, False)
        times = [feed.current_at(asked_at, alive.store_index, long_ago) for feed in self._feeds]
        known = [time for time in times if time is not None]
        if len(known) < len(times):
            return None, False
        oldest = min(known)
        return min(asked_at, oldest), oldest >= asked_at

    @property
    def due(self) -> float:
        """When `mind` has something to do, in time.monotonic()."""
        again = self._streams_at if self._streams_at is not None else inf
        return min(again, *(feed.due for feed in self._feeds))

    def open_streams(self) -> None:
        """A stream a folder, in place of those there are; they cover nothing until they answer."""
        self._streams_at = None
        for feed in self._feeds:
            feed.open()

    def bridge(self) -> None:
        """Begin the long poll where no stream brings what comes after the read."""
        if self._watch is None and not all(feed.covers or feed.must_read for feed in self._feeds):
            after = min(self._image.indexes[feed.part] for feed in self._feeds)
            self._watch = Watch(self._line, after)

    def restore(self) -> None:
        """Begin the long poll again where it stands in for streams and has ended."""
        if self._streams_at is not None:
            self.bridge()

    def begin_anew(self) -> None:
        """Trust nothing that is under way: the picture was found to be behind."""
        if self._watch is not None:
            self._end_watch()
        if self._streams_at is None:
            for feed in self._feeds:
                feed.doubt()

    def owns(self, sender: object) -> bool:
        """Whether a report is to be listened to: what was replaced may go on for a while."""
        return sender is self._watch or any(feed.is_from(sender) for feed in self._feeds)

    def take(self, sender: object, report: Report) -> Change:
        """Fold in what one of ours reports; WatchEnded ends the watch."""
        if sender is self._watch:
            return self._take_watched(report)
        feed = next(feed for feed in self._feeds if feed.is_from(sender))
        if not isinstance(report, Happened):
            feed.take(report)
            return Change.NONE
        return self._apply(report) if feed.lets_through(report.events) else Change.NONE

    def mind(self) -> tuple[str, ...]:
        """Do what is due; the folders that must be read afresh now."""
        now = time.monotonic()
        if self._streams_at is not None:
            if now >= self._streams_at:
                self.open_streams()
            return ()
        for feed in self._feeds:
            feed.mind(now)
        if any(feed.is_hopeless for feed in self._feeds):
            self._refuse(now)
            return ()
        if self._watch is not None and self._streams_cover:
            self._end_watch()
        return tuple(feed.part for feed in self._feeds if feed.must_read)

    def were_read(self, parts: Sequence[str], asked_at: datetime) -> None:
        """These folders were read afresh; `asked_at` in UTC."""
        for feed in self._feeds:
            if feed.part in parts:
                feed.was_read(asked_at)

    def close(self) -> None:
        """End all streams and the long poll. Nothing is reported afterwards."""
        self._end_watch()
        for feed in self._feeds:
            feed.close()

    @property
    def _streams_cover(self) -> bool:
        return all(feed.covers for feed in self._feeds)

    def _take_watched(self, report: Report) -> Change:
        match report:
            case Happened():
                change = self._apply(report)
                self._image.pass_to(report.events[-1].node.modified_index)
                return change
            case WatchEnded():
                self._end_watch()
        return Change.NONE

    def _apply(self, report: Happened) -> Change:
        found = Change.NONE
        for event in report.events:
            change = self._image.apply(event)
            if change is not found:
                found = max(found, change)
        return found

    def _refuse(self, now: float) -> None:
        """Streams do not work here: poll instead, and try them again, ever more seldom."""
        for feed in self._feeds:
            feed.close()
        self._streams_at = now + self._line.pace.streams_again * 2 ** min(self._refusals, 5)
        self._refusals += 1
        self.bridge()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
