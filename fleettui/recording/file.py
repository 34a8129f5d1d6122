"""The file of a recording: a line a record, each with its checksum, checked on opening."""

import json
import os
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fleettui.model.clock import now
from fleettui.model.untrusted import visible
from fleettui.recording.plain import plain, restored
from fleettui.recording.records import FORMAT, Ended, Head, Record, Timed

MAX_LINE = 256 << 20
"""Bytes of the longest record that is read: a registry of 10,000 units takes some 20 MB."""


class BadRecording(Exception):
    """A file that is no recording, or not a whole one; the text says which, and what to do."""


class RecordingFile:
    """Written as the session goes on; each record is with the system when `add` returns.

    Any thread may add. A disk that takes no more ends the recording, never the session.
    """

    def __init__(self, path: Path, head: Head) -> None:
        """Raises OSError, FileExistsError among them: nothing is ever written over."""
        self.path = path
        self.problem = ""
        """Why the recording ended before the session."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._lock = threading.Lock()
        self._count = 0
        self._is_open = True
        self._write(head)

    def add(self, record: Record) -> None:
        """Write down what the session was just told."""
        with self._lock:
            self._add(record)

    def close(self) -> None:
        """Say that nothing was cut off; what other threads add from now on is left out."""
        with self._lock:
            self._add(Ended(self._count))
            if self._is_open:
                self._end()

    def _add(self, record: Record) -> None:
        if self._is_open:
            self._write(Timed(now(), record))
            self._count += 1

    def _write(self, record: Head | Timed) -> None:
        text = json.dumps(plain(record), separators=(",", ":")).encode("ascii")
        left = b"%08x %s\n" % (zlib.crc32(text), text)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as disk:
            self.problem = f"{visible(str(self.path))}: {disk.strerror or disk}"
            self._end()

    def _end(self) -> None:
        self._is_open = False
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that was read."""

    head: Head
    records: tuple[Timed, ...]
    is_whole: bool
    """Whether it was closed; what was cut off is not among the records."""


def open_recording(path: Path, *, even_cut: bool = False) -> Recording:
    """Read and check all of a file. Raises BadRecording; OSError where it cannot be read.

    With `even_cut`, what can be read of one that was cut off.
    """
    name = visible(str(path))
    if path.is_fifo():
        raise BadRecording(f"{name} is a pipe: only a file can be replayed.")
    with path.open("rb") as file:
        lines = iter(lambda: file.readline(MAX_LINE), b"")
        head = _head(name, next(lines, b""))
        records, problem = _records(lines)
    is_whole = bool(records) and isinstance(records[-1].record, Ended) and not problem
    if is_whole:
        return Recording(head, tuple(records[:-1]), is_whole=True)
    if even_cut and records:
        return Recording(head, tuple(records), is_whole=False)
    raise BadRecording(_cut(name, head, records, problem))


def _head(name: str, line: bytes) -> Head:
    """Raises BadRecording where it is no recording, or one of a later fleettui."""
    foreign = f"{name} is no recording of fleettui: --record FILE writes one."
    try:
        found = _checked(line)
    except ValueError as wrong:
        raise BadRecording(foreign) from wrong
    number = found.get("fleettui_recording") if isinstance(found, dict) else None
    if not isinstance(number, int):
        raise BadRecording(foreign)
    if number != FORMAT:
        version = visible(str(found.get("version")))
        raise BadRecording(
            f"{name} was recorded by fleettui {version} in format {number}, and this one reads "
            f"format {FORMAT}: replay it with that version."
        )
    try:
        head: Head = restored(Head, found)
    except ValueError as wrong:
        raise BadRecording(f"{name} begins like a recording, and goes on wrong: {wrong}") from wrong
    return head


def _records(lines: Iterator[bytes]) -> tuple[list[Timed], str]:
    """The records up to the first that cannot be read, and what is wrong with that one."""
    records: list[Timed] = []
    for line in lines:
        if records and isinstance(records[-1].record, Ended):
            return records, "something stands behind its end"
        try:
            records.append(restored(Timed, _checked(line)))
        except ValueError as wrong:
            return records, visible(str(wrong))
    return records, _missing(records)


def _missing(records: list[Timed]) -> str:
    """Whether whole lines were taken out, by what the end says."""
    match records[-1].record if records else None:
        case Ended(told) if told != len(records) - 1:
            return f"its end speaks of {told} records before it, and there are {len(records) - 1}"
    return ""


def _checked(line: bytes) -> Any:
    """What a line holds. Raises ValueError where it was cut or changed."""
    if not line.endswith(b"\n"):
        raise ValueError("a line without its end")
    checksum, space, text = line[:-1].partition(b" ")
    if not space or checksum != b"%08x" % zlib.crc32(text):
        raise ValueError("a line that does not fit its checksum")
    try:
        return json.loads(text)
    except RecursionError as deep:
        raise ValueError("nested too deeply") from deep


def _cut(name: str, head: Head, records: list[Timed], problem: str) -> str:
    """How much can be read, in a sentence."""
    why = f" ({problem} in record {len(records) + 1})" if problem else " (it was never closed)"
    if not records:
        return f"{name} was cut off behind its first line{why}: nothing of it can be replayed."
    return (
        f"{name} is not whole{why}. {len(records)} records can be read, from "
        f"{_clock(head.begun)} to {_clock(records[-1].at)} UTC: --partial replays those."
    )


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"
