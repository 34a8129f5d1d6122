"""Runs one of the long trials by name."""

import argparse
import sys

from . import fuzz, screens


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hardening", description=__doc__)
    trials = parser.add_subparsers(dest="trial", required=True)
    fuzzing = trials.add_parser("fuzz", help="all decoders, on inputs that nobody would send")
    fuzzing.add_argument("--minutes", type=float, default=30)
    fuzzing.add_argument("--seed", type=int, help="of a run to be repeated")
    fuzzing.add_argument("names", nargs="*", metavar="DECODER")
    trials.add_parser("screens", help="figures 3 and 4: every payload on every screen")
    asked = parser.parse_args()
    if asked.trial == "screens":
        return int(screens.run() > 0)
    return int(fuzz.run(asked.minutes * 60, asked.seed, tuple(asked.names)) > 0)


if __name__ == "__main__":
    sys.exit(main())
