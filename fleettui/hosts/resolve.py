"""Connections by name or by address; names are looked up where nobody has to wait for them.

asyncio asks the resolver in threads that the end of the program waits for. A name server that does
not answer would then keep the terminal for half a minute after `q`.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address

Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, Address]


async def connect_to(host: str, port: int, family: int) -> socket.socket:
    """A connection to the first address of `host` that takes one.

    Raises OSError, or ValueError for what is no port: the resolver would make one of it.
    """
    if not 0 < port < 1 << 16:
        raise ValueError(f"{port} is no port")
    failure = OSError(f"{host} has no address")
    for kind, style, protocol, _, address in await _look_up(host, port, family):
        connection = socket.socket(kind, style, protocol)
        connection.settimeout(0)
        try:
            await asyncio.get_running_loop().sock_connect(connection, address)
        except OSError as exc:
            connection.close()
            failure = exc
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def _is_name(host: str) -> bool:
    """Whether `host` must be looked up at all."""
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


async def _look_up(host: str, port: int, family: int) -> Sequence[Found]:
    if not _is_name(host):
        return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[Found]] = loop.create_future()

    def tell(settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if answer.done() else settle())

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            failure = exc
            tell(lambda: answer.set_exception(failure))
        else:
            tell(lambda: answer.set_result(found))

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    return await answer
