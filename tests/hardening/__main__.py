"""Runs one of the long trials by name."""

import argparse
import sys

from benchmarks.measure import end_what_was_started

from . import flood, fuzz, leaving, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hardening", description=__doc__)
    trials = parser.add_subparsers(dest="trial", required=True)
    fuzzing = trials.add_parser("fuzz", help="all decoders, on inputs that nobody would send")
    fuzzing.add_argument("--minutes", type=float, default=30)
    fuzzing.add_argument("--seed", type=int, help="of a run to be repeated")
    fuzzing.add_argument("--inputs", type=int, default=0, help="that each decoder gets at least")
    fuzzing.add_argument("names", nargs="*", metavar="DECODER")
    flooding = trials.add_parser("flood", help="figure 8: journals that never stop")
    flooding.add_argument("--rate", type=float, default=5_000, help="lines a second, of all")
    flooding.add_argument("--seconds", type=float, default=60)
    huge = trials.add_parser("huge", help="figure 6: lines of 1 and of 10 MB")
    huge.add_argument("--seconds", type=float, default=30)
    quitting = trials.add_parser("quit", help="figure 24: how long leaving takes in every state")
    quitting.add_argument("--runs", type=int, default=3, help="of each state")
    quitting.add_argument("wanted", nargs="?", default="", metavar="PART_OF_A_NAME")
    soaking = trials.add_parser("soak", help="a large demo where faults come and go")
    soaking.add_argument("--minutes", type=float, default=60)
    soaking.add_argument("--machines", type=int, default=50)
    soaking.add_argument("--units", type=int, default=2_000)
    soaking.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    end_what_was_started()
    return int(_failures(asked) > 0)


def _failures(asked: argparse.Namespace) -> int:
    match asked.trial:
        case "flood":
            return flood.flood(asked.rate, asked.seconds)
        case "huge":
            return flood.huge(asked.seconds)
        case "quit":
            return leaving.run(asked.runs, asked.wanted)
        case "soak":
            size = (asked.machines, asked.units)
            return soak.run(soak.Soak(asked.minutes * 60, *size, seed=asked.seed))
        case _:
            return fuzz.run(asked.minutes * 60, asked.seed, tuple(asked.names), asked.inputs)


if __name__ == "__main__":
    sys.exit(main())
