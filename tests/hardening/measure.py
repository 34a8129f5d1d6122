"""What a process holds: memory and open files by the kernel's count, and memory by malloc's."""

import ctypes
import os
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path


def resident_mb(pid: int | str = "self") -> float:
    """Memory that a process has for itself, in megabytes."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE") / 1e6


class _Mallinfo2(ctypes.Structure):
    """glibc's `struct mallinfo2`: malloc(3), bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def allocated_mb() -> float:
    """What this process got from malloc (glibc's, 2.33 or later) and has not given back, megabytes.

    Python's objects are among it with `PYTHONMALLOC=malloc`; what was mapped without malloc is not.
    Other than what is resident, it does not depend on what was let go of beside what is held.
    """
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    found = mallinfo2()
    return float(found.uordblks + found.hblkhd) / 1e6


def open_files(pid: int | str = "self") -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def files_by_kind(pid: int | str = "self") -> Counter[str]:
    """Open files, such as `socket` or `/dev/ptmx`; those of a kind count as one name."""
    kinds = Counter[str]()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that the folder was read by
            kinds[str(file.readlink()).partition(":[")[0]] += 1
    return kinds


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
