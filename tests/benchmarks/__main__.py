"""Runs benchmarks by name, or all of them."""

import argparse
import os
import platform
from collections.abc import Callable

from . import console, expiring, imports, journals, latency, reading, table
from .elsewhere import told
from .measure import Table, end_what_was_started, fleetctl, installed, say

BENCHMARKS: dict[str, Callable[[], Table]] = {
    "P1": console.start,
    "P2": reading.refresh,
    "P3": latency.latency,
    "P4": console.idle_load,
    "P5": expiring.expire,
    "P6": reading.slow_start,
    "P7": table.changing,
    "P8": journals.storm,
    "P9": journals.opening,
    "P10": journals.held,
    "P11": imports.at_first_paint,
    "P12": console.growth,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    cores, load = os.cpu_count(), os.getloadavg()[0]
    say(f"Python {platform.python_version()}, {cores} cores, load {load:.1f} at the start")
    say(f"fleetctl: {fleetctl() or 'none (FLEETCTL_BIN names one)'}")
    end_what_was_started()
    with installed():
        for name in names:
            table = BENCHMARKS[name]()
            table.notes.append(told())
            table.show()


if __name__ == "__main__":
    main()
