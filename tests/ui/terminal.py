"""A program in a pseudo-terminal: keys go in, raw bytes come out."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any


class Terminal:
    """The other end of a program's terminal."""

    def __init__(self, handle: int, process: subprocess.Popen[bytes]) -> None:
        self._handle = handle
        self.process = process
        self.output = bytearray()  # grows in place: copying megabytes would hold up the program
        self._pressed = 0

    def modes(self) -> list[Any]:
        """How the terminal treats what is typed, as tcgetattr tells."""
        return termios.tcgetattr(self._handle)

    def press(self, keys: bytes) -> None:
        self._pressed = len(self.output)
        os.write(self._handle, keys)

    def hang_up(self) -> None:
        """The terminal is gone, as when its window is closed; nothing is read any more."""
        os.close(self._handle)
        self._handle = -1

    def read(self, seconds: float) -> None:
        """Take what the program draws for this long, or until it ends."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0 and self._take(left):
            pass

    def _take(self, seconds: float) -> bool:
        """Take what comes next, if it comes in time and the program has not ended."""
        if not select.select([self._handle], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._handle, 65536)
        except OSError:  # the program closed its side
            return False
        self.output += data
        return bool(data)

    def until(self, words: bytes, seconds: float = 30) -> None:
        """Read until `words` were drawn since the last press."""
        end = monotonic() + seconds
        while self.output.find(words, self._pressed) < 0:
            assert monotonic() < end, f"{words!r} never came; it drew {self.output[-2000:]!r}"
            assert self.process.poll() is None, f"it ended early: {self.output[-2000:]!r}"
            self._take(0.1)


@contextmanager
def run_in_terminal(
    argv: Sequence[str], *, columns: int = 120, rows: int = 40, env: dict[str, str] | None = None
) -> Iterator[Terminal]:
    """Start a program in a terminal of its own; it is killed if it has not ended by itself."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    size = {"COLUMNS": str(columns), "LINES": str(rows)}  # or those of this process would count
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment = {**os.environ, **terminal, **size, **(env or {})}
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    made = Terminal(ours, process)
    try:
        yield made
    finally:
        process.kill()
        process.wait()
        if made._handle >= 0:
            made.hang_up()
