"""Following the repair lock in a thread of its own, apart from all else that is followed."""

import threading
from collections.abc import Callable
from contextlib import suppress

from fleettui.access import RegistryUnavailable
from fleettui.model.lock import LockHolder
from fleettui.registry.answers import Node
from fleettui.registry.errors import HistoryCleared
from fleettui.registry.lock_value import holder_of
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source, first_to_answer

_PAUSE = 0.1
"""Seconds between two looks at least, whatever the watch says."""


class LockWatch:
    """One long poll of the lock's key; whatever ends it, the lock is read through the quorum.

    So the watch only wakes: events that were missed, cleared or doubled change nothing.
    """

    def __init__(
        self,
        sources: tuple[Source, ...],
        path: str,
        pace: Pace,
        closed: threading.Event,
        tell: Callable[[LockHolder | None], None],
    ) -> None:
        self._sources = sources
        self._path = path
        self._pace = pace
        self._closed = closed
        self._tell = tell
        self._told: Node | None = None
        self._has_told = False
        self._wait = pace.first_retry

    def run(self) -> None:
        """Follow until closed; the poll under way then ends by itself."""
        while not self._closed.is_set():
            with suppress(RegistryUnavailable):
                self._follow(first_to_answer(self._sources, self._pace.find_within))
            self._closed.wait(self._wait)
            self._wait = min(self._wait * 2, self._pace.last_retry)
        for source in self._sources:
            source.close()

    def _follow(self, source: Source) -> None:
        """Look and wait in turn. Raises RegistryUnavailable."""
        while not self._closed.is_set():
            reading = source.look(self._path, self._pace.quorum_within)
            self._wait = self._pace.first_retry
            self._take(reading.node)
            with suppress(HistoryCleared):
                source.watch_key(self._path, reading.index, self._seconds(reading.node))
            self._closed.wait(_PAUSE)

    def _seconds(self, node: Node | None) -> float:
        """How long to wait for an event: less while the lock is held, for its time may run out."""
        return self._pace.watch_for if node is None else self._pace.held_lock_every

    def _take(self, node: Node | None) -> None:
        """Tell what is new; a lock that was only held on to is not."""
        if self._has_told and _same(node, self._told):
            return
        self._has_told, self._told = True, node
        if not self._closed.is_set():
            self._tell(holder_of(node) if node is not None else None)


def _same(one: Node | None, other: Node | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.dir, one.value) == (other.dir, other.value)
