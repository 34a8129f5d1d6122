"""Following a registry in a thread of its own: connecting, live, lost, and back again."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty

from fleettui.access import RegistryUnavailable
from fleettui.model.cluster import Link, RegistryView, Snapshot
from fleettui.model.untrusted import Untrusted
from fleettui.registry.agreement import Agreement
from fleettui.registry.cadence import Cadence
from fleettui.registry.errors import NoQuorum, OtherCluster
from fleettui.registry.image import Image
from fleettui.registry.inbox import Inbox, Order, Stopped
from fleettui.registry.keys import Keys
from fleettui.registry.line import Line
from fleettui.registry.live import Live
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source, first_to_answer
from fleettui.registry.taken import Ahead

_SHORTEST_WAIT = 0.1
_STEADY = timedelta(seconds=5)
"""What was live for less than that counts as one more attempt that failed."""


class Following:
    """One registry, and what was last known of it."""

    def __init__(
        self,
        sources: tuple[Source, ...],
        keys: Keys,
        pace: Pace,
        inbox: Inbox,
        show: Callable[[RegistryView], None],
    ) -> None:
        self._sources = list(sources)
        self._keys = keys
        self._pace = pace
        self._inbox = inbox
        self._show = show
        self._image = Image(keys)
        self._agreement = Agreement()
        self._snapshot: Snapshot | None = None
        self._link = Link.CONNECTING
        self._since = datetime.now(UTC)
        self._attempt = 0
        self._began = time.monotonic()

    def run(self, first: Ahead | None = None) -> None:
        """Follow until told to stop, from what was read ahead of the first source if anything; its
        view, if it has one, was told already.
        """
        try:
            if first is None:
                self._tell()
            else:
                self._go_on_from(first.take_view())
            while True:
                ahead, first = first, None
                try:
                    self._follow(self._connect() if ahead is None else self._sources[0], ahead)
                except RegistryUnavailable as problem:
                    self._lose(problem)
        except Stopped:
            for source in self._sources:
                source.close()

    def _go_on_from(self, told: RegistryView | None) -> None:
        if told is not None:
            self._link, self._since, self._snapshot = told.link, told.since, told.snapshot

    def _connect(self) -> Source:
        """Find a source that answers."""
        self._began = time.monotonic()
        source = first_to_answer(self._sources, self._pace.find_within)
        self._turn_to(source)
        return source

    def _follow(self, source: Source, ahead: Ahead | None) -> None:
        line = Line(source, self._pace, self._inbox, Cadence(self._pace))
        try:
            Live(line, self._image, self._agreement, self._tell_live).run(ahead)
        except NoQuorum:
            self._look_without_quorum(source)
            self._turn_to(self._sources[1 % len(self._sources)])
            raise

    def _look_without_quorum(self, source: Source) -> None:
        """Where nothing was seen yet, what one member holds is better than nothing."""
        if self._snapshot is not None:
            return
        with suppress(RegistryUnavailable):
            reading = source.read(self._pace.read_within, quorum=False)
            self._image.load(reading.node, reading.index)
            self._snapshot = self._image.snapshot(reading.asked_at)

    def _turn_to(self, source: Source) -> None:
        """Begin with that one the next time, and go on in the order given."""
        at = self._sources.index(source)
        self._sources = self._sources[at:] + self._sources[:at]

    def _tell_live(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        if self._link is not Link.LIVE:
            self._link, self._since = Link.LIVE, datetime.now(UTC)
        self._tell()

    def _lose(self, problem: RegistryUnavailable) -> None:
        """Say that the registry is lost, and wait until it is time to try again."""
        now = datetime.now(UTC)
        if self._link is not Link.LOST:
            if now - self._since > _STEADY:
                self._attempt = 0
            self._link, self._since = Link.LOST, now
            self._began = time.monotonic()
        if isinstance(problem, OtherCluster):
            self._image, self._snapshot = Image(self._keys), None
        self._attempt += 1
        wait = self._wait()
        self._tell(str(problem), now + timedelta(seconds=wait))
        self._pause(wait)

    def _wait(self) -> float:
        """Seconds to the next attempt: the time that the last one took counts."""
        doubled: float = self._pace.first_retry * 2 ** min(self._attempt - 1, 10)
        jitter = random.SystemRandom().uniform(0.8, 1.0)
        spent = time.monotonic() - self._began
        return max(_SHORTEST_WAIT, min(self._pace.last_retry, doubled) * jitter - spent)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with suppress(Empty):
            while (left := until - time.monotonic()) > 0:
                message = self._inbox.get(timeout=left)
                if message is Order.STOP:
                    raise Stopped
                if message is Order.REFRESH:
                    return

    def _tell(self, reason: str | None = None, next_try: datetime | None = None) -> None:
        view = RegistryView(
            link=self._link,
            since=self._since,
            snapshot=self._snapshot,
            reason=None if reason is None else Untrusted(reason),
            attempt=self._attempt if self._link is Link.LOST else 0,
            next_try=next_try,
            endpoint=self._sources[0].url,
            disagreements=self._agreement.disagreements,
        )
        self._show(view)
