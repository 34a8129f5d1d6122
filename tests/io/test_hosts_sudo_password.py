"""A sudo that wants a password gets it at its prompt alone; the operator is asked once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace
from ssh_machine import Home, Process, SshMachine, machine_at, until

from fleettui.access import CommandResult, Ending, SecretQuestion
from fleettui.commands import daemon_reload, restore_file
from fleettui.hosts import sudo
from fleettui.hosts.connect import SshHosts, connect_hosts, hands_for, root_journals_for
from fleettui.hosts.settings import SudoMode
from fleettui.model.host import NEWEST
from fleettui.model.secret import Secret

CONTENT = b"[Service]\nExecStart=/bin/true\n"
RESTORE = restore_file("a.service", "0" * 64, "t1", content=CONTENT)
LECTURE = b"\nWe trust you have received the usual lecture from the local System\n"


@dataclass
class Sudo:
    """sudo 1.9 as it was seen to behave with `-n` and with `-S -k -p PROMPT`."""

    password: bytes | None
    """None: it wants none."""
    ran: list[list[str]] = field(default_factory=list)
    read: list[bytes] = field(default_factory=list)
    """What each command found in its standard input."""
    tried: list[bytes] = field(default_factory=list)
    refuses: tuple[int, bytes] | None = None

    async def __call__(self, process: Process, words: list[str]) -> None:
        if self.refuses is not None:
            process.stderr.write(self.refuses[1])
            process.exit(self.refuses[0])
        elif words[:2] == ["sudo", "-n"]:
            if self.password is None:
                await self._run(process, words[2:])
            else:
                process.stderr.write(b"sudo: a password is required\n")
                process.exit(1)
        elif await self._is_told(process, words[4].encode()):
            await self._run(process, words[5:])
        else:
            process.exit(1)

    async def _is_told(self, process: Process, prompt: bytes) -> bool:
        process.stderr.write(LECTURE)
        for _ in range(3):
            process.stderr.write(prompt)
            line = await process.stdin.readline()
            if not line:
                break
            self.tried.append(line.rstrip(b"\n"))
            if self.tried[-1] == self.password:
                return True
            process.stderr.write(b"Sorry, try again.\n")
        process.stderr.write(b"sudo: 1 incorrect password attempt\n")
        return False

    async def _run(self, process: Process, command: list[str]) -> None:
        self.ran.append(command)
        if "journalctl" in " ".join(command):
            process.stdout.write(b'{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1","MESSAGE":"read"}\n')
        else:
            self.read.append(await process.stdin.read())
        process.exit(0)


class Operator:
    """Says one thing after the other, and keeps what was asked."""

    def __init__(self, *says: str | None) -> None:
        self.says = list(says)
        self.asked: list[str] = []

    async def __call__(self, question: SecretQuestion) -> Secret | None:
        self.asked.append(f"{question.why} {question.what}".strip())
        said = self.says.pop(0)
        return None if said is None else Secret(said)


@asynccontextmanager
async def session(
    home: Home, operator: Operator, *sudos: Sudo
) -> AsyncIterator[tuple[SshHosts, list[SshMachine]]]:
    """Machines at 127.0.0.1, 127.0.0.2 and so on, each with its sudo."""
    machines: list[SshMachine] = []
    for number, program in enumerate(sudos, start=1):
        port = machines[0].port if machines else 0
        machines.append(SshMachine(program, address=f"127.0.0.{number}", port=port))
        await machines[-1].start()
    home.knows(*machines)
    hosts = connect_hosts(replace(home.settings(machines[0]), sudo=SudoMode.PASSWORD))
    hosts.ask_secrets(operator)
    try:
        yield hosts, machines
    finally:
        await hosts.close()
        for machine in machines:
            await machine.stop()


async def restored(hosts: SshHosts, address: str = "127.0.0.1") -> CommandResult:
    return await hands_for(hosts).perform(machine_at(address), RESTORE)


async def test_machines_that_take_the_same_password_are_asked_about_once(home: Home) -> None:
    one, two = Sudo(b"secr\xc3\xa9t"), Sudo(b"secr\xc3\xa9t")
    operator = Operator("wrong", "secrét")
    async with session(home, operator, one, two) as (hosts, machines):
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
            result = await restored(hosts, address)
            assert (result.ending, result.exit_status) == (Ending.EXITED, 0)
            assert b"fleettui-" not in result.stderr, "the prompt is not the command's word"
        sent = " ".join(command for machine in machines for command in machine.asked)
    what = "Password of core for sudo on 127.0.0.1"
    assert operator.asked == [what, f"sudo on 127.0.0.1 did not take that password. {what}"]
    assert one.read == [b"", CONTENT, CONTENT], "the command reads its own, after sudo's"
    assert two.read == [b"", CONTENT]
    assert one.tried[0] == b"wrong"
    assert "secr" not in sent


async def test_a_machine_with_a_password_of_its_own_is_asked_about_by_its_name(home: Home) -> None:
    one, two = Sudo(b"first"), Sudo(b"second")
    operator = Operator("first", "second")
    async with session(home, operator, one, two) as (hosts, _):
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"):
            assert (await restored(hosts, address)).exit_status == 0
    assert len(operator.asked) == 2
    assert operator.asked[1].startswith("sudo on 127.0.0.2 did not take that password.")


async def test_where_sudo_wants_no_password_none_is_ever_sent(home: Home) -> None:
    one, two = Sudo(b"first"), Sudo(None)
    async with session(home, Operator("first"), one, two) as (hosts, _):
        assert (await restored(hosts, "127.0.0.1")).exit_status == 0
        assert (await restored(hosts, "127.0.0.2")).exit_status == 0
    assert two.read == [b"", CONTENT]
    assert two.tried == []


REFUSALS = {
    "nobody says": (Sudo(b"x"), (None,), "wants a password, and none was given"),
    "three are wrong": (Sudo(b"x"), ("a", "b", "c"), "did not take that password"),
    "a terminal is needed": (
        Sudo(b"x", refuses=(1, b"sudo: sorry, you must have a tty to run sudo\n")),
        (),
        "you must have a tty",
    ),
    "no sudo at all": (Sudo(b"x", refuses=(127, b"sh: sudo: not found\n")), (), "not found"),
}


@pytest.mark.parametrize(("program", "says", "words"), REFUSALS.values(), ids=REFUSALS)
async def test_without_the_password_nothing_is_begun(
    program: Sudo, says: tuple[str | None, ...], words: str, home: Home
) -> None:
    operator = Operator(*says)
    async with session(home, operator, program) as (hosts, _):
        result = await hands_for(hosts).perform(machine_at(), daemon_reload())
    assert result.ending is Ending.NOT_STARTED
    assert words in str(result.reason)
    assert program.ran == []
    assert operator.says == []


async def test_a_password_that_nobody_needs_any_more_is_wiped(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sudo, "KEPT_SECONDS", 0.05)
    operator = Operator("first", "first")
    async with session(home, operator, Sudo(b"first")) as (hosts, _):
        assert (await restored(hosts)).exit_status == 0
        opened = hosts._connections._opened
        assert opened is not None
        await until(lambda: not opened[0]._passwords._newest)
        assert (await restored(hosts)).exit_status == 0
    assert len(operator.asked) == 2


async def test_a_journal_that_root_reads_is_given_the_password_too(home: Home) -> None:
    async with session(home, Operator("first"), Sudo(b"first")) as (hosts, _):
        journals = root_journals_for(hosts)
        async with journals.recall(machine_at(), "fleet.service", NEWEST) as batches:
            assert [len(batch) async for batch in batches] == [1]
