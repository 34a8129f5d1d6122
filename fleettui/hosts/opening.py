"""What is opened on a connection of asyncssh: where it is given up, nothing stays open."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

import asyncssh

T = TypeVar("T")


async def opened(
    opening: Coroutine[object, object, T],
    let_go: Callable[[T], object] = lambda _: None,
    room: ExitStack | None = None,
) -> T:
    """What is being opened; what it raises is raised.

    Given up before the other end has answered, it goes on by itself until then and is let go of:
    asyncssh would forget it, and the other end keep it open. Until then it also holds what is in
    `room`, which is empty for its caller from then on.
    """
    task = asyncio.create_task(opening)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        taken = room.pop_all() if room is not None else ExitStack()
        task.add_done_callback(partial(_let_go, let_go, taken))
        raise
    try:
        return task.result()
    finally:
        del task  # or what it raised would hold it, and it that


def _let_go(let_go: Callable[[T], object], taken: ExitStack, task: asyncio.Task[T]) -> None:
    with taken:
        if not task.cancelled() and task.exception() is None:
            let_go(task.result())


class TunnelConnector:
    """A connection that asyncssh is to log in through: as its `tunnel`, in the connection's stead.

    It opens what is forwarded there and nothing else; given up, it is not left open.
    """

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection

    async def create_connection(
        self,
        session_factory: Callable[[], asyncssh.SSHTCPSession[bytes]],
        remote_host: str,
        remote_port: int,
    ) -> tuple[asyncssh.SSHTCPChannel[bytes], asyncssh.SSHTCPSession[bytes]]:
        """As asyncssh's own: a session over what is forwarded to an address."""
        forwarding = self._connection.create_connection(session_factory, remote_host, remote_port)
        return await opened(forwarding, lambda ends: ends[0].close())
