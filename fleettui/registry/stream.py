"""The two threads that follow one folder: a stream of its events, and the poll that proves it.

etcd drops a watcher that falls 100 events behind without a word: its stream stays open and is
silent ever after. The connection says nothing of that, so etcd is asked what it has: a long poll
from the last event that was seen answers at once if there is another, and waits if there is none.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fleettui.access import RegistryUnavailable
from fleettui.registry.answers import Event
from fleettui.registry.errors import HistoryCleared, Refused
from fleettui.registry.inbox import (
    Ahead,
    Happened,
    Report,
    StreamEnded,
    StreamOpened,
    Unknowable,
)
from fleettui.registry.line import Line

if TYPE_CHECKING:
    from fleettui.registry.streaming import Streaming

_LOOK_EVERY = 0.02
"""Seconds between two looks at whether a stream moves on."""


class Stream:
    """One stream of a folder, until it ends or is stopped."""

    def __init__(self, line: Line, part: str) -> None:
        self._line = line
        self._part = part
        self._stopped = threading.Event()
        self._streaming: Streaming | None = None
        threading.Thread(target=self._run, name=f"etcd stream {part}", daemon=True).start()

    def stop(self) -> None:
        """Report nothing more, and let go of the connection."""
        self._stopped.set()
        if self._streaming is not None:
            self._streaming.end()

    def hurry(self) -> None:
        """Bring now what has come: somebody waits for it."""
        if self._streaming is not None:
            self._streaming.hurry()

    def _run(self) -> None:
        is_refused = False
        try:
            self._follow()
        except RegistryUnavailable as problem:
            # Whether etcd still lives is asked elsewhere.
            is_refused = isinstance(problem, Refused)
        self._tell(StreamEnded(is_refused))

    def _follow(self) -> None:
        streaming, index = self._line.source.stream(self._part, self._line.pace.stream_within)
        self._streaming = streaming
        try:
            if self._stopped.is_set():
                return  # before there was anything to end
            self._tell(StreamOpened(index))
            for events in streaming.events(self._line.cadence.rest_of_stream):
                self._tell(Happened(events))
        finally:
            streaming.close()

    def _tell(self, report: Report) -> None:
        if not self._stopped.is_set():
            self._line.inbox.put((self, report))


class Proof:
    """Long polls of a folder from the last event seen on, until stopped.

    Where much happens none is needed: a stream that moves on has lost nothing.
    """

    def __init__(self, line: Line, part: str, seen: Callable[[], int]) -> None:
        self._line = line
        self._part = part
        self._seen = seen
        self.waiting_since: float | None = None
        """time.monotonic(), while a poll waits; if for long, then nothing happens."""
        self._told = 0
        """Index of the last event that was answered."""
        self._stopped = False
        self._asked = threading.Event()
        threading.Thread(target=self._run, name=f"etcd proof {part}", daemon=True).start()

    def ask(self) -> None:
        """Ask now; one that is under way and not answered yet has nothing to tell."""
        self._asked.set()

    def stop(self) -> None:
        """Report nothing more; the poll under way ends by itself."""
        self._stopped = True
        self._asked.set()

    def _run(self) -> None:
        while not self._stopped:
            began = time.monotonic()
            self._asked.clear()
            found = self._poll()
            if found is not None and not self._stopped:
                self._line.inbox.put((self, found))
            # A folder where little happens is asked without a pause: etcd forgets soon.
            left = began + self._line.pace.prove_every - time.monotonic()
            if left > 0 and isinstance(found, Ahead):
                self._wait_for_silence()
            elif left > 0:
                self._asked.wait(left)

    def _wait_for_silence(self) -> None:
        """Look on while the stream moves on. One that may rest is looked at less often, and all
        others so often that etcd has not yet forgotten what follows when they fall silent.
        """
        cadence, every = self._line.cadence, self._line.pace.prove_every
        before = None
        while not self._asked.wait(every / (2 if cadence.rest_of_stream(time.monotonic()) else 8)):
            seen = self._seen()
            if seen == before:
                return
            before = seen

    def _poll(self) -> Report | None:
        after = max(self._seen(), self._told)
        try:
            event = self._wait_for_one(after)
        except HistoryCleared:
            # In a storm elsewhere etcd forgets within the second; a stream that lives may move on.
            return None if self._moves_on_from(after) else Unknowable()
        except RegistryUnavailable:
            return None
        if event is None:
            return None
        self._told = event.node.modified_index
        return Ahead(self._told)

    def _wait_for_one(self, after: int) -> Event | None:
        self.waiting_since = time.monotonic()
        try:
            within = self._line.pace.watch_for
            return self._line.source.watch_folder(self._part, after, within)
        finally:
            self.waiting_since = None  # whatever is made of the answer: it no longer waits

    def _moves_on_from(self, index: int) -> bool:
        """Whether the stream has brought something later, or does once it has rested."""
        pace, now = self._line.pace, time.monotonic()
        until = now + 2 * pace.storm_view_every if self._line.cadence.rest_of_stream(now) else now
        while self._seen() <= index:
            if self._stopped or time.monotonic() > until:
                return False
            time.sleep(_LOOK_EVERY)  # what the follower folds in is told to nobody
        return True
