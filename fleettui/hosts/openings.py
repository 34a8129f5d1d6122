"""How many connections are opened at a time: few where many are asked for at once, then more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE = 16
"""Connections being opened at a time: sshd drops some when many come together (MaxStartups)."""
FIRST = 4
"""So many of a burst begin before any has ended: what the first brings is not held up by all."""
SOON = 0.25
"""Seconds after which the others begin, where no machine of the first has answered."""


class Openings:
    """The connections that are being opened. A burst of them ends when none is left."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)
        self._under_way = 0
        self._more = asyncio.Event()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait until it is one's turn to open a connection, which is under way in the context."""
        async with self._room:
            self._begin()
            try:
                if self._under_way > FIRST:
                    await self._more.wait()  # set as soon as one has ended
                yield
            finally:
                self._end()

    def _begin(self) -> None:
        if not self._under_way:
            self._more = asyncio.Event()
            asyncio.get_running_loop().call_later(SOON, self._more.set)
        self._under_way += 1

    def _end(self) -> None:
        self._under_way -= 1
        self._more.set()
