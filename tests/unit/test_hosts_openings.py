"""Of many connections few are opened at first, and then sixteen at a time."""

import asyncio
from collections.abc import Callable

import pytest

from fleettui.hosts import openings
from fleettui.hosts.openings import AT_ONCE, FIRST, Openings


class Burst:
    """Openings that last until they are told to end."""

    def __init__(self, openings: Openings) -> None:
        self._openings = openings
        self.under_way: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self, count: int) -> None:
        self._tasks += [asyncio.create_task(self._open()) for _ in range(count)]

    async def _open(self) -> None:
        end = asyncio.Event()
        async with self._openings.one():
            self.under_way.append(end)
            await end.wait()

    async def reaches(self, count: int) -> None:
        """So many are under way, and no more of them begin."""
        await until(lambda: len(self.under_way) >= count)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(self.under_way) == count

    async def end(self) -> None:
        while not all(task.done() for task in self._tasks):
            while self.under_way:
                self.under_way.pop().set()
            await asyncio.sleep(0)
        await asyncio.gather(*self._tasks)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - any state may be waited for
            await asyncio.sleep(0.001)


async def begun(count: int) -> Burst:
    """A burst of forty, once so many of them are under way."""
    burst = Burst(Openings())
    burst.ask(40)
    await until(lambda: len(burst.under_way) == count)
    return burst


async def test_each_that_is_open_makes_way_for_two_until_sixteen_are_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openings, "SOON", 3600)
    burst = await begun(FIRST)
    for expected in (*range(FIRST, AT_ONCE), AT_ONCE, AT_ONCE):
        await burst.reaches(expected)
        burst.under_way.pop(0).set()
    await burst.end()


async def test_the_others_do_not_wait_for_machines_that_do_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openings, "SOON", 0.01)
    await (await begun(AT_ONCE)).end()


async def test_each_burst_begins_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings, "SOON", 3600)
    burst = Burst(Openings())
    for _ in range(2):
        burst.ask(40)
        await until(lambda: len(burst.under_way) == FIRST)
        await burst.end()


async def test_one_that_is_given_up_while_it_waits_leaves_the_others_their_turn() -> None:
    few = Openings()
    burst = Burst(few)
    burst.ask(FIRST)
    await until(lambda: len(burst.under_way) == FIRST)
    waiting = asyncio.create_task(few.one().__aenter__())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await burst.end()
    burst.ask(1)
    await until(lambda: len(burst.under_way) == 1)
    await burst.end()
