"""Lets what stands for other computers weigh little here: in a CPU group of its own, beside ours.

Together they get what the program leaves of the processors, and it never waits for them.
"""

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

_NAME = "fleettui-elsewhere"
_PATIENCE = 5.0
"""Seconds in which what was killed in the group is gone from it."""


@dataclass(frozen=True, slots=True)
class Place:
    """The CPU group that this process is in, and the one that would stand beside its processes."""

    own: Path
    other: Path
    weight: tuple[str, str]
    """The file of a group's weight, and what is written there: 2 % of what a process weighs."""


@contextmanager
def elsewhere() -> Iterator[None]:
    """What is started in here stands for another computer, and so does all that it starts."""
    place = group()
    if place is None:
        yield
        return
    _enter(place.other)
    try:
        yield
    finally:
        _enter(place.own)


@cache
def group() -> Place | None:
    """The group, made at the first call and gone when this process ends; None where none can be."""
    memberships, mounts = (
        Path(f"/proc/self/{name}").read_text() for name in ("cgroup", "mountinfo")
    )
    place = find(memberships, mounts)
    if place is None:
        return None
    file, weight = place.weight
    with suppress(OSError):
        place.other.mkdir(exist_ok=True)
        atexit.register(_remove, place.other)
        (place.other / file).write_text(weight)
        _yield_at_once(place.other)
        _enter(place.other)
        _enter(place.own)
        return place
    return None


def _yield_at_once(folder: Path) -> None:
    """Have the group run only where nothing of ours would, where the kernel can (Linux 5.15).

    A weight decides how much it gets, not when: one of ours that wakes waits for what runs there
    until that has had its turn, which no other computer would make it do.
    """
    with suppress(OSError):
        (folder / "cpu.idle").write_text("1")


def told() -> str:
    """Which way it is done here."""
    place = group()
    if place is None:
        return "other computers are of nice 19 here: no CPU group could be made"
    said = f"other computers are in a CPU group here, of {' '.join(place.weight)}"
    with suppress(OSError):
        said += f" and cpu.idle {(place.other / 'cpu.idle').read_text().strip()}"
    return said


def find(memberships: str, mounts: str) -> Place | None:
    """The groups, by what /proc/self/cgroup and /proc/self/mountinfo say.

    In the first version of cgroups a group weighs against the processes beside it. In the second
    none may have groups as well as processes, but for the root, so that it stands beside ours.
    """
    ours = [line.split(":", 2) for line in memberships.splitlines()]
    for _, controllers, inside in ours:
        if "cpu" in controllers.split(",") and (own := _folder(mounts, "cgroup", inside)):
            return Place(own, own / _NAME, ("cpu.shares", "20"))
    for number, _, inside in ours:
        if number == "0" and (own := _folder(mounts, "cgroup2", inside)):
            beside = own if inside == "/" else own.parent
            return Place(own, beside / _NAME, ("cpu.weight", "2"))
    return None


def _folder(mounts: str, kind: str, inside: str) -> Path | None:
    """Where the files of a group are; of the first version only those that weigh processors."""
    for line in mounts.splitlines():
        place, _, system = line.partition(" - ")
        root, at = place.split()[3:5]
        name, _, options = system.split(" ", 2)
        if name != kind or (kind == "cgroup" and "cpu" not in options.split(",")):
            continue
        if PurePosixPath(inside).is_relative_to(root) and ".." not in inside.split("/"):
            return Path(at) / PurePosixPath(inside).relative_to(root)
    return None


def _enter(folder: Path) -> None:
    (folder / "cgroup.procs").write_text(str(os.getpid()))


def _remove(folder: Path) -> None:
    """Unless another benchmark has something there."""
    end = time.monotonic() + _PATIENCE
    while folder.exists() and time.monotonic() < end:
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.05)  # the kernel tells nobody when a group is empty
