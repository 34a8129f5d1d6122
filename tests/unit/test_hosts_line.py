"""A line to a machine that is not there."""

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
