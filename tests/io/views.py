"""A sink for registry views that a test can wait at."""

import threading
import time
from collections.abc import Callable

from fleettui.model.cluster import Link, RegistryView, Snapshot


class Views:
    """Every view that came, in order."""

    def __init__(self) -> None:
        self.all: list[RegistryView] = []
        self._came = threading.Condition()

    def __call__(self, view: RegistryView) -> None:
        with self._came:
            self.all.append(view)
            self._came.notify_all()

    @property
    def newest(self) -> RegistryView:
        return self.all[-1]

    def wait(self, wanted: Callable[[RegistryView], bool], seconds: float = 60) -> RegistryView:
        """The newest view as soon as it is a wanted one. Fails after `seconds`."""
        until = time.monotonic() + seconds
        with self._came:
            while not (self.all and wanted(self.all[-1])):
                left = until - time.monotonic()
                assert left > 0, f"not within {seconds} s; the newest view: {self.all[-1:]}"
                self._came.wait(left)
            return self.all[-1]

    def live(self, seconds: float = 60) -> RegistryView:
        return self.wait(lambda view: view.link is Link.LIVE, seconds)

    def lost(self, seconds: float = 60) -> RegistryView:
        return self.wait(lambda view: view.link is Link.LOST, seconds)

    def showing(self, wanted: Callable[[Snapshot], bool], seconds: float = 60) -> Snapshot:
        """The newest snapshot as soon as it is a wanted one, seen live."""
        view = self.wait(
            lambda v: v.link is Link.LIVE and v.snapshot is not None and wanted(v.snapshot),
            seconds,
        )
        assert view.snapshot is not None
        return view.snapshot
