"""P1, P4 and P12: the real app in a pseudo-terminal."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from terminal import Terminal, run_in_terminal

from fleettui.demo.etcd import Etcd, free_port

from .agents import agents
from .cluster import LARGE, MIDDLE, SMALL, registry, unit_name
from .following import following_apart
from .measure import (
    Table,
    cpu_seconds,
    fleetctl_times,
    ms,
    percentile,
    quietly,
    ratio,
    resident_mb,
    timed,
)

RUNS = 5
STARTS = 21
"""Of each cluster. Within one of four etcd collects its garbage, for 50 to 100 ms of a processor:
the median of five is too often one of those."""
PEERS_EACH = 4
"""Starts for each run of the peers: in turns, for a machine that many share has slow minutes."""
PRESSES = 40
WATCHED = 30.0
"""Seconds that P4 and P12 look on."""
_CALM, _SETTLING = 0.25, 60
"""Of a core, and the seconds that an app has to come down to it."""
_PER_UNIT = 0.2
"""Writes a second that fleet makes for a unit: three keys each 15 s."""


def start() -> Table:
    """P1: from the command line to rows that are live."""
    table = Table(
        "P1  cold start to live rows",
        (
            "cluster",
            "time",
            "/ import textual.app",
            "CPU / its",
            "/ list-unit-files",
            "/ list-units",
        ),
    )
    for size in (SMALL, MIDDLE, LARGE):
        with registry(size) as etcd:
            _start(etcd)  # what is run first is compiled
            runs, files, units = [], [], []
            for number in range(STARTS):
                runs.append((_start(etcd), _imported()))
                if number % PEERS_EACH == 0:
                    files += fleetctl_times(etcd.endpoint, "list-unit-files", 1)
                    units += fleetctl_times(etcd.endpoint, "list-units", 1)
        ours, textual = [run[0][0] for run in runs], [run[1][0] for run in runs]
        cpu = ratio([run[0][1] for run in runs], [run[1][1] for run in runs])
        ratios = (ratio(ours, textual), cpu, ratio(ours, files), ratio(ours, units))
        table.add(str(size), ms(ours), *ratios)
        table.add("  import textual.app", ms(textual), "1.00", "1.00", "-", "-")
    table.notes.append("goal: <= 1.5 at 1,000, <= 2 at 10,000; <= 0.12 x list-unit-files at 10,000")
    return table


def idle_load() -> Table:
    """P4: 2,000 writes a second that change nothing."""
    table = Table(
        f"P4  2,000 writes a second that change nothing, {WATCHED:.0f} s, {LARGE}",
        ("what", "app's CPU", "bytes painted a second", "resident"),
    )
    with registry(LARGE) as etcd, console(etcd) as terminal:
        _look_on(table, "no writes", terminal)
        with agents(etcd.endpoint, LARGE, 2_000):
            terminal.read(5)
            _look_on(table, "2,000 a second", terminal)
        terminal.process.kill()
        with following_apart(etcd.endpoint) as pid, agents(etcd.endpoint, LARGE, 2_000):
            time.sleep(5)  # what the start costs is not counted
            before = cpu_seconds(pid)
            time.sleep(WATCHED)  # the time that is measured
            share = (cpu_seconds(pid) - before) / WATCHED
            table.add(
                "2,000 a second, no screen", f"{share:.1%}", "-", f"{resident_mb(pid):.0f} MB"
            )
    table.notes.append("goal: <= 12 % of a core, next to no bytes painted")
    return table


def growth() -> Table:
    """P12: what ten times the cluster costs."""
    table = Table(
        "P12  growth, each cluster with the writes that fleet makes for it",
        ("cluster", "app's CPU", "bytes painted a second", "resident", "key to paint p50 / p95"),
    )
    costs, keys = [], []
    for size in (MIDDLE, LARGE):
        with (
            registry(size) as etcd,
            console(etcd) as terminal,
            agents(etcd.endpoint, size, size.units * _PER_UNIT),
        ):
            settle(terminal)
            costs.append(_look_on(table, str(size), terminal))
            keys.append(presses(terminal))
            table.rows[-1] = (*table.rows[-1], _pressed(keys[-1]))
    small, large = costs
    table.notes.append(
        f"10,000 units cost {large[0] / max(small[0], 1e-9):.1f} x the CPU "
        f"and {large[1] / small[1]:.1f} x the memory of 1,000; goal: <= 12"
    )
    table.notes.append(
        f"a key takes {ratio(keys[1], keys[0])} x as long at 10,000 units; goal: flat"
    )
    return table


@contextmanager
def console(etcd: Etcd) -> Iterator[Terminal]:
    """The app on a cluster, showing its units, live."""
    with tempfile.TemporaryDirectory() as home:
        argv = (sys.executable, "-m", "fleettui", "--observe", "--endpoint", etcd.endpoint)
        env = {"HOME": home}
        port = str(free_port("127.0.0.1"))  # nothing answers there: hosts are not measured here
        with run_in_terminal((*argv, "--ssh-port", port), env=env) as terminal:
            terminal.until(b"LIVE", 60)
            terminal.until(unit_name(0).encode(), 60)
            yield terminal


def _start(etcd: Etcd) -> tuple[float, float]:
    """Milliseconds until rows are live, and how many of them were of the app's processor time."""
    began = time.perf_counter()
    with console(etcd) as terminal:
        took = time.perf_counter() - began
        return took * 1000, cpu_seconds(terminal.process.pid) * 1000


def _imported() -> tuple[float, float]:
    """The same of a Python that imports Textual's app and ends."""
    before = os.times()
    (took,) = timed(lambda: quietly(sys.executable, "-c", "import textual.app"), 1)
    after = os.times()
    used = after.children_user + after.children_system
    return took, (used - before.children_user - before.children_system) * 1000


def settle(terminal: Terminal) -> None:
    """Until the agents are at their pace, and every machine was asked for the first time."""
    pid = terminal.process.pid
    terminal.read(5)
    for _ in range(_SETTLING):
        before = cpu_seconds(pid)
        terminal.read(1)
        if cpu_seconds(pid) - before < _CALM:
            return


def _look_on(table: Table, name: str, terminal: Terminal) -> tuple[float, float]:
    """One row: the app's CPU as a share of a core and its memory in MB are returned."""
    share, painted = cost(terminal)
    memory = resident_mb(terminal.process.pid)
    table.add(name, f"{share:.1%}", f"{painted:,.0f}", f"{memory:.0f} MB")
    return share, memory


def cost(terminal: Terminal) -> tuple[float, float]:
    """A program's CPU as a share of a core, and the bytes that it paints a second, for a while."""
    pid, began = terminal.process.pid, time.monotonic()
    cpu, drawn = cpu_seconds(pid), len(terminal.output)
    while (left := began + WATCHED - time.monotonic()) > 0:
        terminal.read(left)
    spent = time.monotonic() - began
    return (cpu_seconds(pid) - cpu) / spent, (len(terminal.output) - drawn) / spent


def _pressed(times: list[float]) -> str:
    return f"{statistics.median(times):.1f} / {percentile(times, 95):.1f} ms"


def presses(terminal: Terminal) -> list[float]:
    """Milliseconds from a key to what it paints."""
    times = []
    for number in range(PRESSES):
        before = len(terminal.output)
        terminal.press(b"\x1b[B" if number % 2 else b"\x1b[A")
        began = time.perf_counter()
        while len(terminal.output) == before and time.perf_counter() - began < 2:
            terminal.read(0.001)
        times.append((time.perf_counter() - began) * 1000)
        terminal.read(0.05)
    return times
