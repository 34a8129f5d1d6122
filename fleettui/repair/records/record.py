"""The record of a repair: JSON lines on the operator's disk, written before and after every act."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from fleettui.model.clock import now
from fleettui.model.untrusted import Untrusted

VERSION = 1
"""Of the record's format, in its first line."""
SUFFIX = ".jsonl"

_TRIES = 20
_BETWEEN = 0.01
"""Seconds between two tries to hold a record: whoever asks if it is held holds it for a moment."""


class RecordInUse(Exception):
    """Another process drives this repair right now."""


class Record:
    """An append-only file of one repair; each line is on the disk before the next act.

    While it is open its file is locked (flock), so that one process at a time drives the repair,
    and a killed one lets go of it.
    """

    def __init__(self, path: Path, handle: int) -> None:
        """`handle` is open for appending, and locked."""
        self.path = path
        self._handle = handle
        self._torn = not _ends_a_line(path)

    @classmethod
    def begin(cls, folder: Path, token: str, head: Mapping[str, object]) -> "Record":
        """Create the file, 0600 in a folder of 0700, with `head` as its first line.

        Raises OSError where that cannot be done.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{token}{SUFFIX}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        record = cls(path, _held(os.open(path, flags, 0o600), path))
        try:
            record.write("begun", v=VERSION, token=token, **head)
            _flush_folder(folder)
        except OSError:
            record.close()
            raise
        return record

    @classmethod
    def reopen(cls, path: Path) -> "Record":
        """Go on with a record that is there. Raises RecordInUse, or OSError."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
        return cls(path, _held(os.open(path, flags), path))

    def write(self, event: str, **facts: object) -> None:
        """Append one line and wait until the disk has it. Raises OSError."""
        line = {"at": now().isoformat(), "event": event, **facts}
        data = json.dumps(line, ensure_ascii=True, default=_as_text).encode() + b"\n"
        self._append(b"\n" + data if self._torn else data)

    def keep(self, name: str, content: bytes) -> Path:
        """Store the bytes of a file beside the record before it is removed. Raises OSError.

        A copy that is there already is never overwritten: other bytes get another name.
        """
        path = self.path.with_suffix(f".{name}")
        if path.exists() and path.read_bytes() != content:
            path = path.with_name(f"{path.name}.{hashlib.sha256(content).hexdigest()[:12]}")
        if path.exists() and path.read_bytes() == content:
            return path
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        _flush_folder(path.parent)
        return path

    def close(self) -> None:
        """Let go of the file; a record that is closed is not written any more."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def _append(self, data: bytes) -> None:
        if os.fstat(self._handle).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "the record was removed", str(self.path))
        try:
            while data:
                data = data[os.write(self._handle, data) :]
                self._torn = bool(data)
            os.fsync(self._handle)
        except OSError:
            # What came of this line is not known: the next one begins on a line of its own.
            self._torn = True
            raise


def is_held(path: Path) -> bool:
    """Whether a process drives this repair right now. Raises OSError where that cannot be seen."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _held(handle: int, path: Path) -> int:
    """The same handle, locked; closed where that fails. Raises RecordInUse, or OSError."""
    try:
        for left in reversed(range(_TRIES)):
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return handle
            if left:
                time.sleep(_BETWEEN)  # to wait for the lock itself has no limit
    except OSError:
        os.close(handle)
        raise
    os.close(handle)
    raise RecordInUse(f"{path} is in use: another fleettui drives this repair right now")


def _ends_a_line(path: Path) -> bool:
    """Whether the last line is whole: a process that was killed may have left half a line."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _flush_folder(folder: Path) -> None:
    """Have the disk hold the names in a folder too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _as_text(value: object) -> str:
    """Remote text goes into the record byte-exact: the escapes of JSON make it harmless there."""
    if isinstance(value, Untrusted):
        return value.raw
    raise TypeError(f"{type(value).__name__} does not go into a record")
