"""Work that blocks, awaited without ever holding up the end of the program."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

_T = TypeVar("_T")


async def in_daemon_thread(work: Callable[[], _T]) -> _T:
    """Run `work` in a thread of its own and return what it returns, or raise what it raises.

    asyncio's own executor joins its threads at exit; this one is left behind. Cancelling the wait
    does not recall the work.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        if not done.done():
            outcome()

    def run() -> None:
        try:
            outcome = partial(done.set_result, work())
        except Exception as error:  # noqa: BLE001 - it is raised again where the work is awaited
            outcome = partial(done.set_exception, error)
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name="etcd request", daemon=True).start()
    return await done
