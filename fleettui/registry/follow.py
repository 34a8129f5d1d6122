"""The registry's reader: follows in the background, and reads afresh when asked."""

import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from fleettui.access import FleetKey, KeyValue, RegistryUnavailable
from fleettui.model.cluster import RegistryView, Snapshot
from fleettui.model.lock import LockHolder
from fleettui.model.rights import Rights
from fleettui.model.untrusted import Untrusted
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.collector import collector_paused
from fleettui.registry.forerunner import Begun, Forerunner
from fleettui.registry.inbox import Inbox, Order
from fleettui.registry.keys import Keys
from fleettui.registry.pace import Pace
from fleettui.registry.taken import Ahead, taken
from fleettui.registry.threads import in_daemon_thread
from fleettui.registry.way import STRAIGHT, Way

if TYPE_CHECKING:
    from fleettui.registry.source import Reading, Source

Found = TypeVar("Found")


class RegistryFollower:
    """A `RegistryReader` over etcd. Nothing it holds can send anything but GET."""

    def __init__(
        self,
        endpoints: tuple[str, ...],
        keys: Keys,
        pace: Pace | None = None,
        way: Way = STRAIGHT,
    ) -> None:
        self.cluster = ClusterId()
        """For a writer that must not reach another cluster than the one looked at."""
        self._endpoints = endpoints
        self._keys = keys
        self._pace = pace or Pace()
        self._way = way
        self._inbox: Inbox = SimpleQueue()
        self._closed = threading.Event()
        self._last_endpoint = ""
        self._is_begun = False
        self._sink: Callable[[RegistryView], None] | None = None
        self._is_followed = threading.Event()

    def take_over(self, begun: Begun) -> None:
        """Go on from a first read of the first endpoint, which was sent already. Called once, or
        never, before somebody follows.
        """
        self._begin(begun)

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        """Start following; `sink` is called from a thread of ours. Called once."""
        self._sink = sink
        self._is_followed.set()
        if not self._is_begun:
            self._begin(None)

    def _begin(self, begun: Begun | None) -> None:
        self._is_begun = True
        threading.Thread(target=self._follow, args=(begun,), name="etcd", daemon=True).start()

    def _show(self, view: RegistryView) -> None:
        """Tell a view, once there is somebody to be told."""
        self._last_endpoint = view.endpoint
        self._is_followed.wait()
        if self._sink is not None and not self._closed.is_set():
            self._sink(view)

    def refresh(self) -> None:
        """Read everything afresh now, or try to reach etcd now where it is lost."""
        self._inbox.put(Order.REFRESH)

    async def read(self) -> Snapshot:
        """A fresh read of everything through the quorum. Raises RegistryUnavailable."""
        return await in_daemon_thread(self._read)

    async def key(self, key: FleetKey) -> KeyValue | None:
        """One key below fleet's prefix, through the quorum; a folder is none.

        Raises RegistryUnavailable, also for what cannot be part of a key.
        """
        try:
            path = self._keys.path(*(segment.raw for segment in key))
        except ValueError as error:
            raise RegistryUnavailable(f"etcd was not asked: {Untrusted(str(error))}") from error
        node = (await in_daemon_thread(partial(self._look, path))).node
        if node is None or node.dir:
            return None
        return KeyValue(Untrusted(node.value), node.modified_index)

    async def lock_holder(self) -> LockHolder | None:
        """Who holds the repair lock, read through the quorum. Raises RegistryUnavailable."""
        from fleettui.registry.lock_value import holder_of

        node = (await in_daemon_thread(partial(self._look, self._keys.lock))).node
        return holder_of(node) if node is not None else None

    def follow_lock(self, sink: Callable[[LockHolder | None], None]) -> None:
        """Tell how the lock stands, then of every change, from a thread of ours. Called once."""
        from fleettui.registry.lock_watch import LockWatch

        watch = LockWatch(self._open(), self._keys.lock, self._pace, self._closed, sink)
        threading.Thread(target=watch.run, name="etcd lock", daemon=True).start()

    async def rights(self) -> Rights:
        """What these credentials could do, found out by reading. Raises RegistryUnavailable."""
        return await in_daemon_thread(self._rights)

    async def close(self) -> None:
        """End following; requests under way are left behind. No view comes after this."""
        self._closed.set()
        self._is_followed.set()
        self._inbox.put(Order.STOP)

    def _follow(self, begun: Begun | None) -> None:
        ahead = self._shown(begun) if begun is not None else None
        if self._closed.is_set():
            if isinstance(begun, Forerunner):
                begun.end()
            return
        from fleettui.registry.following import Following

        Following(self._open(), self._keys, self._pace, self._inbox, self._show).run(ahead)

    def _shown(self, begun: Begun) -> Ahead | None:
        """What it has brought, shown before what follows is loaded, where it is decoded already:
        whoever is shown it may hold this up until it is painted.
        """
        ahead = taken(begun, self._endpoints[0], lambda: self._open()[0])
        if ahead is not None and ahead.view is not None:
            self._show(ahead.view)
        return ahead

    def _read(self) -> Snapshot:
        from fleettui.registry.decode import decode
        from fleettui.registry.tree import tree_of

        within = self._pace.quorum_within
        reading = self._ask(lambda source: source.read(within, quorum=True))
        with collector_paused():
            return decode(tree_of(reading.node), reading.index, reading.asked_at)

    def _look(self, path: str) -> "Reading":
        return self._ask(lambda source: source.look(path, self._pace.quorum_within))

    def _rights(self) -> Rights:
        from fleettui.registry.rights import find_rights

        within = self._pace.quorum_within
        return self._ask(lambda source: find_rights(lambda path: source.ask(path, within)))

    def _ask(self, question: "Callable[[Source], Found]") -> Found:
        """Ask the endpoint that was followed last, or the first that answers."""
        from fleettui.registry.source import first_to_answer

        sources = sorted(self._open(), key=lambda source: source.url != self._last_endpoint)
        try:
            return question(first_to_answer(sources, self._pace.answer_within))
        finally:
            for opened in sources:
                opened.close()

    def _open(self) -> "tuple[Source, ...]":
        from fleettui.registry.source import open_sources

        return open_sources(self._endpoints, self._keys, self.cluster, self._way)
