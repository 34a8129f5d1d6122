"""Figure 25: passwords, passphrases and keys are in nothing that is written, said or logged."""

import logging
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import msgspec
import pytest
from click.testing import CliRunner
from ssh_machine import Home, SshMachine, machine_at
from test_hosts_sudo_password import CONTENT, Operator, Sudo

from fleettui.access import HostUnreachable
from fleettui.cli import cli
from fleettui.commands import restore_file
from fleettui.hosts.connect import connect_hosts, hands_for
from fleettui.hosts.settings import SudoMode
from fleettui.repair.records.record import Record

PASSPHRASE, WRONG, SUDO, ETCD = "kh4-passphrase", "kh4-wrong", "kh4-of-sudo", "kh4-of-etcd"
RESTORE = restore_file("a.service", "0" * 64, "t1", content=CONTENT)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that any library logs, as talkative as it can be."""
    asyncssh.set_debug_level(2)
    caplog.set_level(logging.DEBUG)
    yield caplog
    asyncssh.set_debug_level(1)


async def test_nothing_that_only_the_operator_knows_is_written_said_or_logged(
    home: Home, logged: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    form = {"passphrase": PASSPHRASE, "rounds": 16, "ignore_few_rounds": True}
    key.write_private_key(str(home.identity), "openssh", **form)
    program = Sudo(SUDO.encode())
    said: list[str] = []
    async with SshMachine(program) as machine:
        home.knows(machine)
        settings = msgspec.structs.replace(home.settings(machine), sudo=SudoMode.PASSWORD)
        for answers in ((WRONG, WRONG, WRONG), (WRONG, PASSPHRASE, WRONG, SUDO)):
            hosts, operator = connect_hosts(settings), Operator(*answers)
            hosts.ask_secrets(operator)
            result = await hands_for(hosts).perform(machine_at(), RESTORE)
            said += [repr(result), repr(hosts), *operator.asked]
            with pytest.raises(HostUnreachable) as refused:
                await hosts.probe(machine_at())
            said.append(repr(refused.getrepr(showlocals=False)))
            await hosts.close()
        assert result.exit_status == 0, result
        assert program.tried[-1] == SUDO.encode()
        said += machine.asked
    record = Record.begin(tmp_path, "20260101T000000Z-abcdef", {"who": "ann@desk"})
    record.write("outcome", result=repr(result))
    record.close()
    assert hidden_in(*said, logged.text, *_files(tmp_path, home)) == []


def test_etcds_password_is_in_no_output_of_a_command(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(ETCD + "\n")
    file.chmod(0o600)
    user = ("--etcd-username", "ann", "--etcd-password-file", str(file))
    asked = ("--endpoint", "http://127.0.0.1:9", *user)
    for command in (("config",), ("check", "--json"), ("doctor", "--json"), ("doctor",)):
        told = CliRunner().invoke(cli, [*asked, *command], env={"HOME": str(tmp_path)})
        assert told.output, command
        assert ETCD not in told.output, command
        assert ETCD not in repr(told.exception), command


def hidden_in(*texts: str) -> list[str]:
    """The secrets that stand in some text, each with what is around it."""
    found = []
    for text in texts:
        for secret in (PASSPHRASE, WRONG, SUDO, "PRIVATE KEY"):
            at = text.find(secret)
            if at >= 0:
                found.append(text[max(at - 60, 0) : at + 60])
    return found


def _files(*folders: object) -> Iterator[str]:
    """All that was written, but for the key itself."""
    for folder in (Path(str(getattr(f, "folder", f))) for f in folders):
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "id_ed25519":
                yield path.read_text("utf-8", "replace")
