"""What is opened on a connection of asyncssh: where it is given up, nothing stays open."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def opened(opening: Coroutine[object, object, T], let_go: Callable[[T], None]) -> T:
    """What is being opened; what it raises is raised.

    Given up before the other end has answered, it goes on by itself until then and is let go of:
    asyncssh would forget it, and the other end keep it open.
    """
    task = asyncio.create_task(opening)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.add_done_callback(partial(_let_go, let_go))
        raise
    try:
        return task.result()
    finally:
        del task  # or what it raised would hold it, and it that


def _let_go(let_go: Callable[[T], None], task: asyncio.Task[T]) -> None:
    if not task.cancelled() and task.exception() is None:
        let_go(task.result())
