"""Two threads of a live connection: one polls for events, one asks whether etcd still lives.

Both are daemons that may block on a dead connection for as long as their timeouts last; nobody
waits for them. What they find goes into the follower's inbox.
"""

import threading
import time
from datetime import UTC, datetime

from fleettui.access import RegistryUnavailable
from fleettui.registry.errors import HistoryCleared
from fleettui.registry.inbox import Alive, Dead, Happened, Report, WatchEnded
from fleettui.registry.line import Line

_PAUSE = 0.25
"""Seconds between two checks at least, however often they are asked for."""


class Watch:
    """Long polls of one source from one index on, until it ends or is stopped."""

    def __init__(self, line: Line, after: int) -> None:
        self._line = line
        self.waiting_since: float | None = None
        """time.monotonic(), while a poll waits; if for long, then nothing happens."""
        self._after = after
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name="etcd watch", daemon=True).start()

    def stop(self) -> None:
        """Report nothing more; the poll under way ends by itself."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            found = self._poll()
            if found is not None:
                self._line.inbox.put((self, found))
            if isinstance(found, WatchEnded):
                return

    def _poll(self) -> Report | None:
        self.waiting_since = time.monotonic()
        try:
            event = self._line.source.watch(self._after, self._line.pace.watch_for)
        except HistoryCleared:
            return WatchEnded(cleared=True)
        except RegistryUnavailable:
            return WatchEnded(cleared=False)
        finally:
            self.waiting_since = None
        if event is None:
            return None
        if event.node.modified_index <= self._after:
            return WatchEnded(cleared=False)
        self._after = event.node.modified_index
        return Happened((event,))


class Liveness:
    """Small reads of one source, plain and through the quorum, until one fails or it is stopped."""

    def __init__(self, line: Line) -> None:
        self._line = line
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
            self._line.inbox.put((self, found))
            if isinstance(found, Dead):
                return
            self._stopped.wait(_PAUSE)
            self._asked.wait(self._line.pace.liveness_every - _PAUSE)

    def _check(self) -> Report:
        source, pace = self._line.source, self._line.pace
        asked_at, began = datetime.now(UTC), time.monotonic()
        try:
            store_index = source.check_answers(pace.answer_within)
            lease_index = source.lease_index(pace.quorum_within)
        except RegistryUnavailable as problem:
            return Dead(problem)
        return Alive(asked_at, time.monotonic() - began, store_index, lease_index)
