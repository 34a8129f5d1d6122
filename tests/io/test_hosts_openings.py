"""What is given up before a slow machine has answered: nothing of it runs, and nothing is left."""

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from msgspec.structs import replace
from ssh_machine import Home, SshMachine, machine_at, make_home, until

from fleettui.access import HostUnreachable
from fleettui.commands import sudo_works
from fleettui.hosts.dial import KEEPALIVE_SECONDS
from fleettui.hosts.line import CHANNELS, Line
from fleettui.hosts.sessions import Sessions
from fleettui.hosts.settings import HostSettings, Tunnel


class Slow:
    """A machine that opens nothing before it is let to. `told` is what came of it, in order."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.refuses = False
        self.asked = 0
        self.waiting = 0
        self.most_waiting = 0
        self.told: list[str] = []

    def machine(self) -> SshMachine:
        slow = self

        class Server(asyncssh.SSHServer):
            def begin_auth(self, username: str) -> bool:
                return False

            async def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
                await slow.answer()
                return _Command(slow.told)

            async def connection_requested(
                self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
            ) -> asyncssh.SSHTCPSession[bytes]:
                await slow.answer()
                return _Forwarded(slow.told)

        return SshMachine(options={"server_factory": Server, "process_factory": None})

    async def let_answer(self) -> None:
        """Return once all that waits is answered, and closed if it was opened."""
        self.may_answer.set()
        await until(lambda: not self.waiting and len(self.told) == (0 if self.refuses else 2))

    async def answer(self) -> None:
        self.asked += 1
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        await self.may_answer.wait()
        self.waiting -= 1
        if self.refuses:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "not today")


class _Command(asyncssh.SSHServerSession[bytes]):
    def __init__(self, told: list[str]) -> None:
        self._told = told

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._told.append("opened")
        self._channel = chan

    def exec_requested(self, command: str) -> bool:
        self._told.append(command)
        return True

    def session_started(self) -> None:
        self._channel.exit(0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._told.append("closed")


class _Forwarded(asyncssh.SSHTCPSession[bytes]):
    def __init__(self, told: list[str]) -> None:
        self._told = told

    def session_started(self) -> None:
        self._told.append("opened")

    def connection_lost(self, exc: Exception | None) -> None:
        self._told.append("closed")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return make_home(tmp_path)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def host(home: Home, slow: Slow) -> AsyncIterator[SshMachine]:
    """That machine, whose key the operator knows."""
    async with slow.machine() as host:
        home.knows(host)
        yield host


@pytest.fixture(autouse=True)
async def _nothing_goes_unheard() -> AsyncIterator[None]:
    """What the event loop would tell nobody but its log: an exception that no one asked for."""
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context))
    yield
    gc.collect()
    assert unheard == []


def through(home: Home, host: SshMachine) -> HostSettings:
    """Settings of a session that reaches everything through this host."""
    return replace(home.settings(host), tunnel=Tunnel(host.address, port=host.port))


async def given_up(line: Line) -> None:
    """A command that is given up while the machine has not opened its session."""
    await line.connect()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), line.start(sudo_works()):
            pass


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_command_given_up_is_not_sent_and_its_session_is_closed(
    home: Home, slow: Slow, host: SshMachine, refuses: bool
) -> None:
    slow.refuses = refuses
    sessions = Sessions(home.settings(host))
    await given_up(sessions.line(machine_at()))
    await slow.let_answer()
    await sessions.close()
    assert slow.told == ([] if refuses else ["opened", "closed"])


async def test_commands_given_up_take_no_more_of_the_machines_sessions_than_others(
    home: Home, slow: Slow, host: SshMachine
) -> None:
    sessions = Sessions(home.settings(host))
    line = sessions.line(machine_at())
    for _ in range(CHANNELS + 6):
        await given_up(line)
    assert slow.most_waiting == CHANNELS
    slow.may_answer.set()
    async with line.start(sudo_works()) as process:
        while await process.read() is not None:
            pass
    assert process.exit_status == 0
    assert slow.asked == CHANNELS + 1
    await sessions.close()


async def test_a_machine_that_has_not_answered_is_still_asked_often_whether_it_is_there(
    home: Home, slow: Slow, host: SshMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[float] = []

    def note(self: asyncssh.SSHClientConnection, interval: float) -> None:
        noted.append(interval)

    monkeypatch.setattr(asyncssh.SSHClientConnection, "set_keepalive", note)
    sessions = Sessions(home.settings(host))
    line = Line("a machine", sessions.line(machine_at()).connect, at_rest=lambda: 50.0)
    await given_up(line)
    assert noted == [KEEPALIVE_SECONDS]
    slow.may_answer.set()
    await until(lambda: noted == [KEEPALIVE_SECONDS, 50.0])
    await sessions.close()


async def test_what_was_forwarded_too_late_is_closed(
    home: Home, slow: Slow, host: SshMachine
) -> None:
    sessions = Sessions(through(home, host))
    assert sessions.tunnel is not None
    with pytest.raises(TimeoutError):
        await sessions.tunnel.dial("10.0.0.1", 2379, 0.2)
    await slow.let_answer()
    await sessions.close()
    assert slow.told == ["opened", "closed"]


@pytest.mark.parametrize("refuses", [False, True])
async def test_a_login_given_up_on_its_way_through_a_tunnel_leaves_nothing_there(
    home: Home, slow: Slow, host: SshMachine, refuses: bool
) -> None:
    slow.refuses = refuses
    sessions = Sessions(replace(through(home, host), ssh_timeout=0.2))
    with pytest.raises(HostUnreachable, match="does not answer"):
        await sessions.line(machine_at("10.0.0.1")).connect()
    await slow.let_answer()
    await sessions.close()
    assert slow.told == ([] if refuses else ["opened", "closed"])
