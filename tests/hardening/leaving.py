"""Figure 24 at length: how long leaving takes in every state."""

import tempfile
from pathlib import Path

from leaving import STATES, Left, left_in

from .measure import say

RUNS = 5
LIMIT = 1.0
"""Seconds."""


def run() -> int:
    """Leave some times in each state; how many runs were too slow or left something behind."""
    bad = 0
    for state in STATES:
        runs = [_left(state) for _ in range(RUNS)]
        slowest = max(left.seconds for left in runs)
        untidy = sum(not left.restored or left.running > 0 or left.status != 0 for left in runs)
        bad += untidy + sum(left.seconds > LIMIT for left in runs)
        say(f"{state:24}{slowest:6.2f} s at most in {RUNS} runs, {untidy} left something behind")
    return bad


def _left(state: str) -> Left:
    with tempfile.TemporaryDirectory() as folder:
        return left_in(state, Path(folder))
