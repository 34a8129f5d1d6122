"""Changes are sent once, and how they ended is told as it was."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_CHANNEL_OPEN
from ssh_machine import Home, Process, Program, SshMachine, machine_at, make_home, until

from fleettui.access import CommandResult, Ending, HostUnreachable
from fleettui.commands import daemon_reload, remove_file
from fleettui.hosts import hands as hands_module
from fleettui.hosts import line as line_module
from fleettui.hosts.connect import SshHands, SshHosts, connect_hosts, hands_for
from fleettui.hosts.line import STREAMS
from fleettui.model.untrusted import Untrusted


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@asynccontextmanager
async def operator_of(home: Home, machine: SshMachine) -> AsyncIterator[tuple[SshHosts, SshHands]]:
    home.knows(machine)
    hosts = connect_hosts(home.settings(machine))
    try:
        yield hosts, hands_for(hosts)
    finally:
        await hosts.close()


async def result_of(home: Home, program: Program) -> CommandResult:
    async with SshMachine(program) as machine, operator_of(home, machine) as (_, hands):
        return await hands.perform(machine_at(), daemon_reload())


def says(status: int, stdout: bytes = b"", stderr: bytes = b"") -> Program:
    async def program(process: Process, words: list[str]) -> None:
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(status)

    return program


async def test_a_command_that_ends_is_told_with_its_status_and_both_outputs(home: Home) -> None:
    result = await result_of(home, says(5, b"out\xff\0", b"err\xfe"))
    assert result == CommandResult(Ending.EXITED, 5, b"out\xff\0", b"err\xfe")


async def test_the_machine_gets_the_arguments_word_for_word(home: Home) -> None:
    command = remove_file("foo@1.service", "0f" * 32, "token")
    async with SshMachine() as machine, operator_of(home, machine) as (_, hands):
        await hands.perform(machine_at(), command)
        assert [tuple(shlex.split(asked)) for asked in machine.asked] == [command.argv]


async def test_death_by_a_signal_is_a_status_of_128_and_its_number(home: Home) -> None:
    async def killed(process: Process, words: list[str]) -> None:
        process.exit_with_signal("KILL")

    result = await result_of(home, killed)
    assert (result.ending, result.exit_status) == (Ending.EXITED, 137)


async def test_a_connection_killed_during_a_command_leaves_it_unknown(home: Home) -> None:
    async def cut(process: Process, words: list[str]) -> None:
        process.stdout.write(b"removed\n")
        await process.stdout.drain()
        process.get_extra_info("connection").abort()

    result = await result_of(home, cut)
    assert (result.ending, result.exit_status) == (Ending.UNKNOWN, None)
    assert "lost" in result.reason.raw


async def test_an_orderly_goodbye_during_a_command_leaves_it_unknown_too(home: Home) -> None:
    async def goodbye(process: Process, words: list[str]) -> None:
        process.get_extra_info("connection").close()

    result = await result_of(home, goodbye)
    assert (result.ending, result.exit_status) == (Ending.UNKNOWN, None)


async def test_a_channel_closed_without_a_status_is_unknown_never_success(home: Home) -> None:
    async def silent(process: Process, words: list[str]) -> None:
        process.close()

    result = await result_of(home, silent)
    assert (result.ending, result.exit_status) == (Ending.UNKNOWN, None)


async def test_a_connection_cut_before_the_command_was_confirmed_leaves_it_unknown(
    home: Home,
) -> None:
    asked: list[str] = []

    class Cutting(asyncssh.SSHServerSession[bytes]):
        def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
            self.channel = chan

        def exec_requested(self, command: str) -> bool:
            asked.append(command)
            self.channel.get_connection().abort()
            return True

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

        def session_requested(self) -> Cutting:
            return Cutting()

    machine = SshMachine(options={"server_factory": Server, "process_factory": None})
    async with machine, operator_of(home, machine) as (_, hands):
        result = await hands.perform(machine_at(), daemon_reload())
    assert (result.ending, result.exit_status) == (Ending.UNKNOWN, None)
    assert len(asked) == 1


async def test_a_command_is_never_sent_a_second_time(home: Home) -> None:
    async def cut(process: Process, words: list[str]) -> None:
        process.get_extra_info("connection").abort()

    async with SshMachine(cut) as machine, operator_of(home, machine) as (_, hands):
        await hands.perform(machine_at(), daemon_reload())
        assert len(machine.asked) == 1


async def test_a_command_that_never_ends_is_unknown_after_its_deadline(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hands_module, "DEADLINE_SECONDS", 0.2)

    async def hang(process: Process, words: list[str]) -> None:
        process.stdout.write(b"so far")
        await asyncio.Event().wait()

    result = await result_of(home, hang)
    assert (result.ending, result.exit_status, result.stdout) == (Ending.UNKNOWN, None, b"so far")
    assert "did not finish" in result.reason.raw


async def test_a_machine_that_cannot_be_reached_started_nothing(home: Home) -> None:
    machine = SshMachine()
    async with machine:
        pass
    async with operator_of(home, machine) as (_, hands):
        result = await hands.perform(machine_at(), daemon_reload())
    assert (result.ending, result.exit_status) == (Ending.NOT_STARTED, None)
    assert "refuses connections" in result.reason.raw


async def test_a_machine_without_a_usable_address_started_nothing(home: Home) -> None:
    async with SshMachine() as machine, operator_of(home, machine) as (_, hands):
        result = await hands.perform(machine_at("$(reboot)"), daemon_reload())
        assert result.ending is Ending.NOT_STARTED
        assert machine.connections == []


async def test_a_machine_that_refuses_the_command_started_nothing(home: Home) -> None:
    class NoSessions(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return False

    machine = SshMachine(options={"server_factory": NoSessions, "process_factory": None})
    async with machine, operator_of(home, machine) as (_, hands):
        result = await hands.perform(machine_at(), daemon_reload())
    assert result.ending is Ending.NOT_STARTED
    assert "takes no command" in result.reason.raw


async def test_what_comes_is_acknowledged_at_once_from_the_request_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    send = asyncssh.SSHClientConnection.send_packet

    def sent(self: asyncssh.SSHClientConnection, kind: int, *rest: bytes, **more: Any) -> None:
        if kind == MSG_CHANNEL_OPEN:
            done.append("asked")
        send(self, kind, *rest, **more)

    monkeypatch.setattr(asyncssh.SSHClientConnection, "send_packet", sent)
    monkeypatch.setattr(line_module, "_hasten", lambda connection: done.append("hastened"))
    async with SshMachine() as machine, operator_of(home, machine) as (_, hands):
        await hands.perform(machine_at(), daemon_reload())
    assert done == ["asked", "hastened"]


async def test_a_flood_of_output_is_kept_within_bounds_and_the_command_still_ends(
    home: Home,
) -> None:
    async def flood(process: Process, words: list[str]) -> None:
        for _ in range(100):
            process.stdout.write(b"x" * 65536)
            await process.stdout.drain()
        process.exit(0)

    result = await result_of(home, flood)
    assert (result.ending, result.exit_status) == (Ending.EXITED, 0)
    assert len(result.stdout) == hands_module.OUTPUT_LIMIT


async def test_a_machine_whose_ssh_server_was_restarted_is_connected_to_anew(home: Home) -> None:
    async with SshMachine() as machine, operator_of(home, machine) as (_, hands):
        first = await hands.perform(machine_at(), daemon_reload())
        await machine.stop()
        await machine.start()
        second = await hands.perform(machine_at(), daemon_reload())
        assert (first.ending, second.ending) == (Ending.EXITED, Ending.EXITED)
        assert len(machine.logins) == 2


async def test_commands_share_one_connection_and_at_most_six_run_at_a_time(home: Home) -> None:
    go_on = asyncio.Event()
    most = 0

    async def wait(process: Process, words: list[str]) -> None:
        nonlocal most
        most = max(most, machine.running)
        await go_on.wait()
        process.exit(0)

    machine = SshMachine(wait)
    async with machine, operator_of(home, machine) as (_, hands):
        tasks = [
            asyncio.create_task(hands.perform(machine_at(), daemon_reload())) for _ in range(10)
        ]
        await until(lambda: machine.running == 6)
        go_on.set()
        results = await asyncio.gather(*tasks)
        assert {result.ending for result in results} == {Ending.EXITED}
        assert (most, len(machine.logins)) == (6, 1)


async def test_open_journals_leave_room_for_a_change(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        if words[0] == "sh":
            await machine.until_hung_up(process)
        process.exit(0)

    machine = SshMachine(program)
    async with machine, operator_of(home, machine) as (hosts, hands):

        async def follow(number: int) -> None:
            async with hosts.journal(machine_at(), f"u{number}.service") as batches:
                async for _ in batches:
                    pass

        journals = [asyncio.create_task(follow(number)) for number in range(9)]
        await until(lambda: machine.running == STREAMS)
        result = await hands.perform(machine_at(), daemon_reload())
        assert result.ending is Ending.EXITED
        for journal in journals:
            journal.cancel()
        await asyncio.gather(*journals, return_exceptions=True)


async def test_closing_takes_less_than_a_second_and_ends_what_runs(home: Home) -> None:
    async def hang(process: Process, words: list[str]) -> None:
        await process.wait_closed()

    machine = SshMachine(hang)
    async with machine:
        async with operator_of(home, machine) as (hosts, hands):
            task = asyncio.create_task(hands.perform(machine_at(), daemon_reload()))
            await until(lambda: machine.running == 1)
            async with asyncio.timeout(1):
                await hosts.close()
            result = await task
        assert result.ending is Ending.UNKNOWN
        await until(lambda: machine.running == 0)


async def test_nothing_is_opened_after_closing(home: Home) -> None:
    async with SshMachine() as machine, operator_of(home, machine) as (hosts, hands):
        await hosts.close()
        result = await hands.perform(machine_at(), daemon_reload())
        assert result.ending is Ending.NOT_STARTED
        with pytest.raises(HostUnreachable):
            await hosts.probe(machine_at())
        assert machine.connections == []


async def test_reading_hosts_have_nothing_that_takes_a_command(home: Home) -> None:
    async with SshMachine() as machine, operator_of(home, machine) as (hosts, _):
        methods = {name for name in dir(hosts) if not name.startswith("_")}
        told = {"copy", "images", "journal", "probe", "recall", "rights", "unit_changes"}
        assert methods == {"ask_host_keys", "ask_secrets", "close", *told}


async def test_a_machines_last_words_are_made_visible(home: Home) -> None:
    async def cut(process: Process, words: list[str]) -> None:
        process.get_extra_info("connection").disconnect(2, "\x1b[31mred")

    result = await result_of(home, cut)
    assert result.ending is Ending.UNKNOWN
    assert isinstance(result.reason, Untrusted)
    assert result.reason.is_plain
