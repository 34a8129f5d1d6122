"""What the tunnel forwards, where the tunnel host is slow to answer."""

import asyncio
from pathlib import Path

import asyncssh
import pytest
from msgspec.structs import replace
from ssh_machine import SshMachine, make_home, until

from fleettui.hosts.sessions import Sessions
from fleettui.hosts.settings import Tunnel


async def test_a_connection_that_comes_too_late_is_closed(tmp_path: Path) -> None:
    answer = asyncio.Event()
    told: list[str] = []

    class Forwarded(asyncssh.SSHTCPSession[bytes]):
        def session_started(self) -> None:
            told.append("opened")

        def connection_lost(self, exc: Exception | None) -> None:
            told.append("closed")

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

        async def connection_requested(
            self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
        ) -> asyncssh.SSHTCPSession[bytes]:
            await answer.wait()
            return Forwarded()

    home = make_home(tmp_path)
    async with SshMachine(options={"server_factory": Server}) as host:
        home.knows(host)
        tunnel = Tunnel(host.address, port=host.port)
        sessions = Sessions(replace(home.settings(host), tunnel=tunnel))
        assert sessions.tunnel is not None
        with pytest.raises(TimeoutError):
            await sessions.tunnel.dial("10.0.0.1", 2379, 0.2)
        answer.set()
        await until(lambda: "closed" in told)
        await sessions.close()
    assert told == ["opened", "closed"]
