"""Of many machines few have their turn at first, and then sixteen at a time."""

import asyncio
from collections.abc import Callable

import pytest

from fleettui.hosts import turns
from fleettui.hosts.turns import AT_ONCE, FIRST, Patience, Readings, Turns


class Burst:
    """Turns that last until they are told to end."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.under_way: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self, count: int) -> None:
        self._tasks += [asyncio.create_task(self._open()) for _ in range(count)]

    async def _open(self) -> None:
        end = asyncio.Event()
        async with self._turns.one():
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
    burst = Burst(Turns())
    burst.ask(40)
    await until(lambda: len(burst.under_way) == count)
    return burst


async def test_each_that_is_open_makes_way_for_two_until_sixteen_are_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SOON", 3600)
    burst = await begun(FIRST)
    for expected in (*range(FIRST, AT_ONCE), AT_ONCE, AT_ONCE):
        await burst.reaches(expected)
        burst.under_way.pop(0).set()
    await burst.end()


async def test_the_others_do_not_wait_for_machines_that_do_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SOON", 0.01)
    await (await begun(AT_ONCE)).end()


async def test_each_burst_begins_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SOON", 3600)
    burst = Burst(Turns())
    for _ in range(2):
        burst.ask(40)
        await until(lambda: len(burst.under_way) == FIRST)
        await burst.end()


async def test_one_that_is_given_up_while_it_waits_leaves_the_others_their_turn() -> None:
    few = Turns()
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


async def test_what_is_followed_waits_until_all_that_is_there_is_read() -> None:
    readings = Readings()
    async with readings.one(Patience()), readings.one(Patience()):
        waiting = asyncio.create_task(readings.over(Patience()))
        async with readings.one(Patience()) as begun:
            await begun()
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_a_journal_waits_once_and_not_long_for_others_that_say_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SOON", 3600)
    monkeypatch.setattr(turns, "LONGEST_WAIT", 0.01)
    readings, patience = Readings(), Patience()
    first, second, third = (readings.one(one) for one in (Patience(), Patience(), patience))
    async with first, second, asyncio.timeout(30), third:
        waiting = asyncio.create_task(readings.over(patience))
        for _ in range(10):
            await asyncio.sleep(0)
        assert waiting.done(), "it had waited for its turn already"
        await readings.over(Patience())


async def test_a_journal_that_has_begun_leaves_the_next_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "SOON", 3600)
    monkeypatch.setattr(turns, "LONGEST_WAIT", 3600)
    readings = Readings()
    async with readings.one(Patience()) as begun, readings.one(Patience()), asyncio.timeout(30):
        third = readings.one(Patience())
        waiting = asyncio.create_task(third.__aenter__())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await begun()
        await waiting
        await third.__aexit__(None, None, None)


async def test_whoever_gives_up_just_when_it_is_over_has_given_up() -> None:
    readings = Readings()
    reading = readings.one(Patience())
    await reading.__aenter__()
    waiting = asyncio.create_task(readings.over(Patience()))
    await asyncio.sleep(0.01)
    await reading.__aexit__(None, None, None)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
