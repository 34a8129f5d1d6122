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
            "last expiry to it",
            f"within {GOAL:.0f} ms of the last",
            "a bare stream saw",
        ),
    )
    with registry(LARGE) as etcd, following(etcd.endpoint) as views:
        views.showing(lambda s: len(s.units) == LARGE.units, seconds=60)
        for count in COUNTS:
            runs = [_expire(etcd, views, count) for _ in range(RUNS)]
            times = [run.spent for run in runs]
            from_last = [run.from_last for run in runs]
            good = sum(spent <= GOAL for spent in from_last)
            seen = min(run.seen for run in runs)
            apart = ms([run.apart for run in runs])
            within = f"{good} of {RUNS}"
            table.add(f"{count:,}", apart, ms(times), ms(from_last), within, f"{seen:,} at worst")
        table.notes.append("goal: <= 500 ms after the first, 10 of 10, where all go in one tick")
        table.notes.append("etcd ticks each 500 ms: keys on both sides of a tick go that far apart")
        table.notes.append(f"{views.newest.disagreements} disagreements on the way")
    return table


@dataclass(frozen=True, slots=True)
class Run:
    """Milliseconds, and what a bare stream saw."""

    spent: float
    """From the first expiry to the right model."""
    from_last: float
    """From when the last was gone."""
    apart: float
    """From the first time to live that was set to the last, and so between their ends."""
    seen: int


def _expire(etcd: Etcd, views: Views, count: int) -> Run:
    writer = Pipeline(etcd.endpoint)
    keys = {f"states/doomed{n:04}.service/m": state(n, LARGE) for n in range(count)}
    writer.put(keys)
    views.showing(partial(_has, LARGE.units + count), seconds=60)
    writer.close()
    *most, last = keys
    apart = _doom(etcd, {key: keys[key] for key in most})
    _doom(etcd, {last: keys[last]})
    bare, gone = _Bare(etcd.endpoint), _Gone(etcd.endpoint, last)
    views.showing(partial(_has, LARGE.units), seconds=60)
    right = time.monotonic()
    spent, from_last = (right - bare.first_at()) * 1000, (right - gone.at()) * 1000
    return Run(spent, from_last, apart, bare.end())


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


class _Gone:
    """Asks for a key until it is gone."""

    def __init__(self, endpoint: str, key: str) -> None:
        self._endpoint = for_reading(endpoint)
        self._path = f"/v2/keys/_coreos.com/fleet/{key}"
        self._at = 0.0
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def at(self) -> float:
        """When it was, in time.monotonic()."""
        self._thread.join()
        return self._at

    def _ask(self) -> None:
        while self._endpoint.get(self._path, 5).status != 404:
            time.sleep(0.01)  # as closely as it is to be known when the key went
        self._at = time.monotonic()
        self._endpoint.close()


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
