"""The repair lock while a repair holds it: refreshed in time, and its loss noticed in time."""

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from fleettui.access import (
    LockLost,
    RegistryUnavailable,
    RegistryWriter,
    WriteRefused,
    WriteUnknown,
)
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage

_SPARE = 1 / 6
"""The last part of its time in which the lock no longer counts as held: clocks are not exact."""
_PATIENCE = 0.5
"""Seconds that a cancelled request gets to end."""
_NO_ANSWER = (RegistryUnavailable, WriteUnknown, WriteRefused)


def _seconds() -> float:
    """A clock that goes on while this computer sleeps, as the lock's time in etcd does."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class RepairLock:
    """One holder's lock. An async context; inside it the lock is held, or known to be lost."""

    def __init__(
        self, writer: RegistryWriter, holder: LockHolder, ttl: int = 30, every: float = 8.0
    ) -> None:
        """`ttl` and `every` in seconds: how long a refresh lasts, and how often it is made."""
        self._writer = writer
        self._holder = holder
        self._ttl = ttl
        self._every = every
        self._index = 0
        self._sure_until = 0.0
        self._why_lost = ""
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def holder(self) -> LockHolder:
        """Who repairs what, with the stage that was told last."""
        return self._holder

    @property
    def index(self) -> int:
        """etcd's modifiedIndex of the lock as it was written last."""
        return self._index

    @property
    def is_lost(self) -> bool:
        """Whether somebody else may hold it; there is no way back from that."""
        return bool(self._why_lost)

    async def __aenter__(self) -> Self:
        await self.take()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.drop()

    async def take(self) -> None:
        """Take it, and keep it from then on.

        Raises LockTaken, or what a writer raises where it cannot be known whether it was taken.
        """
        asked = _seconds()
        taking = asyncio.ensure_future(self._writer.take_lock(self._holder, self._ttl))
        try:
            self._index = await asyncio.shield(taking)
        except asyncio.CancelledError:
            await self._give_up(taking)
            raise
        self._sure_until = asked + self._ttl
        self._task = asyncio.create_task(self._refresh())

    async def abandon(self) -> None:
        """Hold it no longer, and let it expire by itself: nobody else begins before that."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def drop(self) -> None:
        """Give it back; where that fails it expires by itself."""
        await self.abandon()
        if self._index and not self._why_lost:
            with contextlib.suppress(LockLost, *_NO_ANSWER):
                await self._writer.drop_lock(self._index)
        self._index = 0

    async def stage(self, stage: Stage) -> None:
        """Tell everybody which stage is at hand. Raises LockLost."""
        self._holder = replace(self._holder, stage=Untrusted(stage.value))
        await self.ensure()

    async def ensure(self) -> None:
        """Be sure that the lock is ours now. Raises LockLost, then and ever after.

        Where the registry does not answer it is ours for as long as the last refresh lasts.
        """
        await self._keep()
        if _seconds() > self._sure_until - _SPARE * self._ttl:
            self._lose("the repair lock is not ours any more: it could not be refreshed in time")
        if self._why_lost:
            raise LockLost(self._why_lost)

    async def _give_up(self, taking: "asyncio.Future[int]") -> None:
        """A request that was sent is carried out all the same: give back what it took."""
        await asyncio.wait({taking}, timeout=_PATIENCE)
        if not taking.done():
            taking.cancel()
        elif taking.exception() is None:
            self._index = taking.result()
            await self.drop()

    async def _refresh(self) -> None:
        while not self._why_lost:
            await asyncio.sleep(self._every)
            await self._keep()

    async def _keep(self) -> None:
        async with self._turn:
            if self._why_lost or not self._index:
                return
            asked = _seconds()
            try:
                self._index = await self._writer.keep_lock(self._holder, self._index, self._ttl)
            except LockLost as lost:
                self._lose(str(lost))
            except _NO_ANSWER:
                return
            else:
                self._sure_until = asked + self._ttl

    def _lose(self, why: str) -> None:
        self._why_lost = self._why_lost or why or "the repair lock is not ours any more"
