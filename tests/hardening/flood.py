"""Figures 6 and 8: the real program at journals that flood it, and at lines that are huge."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.cluster import Size, registry
from benchmarks.elsewhere import told
from benchmarks.journalctl import BEFORE
from benchmarks.journals import (
    Watched,
    at_the_journal,
    await_lines,
    compare,
    following_all,
    saved,
    watch,
)
from benchmarks.machines import Machines, machines
from benchmarks.measure import percentile
from terminal import Terminal

from fleettui.demo.etcd import Etcd
from fleettui.journal.fields import TEXT_LIMIT

from .measure import say

SIZE = Size(50, 200)
LAG_MS = 100.0
"""From key to paint, at most."""
MOST_MB = 150.0
"""Of memory, whatever comes: what the ring holds, and the program."""
HUGE = (1_000_000, 10_000_000)
HUGE_MB = 16.0
"""More memory that huge lines may cost, beside what the pane keeps of each."""
HUGE_RATE = 4_000_000
"""Bytes a second in which the huge lines come."""
_COUNTS = re.compile(
    rb"([\d,]+) received = ([\d,]+) shown \+ ([\d,]+) filtered \+ ([\d,]+) evicted"
)


def flood(rate: float, seconds: float) -> int:
    """So many lines a second of 50 machines; how much did not hold."""
    expected = SIZE.machines * (BEFORE + int(rate / SIZE.machines * seconds))
    with _machines(SIZE) as (made, etcd), following_all(etcd, made, SIZE) as terminal:
        made.speak(rate / SIZE.machines, seconds)
        watched = watch(terminal, seconds)
        await_lines(terminal, expected)
        counted = _counts(terminal)
        lost, twice = compare(saved(terminal, made.home), expected)
    say(f"{rate:,.0f} lines a second of {SIZE.machines} machines for {seconds:.0f} s")
    say(f"  {watched.rate:,.0f} came each second; {lost} lost, {twice} twice; counted {counted}")
    _tell(watched)
    received, *parts = counted
    return sum(
        (
            percentile(watched.keys, 95) >= LAG_MS,
            max(watched.mb) > MOST_MB,
            lost + twice > 0,
            received != expected or sum(parts) != expected,
        )
    )


def huge(seconds: float) -> int:
    """Every second line of a journal is huge; how much did not hold."""
    return sum(_huge(size, seconds) for size in HUGE)


def _huge(size: int, seconds: float) -> int:
    one, rate = Size(1, 1), 2 * HUGE_RATE / size
    expected = BEFORE + int(rate * seconds)
    with _machines(one) as (made, etcd), at_the_journal(etcd, made, one) as terminal:
        terminal.press(b"6")
        await_lines(terminal, BEFORE)
        watch(terminal, seconds / 4)
        before = _peak_mb(terminal)
        made.speak(rate, seconds, size)
        watched = watch(terminal, seconds)
        await_lines(terminal, expected)
        kept = TEXT_LIMIT / 1e6 * (expected - BEFORE) / 2
        more = _peak_mb(terminal) - before - kept
        whole = _whole(saved(terminal, made.home))
    missing = {*range(BEFORE, expected, 2)} - whole
    say(f"lines of {size:,} bytes, {HUGE_RATE:,} bytes a second, for {seconds:.0f} s")
    say(f"  {len(missing)} of the {(expected - BEFORE) // 2} lines between them not whole")
    say(f"  {more:.1f} MB more")
    _tell(watched)
    return sum((percentile(watched.keys, 95) >= LAG_MS, more > HUGE_MB, len(missing) > 0))


@contextmanager
def _machines(size: Size) -> Iterator[tuple[Machines, Etcd]]:
    with (
        tempfile.TemporaryDirectory() as name,
        registry(size) as etcd,
        machines(Path(name)) as made,
    ):
        yield made, etcd


def _counts(terminal: Terminal) -> list[int]:
    """What the pane says of all lines: received, shown, filtered, evicted."""
    return [int(number.replace(b",", b"")) for number in _COUNTS.findall(terminal.output)[-1]]


def _peak_mb(terminal: Terminal) -> float:
    """The most memory that the program had since it was asked the last time."""
    process = Path(f"/proc/{terminal.process.pid}")
    status = (process / "status").read_text()
    (process / "clear_refs").write_text("5")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def _whole(file: Path) -> set[int]:
    """The numbers of all lines that came from their first letter to their last."""
    with file.open() as lines:
        said = [json.loads(line).get("MESSAGE", "") for line in lines]
    return {int(text.rpartition("n=")[2]) for text in said if re.search(r"n=\d+$", text)}


def _tell(watched: Watched) -> None:
    keys = [percentile(watched.keys, at) for at in (50, 95)]
    say(f"  key to paint {keys[0]:.0f} ms, p95 {keys[1]:.0f}, {max(watched.keys):.0f} at most")
    say(f"  {told()}")
    say(f"  {watched.mb[0]:.0f} MB, {max(watched.mb):.0f} at most; {watched.app:.0%} of a core")
