"""The two threads of a live connection: one waits for events, one asks whether etcd still lives.

Both are daemons that may block on a dead connection for as long as their timeouts last; nobody
waits for them. What they find goes into the follower's inbox.
"""

import threading
from datetime import UTC, datetime

from fleettui.access import RegistryUnavailable
from fleettui.registry.errors import HistoryCleared
from fleettui.registry.inbox import Alive, Dead, Happened, Inbox, Report, WatchEnded
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source

_PAUSE = 0.25
"""Seconds between two checks at least, however often they are asked for."""


class Watch:
    """Long polls of one source from one index on, until it ends or is stopped."""

    def __init__(self, source: Source, after: int, seconds: float, inbox: Inbox) -> None:
        self._source = source
        self._after = after
        self._seconds = seconds
        self._inbox = inbox
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="etcd watch", daemon=True).start()

    def stop(self) -> None:
        """Report nothing more; the poll under way ends by itself."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            found = self._poll()
            if found is not None:
                self._inbox.put((self, found))
            if isinstance(found, WatchEnded):
                return

    def _poll(self) -> Report | None:
        try:
            event = self._source.watch(self._after, self._seconds)
        except HistoryCleared:
            return WatchEnded(cleared=True)
        except RegistryUnavailable:
            return WatchEnded(cleared=False)
        if event is None:
            return None
        if event.node.modified_index <= self._after:
            return WatchEnded(cleared=False)
        self._after = event.node.modified_index
        return Happened(event)


class Liveness:
    """Small reads of one source, plain and through the quorum, until one fails or it is stopped."""

    def __init__(self, source: Source, pace: Pace, inbox: Inbox) -> None:
        self._source = source
        self._pace = pace
        self._inbox = inbox
        self._stopped = threading.Event()
        self._asked = threading.Event()
        threading.Thread(target=self._run, name="etcd liveness", daemon=True).start()

    def ask(self) -> None:
        """Check now rather than when it is time."""
        self._asked.set()

    def stop(self) -> None:
        """Report nothing more; the check under way ends by itself."""
        self._stopped.set()
        self._asked.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._asked.clear()
            found = self._check()
            self._inbox.put((self, found))
            if isinstance(found, Dead):
                return
            self._stopped.wait(_PAUSE)
            self._asked.wait(self._pace.liveness_every - _PAUSE)

    def _check(self) -> Report:
        asked_at = datetime.now(UTC)
        try:
            self._source.check_answers(self._pace.answer_within)
            index = self._source.lease_index(self._pace.quorum_within)
        except RegistryUnavailable as problem:
            return Dead(problem)
        return Alive(asked_at, index)
