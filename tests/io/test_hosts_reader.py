"""Probes and copies over SSH: whole answers, or a reason."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ssh_machine import Home, Process, Program, SshMachine, machine_at, make_home

from fleettui.access import HostUnreachable
from fleettui.hosts import reader as reader_module
from fleettui.hosts.connect import SshHosts, connect_hosts
from fleettui.hosts.probe import ANSWER_LIMIT
from fleettui.model.host import FLEET_UNITS
from fleettui.model.untrusted import Untrusted

NAME = Untrusted("foo@.service")


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@asynccontextmanager
async def asking(home: Home, program: Program) -> AsyncIterator[SshHosts]:
    async with SshMachine(program) as machine:
        home.knows(machine)
        hosts = connect_hosts(home.settings(machine))
        try:
            yield hosts
        finally:
            await hosts.close()


def says(stdout: bytes, status: int = 0, stderr: bytes = b"") -> Program:
    async def program(process: Process, words: list[str]) -> None:
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(status)

    return program


def real_shell(folder: Path) -> Program:
    """Run the command by sh, with systemctl and journalctl stubbed in `folder`."""
    for name, text in (
        ("systemctl", "printf 'Id=fleet.service\\nNames=fleet.service\\nMainPID=7\\n'"),
        ("journalctl", 'echo \'{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":"hello"}\''),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    env = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}

    async def program(process: Process, words: list[str]) -> None:
        pipe = asyncio.subprocess.PIPE
        shell = await asyncio.create_subprocess_exec(
            "sh", "-c", str(process.command), stdin=pipe, stdout=pipe, stderr=pipe, env=env
        )
        stdout, stderr = await shell.communicate()
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(shell.returncode or 0)

    return program


async def test_a_probe_runs_on_a_real_shell_and_comes_back_as_facts(
    home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    async with asking(home, real_shell(folder)) as hosts:
        facts = await hosts.probe(machine_at(), [Untrusted("a.service")])
    assert facts.machine_id == machine_at().id
    assert facts.hostname == Untrusted(os.uname().nodename)
    assert facts.fleet is not None
    assert facts.fleet.main_pid == 7
    assert facts.asked_at is not None
    assert facts.asked_at < facts.taken_at
    assert [entry.message.raw for entry in facts.journal] == ["hello"]


async def test_a_host_with_another_machine_id_is_told_not_refused(home: Home) -> None:
    answer = b"fleettui-probe-1\x001.5\x001.0\x00other-id\x00core-09\x00end\x00"
    async with asking(home, says(answer)) as hosts:
        facts = await hosts.probe(machine_at())
    assert facts.reported_id == Untrusted("other-id")
    assert facts.machine_id == machine_at().id


async def test_an_account_that_runs_nothing_is_told_in_its_own_words(home: Home) -> None:
    program = says(b"", 1, b"This account is currently not available.\n\x1b[0m")
    async with asking(home, program) as hosts:
        with pytest.raises(HostUnreachable, match="This account is currently not available"):
            await hosts.probe(machine_at())


async def test_an_answer_cut_by_the_connection_is_no_answer(home: Home) -> None:
    async def cut(process: Process, words: list[str]) -> None:
        process.stdout.write(b"fleettui-probe-1\x001.5\x001.0\x00id\x00host\x00end\x00")
        await process.stdout.drain()
        process.get_extra_info("connection").abort()

    async with asking(home, cut) as hosts:
        with pytest.raises(HostUnreachable, match="lost"):
            await hosts.probe(machine_at())


async def test_an_answer_without_end_is_given_up_in_bounded_memory(home: Home) -> None:
    async def flood(process: Process, words: list[str]) -> None:
        process.stdout.write(b"fleettui-probe-1\x001.5\x001.0\x00id\x00host\x00journal\x00")
        for _ in range(ANSWER_LIMIT // 65536 + 8):
            process.stdout.write(b"x" * 65536)
            await process.stdout.drain()
        process.exit(0)

    async with asking(home, flood) as hosts:
        with pytest.raises(HostUnreachable, match=f"cut after {ANSWER_LIMIT} bytes"):
            await hosts.probe(machine_at())


async def test_a_machine_that_does_not_answer_in_time_is_given_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "DEADLINE_SECONDS", 0.2)

    async def hang(process: Process, words: list[str]) -> None:
        await asyncio.Event().wait()

    async with asking(home, hang) as hosts:
        with pytest.raises(HostUnreachable, match="did not answer in"):
            await hosts.probe(machine_at())


async def test_a_copy_comes_back_byte_for_byte(home: Home) -> None:
    async with asking(home, says(b"644 0 0 1 4\na\0\xff\n")) as hosts:
        copy = await hosts.copy(machine_at(), FLEET_UNITS, NAME)
    assert (copy.content, copy.mode) == (b"a\0\xff\n", 0o644)


async def test_a_file_that_is_not_there_is_not_found(home: Home) -> None:
    async with asking(home, says(b"", 3)) as hosts:
        with pytest.raises(FileNotFoundError):
            await hosts.copy(machine_at(), FLEET_UNITS, NAME)


async def test_a_file_that_cannot_be_read_says_why(home: Home) -> None:
    program = says(b"644 0 0 1 4\n", 1, b"cat: ./foo@.service: Permission denied\n")
    async with asking(home, program) as hosts:
        with pytest.raises(HostUnreachable, match="Permission denied"):
            await hosts.copy(machine_at(), FLEET_UNITS, NAME)


async def test_a_name_that_no_unit_has_is_not_copied(home: Home) -> None:
    async with asking(home, says(b"")) as hosts:
        with pytest.raises(ValueError, match="no command is made"):
            await hosts.copy(machine_at(), FLEET_UNITS, Untrusted("../shadow"))
