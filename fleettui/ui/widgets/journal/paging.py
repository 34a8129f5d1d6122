"""A pager that has the terminal, while everything behind it goes on."""

import asyncio
import signal
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


async def paged(command: Sequence[str], text: bytes, environment: Mapping[str, str]) -> str:
    """Run a pager to its end, the text on its standard input; why it could not be, else empty.

    It raises nothing: Textual's `suspend` never takes back the terminal where something is raised.
    """
    try:
        with _deaf():
            pager = await asyncio.create_subprocess_exec(*command, stdin=PIPE, env=environment)
            try:
                await pager.communicate(text)
            finally:
                if pager.returncode is None:
                    pager.terminate()
    except (OSError, ValueError) as problem:  # a name may hold a NUL
        return (isinstance(problem, OSError) and problem.strerror) or str(problem)
    return ""


@contextmanager
def _deaf() -> Iterator[None]:
    """Leave ctrl+c to the pager: the terminal sends it to both, and it ends the console."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which a child inherits
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
