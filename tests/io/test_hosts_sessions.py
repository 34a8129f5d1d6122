"""Connections: what the SSH configuration may say, and why there is none in plain words."""

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest
from msgspec.structs import replace
from ssh_machine import Home, Process, SshMachine, machine_at, make_home, until

from fleettui.access import (
    Ending,
    HostHands,
    HostKeyQuestion,
    HostReader,
    HostUnreachable,
    SecretQuestion,
)
from fleettui.commands import daemon_reload
from fleettui.hosts import dial, sessions, turns
from fleettui.hosts.connect import SshHosts, connect_hosts, hands_for
from fleettui.hosts.settings import HostSettings
from fleettui.model.secret import Secret


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@asynccontextmanager
async def session(settings: HostSettings) -> AsyncIterator[SshHosts]:
    hosts = connect_hosts(settings)
    try:
        yield hosts
    finally:
        await hosts.close()


async def works(hosts: SshHosts) -> bool:
    result = await hands_for(hosts).perform(machine_at(), daemon_reload())
    return result.ending is Ending.EXITED


async def refusal(hosts: SshHosts, address: str = "127.0.0.1") -> str:
    with pytest.raises(HostUnreachable) as refused:
        await hosts.probe(machine_at(address))
    return str(refused.value)


# --- loading ---------------------------------------------------------------------------------


