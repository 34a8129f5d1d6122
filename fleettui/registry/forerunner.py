"""The first read in a process of its own, which decodes it while this one loads the screen.

Of two threads of Python one stands still. What that process finds it puts into memory that both
see, and how long it is into a pipe: first the snapshot, then the answers that it was made of, from
which whoever follows goes on. What goes wrong ends it without a word, as with `HeadStart`.
"""

import gc
import os
import select
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import NoReturn, TypeVar

import msgspec

from fleettui.model.cluster import Snapshot
from fleettui.registry.carried import carried, restored
from fleettui.registry.head_start import Missed, RawAnswer

Found = tuple[Snapshot, Mapping[str, RawAnswer]]
"""What was made of a first read, and the answers to it."""
_T = TypeVar("_T")

_LENGTH = 8
"""Bytes that say how long something is."""
_answers = msgspec.msgpack.Decoder(dict[str, RawAnswer])


def can_run() -> bool:
    """Whether a process may be split off here: no other thread holds a lock that it would wait
    for. Only Linux has that memory.
    """
    return hasattr(os, "memfd_create") and threading.active_count() == 1


class Forerunner:
    """That process, for the one that waits for it."""

    def __init__(self, find: Callable[[], Found], *, seconds: float) -> None:
        """Begins at once; `find` makes the read, over there. What is waited for has to come in
        `seconds`. Raises OSError where no process can be started.
        """
        self.asked_at = datetime.now(UTC)
        self._seconds = seconds
        self._taken = 0
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

    def snapshot(self) -> Snapshot | None:
        """What was found, to be shown at once; None where nothing was, and then it is over."""
        return self._next(restored)

    def answers(self) -> Mapping[str, RawAnswer]:
        """What that was made of. Asked for once, after the snapshot: it is over then. Raises
        Missed.
        """
        answers = self._next(_answers.decode)
        if answers is None:
            raise Missed
        self._end()
        return answers

    def _next(self, decode: Callable[[bytes], _T]) -> _T | None:
        try:
            return decode(self._received())
        except (OSError, EOFError, msgspec.DecodeError):
            self._end()
            return None

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

    def _end(self) -> None:
        os.close(self._pipe)
        os.close(self._memory)
        with suppress(ChildProcessError, ProcessLookupError):  # where SIGCHLD is ignored
            if os.waitpid(self._process, os.WNOHANG) == (0, 0):
                os.kill(self._process, signal.SIGKILL)
                os.waitpid(self._process, 0)


def _run(find: Callable[[], Found], memory: int, pipe: int) -> NoReturn:
    """All that the process does: it never returns into what was loaded before it."""
    try:
        gc.disable()
        threading.Thread(target=_end_with_reader, args=(pipe,), daemon=True).start()
        snapshot, answers = find()
        _tell(carried(snapshot), memory, pipe)
        _tell(msgspec.msgpack.encode(answers), memory, pipe)
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
