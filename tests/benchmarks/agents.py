"""fleet's agents, as far as etcd notices them: they write their keys again, and nothing changes.

Run in a process of its own, so that its work is not counted as anybody else's.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from writers import Pipeline

from .cluster import SUBSTATE, Size, kept_alive, lease, machine_keys, state_keys
from .elsewhere import elsewhere

_TICK = 0.02
"""Seconds between two batches."""
_STRIDE = 101
"""So that what is written lies all over a table, not in one stretch; prime to every size."""
_HEARTBEAT = 15.0
"""Seconds between two signs of life of a machine; between two of a unit in fleet, too."""


@contextmanager
def agents(
    endpoint: str,
    size: Size,
    writes_per_second: float,
    *,
    changing: bool = False,
    heartbeats: bool = True,
) -> Iterator[None]:
    """Writes at that rate, a third each to `state`, `states` and `job`, beside the heartbeats of
    machines; without those of units, half each to `state` and `states`.

    `changing` makes each of the states another one than it was.
    """
    argv = (sys.executable, "-m", "tests.benchmarks.agents", endpoint)
    numbers = (str(size.machines), str(size.units), str(writes_per_second))
    more = [*["--changing"] * changing, *["--no-heartbeats"] * (not heartbeats)]
    with elsewhere():
        process = subprocess.Popen((*argv, *numbers, *more), stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _write(
    endpoint: str, size: Size, writes_per_second: float, *, changing: bool, heartbeats: bool
) -> None:
    keys, count = (kept_alive, 3) if heartbeats else (state_keys, 2)
    writer = Pipeline(endpoint)
    began = time.monotonic()
    units = machines = leases = 0
    while True:
        spent = time.monotonic() - began
        batch: dict[str, str] = {}
        while units * count < spent * writes_per_second:
            word = f"round{units // size.units}" if changing else SUBSTATE
            if number := units * _STRIDE % size.units:  # the first is left to who changes it
                batch |= keys(number, size, word)
            units += 1
        while machines < spent * size.machines / _HEARTBEAT:
            batch |= machine_keys(machines % size.machines)
            machines += 1
        if leases < spent / 2:
            batch |= lease(leases)
            leases += 1
        writer.put(batch)
        time.sleep(_TICK)  # the pace of the writes


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoint")
    parser.add_argument("machines", type=int)
    parser.add_argument("units", type=int)
    parser.add_argument("writes_per_second", type=float)
    parser.add_argument("--changing", action="store_true")
    parser.add_argument("--no-heartbeats", dest="heartbeats", action="store_false")
    given = parser.parse_args()
    size = Size(given.machines, given.units)
    _write(
        given.endpoint,
        size,
        given.writes_per_second,
        changing=given.changing,
        heartbeats=given.heartbeats,
    )
