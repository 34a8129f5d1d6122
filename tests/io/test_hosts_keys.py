"""Host keys: known, asked about, changed, revoked - against a real SSH server."""

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest
from ssh_machine import Home, SshMachine, machine_at, make_home, public, until

from fleettui.access import Ending, HostKeyQuestion, HostUnreachable
from fleettui.commands import daemon_reload
from fleettui.hosts.connect import SshHosts, connect_hosts, hands_for
from fleettui.model.untrusted import Untrusted


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@asynccontextmanager
async def session(
    home: Home, machine: SshMachine, *, remember: bool = True
) -> AsyncIterator[SshHosts]:
    hosts = connect_hosts(home.settings(machine, remember=remember))
    try:
        yield hosts
    finally:
        await hosts.close()


class Operator:
    """Answers questions about host keys, and keeps them."""

    def __init__(self, *, answer: bool) -> None:
        self.answer = answer
        self.questions: list[HostKeyQuestion] = []
        self.asked_at_once = 0
        self._asking = 0

    async def __call__(self, question: HostKeyQuestion) -> bool:
        self.questions.append(question)
        self._asking += 1
        self.asked_at_once = max(self.asked_at_once, self._asking)
        for _ in range(50):  # time for another question to come, if it could
            await asyncio.sleep(0)
        self._asking -= 1
        return self.answer


async def works(hosts: SshHosts) -> bool:
    """Whether a change reaches the machine; this is the strictest use of a connection."""
    result = await hands_for(hosts).perform(machine_at(), daemon_reload())
    return result.ending is Ending.EXITED


async def refusal(hosts: SshHosts) -> str:
    """Why the machine cannot be asked."""
    with pytest.raises(HostUnreachable) as refused:
        await hosts.probe(machine_at())
    return str(refused.value)


# --- known -----------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["openssh", "fleetctl", "own"])
async def test_a_key_of_any_known_hosts_file_is_taken_without_a_question(
    home: Home, file: str
) -> None:
    async with SshMachine() as machine:
        home.write(file, machine.known_host)
        operator = Operator(answer=False)
        async with session(home, machine) as hosts:
            hosts.ask_host_keys(operator)
            assert await works(hosts)
        assert operator.questions == []


async def test_a_hashed_host_is_known(home: Home) -> None:
    async with SshMachine() as machine:
        salt = os.urandom(20)
        name = f"[127.0.0.1]:{machine.port}".encode()
        hashed = "|".join(
            base64.b64encode(part).decode()
            for part in (salt, hmac.new(salt, name, hashlib.sha1).digest())
        )
        home.openssh.write_text(f"|1|{hashed} {public(machine.host_key)}\n")
        async with session(home, machine) as hosts:
            assert await works(hosts)


async def test_garbage_in_the_file_hides_nothing(home: Home) -> None:
    async with SshMachine() as machine:
        rubbish = b"\xff\xfe\x00 nonsense\n127.0.0.1 ssh-rsa AAAA\n@revoked\n<<<<<<<\n"
        home.openssh.write_bytes(rubbish + machine.known_host.encode())
        async with session(home, machine) as hosts:
            assert await works(hosts)


async def test_the_known_one_of_several_host_keys_is_asked_for(home: Home) -> None:
    other = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    machine = SshMachine()
    machine.options["server_host_keys"] = [machine.host_key, other]
    async with machine:
        home.openssh.write_text(f"[127.0.0.1]:{machine.port} {public(other)}\n")
        async with session(home, machine) as hosts:
            assert await works(hosts)


# --- unknown ---------------------------------------------------------------------------------


async def test_an_unknown_key_is_refused_where_nobody_can_be_asked(home: Home) -> None:
    async with SshMachine() as machine, session(home, machine) as hosts:
        assert "is unknown and was not accepted" in await refusal(hosts)
        assert machine.logins == machine.asked == []


async def test_an_unknown_key_is_asked_about_with_both_fingerprints(home: Home) -> None:
    async with SshMachine() as machine, session(home, machine) as hosts:
        operator = Operator(answer=False)
        hosts.ask_host_keys(operator)
        await refusal(hosts)
        (question,) = operator.questions
        assert question == HostKeyQuestion(
            host=Untrusted("127.0.0.1"),
            port=machine.port,
            algorithm="ssh-ed25519",
            sha256=machine.host_key.get_fingerprint("sha256"),
            md5=machine.host_key.get_fingerprint("md5"),
            remembered_in=str(home.own),
        )
        assert machine.logins == machine.asked == []


