"""The record of a repair: JSON lines on the operator's disk, written before and after every act."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """An append-only file of one repair; each line is on the disk before the next act."""

    path: Path

    @classmethod
    def begin(cls, folder: Path, token: str, head: Mapping[str, object]) -> "Record":
        """Create the file, 0600 in a folder of 0700. Raises OSError where that cannot be done."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{token}.jsonl"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        record = cls(path)
        record.write("begun", **head)
        return record

    def write(self, event: str, **facts: object) -> None:
        """Append one line and wait until the disk has it. Raises OSError."""
        line = {"at": datetime.now(UTC).isoformat(), "event": event, **facts}
        data = json.dumps(line, ensure_ascii=True).encode() + b"\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)

    def keep(self, name: str, content: bytes) -> Path:
        """Store the bytes of a file beside the record before it is removed. Raises OSError."""
        path = self.path.with_suffix(f".{name}")
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return path
