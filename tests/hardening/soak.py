"""A soak: the real program on a large demo where faults come and go and connections are cut."""

import json
import random
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from faults.proxy import Proxy, Weather
from terminal import Terminal, run_in_terminal

from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.demo.units import HELLO, TEMPLATE, Submission
from fleettui.registry.cover import STREAMED
from fleettui.registry.pace import Pace

from .measure import say

APP = Path(__file__).with_name("soak_app.py")
KEYS = (
    b"j",
    b"k",
    b"\t",
    b"G",
    b"g",
    b"l",
    b"z",
    b"t",
    b"f",
    b"\x12",
    b"o",
    b"R",
    b"?",
    b"\x1b",
    b"\r",
    b"\x1b",
)
"""What is pressed at random; every screen is left again."""
GROWTH = {"held": 1.05, "resident": 1.1}
"""How much more memory there may be at the end than after the first tenth. What is resident tells
also how that lies which is held: it grew by 6 % where other tests ran beside the same trial, and by
1 to 3 % where none did."""
SETTLES_WITHIN = 600.0
"""Seconds in which all machines are probed and all units have a state."""
SCREENS = (b"?", b"o", b"R", b"\r", b"\t\r", b"lk\r")
"""Keys to each screen, pressed once before anything is counted: what a screen loads when it is
opened the first time is held from then on."""
WARM_UP = 120.0
"""Seconds of the same weather before the time that counts begins: so long Textual's caches of fixed
size take to fill up, and with them what the allocator holds (looked at each ten seconds)."""
CALM = 2.0 + Pace().watch_for
"""Seconds of fair weather before a measure: requests that hung are given up by then, and a poll
that nobody waits for any more has ended."""
FOLLOWING = 2 * len(STREAMED) + 1
"""Threads that bring what happens, at most: a stream and its proof for each folder, and the poll
that bridges them. Where streams died again and again in the weather before, it is the poll alone
for a minute or more: how many there are tells nothing of what is held."""
POOLED = ThreadPoolExecutor()._max_workers
"""Threads of the loop's own pool at most. It takes another one whenever all are at work, and never
lets one go: how many there are tells how many were at work at once, and nothing of what is held."""
ENDS_WITHIN = 30.0
TOLD_BYTES = 8_000
"""Of what was drawn from a traceback on."""

ALL_BY_MALLOC = {"PYTHONMALLOC": "malloc", "MALLOC_ARENA_MAX": "1"}
"""Python's own allocator gives a megabyte back when nothing at all in it is held, and each thread
would have a heap of its own: what is resident would tell how much was held at once, and where what
is still held lies in that."""

KINDS = ("objects", "tasks", "files", "threads")

_TRACEBACK = b"Traceback"
_DRAWING = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")

Objects = tuple[dict[str, int], dict[str, int], dict[str, int], dict[str, int]]
"""How many there are of each type, each kind of task, each kind of open file, and each thread."""


class Told(TypedDict):
    """A line of what the program holds, as it tells it."""

    memory: dict[str, float]
    """Megabytes."""
    objects: Objects


@dataclass(frozen=True)
class Measure:
    """What the program holds in fair weather, on the console."""

    counts: dict[str, float]
    objects: Objects


@dataclass(frozen=True)
class Soak:
    """How long, and how large."""

    seconds: float
    machines: int = 50
    units: int = 2_000
    every: float = 3.0
    """Seconds between two misfortunes."""
    seed: int = 1


@dataclass(frozen=True)
class Soaked:
    """What became of it: each count after the first tenth, and at the end."""

    settled: float
    """Seconds until the cluster was all there; the counts begin then."""
    measures: tuple[Measure, Measure]
    misfortunes: int
    output: bytes
    status: int | None
    """None = it did not end by itself."""
    ended: float
    """Seconds from the key to the end."""

    @property
    def problems(self) -> list[str]:
        """What did not hold."""
        found = [] if self.status == 0 else [f"it ended with {self.status}"]
        if _TRACEBACK in self.output:
            found.append("a traceback was drawn")
        first, last = (measure.counts for measure in self.measures)
        for name, growth in GROWTH.items():
            early, late = first[name], last[name]
            if late > early * growth:
                found.append(f"{name} memory grew from {early:.1f} to {late:.1f} MB")
        for name in ("files", "tasks", "threads"):
            early, late = first[name], last[name]
            if late > early * 1.1 + 3:
                found.append(f"{name} grew from {early:.0f} to {late:.0f}")
        if last["pooled"] > POOLED:
            found.append(f"the pool has {last['pooled']:.0f} threads, of {POOLED} at most")
        if last["following"] > FOLLOWING:
            found.append(f"{last['following']:.0f} threads follow etcd, of {FOLLOWING} at most")
        return found


