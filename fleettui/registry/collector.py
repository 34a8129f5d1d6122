"""Python's garbage collector, kept from getting in the way of a large picture."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pauses:
    """How many ask for a pause right now, in whatever thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._was_on = False

    def begin(self) -> None:
        with self._lock:
            if not self._count:
                self._was_on = gc.isenabled()
                gc.disable()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count and self._was_on:
                gc.enable()


_pauses = _Pauses()


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing meanwhile: what is being built stays, and looking through it again and again
    takes as long as building it. Where several threads pause, the last to end resumes.
    """
    _pauses.begin()
    try:
        yield
    finally:
        _pauses.end()