async def test_a_no_is_not_asked_again_and_writes_nothing(home: Home) -> None:
    async with SshMachine() as machine, session(home, machine) as hosts:
        operator = Operator(answer=False)
        hosts.ask_host_keys(operator)
        for _ in range(3):
            await refusal(hosts)
        assert len(operator.questions) == 1
        assert not home.own.exists()


async def test_a_yes_is_written_to_our_own_file_and_counts_the_next_time(home: Home) -> None:
    async with SshMachine() as machine:
        async with session(home, machine) as hosts:
            hosts.ask_host_keys(Operator(answer=True))
            assert await works(hosts)
        assert home.own.read_text() == machine.known_host
        assert home.own.stat().st_mode & 0o777 == 0o600
        assert home.own.parent.stat().st_mode & 0o777 == 0o700
        assert not home.openssh.exists()
        assert not home.fleetctl.exists()
        async with session(home, machine) as hosts:
            assert await works(hosts)


async def test_a_yes_is_added_behind_a_file_without_a_final_newline(home: Home) -> None:
    async with SshMachine() as machine:
        home.own.parent.mkdir(parents=True)
        home.own.write_text("# mine")
        async with session(home, machine) as hosts:
            hosts.ask_host_keys(Operator(answer=True))
            assert await works(hosts)
        assert home.own.read_text() == f"# mine\n{machine.known_host}"


async def test_an_observers_yes_is_kept_in_memory_alone(home: Home) -> None:
    def files() -> set[Path]:
        return {path for path in home.folder.rglob("*") if path.is_file()}

    before = files()
    async with SshMachine() as machine:
        operator = Operator(answer=True)
        async with session(home, machine, remember=False) as hosts:
            hosts.ask_host_keys(operator)
            assert await works(hosts)
            machine.cut()
            assert await works(hosts)
        (question,) = operator.questions
        assert question.remembered_in is None
    assert files() == before
    assert not home.own.parent.exists()


async def test_a_yes_that_cannot_be_written_is_told_once_and_holds_until_the_end(
    home: Home,
) -> None:
    async with SshMachine() as machine, session(home, machine) as hosts:
        home.own.parent.parent.write_text("a file where the folder should be")
        hosts.ask_host_keys(Operator(answer=True))
        assert "could not be written" in await refusal(hosts)
        assert await works(hosts)


async def test_connections_to_the_same_machine_ask_once(home: Home) -> None:
    async with SshMachine() as machine, session(home, machine) as hosts:
        operator = Operator(answer=True)
        hosts.ask_host_keys(operator)
        names = ("127.0.0.1", "127.0.0.1", "127.0.0.1")
        hands = hands_for(hosts)
        results = await asyncio.gather(
            *(hands.perform(machine_at(name), daemon_reload()) for name in names)
        )
        assert {result.ending for result in results} == {Ending.EXITED}
        assert len(operator.questions) == 1


async def test_questions_about_several_machines_come_one_at_a_time(home: Home) -> None:
    async with SshMachine() as machine, session(home, machine) as hosts:
        operator = Operator(answer=True)

        async def think(question: HostKeyQuestion) -> bool:
            # Both have been turned away by now, and would ask if they could.
            await until(lambda: len(machine.connections) >= 2)
            await until(lambda: all(c.is_closed() for c in machine.connections[:2]))
            return await operator(question)

        hosts.ask_host_keys(think)
        hands = hands_for(hosts)
        await asyncio.gather(
            *(
                hands.perform(machine_at(name), daemon_reload())
                for name in ("127.0.0.1", "localhost")
            )
        )
        assert {q.host.raw for q in operator.questions} == {"127.0.0.1", "localhost"}
        assert operator.asked_at_once == 1


# --- changed and revoked ---------------------------------------------------------------------


def other_ed25519(machine: SshMachine) -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def other_rsa(machine: SshMachine) -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-rsa", key_size=2048)


@pytest.mark.parametrize("was", [other_ed25519, other_rsa], ids=["same type", "another type"])
async def test_a_changed_key_is_refused_without_a_login_a_question_or_a_command(
    home: Home, was: Callable[[SshMachine], asyncssh.SSHKey]
) -> None:
    async with SshMachine() as machine:
        home.openssh.write_text(f"# first\n[127.0.0.1]:{machine.port} {public(was(machine))}\n")
        operator = Operator(answer=True)
        async with session(home, machine) as hosts:
            hosts.ask_host_keys(operator)
            words = await refusal(hosts)
            result = await hands_for(hosts).perform(machine_at(), daemon_reload())
        assert "has CHANGED" in words
        assert f"{home.openssh}:2" in words
        assert result.ending is Ending.NOT_STARTED
        assert "has CHANGED" in result.reason.raw
        assert operator.questions == []
        assert machine.logins == machine.asked == []


