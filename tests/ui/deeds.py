"""What this process does to files, programs and the network, heard from its first import on."""

import os
import sys
from typing import Any

CHANGES = frozenset(
    f"os.{verb}"
    for verb in (
        *("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "setxattr", "symlink"),
        *("truncate", "utime"),
    )
)
TWO_PATHS = frozenset({"os.link", "os.rename", "os.symlink"})
PROGRAMS = frozenset({"os.exec", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"})
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NO_FILES = ("/dev/", "/proc/")

changed: list[str] = []
"""Every path that was opened for writing, made, moved, removed or given other rights."""
started: list[str] = []
"""Every program."""
reached: set[tuple[str, int]] = set()
"""Every host and port that a connection was made to."""


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event in PROGRAMS:
        started.append(os.fsdecode(args[0]))
    elif event == "socket.connect" and isinstance(args[1], tuple):
        reached.add((args[1][0], args[1][1]))
    elif event in CHANGES:
        changed.extend(_paths(*args[:2] if event in TWO_PATHS else args[:1]))
    elif event == "open" and isinstance(args[2], int) and args[2] & WRITING:
        changed.extend(_paths(args[0]))


def _paths(*given: object) -> list[str]:
    texts = [os.fsdecode(path) for path in given if isinstance(path, str | bytes | os.PathLike)]
    return [text for text in texts if not text.startswith(NO_FILES)]


sys.addaudithook(_hear)
