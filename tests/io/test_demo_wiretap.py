"""The wiretap of the demo lets go of every connection, whatever it was doing when it closed."""

import asyncio
import gc
import socket
from collections.abc import Iterator

import pytest

from fleettui.demo.wiretap import RequestLog, Wiretap


@pytest.fixture
def target() -> Iterator[socket.socket]:
    """Takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener


@pytest.mark.parametrize("rounds", range(6))
def test_connections_of_any_age_are_closed_with_it(target: socket.socket, rounds: int) -> None:
    log: RequestLog = []
    left = asyncio.run(_opened_and_closed(target.getsockname()[1], rounds, log))
    gc.collect()  # what was left open warns now, and every warning is an error here
    assert [_has_ended(connection) for connection in left] == [True] * len(left)


def _has_ended(connection: socket.socket) -> bool:
    with connection:
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:
            return True


async def _opened_and_closed(target: int, rounds: int, log: RequestLog) -> list[socket.socket]:
    tap = Wiretap(f"http://127.0.0.1:{target}", log)
    await tap.open()
    port = int(tap.endpoint.rpartition(":")[2])
    left = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(8)]
    for connection in left[::2]:
        connection.sendall(b"GET /v2/keys HTTP/1.1\r\n\r\n")
    for _ in range(rounds):
        await asyncio.sleep(0)
    await tap.close()
    return left
