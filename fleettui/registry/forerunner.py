"""A process that runs ahead of this one, and hands it what it finds, as bytes.

Of two threads of Python one stands still. What that process finds it puts into memory that both
see, and how long it is into a pipe. What goes wrong ends it without a word, as with `HeadStart`.
"""

import gc
import os
import select
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import NoReturn

from fleettui.registry.head_start import HeadStart, Missed

Find = Callable[[], Iterable[bytes]]
"""What such a process does: each piece is handed over when it is found."""

_LENGTH = 8
"""Bytes that say how long something is."""


def can_run() -> bool:
    """Whether a process may be split off here: no other thread holds a lock that it would wait
    for. Only Linux has that memory.
    """
    return hasattr(os, "memfd_create") and threading.active_count() == 1


class Forerunner:
    """That process, for the one that waits for it."""

    def __init__(self, find: Find, *, seconds: float) -> None:
        """Begins at once; `find` runs over there. Each piece that is waited for has to come in
        `seconds`. Raises OSError where no process can be started.
        """
        self.asked_at = datetime.now(UTC)
        self._seconds = seconds
        self._taken = 0
        self._is_over = False
        self._memory = os.memfd_create("fleettui")
        self._pipe, theirs = os.pipe()
        try:
            self._process = os.fork()
        except OSError:
            for handle in (self._memory, self._pipe, theirs):
                os.close(handle)
            raise
        if self._process == 0:
            os.close(self._pipe)
            _run(find, self._memory, theirs)
        os.close(theirs)

    def take(self) -> bytes:
        """The next piece. Raises Missed where none comes, and then it is over."""
        try:
            return self._received()
        except (OSError, EOFError) as problem:
            self.end()
            raise Missed from problem

    def end(self) -> None:
        """Nothing more is wanted of it. It may be called again."""
        if self._is_over:
            return
        self._is_over = True
        os.close(self._pipe)
        os.close(self._memory)
        with suppress(ChildProcessError, ProcessLookupError):  # where SIGCHLD is ignored
            if os.waitpid(self._process, os.WNOHANG) == (0, 0):
                os.kill(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)

    def _received(self) -> bytes:
        """In one piece: for each, this thread would have to wait for its turn."""
        waiting = select.poll()
        waiting.register(self._pipe, select.POLLIN)
        if not waiting.poll(self._seconds * 1000):
            raise TimeoutError
        length = int.from_bytes(os.read(self._pipe, _LENGTH))
        if not length:
            raise EOFError
        self._taken += length
        return os.pread(self._memory, length, self._taken - length)


def _run(find: Find, memory: int, pipe: int) -> NoReturn:
    """All that the process does: it never returns into what was loaded before it."""
    try:
        gc.disable()
        threading.Thread(target=_end_with_reader, args=(pipe,), daemon=True).start()
        for piece in find():
            _tell(piece, memory, pipe)
    finally:
        os._exit(0)


def _tell(words: bytes, memory: int, pipe: int) -> None:
    left = memoryview(words)
    while left:
        left = left[os.write(memory, left) :]
    os.write(pipe, len(words).to_bytes(_LENGTH))


def _end_with_reader(pipe: int) -> None:
    """Once nobody reads any more, nothing is worth being found."""
    gone = select.poll()
    gone.register(pipe, 0)  # that it is gone is told unasked
    gone.poll()
    os._exit(0)


Begun = HeadStart | Forerunner
"""A first read that was sent ahead."""
