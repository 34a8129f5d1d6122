"""A line to a machine that is not there."""

import asyncio
import gc
import weakref

import pytest

from fleettui.access import HostUnreachable
from fleettui.hosts.line import Line
from fleettui.model.hop import Hop


class Tried:
    """What an attempt holds while it lasts."""


async def test_no_more_is_held_of_an_attempt_than_why_it_failed() -> None:
    tried: list[weakref.ref[Tried]] = []

    async def refuse() -> None:
        attempt = Tried()
        tried.append(weakref.ref(attempt))
        raise HostUnreachable(f"refused, attempt {len(tried)}", Hop.LOGIN)

    line = Line("10.0.0.1", refuse)  # type: ignore[arg-type] # it never gets to a connection
    for attempt in (1, 2):
        with pytest.raises(HostUnreachable, match=f"refused, attempt {attempt}") as caught:
            await line.connect()
        assert caught.value.hop is Hop.LOGIN
        del caught
    gc.collect()
    assert [ref() for ref in tried] == [None, None]
    await line.close()


async def test_an_attempt_that_was_called_off_before_it_began_is_not_the_last() -> None:
    tried: list[int] = []

    async def refuse() -> None:
        tried.append(1)
        raise HostUnreachable("refused", Hop.LOGIN)

    line = Line("10.0.0.1", refuse)  # type: ignore[arg-type] # it never gets to a connection
    waiting = asyncio.create_task(line.connect())
    await asyncio.sleep(0)
    await line.close()
    with pytest.raises(HostUnreachable, match="closed by us"):
        await waiting
    assert not tried
    with pytest.raises(HostUnreachable, match="refused"):
        await line.connect()
