"""P5: a dead machine's keys expire together, and etcd drops whoever watches them by a stream."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from views import Views
from writers import Pipeline

from fleettui.demo.etcd import Etcd
from fleettui.model.cluster import Snapshot
from fleettui.registry.errors import Unreachable
from fleettui.registry.open import for_reading

from .cluster import LARGE, registry, state
from .following import following
from .measure import Table, ms

RUNS = 10
COUNTS = (300, 1_000)
GOAL = 500.0
TTL = 3
WRITERS = 32
"""Connections that set the time to live."""


def expire() -> Table:
    table = Table(
        f"P5  keys that expire in one tick, {LARGE}",
        (
            "keys",
            "their expiries apart",
            "first expiry to a right model",
            f"within {GOAL:.0f} ms",
            "a bare stream saw",
        ),
    )
    with registry(LARGE) as etcd, following(etcd.endpoint) as views:
        views.showing(lambda s: len(s.units) == LARGE.units, seconds=60)
        for count in COUNTS:
            runs = [_expire(etcd, views, count) for _ in range(RUNS)]
            times = [run.spent for run in runs]
            good = sum(spent <= GOAL for spent in times)
            seen = min(run.seen for run in runs)
            apart = ms([run.apart for run in runs])
            table.add(f"{count:,}", apart, ms(times), f"{good} of {RUNS}", f"{seen:,} at worst")
        table.notes.append("goal: 10 of 10; nothing can be right before the last has expired")
        table.notes.append(f"{views.newest.disagreements} disagreements on the way")
    return table


@dataclass(frozen=True, slots=True)
class Run:
    """Milliseconds, and what a bare stream saw."""

    spent: float
    """From the first expiry to the right model."""
    apart: float
    """From the first time to live that was set to the last, and so between their ends."""
    seen: int


def _expire(etcd: Etcd, views: Views, count: int) -> Run:
    writer = Pipeline(etcd.endpoint)
    keys = {f"states/doomed{n:04}.service/m": state(n, LARGE) for n in range(count)}
    writer.put(keys)
    views.showing(partial(_has, LARGE.units + count), seconds=60)
    writer.close()
    apart = _doom(etcd, keys)
    bare = _Bare(etcd.endpoint)
    views.showing(partial(_has, LARGE.units), seconds=60)
    spent = (time.monotonic() - bare.first_at()) * 1000
    return Run(spent, apart, bare.end())


def _doom(etcd: Etcd, keys: dict[str, str]) -> float:
    """Give all keys one time to live at once, that they may end together; returns the
    milliseconds that it took. etcd commits together what comes together.
    """
    writers = [Pipeline(etcd.endpoint) for _ in range(WRITERS)]
    items = list(keys.items())
    began = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as pool:
        for number, writer in enumerate(writers):
            pool.submit(writer.put, dict(items[number::WRITERS]), TTL)
    took = (time.monotonic() - began) * 1000
    for writer in writers:
        writer.close()
    return took


def _has(units: int, snapshot: Snapshot) -> bool:
    return len(snapshot.units) == units


class _Bare:
    """A stream that nobody proves: what a watcher would have seen by itself."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = for_reading(endpoint)
        path = "/v2/keys/_coreos.com/fleet/states"
        self._streaming = self._endpoint.stream(path, 5, recursive="true")
        self._first: float | None = None
        self._count = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def first_at(self) -> float:
        """When the first key expired, in time.monotonic()."""
        assert self._first is not None
        return self._first

    def end(self) -> int:
        """How many expiries it saw."""
        self._streaming.end()
        self._thread.join()
        self._streaming.close()
        self._endpoint.close()
        return self._count

    def _watch(self) -> None:
        with suppress(Unreachable):  # the end
            for events in self._streaming.events():
                expired = sum(event.action == "expire" for event in events)
                if expired and self._first is None:
                    self._first = time.monotonic()
                self._count += expired
