"""P2 and P6: reading the registry, whole and over a slow link."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.image import Image
from fleettui.registry.keys import DEFAULT_PREFIX, PARTS, keys_under
from fleettui.registry.source import Source, open_sources

from .cluster import LARGE, MIDDLE, registry
from .following import following
from .link import slow_link
from .measure import Table, fleetctl_times, ms, quietly, ratio, timed, timed_in_turns

RUNS = 51
ROUND_TRIP = 0.020
FOLLOWED = tuple(part for part in PARTS if part != "unit")
"""What is read again and again; unit files only once."""


def refresh() -> Table:
    """P2: the model brought up to date by a read of everything, against moving the same bytes."""
    keys = keys_under(DEFAULT_PREFIX)
    with registry(LARGE) as etcd:
        (source,) = open_sources([etcd.endpoint], keys, ClusterId())
        image = Image(keys)
        first = timed(_Refresh(source, image, PARTS), 1)
        urls = {part: f"{etcd.endpoint}{keys.path(part)}?recursive=true" for part in PARTS}
        units: list[float] = []
        again, whole = _Refresh(source, image, FOLLOWED), _Refresh(source, image, PARTS)
        let_go, _, one_by_one, at_once, followed, _ = timed_in_turns(
            (
                again,
                whole,
                partial(_curl, urls.values()),
                partial(_curl, urls.values(), "--parallel"),
                partial(_curl, [urls[part] for part in FOLLOWED], "--parallel"),
                lambda: units.extend(fleetctl_times(etcd.endpoint, "list-units", 1)),
            ),
            RUNS,
        )
        source.close()
    table = Table(
        f"P2  full refresh of the model, {LARGE}", ("what", "time", "/ curl", "/ fleetctl")
    )
    rows = (
        ("first read, every object made", first, at_once),
        ("read again, unit files too", whole.times, at_once),
        ("read again as each 30 s", again.times, followed),
        ("  and what was read let go", let_go, followed),
        ("curl of all five folders, one by one", one_by_one, at_once),
        ("curl of all five folders, at once", at_once, at_once),
        ("curl of the four followed, at once", followed, followed),
        ("fleetctl list-units", units, at_once),
    )
    for name, times, floor in rows:
        table.add(name, ms(times), ratio(times, floor), ratio(times, units))
    table.notes.append("goal: <= 1.1 x curl of the same bytes, <= 0.6 x fleetctl list-units")
    return table


def slow_start() -> Table:
    """P6: from nothing to all units over a link of 20 ms."""
    with registry(MIDDLE) as etcd, slow_link(etcd.endpoint, ROUND_TRIP) as url:
        _first_view(url)  # python-etcd is imported with the first
        ours = timed(lambda: _first_view(url), 5)
        lists = fleetctl_times(url, "list-unit-files", 1)
    goal = 4 * ROUND_TRIP * 1000 + 100
    table = Table(f"P6  {MIDDLE}, round trip 20 ms", ("what", "time", "/ fleetctl"))
    table.add("all units, desired and actual, live", ms(ours), ratio(ours, lists))
    table.add("fleetctl list-unit-files", ms(lists), ratio(lists, lists))
    table.notes.append(f"goal: <= 4 round trips + 100 ms = {goal:.0f} ms; <= 1/100 of fleetctl")
    return table


class _Refresh:
    """Reads folders and brings the model up to date, as the program does: what came last is let go
    behind that.
    """

    def __init__(self, source: Source, image: Image, parts: tuple[str, ...]) -> None:
        self._source, self._image, self._parts = source, image, parts
        self.times: list[float] = []
        """Milliseconds of each run until the model was right."""

    def __call__(self) -> None:
        began, left = time.perf_counter(), len(self._parts)
        for part, reading in self._source.read_folders(self._parts, 10, quorum=False):
            self._image.load_folder(part, reading.node, reading.index)
            left -= 1
            if left:
                del reading
        assert len(self._image.snapshot(datetime.now(UTC)).units) == LARGE.units
        self.times.append((time.perf_counter() - began) * 1000)


def _curl(urls: Iterable[str], *options: str) -> None:
    outputs = [word for url in urls for word in ("-o", "/dev/null", url)]
    quietly("curl", "--silent", "--no-progress-meter", "--fail", *options, *outputs)


def _first_view(url: str) -> None:
    with following(url) as views:
        views.showing(lambda s: len(s.units) == MIDDLE.units and s.leader is not None)
