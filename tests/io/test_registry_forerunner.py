"""The first read in a process of its own: what it finds is shown, and nothing of it is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleettui.registry.forerunner import Find, Forerunner
from fleettui.registry.head_start import Missed

PIECES = [b"{}" * 100_000, b"x"]


def find() -> Iterator[bytes]:
    yield from PIECES


def find_half() -> Iterator[bytes]:
    yield PIECES[0]
    raise ValueError


def fail() -> Iterator[bytes]:
    raise ValueError


def hang() -> Iterator[bytes]:
    time.sleep(600)  # it hangs: this is the fault
    raise AssertionError


def die() -> Iterator[bytes]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def all_of(forerunner: Forerunner) -> Iterator[bytes]:
    """What comes until nothing does."""
    while True:
        try:
            yield forerunner.take()
        except Missed:
            return


@pytest.mark.parametrize(("find", "count"), [(find, 2), (find_half, 1), (fail, 0), (die, 0)])
def test_what_is_found_over_there_is_told_and_no_process_is_left(
    find: Find, count: int, tmp_path: Path
) -> None:
    def seen() -> Iterator[bytes]:
        (tmp_path / "process").write_text(str(os.getpid()))
        yield from find()

    forerunner = Forerunner(seen, seconds=60)
    assert [*all_of(forerunner)] == PIECES[:count]
    assert not Path("/proc", (tmp_path / "process").read_text()).exists()


def test_of_what_is_not_wanted_any_more_no_process_is_left(tmp_path: Path) -> None:
    def seen() -> Iterator[bytes]:
        yield str(os.getpid()).encode()
        time.sleep(600)  # it goes on, with nobody to tell

    forerunner = Forerunner(seen, seconds=60)
    process = int(forerunner.take())
    forerunner.end()
    forerunner.end()
    assert not Path(f"/proc/{process}").exists()


@pytest.mark.parametrize(("find", "count"), [(find, 2), (fail, 0)])
def test_its_end_is_no_error_where_the_kernel_keeps_nobody_who_ended(
    find: Find, count: int
) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert [*all_of(Forerunner(find, seconds=60))] == PIECES[:count]
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_what_hangs_is_not_waited_for() -> None:
    with pytest.raises(Missed):
        Forerunner(hang, seconds=0.1).take()


PROGRAM = """
import os, time
from fleettui.registry.forerunner import Forerunner

def find():
    print(os.getpid(), flush=True)
    time.sleep(600)  # until it is ended

Forerunner(find, seconds=600).take()
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
        time.sleep(0.01)  # no child of ours: nothing tells when it ends


def _is_alive(process: int) -> bool:
    """Not so where nobody has asked yet how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