def run(soak: Soak) -> int:
    """Soak, and say what became of it; how much did not hold."""
    soaked = soaked_by(soak)
    say(f"{soak.machines} machines, {soak.units:,} units, {soak.seconds:.0f} s, seed {soak.seed}")
    say(f"  all there after {soaked.settled:.0f} s, left in {soaked.ended:.2f} s")
    first, last = soaked.measures
    for name, early in first.counts.items():
        late = last.counts[name]
        say(f"  {name:10}{early:8.1f} after the first tenth, {late:8.1f} at the end")
    say(f"  {soaked.misfortunes} misfortunes, {len(soaked.output):,} bytes drawn")
    for problem in soaked.problems:
        say(f"  {problem}")
    if soaked.problems:
        for line in (*_grown(first.objects, last.objects), *_traceback(soaked.output)):
            say(f"    {line}")
    return len(soaked.problems)


def soaked_by(soak: Soak) -> Soaked:
    """Everything from the start of the cluster to the end of the program."""
    with tempfile.TemporaryDirectory() as name, _cluster(soak) as demo:
        folder = Path(name)
        port = int(demo.endpoint.rpartition(":")[2])
        with Proxy("127.0.0.1", port) as proxy, _console(demo, proxy, folder) as terminal:
            chance = random.Random(soak.seed)  # noqa: S311 - what befalls the cluster, to be repeated
            sky = Sky(soak, demo, proxy, terminal, chance)
            settled = _settle(terminal, folder, soak.machines, soak.units)
            _look_around(terminal)
            _weathered(sky, WARM_UP)
            _weathered(sky, soak.seconds / 10)
            early = _measured(sky, folder)
            _weathered(sky, soak.seconds * 9 / 10)
            late = _measured(sky, folder)
            ended = _leave(terminal)
        status = terminal.process.returncode if ended < ENDS_WITHIN else None
        drawn = bytes(terminal.output)
        return Soaked(settled, (early, late), sky.misfortunes, drawn, status, ended)


def _counts(folder: Path) -> list[dict[str, float]]:
    file = folder / "counts"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _told(folder: Path) -> list[Told]:
    file = folder / "counts.held"
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _settle(terminal: Terminal, folder: Path, machines: int, units: int) -> float:
    """Wait until all machines answered and so many units run; seconds it took."""
    began = time.monotonic()
    while True:
        counts = _counts(folder)
        now = counts[-1] if counts else {"machines": 0, "units": 0}
        if now["machines"] >= machines and now["units"] >= units:
            return time.monotonic() - began
        assert time.monotonic() - began < SETTLES_WITHIN, f"the cluster never settled: {now}"
        assert terminal.process.poll() is None, terminal.output[-TOLD_BYTES:].decode()
        terminal.read(0.3)


def _look_around(terminal: Terminal) -> None:
    for keys in SCREENS:
        terminal.press(keys)
        _rest(terminal, 1.0)
        terminal.press(b"\x1b")
        _rest(terminal, 0.5)


def _measured(sky: "Sky", folder: Path) -> Measure:
    """What is held when the weather has been fair for a while, on the console."""
    terminal = sky.terminal
    sky.proxy.weather = Weather.FAIR
    for _ in range(6):  # a screen may be above another one
        terminal.press(b"\x1b")
        terminal.read(0.5)
    terminal.press(b"?")  # of the screens that were closed, the last one is held
    _rest(terminal, 1.0)
    terminal.press(b"\x1b")
    _rest(terminal, CALM)
    _settle(terminal, folder, sky.soak.machines, 0)
    told = len(_told(folder))
    terminal.process.send_signal(signal.SIGUSR1)
    end = time.monotonic() + ENDS_WITHIN
    while len(_told(folder)) == told:
        assert time.monotonic() < end, "it does not tell what it holds"
        terminal.read(0.1)
    before = len(_counts(folder))
    while len(counts := _counts(folder)[before:]) < 5:
        _rest(terminal, 1.0)
        assert terminal.process.poll() is None, terminal.output[-TOLD_BYTES:].decode()
    middle = {name: statistics.median(c[name] for c in counts) for name in counts[0]}
    held = _told(folder)[-1]
    return Measure({**held["memory"], **middle}, held["objects"])


