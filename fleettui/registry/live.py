"""A registry while it answers: events folded into the image, and proof that it still answers."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from queue import Empty

from fleettui.model.cluster import Snapshot
from fleettui.registry.errors import Unreachable
from fleettui.registry.image import Change, Image
from fleettui.registry.inbox import (
    Alive,
    Dead,
    Happened,
    Inbox,
    Message,
    Order,
    Report,
    Stopped,
    WatchEnded,
)
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source
from fleettui.registry.watch import Liveness, Watch

_BATCH = 1000
"""Messages taken in before the time is looked at again."""


class Live:
    """One source that answered, followed until it no longer does."""

    def __init__(
        self,
        source: Source,
        image: Image,
        pace: Pace,
        inbox: Inbox,
        show: Callable[[Snapshot], None],
    ) -> None:
        self._source = source
        self._image = image
        self._pace = pace
        self._inbox = inbox
        self._show = show
        self._watch: Watch | None = None
        self._liveness = Liveness(source, pace, inbox)
        self._alive_at = time.monotonic()
        self._reread_at = self._alive_at + pace.reread_every
        self._shown_at = 0.0
        self._changed = True
        self._behind = 0
        self._read_at = datetime.now(UTC)

    def run(self, read_at: datetime) -> None:
        """Follow from what the image holds, read at `read_at`.

        Raises RegistryUnavailable when the source is lost, Stopped when told to stop.
        """
        self._read_at = read_at
        try:
            self._begin_watch()
            while True:
                self._show_if_due()
                self._take_messages()
                self._mind_the_clock()
        finally:
            self._end_watch()
            self._liveness.stop()

    def _take_messages(self) -> None:
        """Wait for one message, or for something to become due; then take all that came."""
        try:
            self._take(self._inbox.get(timeout=max(0.0, self._due() - time.monotonic())))
            for _ in range(_BATCH):
                self._take(self._inbox.get_nowait())
        except Empty:
            pass

    def _due(self) -> float:
        due = min(self._reread_at, self._alive_at + self._pace.silence_within)
        return min(due, self._shown_at + self._pace.view_every) if self._changed else due

    def _take(self, message: Message) -> None:
        if message is Order.STOP:
            raise Stopped
        if message is Order.REFRESH:
            self._reread()
        elif isinstance(message, tuple) and message[0] in (self._watch, self._liveness):
            self._note(message[1])

    def _note(self, report: Report) -> None:
        match report:
            case Happened(event):
                if self._image.apply(event) is Change.VALUE:
                    self._changed = True
            case WatchEnded(cleared=True):
                self._end_watch()
                self._reread()
            case WatchEnded():
                self._end_watch()
                self._liveness.ask()
            case Alive():
                self._confirm(report)
            case Dead(problem):
                raise problem

    def _confirm(self, alive: Alive) -> None:
        """The picture is as old as the question, unless the watch is behind the engine's lease."""
        self._alive_at = time.monotonic()
        if self._watch is None:
            self._begin_watch()
        if alive.lease_index > self._image.index:
            self._behind += 1
            if self._behind > 1:
                self._end_watch()
                self._reread()
            return
        self._behind = 0
        self._read_at = max(self._read_at, alive.asked_at)
        if self._alive_at - self._shown_at >= self._pace.confirm_every:
            self._changed = True

    def _reread(self) -> None:
        reading = self._source.read(self._pace.read_within, quorum=False)
        if reading.index < self._image.index:
            # Another member answered, which is behind this one: only the quorum knows.
            reading = self._source.read(self._pace.quorum_within, quorum=True)
            self._end_watch()
        self._image.load(reading.node, reading.index)
        if self._watch is None:
            self._begin_watch()
        self._read_at, self._behind, self._changed = reading.asked_at, 0, True
        self._reread_at = time.monotonic() + self._pace.reread_every

    def _mind_the_clock(self) -> None:
        now = time.monotonic()
        silent = now - self._alive_at
        if silent > self._pace.silence_within:
            raise Unreachable(f"{self._source.url} gave no sign of life for {silent:.0f} s.")
        if now >= self._reread_at:
            self._reread()

    def _show_if_due(self) -> None:
        now = time.monotonic()
        if self._changed and now >= self._shown_at + self._pace.view_every:
            self._shown_at, self._changed = now, False
            self._show(self._image.snapshot(self._read_at))

    def _begin_watch(self) -> None:
        self._watch = Watch(self._source, self._image.index, self._pace.watch_for, self._inbox)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
