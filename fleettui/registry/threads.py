"""Work that blocks, waited for without ever holding up the end of the program."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import NoReturn, TypeVar

_K = TypeVar("_K")
_T = TypeVar("_T")


async def in_daemon_thread(work: Callable[[], _T]) -> _T:
    """Run `work` in a thread of its own and return what it returns, or raise what it raises.

    asyncio's own executor joins its threads at exit; this one is left behind. Cancelling the wait
    does not recall the work.
    """
    import asyncio  # whoever awaits this has loaded it: the first read does without

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


def as_they_end(works: Mapping[_K, Callable[[], _T]]) -> Iterator[tuple[_K, _T]]:
    """Do all at once, each in a thread of its own; yields what they return, in order of ending.

    Raises the first error; what is then still under way is left behind.
    """
    ended: SimpleQueue[Callable[[], tuple[_K, _T]]] = SimpleQueue()

    def run(key: _K, work: Callable[[], _T]) -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - it is raised again where the work is waited for
            ended.put(partial(_raise, error))
        else:
            ended.put(lambda: (key, result))

    for key, work in works.items():
        threading.Thread(target=run, args=(key, work), name="etcd request", daemon=True).start()
    for _ in works:
        yield ended.get()()


def _raise(error: Exception) -> NoReturn:
    raise error
