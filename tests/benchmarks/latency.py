"""P3: from a PUT to its row painted, by the real app in a pseudo-terminal."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from terminal import Terminal
from views import Views
from writers import Pipeline

from fleettui.demo.etcd import Etcd
from fleettui.model.cluster import Snapshot
from fleettui.model.untrusted import Untrusted

from .agents import agents
from .cluster import LARGE, address, kept_alive, registry, unit_name
from .console import RUNS, console, settle
from .following import following
from .journals import await_lines, observing
from .machines import identify, keep_starting, machines
from .measure import Table, cpu_seconds, percentile

CHANGES = 40
"""In each of `RUNS` runs."""
RATES = (0, 700, 2_000)
SPOKEN = 10.0
"""Lines a second of the journal that stands below the table."""
Times = list[list[float]]
"""Milliseconds of each change, run by run."""


def latency() -> Table:
    """P3: from a PUT to its row painted, under fleet's own writes."""
    table = Table(
        f"P3  PUT to painted row, {LARGE}",
        ("writes a second", "p50", "p95", "max", "lost", "app's CPU"),
    )
    shown = (
        ("", console, RATES),
        (", a journal open", _above_a_journal, RATES),
        (", all machines answer", where_all_answer, (700,)),
    )
    for name, opened, rates in shown:
        for rate in rates:
            with (
                registry(LARGE) as etcd,
                opened(etcd) as terminal,
                agents(etcd.endpoint, LARGE, rate),
            ):
                settle(terminal)
                pid, began = terminal.process.pid, time.monotonic()
                before = cpu_seconds(pid)
                times, lost = _change(etcd, terminal)
                cpu = (cpu_seconds(pid) - before) / (time.monotonic() - began)
            table.add(f"{rate:,}{name}", *_spread(times), str(lost), f"{cpu:.1%}")
    for rate in RATES:
        with (
            registry(LARGE) as etcd,
            following(etcd.endpoint) as views,
            agents(etcd.endpoint, LARGE, rate),
        ):
            views.live(60)
            time.sleep(5)  # what the start costs is not counted
            table.add(f"{rate:,}, to a view, no screen", *_spread(_see(etcd, views)), "0", "-")
    table.notes.append("goal: p50 <= 10 ms, p95 <= 25 ms, none lost")
    table.notes.append(f"p50 and p95 are medians of {RUNS} runs of {CHANGES} changes each")
    table.notes.append(f"a journal: of the changed unit's machine, {SPOKEN:.0f} lines a second")
    table.notes.append("where all answer, each of them is asked meanwhile what its user could do")
    table.notes.append("a third of the writes each to state, states and job; nothing changes")
    return table


@contextmanager
def _above_a_journal(etcd: Etcd) -> Iterator[Terminal]:
    """The app on a cluster of which the first machine alone answers, its journal followed."""
    with (
        tempfile.TemporaryDirectory() as name,
        machines(Path(name), at=address(0)) as made,
        observing(etcd, made) as terminal,
    ):
        terminal.until(b"LIVE", 60)
        terminal.until(unit_name(0).encode(), 60)
        made.speak(SPOKEN, 1e9)
        terminal.press(b"l")
        terminal.until(b"Follow", 30)
        await_lines(terminal, 1)
        yield terminal


@contextmanager
def where_all_answer(etcd: Etcd, *, starting: bool = False) -> Iterator[Terminal]:
    """The app on a cluster of which every machine was asked and answers; of units nothing, or that
    they are just `starting`."""
    with (
        tempfile.TemporaryDirectory() as name,
        machines(Path(name), LARGE.machines) as made,
    ):
        identify(made.folder, LARGE.machines)
        if starting:
            keep_starting(made.folder)
        with observing(etcd, made) as terminal:
            terminal.until(b"%d of %d machines checked" % (LARGE.machines, LARGE.machines), 300)
            yield terminal


def _change(etcd: Etcd, terminal: Terminal) -> tuple[Times, int]:
    """Milliseconds of each change that was painted, and how many were not within 5 s."""
    writer = Pipeline(etcd.endpoint)
    times: Times = [[] for _ in range(RUNS)]
    lost = 0
    for number in range(RUNS * CHANGES):
        word = f"w{number:03}q"
        (key,) = (k for k in kept_alive(0, LARGE) if k.startswith("states/"))
        value = kept_alive(0, LARGE, word)[key]
        terminal.press(b"")
        began = time.perf_counter()
        writer.put({key: value})
        if _painted(terminal, word.encode(), 5.0):
            times[number // CHANGES].append((time.perf_counter() - began) * 1000)
        else:
            lost += 1
        terminal.read(0.15)
    writer.close()
    return times, lost


def _see(etcd: Etcd, views: Views) -> Times:
    """Milliseconds from each change to the view that shows it."""
    writer = Pipeline(etcd.endpoint)
    times: Times = [[] for _ in range(RUNS)]
    (key,) = (k for k in kept_alive(0, LARGE) if k.startswith("states/"))
    name = Untrusted(unit_name(0))
    for number in range(RUNS * CHANGES):
        word = f"w{number:03}q"
        value = kept_alive(0, LARGE, word)[key]
        began = time.perf_counter()
        writer.put({key: value})
        views.showing(partial(_says, name, word))
        times[number // CHANGES].append((time.perf_counter() - began) * 1000)
        time.sleep(0.15)  # each change comes alone
    writer.close()
    return times


def _says(name: Untrusted, word: str, snapshot: Snapshot) -> bool:
    return snapshot.units[name].states[0].sub.raw == word


def _spread(runs: Times) -> tuple[str, str, str]:
    """p50 and p95, as medians of the runs, and the longest of all."""
    painted = [run for run in runs if run]
    if not painted:
        return "-", "-", "-"
    p50, p95 = (median(percentile(run, at) for run in painted) for at in (50, 95))
    return f"{p50:.1f} ms", f"{p95:.1f} ms", f"{max(map(max, painted)):.1f} ms"


def _painted(terminal: Terminal, word: bytes, seconds: float) -> bool:
    start = len(terminal.output)
    end = time.perf_counter() + seconds
    while word not in terminal.output[start:]:
        if time.perf_counter() > end:
            return False
        terminal.read(0.001)
    return True
