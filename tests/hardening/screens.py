"""Figures 3 and 4 at length: each payload by itself, in every remote field, on every screen."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hostile_fields import remote_fields
from hostile_payloads import MARKUP, TERMINAL
from hostile_tour import check_drawn, draw, every_screen

from .measure import say

AT_ONCE = 3
"""Programs that run side by side: most of the time they wait."""


def run() -> int:
    """Draw the tours of all payloads; how many drew what a terminal obeys."""
    every = (*TERMINAL, *MARKUP)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(_drawn, every))
    drawn = sum(size for size, _ in results)
    failed = [problem for _, problem in results if problem]
    fields, screens = len(remote_fields()), len(every_screen())
    say(f"{fields} remote fields, {len(every)} payloads, {screens} screens")
    say(f"{drawn:,} bytes drawn, {len(failed)} runs drew what a terminal obeys, or ended early")
    return len(failed)


def _drawn(payload: str) -> tuple[int, str]:
    """The bytes that both tours of one payload drew, and what was wrong with them."""
    size = 0
    for watch in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            try:
                terminal = draw(payload, Path(folder), watch=watch)
                check_drawn(terminal.output, payload)
            except AssertionError as problem:
                say(f"{payload!a}: {str(problem)[:400]}")
                return size, str(problem)
            size += len(terminal.output)
    return size, ""
