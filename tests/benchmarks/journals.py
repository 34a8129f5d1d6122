"""P8, P9 and P10: the real app in a pseudo-terminal, at the journals of machines by SSH."""

import json
import os
import re
import selectors
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from terminal import Terminal, run_in_terminal

from fleettui.demo.etcd import Etcd

from .cluster import Size, address, registry
from .journalctl import BEFORE
from .machines import KEX, WITH_US, Machines, machines
from .measure import (
    Table,
    cpu_seconds,
    ms,
    percentile,
    quietly,
    ratio,
    resident_mb,
    say,
    timed,
    yardstick,
)

STORM = Size(50, 200)
RATE = 200.0
"""Lines a second of each machine: 10,000 of all."""
SECONDS = 60.0
RUNS = 5
MANY = Size(100, 100)
PEER_SECONDS = 20.0
_RECEIVED = re.compile(rb"([\d,]+) received = ")
_LONG = 300.0
HELD = 1_000_000
WANTED = "n=99999"
"""In eleven of so many lines."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a time of looking on cost: shares of a core, and milliseconds from key to paint."""

    app: float
    collector: float
    keys: list[float]
    rate: float
    """Lines a second that came."""
    mb: list[float]
    """Memory of the app, at each key."""


def storm() -> Table:
    """P8: 10,000 lines a second of 50 machines."""
    title = f"P8  {STORM.machines} machines, {STORM.machines * RATE:,.0f} lines a second by SSH"
    table = Table(
        f"{title}, {SECONDS:.0f} s",
        ("what", "lost", "twice", "lines / s", "key to paint p50 / p95", "CPU", "collector", "MB"),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ExitStack() as stack:
            etcd = stack.enter_context(registry(STORM))
            made = stack.enter_context(machines(folder))
            terminal = stack.enter_context(following_all(etcd, made, STORM))
            made.speak(RATE, SECONDS)
            watched = watch(terminal, SECONDS)
            expected = STORM.machines * (BEFORE + int(RATE * SECONDS))
            late = await_lines(terminal, expected)
            lost, twice = compare(saved(terminal, folder / "home"), expected)
            p50, p95 = (f"{percentile(watched.keys, at):.1f}" for at in (50, 95))
            table.add(
                "fleettui",
                f"{lost:,} of {expected:,}",
                f"{twice:,}",
                f"{watched.rate:,.0f}",
                f"{p50} / {p95} ms",
                f"{watched.app:.1%}",
                f"{watched.collector:.1%}",
                f"{resident_mb(terminal.process.pid):.0f}",
            )
            table.notes.append(f"all lines were there {late:.1f} s after the last was written")
        (folder / "peer").mkdir()
        with machines(folder / "peer") as made:
            table.add("ssh x 50", "-", "-", "-", "-", f"{_peer(made):.1%}", "-", "-")
    table.notes.append(yardstick())
    table.notes.append("goal: none lost, key to paint p95 <= 33 ms, the app <= 15 % of a core")
    return table


@contextmanager
def following_all(etcd: Etcd, made: Machines, size: Size) -> Iterator[Terminal]:
    """The app, its journal pane showing the journals of all machines, merged."""
    with at_the_journal(etcd, made, size) as terminal:
        terminal.press(b"m")
        terminal.until(b"on %d machines" % size.machines, 30)
        await_lines(terminal, size.machines * BEFORE)
        yield terminal


@contextmanager
def at_the_journal(etcd: Etcd, made: Machines, size: Size) -> Iterator[Terminal]:
    """The app when all machines were asked, at the journal of the first."""
    with observing(etcd, made) as terminal:
        terminal.until(b"%d of %d machines checked" % (size.machines, size.machines), _LONG)
        terminal.press(b"l")
        terminal.until(b"Follow", 30)
        yield terminal


@contextmanager
def observing(etcd: Etcd, made: Machines) -> Iterator[Terminal]:
    """The app, on its way to a cluster of these machines."""
    argv = (*WITH_US, sys.executable, "-m", "fleettui", "--observe", "--endpoint", etcd.endpoint)
    env = {"HOME": str(made.home), "SSH_AUTH_SOCK": ""}
    with run_in_terminal((*argv, *made.arguments()), env=env) as terminal:
        yield terminal


def _read(terminal: Terminal, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        terminal.read(left)


def received(terminal: Terminal) -> int:
    """The newest count that was drawn."""
    found = _RECEIVED.findall(terminal.output)
    return int(found[-1].replace(b",", b"")) if found else 0


def await_lines(terminal: Terminal, count: int) -> float:
    """Seconds until so many lines have been received."""
    began = time.monotonic()
    while received(terminal) < count:
        if time.monotonic() - began > _LONG:
            say(f"  only {received(terminal):,} of {count:,} lines came")
            break
        terminal.read(0.2)
        terminal.output = terminal.output[-400_000:]
    return time.monotonic() - began


def watch(terminal: Terminal, seconds: float) -> Watched:
    """Press a key now and then, for so long."""
    pid, began = terminal.process.pid, time.monotonic()
    before, others, lines = cpu_seconds(pid), _others(pid), received(terminal)
    keys: list[float] = []
    mb: list[float] = []
    while time.monotonic() - began < seconds:
        keys.append(_key(terminal))
        mb.append(resident_mb(pid))
    spent = time.monotonic() - began
    other = sum(cpu - others.get(child, 0.0) for child, cpu in _others(pid).items())
    rate = (received(terminal) - lines) / spent
    return Watched((cpu_seconds(pid) - before) / spent, other / spent, keys, rate, mb)


def _key(terminal: Terminal) -> float:
    """Milliseconds from the key that wraps lines to the word that says they are wrapped."""
    _read(terminal, 0.35)
    terminal.output = terminal.output[-100_000:]
    terminal.press(b"w")
    began, start = time.perf_counter(), len(terminal.output)
    while b"wrapped" not in terminal.output[start:] and time.perf_counter() - began < 5:
        terminal.read(0.001)
    took = (time.perf_counter() - began) * 1000
    terminal.press(b"w")
    _read(terminal, 0.35)
    return took


def _others(pid: int) -> dict[int, float]:
    """Processor time of each process that the app has started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): cpu_seconds(int(child)) for child in children}


def saved(terminal: Terminal, home: Path, *, form: int = 1) -> Path:
    """All that the app holds, saved by its own means: as text (form 0) or JSON lines."""
    terminal.press(b"s")
    terminal.until(b"Save the journal", _LONG)
    if form:
        for key in (b"\x1b[Z", b"\x1b[B", b" "):  # the form stands before the name
            _read(terminal, 0.5)
            terminal.press(key)
        terminal.until(b".jsonl", 30)
        terminal.press(b"\t")
        _read(terminal, 0.5)
    terminal.press(b"\r")
    terminal.until(b"lines saved as", _LONG)
    (file,) = home.rglob("*.jsonl" if form else "*.log")
    return file


def compare(file: Path, expected: int) -> tuple[int, int]:
    """How many of the expected lines are not in a file, and how many are there again."""
    seen: Counter[tuple[str, int]] = Counter()
    with file.open() as lines:
        for line in lines:
            fields = json.loads(line)
            if "MESSAGE" in fields:
                seen[fields["_HOSTNAME"], int(fields["MESSAGE"].rpartition("n=")[2])] += 1
    return expected - len(seen), sum(seen.values()) - len(seen)


def _peer(made: Machines) -> float:
    """`ssh` of each machine, to nowhere: their processor time together, as a share of a core."""
    made.speak(RATE, 1e9)
    argv = [made.ssh(address(n), "journalctl", "-f", "-n", "1") for n in range(STORM.machines)]
    running = [
        subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for line in argv
    ]
    time.sleep(10)  # what the logins cost is not counted
    before = sum(cpu_seconds(process.pid) for process in running)
    time.sleep(PEER_SECONDS)  # the time that is measured
    spent = sum(cpu_seconds(process.pid) for process in running) - before
    for process in running:
        process.terminate()
        process.wait()
    return spent / PEER_SECONDS


def opening() -> Table:
    """P9: the journals of 100 machines, from nothing to the first line of each."""
    table = Table(
        f"P9  journals of {MANY.machines} machines, {KEX}",
        ("what", "first line", "all machines", "/ ssh", "CPU", "KB a machine"),
    )
    silent = MANY.machines + 1
    with tempfile.TemporaryDirectory() as name, machines(Path(name), silent) as made:
        pairs = [(_opened(made), _opened_by_ssh(made)) for _ in range(RUNS)]
    ours, theirs = zip(*pairs, strict=True)
    firsts, alls, spent, weights = zip(*ours, strict=True)
    ssh_firsts, ssh_alls, ssh_spent = zip(*theirs, strict=True)
    weight = f"{statistics.median(weights):.0f}"
    table.add("fleettui, no screen", ms(firsts), ms(alls), ratio(alls, ssh_alls), ms(spent), weight)
    table.add(f"ssh x {MANY.machines}", ms(ssh_firsts), ms(ssh_alls), "1.00", ms(ssh_spent), "-")
    with (
        tempfile.TemporaryDirectory() as name,
        registry(MANY) as etcd,
        machines(Path(name), silent) as made,
        at_the_journal(etcd, made, MANY) as terminal,
    ):
        merged = [_merged(terminal) for _ in range(RUNS)]
    firsts, alls = zip(*merged, strict=True)
    table.add("fleettui, m pressed", ms(firsts), ms(alls), ratio(alls, ssh_alls), "-", "-")
    table.notes.append("m pressed: over the connections that the console has already")
    table.notes.append("CPU is the client's; most of the time is that of 100 logins of sshd here")
    table.notes.append(yardstick())
    table.notes.append("goal: first <= 150 ms, all <= 0.85 x ssh, <= 64 KB a machine")
    return table


def _opened(made: Machines) -> tuple[float, float, float, float]:
    """Milliseconds to the first and last machine's first line, and of processor; KB a machine."""
    argv = (sys.executable, "-m", "tests.benchmarks.opening", str(made.folder), str(made.port))
    said = subprocess.check_output((*argv, str(MANY.machines)), text=True).split()
    first, last, spent, weight = map(float, said)
    return first, last, spent, weight


def _opened_by_ssh(made: Machines) -> tuple[float, float, float]:
    """Milliseconds to the first and the last machine's first line, and of processor."""
    began, before = time.perf_counter(), os.times()
    argv = [made.ssh(address(n), "journalctl", "-f", "-n", "10") for n in range(MANY.machines)]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    running = [subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=null) for line in argv]
    times = []
    with selectors.DefaultSelector() as waiting:
        for process in running:
            assert process.stdout is not None, "it was started with a pipe"
            waiting.register(process.stdout, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                times.append((time.perf_counter() - began) * 1000)
                waiting.unregister(key.fileobj)
    for process in running:
        process.terminate()
        process.communicate()
    after = os.times()
    used = after.children_user + after.children_system
    spent = used - before.children_user - before.children_system
    return times[0], times[-1], spent * 1000


def _merged(terminal: Terminal) -> tuple[float, float]:
    """Milliseconds from `m` to the first machine's lines painted, and to those of all."""
    _read(terminal, 2.0)
    terminal.output = bytearray()
    terminal.press(b"m")
    began = time.perf_counter()
    first = 0.0
    while received(terminal) < MANY.machines * BEFORE:
        terminal.read(0.002)
        if not first and received(terminal) > BEFORE:
            first = (time.perf_counter() - began) * 1000
    last = (time.perf_counter() - began) * 1000
    terminal.press(b"m")  # back to the one machine
    return first, last


def held() -> Table:
    """P10: a million lines held."""
    table = Table(
        f"P10  {HELD:,} lines held",
        ("what", "time", "/ grep -c", "MB"),
    )
    with tempfile.TemporaryDirectory() as name, registry(Size(1, 1)) as etcd:
        folder = Path(name)
        with machines(folder) as made, at_the_journal(etcd, made, Size(1, 1)) as terminal:
            made.speak(1e12, HELD / 1e12)
            terminal.press(b"6")
            came = await_lines(terminal, HELD)
            filtering = [_filtered(terminal) for _ in range(RUNS)]
            memory = resident_mb(terminal.process.pid)
            file = saved(terminal, made.home, form=0)
        # Into a pipe: where nobody reads the count, grep ends at the first line that it finds.
        grep = timed(lambda: subprocess.check_output(("grep", "-c", WANTED, str(file))), RUNS)
        cells = (ms(filtering), ratio(filtering, grep), f"{memory:.0f}")
        table.add("fleettui: filter, to paint", *cells)
        table.add("grep -c, the same lines", ms(grep), "1.00", "-")
        if shutil.which("lnav"):
            wanted = ("-n", "-c", f":filter-in {WANTED}", str(file))
            lnav = timed(lambda: quietly("lnav", *wanted), RUNS)
            table.add("lnav -n: open, filter, print", ms(lnav), ratio(lnav, grep), "-")
    table.notes.append(f"the lines came in {came:.1f} s")
    table.notes.append(yardstick())
    table.notes.append("goal: filter <= 2 x grep -c, <= 150 MB")
    return table


def _filtered(terminal: Terminal) -> float:
    """Milliseconds from the filter's enter to the count of what it shows; it is taken off again."""
    terminal.press(b"F")
    _read(terminal, 0.5)
    terminal.press(WANTED.encode())
    _read(terminal, 0.5)
    terminal.press(b"\r")
    began, start = time.perf_counter(), len(terminal.output)
    while b"= 11 shown" not in terminal.output[start:] and time.perf_counter() - began < _LONG:
        terminal.read(0.001)
    took = (time.perf_counter() - began) * 1000
    terminal.press(b"F")
    _read(terminal, 0.5)
    terminal.press(b"\x15\r")  # the whole line away
    _read(terminal, 2.0)
    return took
