"""How many connections are opened at a time: few where many are asked for at once, then more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE = 16
"""Connections being opened at a time: sshd drops some when many come together (MaxStartups)."""
FIRST = 2
"""So many of a burst begin before any has ended: what the first brings is not held up by all."""
SOON = 0.25
"""Seconds after which all may begin: by then it is the machines that take time, and not we."""


class Openings:
    """The connections that are being opened. A burst of them ends when none is left.

    Each that has ended makes way for two: with fourteen more at once, what the first one is opened
    for would come behind the logins of them all.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._room = asyncio.Semaphore(FIRST)
        self._kept_back = 0
        self._soon: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait until it is one's turn to open a connection, which is under way in the context."""
        if not self._asked:
            self._begin_burst()
        self._asked += 1
        try:
            async with self._room:
                try:
                    yield
                finally:
                    self._widen(1)
        finally:
            self._asked -= 1

    def _begin_burst(self) -> None:
        self._room = asyncio.Semaphore(FIRST)
        self._kept_back = AT_ONCE - FIRST
        if self._soon is not None:
            self._soon.cancel()  # that of the last burst
        self._soon = asyncio.get_running_loop().call_later(SOON, self._widen, AT_ONCE)

    def _widen(self, by: int) -> None:
        more = min(by, self._kept_back)
        self._kept_back -= more
        for _ in range(more):
            self._room.release()
