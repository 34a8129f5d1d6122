"""A soak: the real program on a large demo where faults come and go and connections are cut."""

import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faults.proxy import Proxy, Weather
from terminal import Terminal, run_in_terminal

from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.demo.units import HELLO, TEMPLATE, Submission

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
    b"?",
    b"\x1b",
    b"\r",
    b"\x1b",
)
"""What is pressed at random; every screen is left again."""
GROWTH = 1.05
"""How much more memory may be held at the end than after the first tenth."""


_WITHOUT_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


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

    counts: dict[str, tuple[float, float]]
    misfortunes: int
    output: bytes
    status: int | None

    @property
    def problems(self) -> list[str]:
        """What did not hold."""
        found = [] if self.status == 0 else [f"it ended with {self.status}"]
        if b"Traceback" in self.output:
            found.append("a traceback was drawn")
        early, late = self.counts["mb"]
        if late > early * GROWTH:
            found.append(f"memory grew from {early:.1f} to {late:.1f} MB")
        for name in ("files", "tasks", "threads"):
            early, late = self.counts[name]
            if late > early * 1.1 + 3:
                found.append(f"{name} grew from {early:.0f} to {late:.0f}")
        return found


def run(soak: Soak) -> int:
    """Soak, and say what became of it; how much did not hold."""
    soaked = soaked_by(soak)
    say(f"{soak.machines} machines, {soak.units:,} units, {soak.seconds:.0f} s, seed {soak.seed}")
    for name, (early, late) in soaked.counts.items():
        say(f"  {name:8}{early:8.1f} after the first tenth, {late:8.1f} at the end")
    say(f"  {soaked.misfortunes} misfortunes, {len(soaked.output):,} bytes drawn")
    for problem in soaked.problems:
        say(f"  {problem}")
    at = soaked.output.find(b"Traceback")
    if at >= 0:
        say(_WITHOUT_COLOUR.sub(b"", soaked.output[at - 200 :])[-6000:].decode(errors="replace"))
    return len(soaked.problems)


def soaked_by(soak: Soak) -> Soaked:
    """Everything from the start of the cluster to the end of the program."""
    with tempfile.TemporaryDirectory() as folder, _cluster(soak) as demo:
        port = int(demo.endpoint.rpartition(":")[2])
        with Proxy("127.0.0.1", port) as proxy, _console(demo, proxy, Path(folder)) as terminal:
            terminal.until(b"LIVE", 120)
            misfortunes = _weathered(soak, demo, proxy, terminal)
            terminal.press(b"\x1b")
            terminal.read(1.0)
            terminal.press(b"q")
            end = time.monotonic() + 30
            while terminal.process.poll() is None and time.monotonic() < end:
                terminal.read(0.1)
        counts = [json.loads(n) for n in (Path(folder) / "counts").read_text().splitlines()]
        return Soaked(_both_ends(counts), misfortunes, terminal.output, terminal.process.returncode)


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
    with run_in_terminal(argv, columns=140, rows=45) as terminal:
        yield terminal


def _weathered(soak: Soak, demo: DemoCluster, proxy: Proxy, terminal: Terminal) -> int:
    """Let things go wrong and right again, and press keys meanwhile; how often it went wrong."""
    chance = random.Random(soak.seed)  # noqa: S311 - what goes wrong, and when
    end = time.monotonic() + soak.seconds
    next_one, count = time.monotonic() + soak.every, 0
    while time.monotonic() < end:
        terminal.press(chance.choice(KEYS))
        terminal.read(0.2)
        time.sleep(0.1)
        assert terminal.process.poll() is None, terminal.output[-2000:]
        if time.monotonic() > next_one:
            next_one = time.monotonic() + soak.every
            count += 1
            _go_wrong(chance, demo, proxy, count)
    proxy.weather = Weather.FAIR
    return count


def _go_wrong(chance: random.Random, demo: DemoCluster, proxy: Proxy, count: int) -> None:
    """One misfortune; what went wrong before is over, or goes on."""
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
            demo.registry.write(
                f"states/ghost{count % 5}.service/{machine.id}", '{"loadState":"x"}'
            )
        case 6:
            state = "loaded" if chance.random() < 0.5 else "inactive"
            demo.registry.write(f"job/{TEMPLATE}/target-state", state)
        case _:
            proxy.weather = Weather.CORRUPT
            proxy.cut()


def _both_ends(counts: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """The median of each count over the second tenth, and over the last one."""
    tenth = max(len(counts) // 10, 1)
    early, late = counts[tenth : 2 * tenth] or counts[:1], counts[-tenth:]
    return {
        name: (statistics.median(c[name] for c in early), statistics.median(c[name] for c in late))
        for name in counts[0]
    }
