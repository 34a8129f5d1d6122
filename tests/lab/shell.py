"""Programs of this machine that the lab runs, and waiting for what they bring about."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class LabBroken(Exception):
    """The lab cannot do what a test needs of it; the text says what failed, with its output."""


def run(*argv: str, given: bytes | None = None, within: float = 60) -> bytes:
    """Standard output of a program that must succeed `within` seconds. Raises LabBroken."""
    ended = attempt(*argv, given=given, within=within)
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).decode(errors="replace").strip()
        raise LabBroken(f"{' '.join(argv)}: exit status {ended.returncode}: {said[-2000:]}")
    return ended.stdout


def attempt(
    *argv: str, given: bytes | None = None, within: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """The end of a program, whatever it is. Raises LabBroken where it does not come `within`."""
    try:
        return subprocess.run(
            argv, input=given or b"", capture_output=True, timeout=within, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabBroken(f"{' '.join(argv)}: {error}") from error


def wait_until(
    look: Callable[[], T | None], what: str, within: float = 30, every: float = 0.05
) -> T:
    """The first true answer of `look`, asked `every` seconds. Raises LabBroken after `within`."""
    end = time.monotonic() + within
    pause = threading.Event()
    while not (seen := look()):
        if time.monotonic() > end:
            raise LabBroken(f"waited {within:g} s in vain for {what}; last seen: {seen!r}")
        pause.wait(every)
    return seen


def children(pid: int) -> list[int]:
    """Process IDs of a process's children, as this machine counts them."""
    return [child for child, parent in _parents() if parent == pid]


def program(pid: int) -> str:
    """Name of the program that a process runs; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _parents() -> Iterator[tuple[int, int]]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # a process may end while we look
            after_name = stat.read_text(errors="replace").rpartition(")")[2]
            yield int(stat.parent.name), int(after_name.split()[1])
