"""Timing, and tables of medians and ratios."""

import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@contextmanager
def installed() -> Iterator[None]:
    """Python's bytecode is kept, as with a package that pip has installed, and apart from the
    tree; what is run first in it is slower.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        yield


@dataclass(slots=True)
class Table:
    """What one benchmark prints."""

    title: str
    heads: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append(cells)

    def show(self) -> None:
        lines = [self.heads, *self.rows]
        widths = [max(len(line[at]) for line in lines) for at in range(len(self.heads))]
        say(f"\n{self.title}")
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            say("  " + "  ".join(cells).rstrip())
        for note in self.notes:
            say(f"  ({note})")


def end_what_was_started() -> None:
    """When this process is ended, as by ctrl+c: on the way out."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def timed(work: Callable[[], object], runs: int = 5) -> list[float]:
    """Milliseconds of each run."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return times


def timed_in_turns(works: Sequence[Callable[[], object]], runs: int) -> list[list[float]]:
    """Milliseconds of each run of each work. All are run once, in another order each time, before
    one is run again: a server that is slow now and then is so for none of them more often.
    """
    times: list[list[float]] = [[] for _ in works]
    order = list(range(len(works)))
    chance = random.Random(0)  # noqa: S311 - the order of a benchmark
    for _ in range(runs):
        chance.shuffle(order)
        for at in order:
            times[at] += timed(works[at], 1)
    return times


def ms(times: Sequence[float]) -> str:
    """The median and the range of some milliseconds."""
    if not times:
        return "-"
    middle = statistics.median(times)
    return f"{middle:,.1f} ms ({min(times):,.1f}..{max(times):,.1f})"


def percentile(times: Sequence[float], percent: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def ratio(one: Sequence[float], other: Sequence[float]) -> str:
    """The median of one over that of the other; so exact that a goal of 0.12 is seen to be met."""
    if not one or not other:
        return "-"
    found = statistics.median(one) / statistics.median(other)
    return f"{found:.2f}" if found >= 1 else f"{found:.3f}"


def fleetctl() -> str | None:
    """`$FLEETCTL_BIN`, of any version; None where there is none."""
    named = os.environ.get("FLEETCTL_BIN")
    return shutil.which(named) if named else None


def fleetctl_times(endpoint: str, command: str, runs: int = 5) -> list[float]:
    """Milliseconds of `fleetctl COMMAND`; empty where there is no fleetctl."""
    program = fleetctl()
    if program is None:
        return []
    argv = (program, "--driver=etcd", f"--endpoint={endpoint}", command)
    return timed(lambda: quietly(*argv), runs)


def quietly(*argv: str) -> None:
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, by the kernel's count."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def yardstick(runs: int = 5) -> str:
    """How fast this machine is just now, for shares of a core depend on it."""
    argv = (sys.executable, "-c", "import textual.app, os; print(sum(os.times()[:2]))")
    took = statistics.median(float(subprocess.check_output(argv)) for _ in range(runs))
    return f"`import textual.app` takes {took:.2f} s of processor just now; 0.16 s at best"


def resident_mb(pid: int) -> float:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