async def test_a_key_that_changes_after_a_yes_is_a_changed_key(home: Home) -> None:
    async with SshMachine() as machine, session(home, machine, remember=False) as hosts:
        hosts.ask_host_keys(Operator(answer=True))
        assert await works(hosts)
        await machine.stop()
        machine.host_key = asyncssh.generate_private_key("ssh-ed25519")
        await machine.start()
        assert "has CHANGED" in await refusal(hosts)


async def test_a_revoked_key_is_refused_though_another_line_knows_it(home: Home) -> None:
    async with SshMachine() as machine:
        home.knows(machine)
        home.fleetctl.write_text(f"@revoked * {public(machine.host_key)}\n")
        operator = Operator(answer=True)
        async with session(home, machine) as hosts:
            hosts.ask_host_keys(operator)
            words = await refusal(hosts)
        assert "revoked" in words
        assert f"{home.fleetctl}:1" in words
        assert operator.questions == []
        assert machine.logins == machine.asked == []


async def test_a_known_hosts_file_that_cannot_be_read_refuses_everything(home: Home) -> None:
    async with SshMachine() as machine:
        home.own.parent.mkdir(parents=True)
        home.own.write_text(machine.known_host)
        home.openssh.mkdir()
        async with session(home, machine) as hosts:
            assert f"{home.openssh} cannot be read" in await refusal(hosts)
        assert machine.logins == []


async def test_an_ssh_config_cannot_switch_the_policy_off(home: Home) -> None:
    async with SshMachine() as machine:
        home.ssh_config.write_text(
            "Host *\n  UserKnownHostsFile none\n  StrictHostKeyChecking no\n"
            "  HostKeyAlgorithms ssh-rsa\n  GlobalKnownHostsFile /dev/null\n"
        )
        other = asyncssh.generate_private_key("ssh-ed25519")
        home.openssh.write_text(f"[127.0.0.1]:{machine.port} {public(other)}\n")
        async with session(home, machine) as hosts:
            assert "has CHANGED" in await refusal(hosts)
        assert machine.logins == []


async def test_a_broken_ssh_config_is_told_in_words(home: Home) -> None:
    async with SshMachine() as machine:
        home.knows(machine)
        home.ssh_config.write_text('Port "unclosed\n')
        async with session(home, machine) as hosts:
            assert str(home.ssh_config) in await refusal(hosts)


# --- certificates ----------------------------------------------------------------------------


def certified(
    machine: SshMachine, authority: asyncssh.SSHKey, principal: str = "127.0.0.1"
) -> asyncssh.SSHCertificate:
    certificate = authority.generate_host_certificate(
        machine.host_key, "core-03", principals=[principal]
    )
    machine.options["server_host_keys"] = [(machine.host_key, certificate)]
    return certificate


@pytest.fixture
def authority() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


async def test_a_certificate_of_a_known_authority_is_taken(
    home: Home, authority: asyncssh.SSHKey
) -> None:
    machine = SshMachine()
    certified(machine, authority)
    async with machine, session(home, machine) as hosts:
        home.openssh.write_text(f"@cert-authority * {public(authority)}\n")
        assert await works(hosts)


async def test_a_certificate_of_another_authority_is_refused(
    home: Home, authority: asyncssh.SSHKey
) -> None:
    machine = SshMachine()
    certified(machine, asyncssh.generate_private_key("ssh-ed25519"))
    async with machine, session(home, machine) as hosts:
        hosts.ask_host_keys(Operator(answer=True))
        home.openssh.write_text(f"@cert-authority * {public(authority)}\n")
        assert f"not the authority of {home.openssh}:1" in await refusal(hosts)
        assert machine.logins == []


async def test_a_certificate_for_another_host_is_refused(
    home: Home, authority: asyncssh.SSHKey
) -> None:
    machine = SshMachine()
    certified(machine, authority, "core-04")
    async with machine, session(home, machine) as hosts:
        home.openssh.write_text(f"@cert-authority * {public(authority)}\n")
        await refusal(hosts)
        assert machine.logins == []


@pytest.mark.parametrize("revoked", ["the host's key", "the authority"])
async def test_a_certificate_is_worth_nothing_once_its_key_or_authority_is_revoked(
    home: Home, authority: asyncssh.SSHKey, revoked: str
) -> None:
    machine = SshMachine()
    certified(machine, authority)
    async with machine, session(home, machine) as hosts:
        key = machine.host_key if revoked == "the host's key" else authority
        home.openssh.write_text(
            f"@cert-authority * {public(authority)}\n@revoked * {public(key)}\n"
        )
        assert "revoked" in await refusal(hosts)
        assert machine.logins == []