def test_ssh_is_not_loaded_before_a_machine_is_asked() -> None:
    script = (
        "import sys, fleettui.hosts.connect as c\n"
        "hosts = c.connect_hosts(c.HostSettings()); c.hands_for(hosts)\n"
        "sys.exit('asyncssh' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_hosts_and_hands_are_what_the_rest_of_the_house_asks_for(home: Home) -> None:
    hosts = connect_hosts(home.settings(SshMachine()))
    reader: HostReader = hosts
    hands: HostHands = hands_for(hosts)
    assert callable(reader.probe)
    assert callable(hands.perform)


async def test_closing_what_was_never_used_is_nothing(home: Home) -> None:
    await connect_hosts(home.settings(SshMachine())).close()


# --- why there is no connection --------------------------------------------------------------


async def test_a_refused_login_names_the_user_and_the_keys(home: Home) -> None:
    async with SshMachine(users=frozenset({"root"})) as machine:
        home.knows(machine)
        async with session(home.settings(machine)) as hosts:
            words = await refusal(hosts)
    assert "refused the login: user core" in words
    assert str(home.identity) in words


async def test_a_port_where_nobody_listens_refuses_connections(home: Home) -> None:
    machine = SshMachine()
    async with machine:
        pass
    async with session(home.settings(machine)) as hosts:
        assert "refuses connections" in await refusal(hosts)


async def test_where_nobody_listens_no_login_is_worked_out(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = SshMachine()
    async with machine:
        pass

    async def log_in(*_: object, **__: object) -> None:
        raise AssertionError("a login was begun")

    monkeypatch.setattr(asyncssh, "connect", log_in)
    async with session(home.settings(machine)) as hosts:
        assert "refuses connections" in await refusal(hosts)


async def test_a_port_that_is_none_is_not_taken_for_another(home: Home) -> None:
    async with SshMachine() as machine:
        home.knows(machine)
        settings = replace(home.settings(machine), port=machine.port + (1 << 16))
        async with session(settings) as hosts:
            assert f"{machine.port + (1 << 16)} is no port" in await refusal(hosts)
    assert machine.logins == []


async def test_a_login_that_is_given_up_before_it_began_leaves_no_connection(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[socket.socket] = []

    async def hang(*_: object, sock: socket.socket, **__: object) -> None:
        given.append(sock)
        await asyncio.Event().wait()

    async with SshMachine() as machine, session(home.settings(machine)) as hosts:
        monkeypatch.setattr(asyncssh, "connect", hang)
        probe = asyncio.create_task(hosts.probe(machine_at()))
        await until(lambda: bool(given))
        assert given[0].fileno() >= 0
        await hosts.close()
        with pytest.raises(HostUnreachable):
            await probe
        assert given[0].fileno() == -1


async def test_a_name_that_nobody_knows_cannot_be_resolved(home: Home) -> None:
    async with SshMachine() as machine, session(home.settings(machine)) as hosts:
        assert "cannot be resolved" in await refusal(hosts, "no-such-machine.invalid")


async def test_a_name_server_that_does_not_answer_holds_nobody_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, released = threading.Event(), threading.Event()

    def hang(*args: object, **kwargs: object) -> list[object]:
        asked.set()
        released.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    async with session(home.settings(SshMachine(port=22))) as hosts:
        task = asyncio.create_task(hosts.probe(machine_at("slow.example.com")))
        await until(asked.is_set)
        (resolver,) = (t for t in threading.enumerate() if "slow.example.com" in t.name)
        assert resolver.daemon  # so that the end of the program does not wait for it
        async with asyncio.timeout(1):
            await hosts.close()
            with pytest.raises(HostUnreachable):
                await task
    released.set()
    await until(lambda: not resolver.is_alive())


async def test_a_machine_is_reached_by_its_name(home: Home) -> None:
    async with SshMachine() as machine:
        home.openssh.write_text(as_localhost(machine))
        async with session(home.settings(machine)) as hosts:
            result = await hands_for(hosts).perform(machine_at("localhost"), daemon_reload())
    assert result.ending is Ending.EXITED


async def test_an_address_that_is_none_is_refused_before_anything_is_connected(
    home: Home,
) -> None:
    async with SshMachine() as machine, session(home.settings(machine)) as hosts:
        assert "neither an IP address nor a host name" in await refusal(hosts, "$(reboot)")
        assert machine.connections == []


async def test_a_machine_that_takes_no_connection_is_given_up(home: Home) -> None:
    machine = SshMachine()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        machine.port = deaf.getsockname()[1]
        queue = [socket.socket() for _ in range(4)]
        for waiting in queue:  # from here on the kernel drops what else would connect
            waiting.settimeout(0)
            waiting.connect_ex(deaf.getsockname())
        async with session(replace(home.settings(machine), ssh_timeout=0.3)) as hosts:
            assert "does not answer (waited 0.3 s)" in await refusal(hosts)
        for waiting in queue:
            waiting.close()


@asynccontextmanager
async def tcp_server(greeting: bytes) -> AsyncIterator[SshMachine]:
    """Something that listens and says `greeting`, and nothing after."""
    left = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await left.wait()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield SshMachine(port=server.sockets[0].getsockname()[1])
    left.set()
    server.close()
    await server.wait_closed()


async def test_a_machine_that_says_nothing_is_given_up(home: Home) -> None:
    async with (
        tcp_server(b"") as machine,
        session(replace(home.settings(machine), ssh_timeout=0.3)) as hosts,
    ):
        assert "did not finish the login in 0.3 s" in await refusal(hosts)


async def test_what_is_no_ssh_server_is_called_so(home: Home) -> None:
    answer = b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x\n" * 3000
    async with tcp_server(answer) as machine, session(home.settings(machine)) as hosts:
        assert "does not speak SSH" in await refusal(hosts)


async def test_a_private_key_that_is_none_is_told_by_its_name(home: Home) -> None:
    async with SshMachine() as machine:
        home.knows(machine)
        home.identity.unlink()
        async with session(home.settings(machine)) as hosts:
            assert f"{home.identity} cannot be read" in await refusal(hosts)


class Passphrases:
    """Gives one answer after the other, and keeps what it was asked."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, question: SecretQuestion) -> Secret | None:
        self.asked.append(f"{question.why} {question.what}".strip())
        given = self.answers.pop(0)
        return None if given is None else Secret(given)


@asynccontextmanager
async def behind_a_locked_key(home: Home) -> AsyncIterator[SshHosts]:
    """A machine that takes one key alone, which is locked as ssh-keygen locks it."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    form = {"passphrase": "secret", "rounds": 16, "ignore_few_rounds": True}
    key.write_private_key(str(home.identity), "openssh", **form)
    async with SshMachine() as machine:
        home.knows(machine)
        async with session(home.settings(machine)) as hosts:
            yield hosts


async def test_a_locked_private_key_is_asked_about_once(home: Home) -> None:
    asked = Passphrases("wrong", "secret")
    async with behind_a_locked_key(home) as hosts:
        hosts.ask_secrets(asked)
        assert all(await asyncio.gather(*(works(hosts) for _ in range(3))))
    what = f"Passphrase of the private key {home.identity}"
    assert asked.asked == [what, f"That passphrase is wrong. {what}"]


@pytest.mark.parametrize("answers", [(None,), ("a", "b", "c")], ids=["none", "wrong"])
async def test_a_locked_private_key_stays_locked_and_is_not_asked_about_again(
    answers: tuple[str | None, ...], home: Home
) -> None:
    asked = Passphrases(*answers)
    async with behind_a_locked_key(home) as hosts:
        hosts.ask_secrets(asked)
        assert "stays locked: no passphrase was given" in await refusal(hosts)
        assert "stays locked: no passphrase was given" in await refusal(hosts)
    assert asked.answers == []


async def test_where_nobody_can_be_asked_a_locked_private_key_points_to_the_agent(
    home: Home,
) -> None:
    async with behind_a_locked_key(home) as hosts:
        assert f"ssh-add {home.identity} first" in await refusal(hosts)


async def test_a_machine_that_falls_silent_is_noticed(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "KEEPALIVE_SECONDS", 0.1)

    async def fall_silent(process: Process, words: list[str]) -> None:
        # What a stopped sshd does: the connection stands, and nobody reads it.
        process.get_extra_info("connection")._transport.pause_reading()
        await asyncio.Event().wait()

    async with SshMachine(fall_silent) as machine:
        home.knows(machine)
        async with session(home.settings(machine)) as hosts:
            async with asyncio.timeout(10):
                result = await hands_for(hosts).perform(machine_at(), daemon_reload())
            assert result.ending is Ending.UNKNOWN
            assert "lost" in result.reason.raw


async def test_of_many_machines_that_nothing_is_asked_of_few_are_asked_whether_they_live(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as a thousand, of which each is asked often while a command runs there."""
    told: list[float] = []

    def note(_: object, seconds: float) -> None:
        told.append(seconds)

    monkeypatch.setattr(asyncssh.SSHClientConnection, "set_keepalive", note)
    monkeypatch.setattr(sessions, "KEEPALIVES_PER_SECOND", 1 / 50)
    async with SshMachine() as machine:
        home.knows(machine)
        async with session(home.settings(machine)) as hosts:
            assert await works(hosts)
    assert told == [dial.KEEPALIVE_SECONDS, 50]


# --- connections -----------------------------------------------------------------------------


async def test_one_who_gives_up_does_not_take_the_connection_from_the_others(home: Home) -> None:
    answered = asyncio.Event()

    async def slowly(question: HostKeyQuestion) -> bool:
        await answered.wait()
        return True

    async with SshMachine() as machine, session(home.settings(machine)) as hosts:
        hosts.ask_host_keys(slowly)
        impatient = asyncio.create_task(works(hosts))
        patient = asyncio.create_task(works(hosts))
        await until(lambda: len(machine.connections) == 1)
        impatient.cancel()
        await asyncio.wait({impatient})
        answered.set()
        assert await patient


async def test_closing_while_a_question_stands_takes_less_than_a_second(home: Home) -> None:
    asked = asyncio.Event()

    async def never(question: HostKeyQuestion) -> bool:
        asked.set()
        await asyncio.Event().wait()
        return True

    async with SshMachine() as machine, session(home.settings(machine)) as hosts:
        hosts.ask_host_keys(never)
        task = asyncio.create_task(hands_for(hosts).perform(machine_at(), daemon_reload()))
        await asked.wait()
        async with asyncio.timeout(1):
            await hosts.close()
        assert (await task).ending is Ending.NOT_STARTED


async def test_no_more_than_sixteen_connections_are_opened_at_a_time(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, most, configured = 0, 0, 0
    go_on = asyncio.Event()

    class Slow(dial.Dialling):
        async def jump_hosts(self) -> tuple[dial.Address, ...]:
            nonlocal configured
            configured += 1
            return ()

        async def connect(
            self, tunnel: asyncssh.SSHClientConnection | None
        ) -> asyncssh.SSHClientConnection:
            nonlocal opening, most
            opening += 1
            most = max(most, opening)
            await go_on.wait()
            opening -= 1
            raise HostUnreachable("as the test wants it")

    monkeypatch.setattr(sessions, "Dialling", Slow)
    async with session(home.settings(SshMachine())) as hosts:
        tasks = [asyncio.create_task(refusal(hosts, f"10.0.0.{number}")) for number in range(1, 60)]
        await until(lambda: opening == turns.AT_ONCE)
        assert configured == turns.AT_ONCE  # the others' configuration is not read before
        go_on.set()
        assert set(await asyncio.gather(*tasks)) == {"as the test wants it"}
    assert most == turns.AT_ONCE == 16


# --- the user's SSH configuration ------------------------------------------------------------


async def test_the_ssh_configuration_may_name_the_address_and_the_port(home: Home) -> None:
    async with SshMachine() as machine:
        home.ssh_config.write_text(f"Host 10.99.0.1\n  HostName 127.0.0.1\n  Port {machine.port}\n")
        home.knows(machine)
        settings = HostSettings(
            identities=(home.identity,),
            known_hosts_file=home.fleetctl,
            own_file=home.own,
            openssh_file=home.openssh,
            ssh_config=home.ssh_config,
        )
        async with session(settings) as hosts:
            result = await hands_for(hosts).perform(machine_at("10.99.0.1"), daemon_reload())
        assert result.ending is Ending.EXITED
        assert machine.logins == ["core"]


@pytest.mark.parametrize(
    ("wanted", "used"), [("", "aes128-gcm@openssh.com"), ("  Ciphers aes256-ctr\n", "aes256-ctr")]
)
async def test_the_cipher_is_the_cheapest_one_unless_the_ssh_configuration_names_another(
    home: Home, wanted: str, used: str
) -> None:
    async with SshMachine() as machine:
        home.knows(machine)
        home.ssh_config.write_text(f"Host *\n{wanted}")
        async with session(home.settings(machine)) as hosts:
            assert await works(hosts)
        assert machine.connections[0].get_extra_info("send_cipher") == used


async def test_the_ssh_configuration_cannot_change_what_is_run_or_forwarded(home: Home) -> None:
    seen: list[object] = []

    async def look(process: Process, words: list[str]) -> None:
        seen.append((process.get_terminal_type(), dict(process.env)))
        process.exit(0)

    async with SshMachine(look) as machine:
        home.knows(machine)
        home.ssh_config.write_text(
            "Host *\n  RemoteCommand reboot\n  RequestTTY force\n  ForwardAgent yes\n"
            "  SetEnv LC_X=1\n  SendEnv HOME\n  ForwardX11Trusted yes\n  User mallory\n"
        )
        async with session(home.settings(machine)) as hosts:
            assert await works(hosts)
        assert (machine.asked, machine.logins) == (["sudo -n systemctl daemon-reload"], ["core"])
        assert seen == [(None, {})]


@asynccontextmanager
async def behind_a_jump_host(home: Home) -> AsyncIterator[tuple[SshMachine, SshMachine]]:
    """A machine at 127.0.0.1 that is reached through the jump host `localhost`."""
    async with SshMachine() as machine, SshMachine(is_jump_host=True) as jump:
        home.ssh_config.write_text(
            f"Host 127.0.0.1\n  ProxyJump core@localhost:{jump.port}\n"
            f"Host *\n  IdentityFile {home.identity}\n"
        )
        yield machine, jump


def as_localhost(machine: SshMachine) -> str:
    return machine.known_host.replace("127.0.0.1", "localhost")


async def test_a_machine_behind_a_jump_host_is_reached_through_it(home: Home) -> None:
    async with behind_a_jump_host(home) as (machine, jump):
        home.openssh.write_text(machine.known_host + as_localhost(jump))
        async with session(home.settings(machine)) as hosts:
            assert await works(hosts)
        assert jump.forwarded == [("127.0.0.1", machine.port)]
        assert (jump.logins, machine.logins) == (["core"], ["core"])
        assert jump.asked == []


async def test_a_jump_host_with_a_changed_key_is_refused(home: Home) -> None:
    async with behind_a_jump_host(home) as (machine, jump):
        other = SshMachine(port=jump.port)
        home.openssh.write_text(machine.known_host + as_localhost(other))
        async with session(home.settings(machine)) as hosts:
            assert "the host key of localhost has CHANGED" in await refusal(hosts)
        assert jump.logins == machine.logins == []
        assert jump.forwarded == []


async def test_an_unknown_jump_host_is_asked_about_before_the_machine_behind_it(
    home: Home,
) -> None:
    asked: list[str] = []

    async def yes(question: HostKeyQuestion) -> bool:
        asked.append(question.host.raw)
        return True

    async with (
        behind_a_jump_host(home) as (machine, _),
        session(home.settings(machine)) as hosts,
    ):
        hosts.ask_host_keys(yes)
        assert await works(hosts)
    assert asked == ["localhost", "127.0.0.1"]


async def test_a_jump_host_that_is_a_machine_too_is_asked_about_once(home: Home) -> None:
    asked: list[str] = []

    async def yes(question: HostKeyQuestion) -> bool:
        asked.append(question.host.raw)
        await until(lambda: len(both.connections) >= 2)
        return True

    async with SshMachine(is_jump_host=True) as both:
        home.ssh_config.write_text(
            f"Host 127.0.0.1\n  ProxyJump core@localhost:{both.port}\n"
            f"Host *\n  IdentityFile {home.identity}\n"
        )
        async with session(home.settings(both)) as hosts:
            hosts.ask_host_keys(yes)
            hands = hands_for(hosts)
            results = await asyncio.gather(
                *(hands.perform(machine_at(n), daemon_reload()) for n in ("127.0.0.1", "localhost"))
            )
    assert {result.ending for result in results} == {Ending.EXITED}
    assert asked == ["localhost", "127.0.0.1"]


async def test_a_jump_host_that_is_sent_through_itself_is_reached_directly(home: Home) -> None:
    async with behind_a_jump_host(home) as (machine, jump):
        home.openssh.write_text(machine.known_host + as_localhost(jump))
        home.ssh_config.write_text(
            f"Host *\n  ProxyJump core@localhost:{jump.port}\n  IdentityFile {home.identity}\n"
        )
        async with session(home.settings(machine)) as hosts:
            assert await works(hosts)


async def test_jump_hosts_that_lead_in_a_circle_end_in_words_not_in_waiting(home: Home) -> None:
    async with behind_a_jump_host(home) as (machine, jump):
        home.openssh.write_text(machine.known_host + as_localhost(jump))
        home.ssh_config.write_text(
            f"Host 127.0.0.1\n  ProxyJump core@localhost:{jump.port}\n"
            f"Host localhost\n  ProxyJump core@127.0.0.1:{machine.port}\n"
            f"Host *\n  IdentityFile {home.identity}\n"
        )
        async with session(home.settings(machine)) as hosts, asyncio.timeout(10):
            assert await works(hosts)


async def test_a_jump_host_that_cannot_reach_the_machine_says_so(home: Home) -> None:
    async with behind_a_jump_host(home) as (machine, jump):
        home.openssh.write_text(machine.known_host + as_localhost(jump))
        await machine.stop()
        async with session(home.settings(machine)) as hosts:
            assert "the host before it cannot reach" in await refusal(hosts)


async def test_many_machines_share_one_connection_to_their_jump_host(home: Home) -> None:
    async with behind_a_jump_host(home) as (machine, jump):
        home.ssh_config.write_text(
            f"Host 10.*\n  HostName 127.0.0.1\n  ProxyJump core@localhost:{jump.port}\n"
            f"Host *\n  IdentityFile {home.identity}\n"
        )
        home.openssh.write_text(machine.known_host + as_localhost(jump))
        async with session(home.settings(machine)) as hosts:
            hands = hands_for(hosts)
            results = await asyncio.gather(
                *(hands.perform(machine_at(f"10.0.0.{n}"), daemon_reload()) for n in range(1, 6))
            )
        assert {result.ending for result in results} == {Ending.EXITED}
        assert (len(jump.logins), len(machine.logins)) == (1, 5)
