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

from .cluster import Size, kept_alive, lease, machine_keys

_TICK = 0.02
"""Seconds between two batches."""
_HEARTBEAT = 15.0
"""Seconds between two signs of life of a machine; between two of a unit in fleet, too."""


@contextmanager
def agents(endpoint: str, size: Size, writes_per_second: float) -> Iterator[None]:
    """Writes at that rate, a third each to `state`, `states` and `job`, beside the heartbeats."""
    argv = (sys.executable, "-m", "tests.benchmarks.agents", endpoint)
    numbers = (str(size.machines), str(size.units), str(writes_per_second))
    process = subprocess.Popen((*argv, *numbers), stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _write(endpoint: str, size: Size, writes_per_second: float) -> None:
    writer = Pipeline(endpoint)
    began = time.monotonic()
    units = machines = leases = 0
    while True:
        spent = time.monotonic() - began
        batch: dict[str, str] = {}
        while units * 3 < spent * writes_per_second:
            batch |= kept_alive(units % size.units, size)
            units += 1
        while machines < spent * size.machines / _HEARTBEAT:
            batch |= machine_keys(machines % size.machines)
            machines += 1
        if leases < spent / 2:
            batch |= lease(leases)
            leases += 1
        writer.put(batch)
        time.sleep(_TICK)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("endpoint")
    parser.add_argument("machines", type=int)
    parser.add_argument("units", type=int)
    parser.add_argument("writes_per_second", type=float)
    given = parser.parse_args()
    _write(given.endpoint, Size(given.machines, given.units), given.writes_per_second)
