"""Whose turn it is where many machines are asked at once: few at first, then more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from time import monotonic

AT_ONCE = 16
"""Machines that have their turn at a time: sshd drops logins that come together (MaxStartups)."""
FIRST = 2
"""So many of a burst begin before any has ended: what the first brings is not held up by all."""
SOON = 0.25
"""Seconds after which all may begin: by then it is the machines that take time, and not we."""
LONGEST_WAIT = 1.0
"""Seconds that a journal may wait for what is there of others, in all."""


class Turns:
    """Turns of a kind, to open a connection or to read a journal. A burst ends when none is left.

    Each that has ended makes way for two: with fourteen more at once, what the first one is for
    would come behind the beginnings of them all.
    """

    def __init__(self) -> None:
        self._asked = 0
        self._room = asyncio.Semaphore(FIRST)
        self._kept_back = 0
        self._soon: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for one's turn, which lasts as long as the context."""
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


class Patience:
    """How long one journal still waits for others; less after each time that it had to."""

    def __init__(self) -> None:
        self._left = LONGEST_WAIT

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Wait in the context, but no longer than that.

        Not by `asyncio.wait_for`, which swallows a cancellation that comes with the answer (before
        Python 3.12): a journal that was left would go on.
        """
        begun = monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._left):
                yield
        self._left = max(self._left - (monotonic() - begun), 0.0)


class Readings:
    """The journals that are being read to their present end. They go before what is followed, so
    that the last of a hundred shows its first lines sooner; and they begin in turns, so that the
    first does.
    """

    def __init__(self) -> None:
        self._turns = Turns()
        self._under_way = 0
        self._none = asyncio.Event()
        self._none.set()

    @asynccontextmanager
    async def one(self, patience: Patience) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A journal is being read in the context; to be told that its first line has come.

        Where others say nothing for a while, it does not wait for them.
        """
        self._under_way += 1
        self._none.clear()
        async with AsyncExitStack() as turn:
            try:
                async with patience.waiting():
                    await turn.enter_async_context(self._turns.one())
                yield turn.aclose
            finally:
                self._under_way -= 1
                if not self._under_way:
                    self._none.set()

    async def over(self, patience: Patience) -> None:
        """Wait until none is, but not for long: one may be large."""
        async with patience.waiting():
            await self._none.wait()
