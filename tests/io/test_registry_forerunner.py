"""The first read in a process of its own: what it finds is shown, and nothing of it is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleettui.model.cluster import Snapshot
from fleettui.registry.forerunner import Forerunner, Found
from fleettui.registry.head_start import Missed, RawAnswer

SNAPSHOT = Snapshot(7, datetime(2026, 1, 1, tzinfo=UTC))
ANSWERS = {"job": RawAnswer(200, {"x-etcd-index": "7"}, b"{}" * 100_000)}


def find() -> Found:
    return SNAPSHOT, ANSWERS


def find_half() -> Found:
    cannot_be_told: Any = object()
    return SNAPSHOT, cannot_be_told


def fail() -> Found:
    raise ValueError


def hang() -> Found:
    time.sleep(600)
    raise AssertionError


def die() -> Found:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.parametrize(
    ("find", "finds", "tells"),
    [(find, True, True), (find_half, True, False), (fail, False, False), (die, False, False)],
)
def test_what_is_found_over_there_is_told_and_no_process_is_left(
    find: Callable[[], Found], *, finds: bool, tells: bool, tmp_path: Path
) -> None:
    def seen() -> Found:
        (tmp_path / "process").write_text(str(os.getpid()))
        return find()

    forerunner = Forerunner(seen, seconds=60)
    assert forerunner.snapshot() == (SNAPSHOT if finds else None)
    if tells:
        assert forerunner.answers() == ANSWERS
    elif finds:
        with pytest.raises(Missed):
            forerunner.answers()
    assert not Path("/proc", (tmp_path / "process").read_text()).exists()


@pytest.mark.parametrize(("find", "finds"), [(find, True), (fail, False)])
def test_its_end_is_no_error_where_the_kernel_keeps_nobody_who_ended(
    find: Callable[[], Found], *, finds: bool
) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        forerunner = Forerunner(find, seconds=60)
        assert (forerunner.snapshot() is not None) is finds
        assert not finds or forerunner.answers() == ANSWERS
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_what_hangs_is_not_waited_for() -> None:
    assert Forerunner(hang, seconds=0.1).snapshot() is None


PROGRAM = """
import os, time
from fleettui.registry.forerunner import Forerunner

def find():
    print(os.getpid(), flush=True)
    time.sleep(600)

Forerunner(find, seconds=600).snapshot()
"""


def test_it_ends_with_the_program_that_waits_for_it() -> None:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    with program:
        assert program.stdout is not None
        process = int(program.stdout.readline())
        program.kill()
    until = time.monotonic() + 60
    while _is_alive(process):
        assert time.monotonic() < until, "it goes on without anybody to tell"
        time.sleep(0.01)


def _is_alive(process: int) -> bool:
    """Not so where nobody has asked yet how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
