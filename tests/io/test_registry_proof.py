"""The polls that prove a stream: none where it moves on, and soon enough where it does not."""

import random
import threading
import time
from contextlib import suppress
from itertools import accumulate
from queue import Empty, SimpleQueue
from typing import cast
from unittest.mock import MagicMock

import pytest

from fleettui.registry.answers import Event, Node
from fleettui.registry.cadence import Cadence
from fleettui.registry.errors import HistoryCleared
from fleettui.registry.feed import Feed
from fleettui.registry.image import Image
from fleettui.registry.inbox import Ahead, Inbox, Report, Unknowable
from fleettui.registry.keys import keys_under
from fleettui.registry.line import Line
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source
from fleettui.registry.stream import Proof

PACE = Pace(prove_every=0.5)
REMEMBERED = 1_000
"""Events that etcd remembers, of all folders."""


class Forgetful:
    """An etcd that is written to all the time, and now and then in the folder that is followed."""

    def __init__(self, writes_per_second: float, happens_at: list[float]) -> None:
        """`happens_at`: seconds from now, ascending."""
        self._rate = writes_per_second
        self._began = time.monotonic()
        self._events = [self._index_at(at) for at in happens_at]
        self.polls = 0
        self.is_over = threading.Event()

    @property
    def index(self) -> int:
        """Of the newest event of all."""
        return self._index_at(time.monotonic() - self._began)

    def newest_before(self, index: int) -> int:
        """Index of the newest event of the folder up to there."""
        return max((event for event in self._events if event <= index), default=0)

    def watch_folder(self, _: str, after: int, __: float) -> Event | None:
        """A long poll."""
        self.polls += 1
        if self.index - after > REMEMBERED:
            raise HistoryCleared("401")
        found = next((event for event in self._events if event > after), None)
        while found is not None and not self.is_over.wait(0.001):
            if found <= self.index:
                return Event("set", Node(modified_index=found))
        return None

    def _index_at(self, seconds: float) -> int:
        return int(seconds * self._rate) + 1


@pytest.fixture
def inbox() -> Inbox:
    return SimpleQueue()


def proved(etcd: Forgetful, inbox: Inbox, seconds: float) -> list[Report]:
    """What the polls report beside a stream that brings everything; a read takes no time."""
    seen, found = [etcd.index], list[Report]()
    line = Line(cast("Source", etcd), PACE, inbox, Cadence(PACE))
    proof = Proof(line, "job", lambda: seen[0])
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.002)  # the stream brings events so soon
        seen[0] = max(seen[0], etcd.newest_before(etcd.index))
        with suppress(Empty):
            message = inbox.get_nowait()
            assert isinstance(message, tuple)
            found.append(message[1])
            if isinstance(message[1], Unknowable):
                seen[0] = etcd.index
                proof.ask()
    proof.stop()
    etcd.is_over.set()
    return found


def test_a_stream_that_moves_on_is_not_asked_about(inbox: Inbox) -> None:
    etcd = Forgetful(1_000, list(accumulate([0.02] * 250)))
    assert not any(isinstance(one, Unknowable) for one in proved(etcd, inbox, 4))
    assert etcd.polls <= 3, "one each half second were eight"


def test_a_folder_is_asked_about_before_etcd_has_forgotten_what_follows(inbox: Inbox) -> None:
    chance = random.Random(1)  # noqa: S311 - to be had again
    etcd = Forgetful(4_000, list(accumulate(chance.uniform(0.15, 0.75) for _ in range(40))))
    found = proved(etcd, inbox, 8)
    assert sum(isinstance(one, Ahead) for one in found) >= 5
    assert sum(isinstance(one, Unknowable) for one in found) <= 1


def test_what_etcd_has_besides_gives_a_silent_stream_no_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("fleettui.registry.feed.time.monotonic", lambda: now)
    monkeypatch.setattr("fleettui.registry.feed.Stream", MagicMock())
    feed = Feed("job", MagicMock(pace=Pace()), Image(keys_under("/f")))
    feed.open()
    feed.take(Ahead(8))
    ends = feed.due
    now += 0.2
    feed.take(Ahead(9))
    assert feed.due == ends == 100.0 + Pace().prove_within
