"""A new file that stands under its name once all of it is written, and never half."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def part_of(path: Path) -> Path:
    """Where the file stands while it is written."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def whole_file(path: Path, keeps: type[Exception]) -> Iterator[BinaryIO]:
    """Written in the context, for nobody else's eyes, and named at its end.

    Where anything is raised, what was written is removed; but `keeps`, which no disk raises, leaves
    it as `part_of(path)`, unless it is empty. Raises FileExistsError, with the name of what is
    there and never written over; OSError; ValueError for a name that no file can have.
    """
    if os.path.lexists(path):
        raise _there(path)
    part, is_kept = part_of(path), False
    file = open(part, "xb", opener=_private)  # noqa: SIM115 - what another has begun is not removed
    try:
        with file:
            yield file
        _name(part, path)
    except keeps:
        is_kept = part.stat().st_size > 0
        raise
    finally:
        if not is_kept:
            part.unlink(missing_ok=True)


def _name(part: Path, path: Path) -> None:
    """A link is refused where the name was taken meanwhile; but not every disk has links."""
    try:
        os.link(part, path)
    except OSError:
        if os.path.lexists(path):
            raise _there(path) from None
        part.rename(path)


def _there(path: Path) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _private(path: str, flags: int) -> int:
    """Journals hold what others should not read."""
    return os.open(path, flags, 0o600)
