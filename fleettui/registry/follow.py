"""The registry's reader: follows in the background, and reads afresh when asked."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from fleettui.model.cluster import RegistryView, Snapshot
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.collector import collector_paused
from fleettui.registry.decode import decode
from fleettui.registry.following import Following
from fleettui.registry.inbox import Inbox, Order
from fleettui.registry.keys import Keys
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source, first_to_answer, open_sources
from fleettui.registry.threads import in_daemon_thread
from fleettui.registry.tree import tree_of


class RegistryFollower:
    """A `RegistryReader` over etcd. Nothing it holds can send anything but GET."""

    def __init__(self, endpoints: tuple[str, ...], keys: Keys, pace: Pace | None = None) -> None:
        self.cluster = ClusterId()
        """For a writer that must not reach another cluster than the one looked at."""
        self._endpoints = endpoints
        self._keys = keys
        self._pace = pace or Pace()
        self._inbox: Inbox = SimpleQueue()
        self._closed = False
        self._last_endpoint = ""

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        """Start following; `sink` is called from a thread of ours. Called once."""

        def show(view: RegistryView) -> None:
            self._last_endpoint = view.endpoint
            if not self._closed:
                sink(view)

        threading.Thread(target=self._follow, args=(show,), name="etcd", daemon=True).start()

    def refresh(self) -> None:
        """Read everything afresh now, or try to reach etcd now where it is lost."""
        self._inbox.put(Order.REFRESH)

    async def read(self) -> Snapshot:
        """A fresh read of everything through the quorum. Raises RegistryUnavailable."""
        return await in_daemon_thread(self._read)

    async def close(self) -> None:
        """End following; requests under way are left behind. No view comes after this."""
        self._closed = True
        self._inbox.put(Order.STOP)

    def _follow(self, show: Callable[[RegistryView], None]) -> None:
        Following(self._open(), self._keys, self._pace, self._inbox, show).run()

    def _read(self) -> Snapshot:
        sources = sorted(self._open(), key=lambda source: source.url != self._last_endpoint)
        try:
            source = first_to_answer(sources, self._pace.answer_within)
            reading = source.read(self._pace.quorum_within, quorum=True)
        finally:
            for opened in sources:
                opened.close()
        with collector_paused():
            return decode(tree_of(reading.node), reading.index, reading.asked_at)

    def _open(self) -> tuple[Source, ...]:
        return open_sources(self._endpoints, self._keys, self.cluster)