def _rest(terminal: Terminal, seconds: float) -> None:
    """Look at the screen, and do nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        terminal.read(0.3)


def _leave(terminal: Terminal) -> float:
    """Back to the console, and out; seconds from the key on."""
    terminal.press(b"\x1b")
    terminal.read(1.0)
    began = time.monotonic()
    terminal.press(b"q")
    while terminal.process.poll() is None and time.monotonic() - began < ENDS_WITHIN:
        terminal.read(0.1)
    return time.monotonic() - began


def _grown(first: Objects, last: Objects) -> Iterator[str]:
    """What there is more of at the end, most of all first."""
    for kind, early, late in zip(KINDS, first, last, strict=True):
        more = {name: late[name] - early.get(name, 0) for name in late}
        for name in sorted(more, key=more.__getitem__, reverse=True)[:15]:
            if more[name] > 0:
                yield f"{kind}: {name} {early.get(name, 0)} -> {late[name]}"


def _traceback(output: bytes) -> Iterator[str]:
    """What was drawn from shortly before the first traceback on, without colours and places."""
    at = output.find(_TRACEBACK)
    if at >= 0:
        drawn = output[max(at - 2_000, 0) : at + 100_000]
        yield from _DRAWING.sub(b" ", drawn)[:TOLD_BYTES].decode(errors="replace").splitlines()


@contextmanager
def _cluster(soak: Soak) -> Iterator[DemoCluster]:
    demo = DemoCluster(DemoSettings(machines=soak.machines, fault="none", ttl=120))
    try:
        demo.start()
        for number in range(soak.units):
            text = HELLO.replace("hello", f"app {number // 20}")
            demo.submit(Submission(f"app{number:04}.service", text))
        yield demo
    finally:
        demo.close()


@contextmanager
def _console(demo: DemoCluster, proxy: Proxy, folder: Path) -> Iterator[Terminal]:
    given = {
        "endpoint": proxy.url,
        "prefix": demo.prefix,
        "username": demo.username,
        "port": demo.ssh_port,
        "identity": str(demo.identity),
        "known_hosts": str(demo.known_hosts),
        "records": str(folder / "repairs"),
    }
    (folder / "repairs").mkdir()
    (folder / "settings").write_text(json.dumps(given))
    argv = (sys.executable, str(APP), str(folder / "settings"), str(folder / "counts"))
    with run_in_terminal(argv, columns=140, rows=45, env=ALL_BY_MALLOC) as terminal:
        yield terminal


@dataclass
class Sky:
    """Where misfortunes come from."""

    soak: Soak
    demo: DemoCluster
    proxy: Proxy
    terminal: Terminal
    chance: random.Random
    misfortunes: int = 0


def _weathered(sky: Sky, seconds: float) -> None:
    """Let things go wrong and right again, and press keys meanwhile."""
    end = time.monotonic() + seconds
    next_one = time.monotonic() + sky.soak.every
    while time.monotonic() < end and sky.terminal.process.poll() is None:
        sky.terminal.press(sky.chance.choice(KEYS))
        sky.terminal.read(0.3)
        if time.monotonic() > next_one:
            next_one = time.monotonic() + sky.soak.every
            sky.misfortunes += 1
            _go_wrong(sky)


def _go_wrong(sky: Sky) -> None:
    """One misfortune; what went wrong before is over, or goes on."""
    chance, demo, proxy = sky.chance, sky.demo, sky.proxy
    proxy.weather = Weather.FAIR
    machine = chance.choice(demo.machines)
    match chance.randrange(8):
        case 0 | 1:
            proxy.cut()
        case 2:
            proxy.weather = chance.choice((Weather.STALL, Weather.TRICKLE, Weather.REFUSE))
        case 3:
            demo.stop_sshd(machine)
            demo.start_sshd(machine)
        case 4:
            state = chance.choice(("launched", "inactive", "runnning", "loaded"))
            demo.registry.write(f"job/app{chance.randrange(20):04}.service/target-state", state)
        case 5:
            ghost = f"ghost{sky.misfortunes % 5}.service"
            demo.registry.write(f"states/{ghost}/{machine.id}", '{"loadState":"x"}')
        case 6:
            state = "loaded" if chance.random() < 0.5 else "inactive"
            demo.registry.write(f"job/{TEMPLATE}/target-state", state)
        case _:
            proxy.weather = Weather.CORRUPT
            proxy.cut()
