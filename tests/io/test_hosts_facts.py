"""What a machine tells besides a probe: changes of units, images; and what hands give it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ssh_machine import Home, Process, Program, SshMachine, machine_at

from fleettui.access import Ending, HostUnreachable
from fleettui.commands import ChangeCommand, restore_file
from fleettui.hosts.connect import SshHands, SshHosts, connect_hosts, hands_for
from fleettui.model.host import ChangeKind
from fleettui.model.untrusted import Untrusted

U = Untrusted
SINCE = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
STARTED = "39f53479d3a045ac8e11786248231fbf"


@asynccontextmanager
async def operator_of(home: Home, program: Program) -> AsyncIterator[tuple[SshHosts, SshHands]]:
    async with SshMachine(program) as machine:
        home.knows(machine)
        hosts = connect_hosts(home.settings(machine))
        try:
            yield hosts, hands_for(hosts)
        finally:
            await hosts.close()


def shell_with(folder: Path, **programs: str) -> Program:
    """Run the command by sh, with these programs before the real ones and nothing else of them."""
    folder.mkdir(exist_ok=True)
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}

    async def program(process: Process, words: list[str]) -> None:
        pipe = subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *words, env=env, stdin=pipe, stdout=pipe, stderr=pipe
        )
        stdout, stderr = await child.communicate(await process.stdin.read())
        process.stdout.write(stdout)
        process.stderr.write(stderr)
        process.exit(child.returncode or 0)

    return program


async def test_systemds_changes_come_with_unit_kind_and_time(home: Home, tmp_path: Path) -> None:
    stamp = int(SINCE.timestamp() * 1e6)
    entry = f'{{"__REALTIME_TIMESTAMP":"{stamp}","UNIT":"a.service","MESSAGE_ID":"{STARTED}"}}'
    program = shell_with(tmp_path / "bin", journalctl=f"echo '{entry}'")
    async with operator_of(home, program) as (hosts, _):
        (change,) = await hosts.unit_changes(machine_at(), SINCE)
    assert (change.unit, change.kind, change.at) == (U("a.service"), ChangeKind.STARTED, SINCE)


async def test_a_journal_that_may_not_be_read_names_the_machine(home: Home, tmp_path: Path) -> None:
    refusal = "echo 'No journal files were found.' >&2; exit 1"
    async with operator_of(home, shell_with(tmp_path / "bin", journalctl=refusal)) as (hosts, _):
        with pytest.raises(HostUnreachable, match=r"127\.0\.0\.1: .*No journal files were found"):
            await hosts.unit_changes(machine_at(), SINCE)


LISTED = "printf 'REPOSITORY TAG IMAGE\\nnginx 1.9 0e8a3c2b\\n'"
NOT_THERE = "exit 127"


async def test_images_are_found_by_the_programs_that_are_there(home: Home, tmp_path: Path) -> None:
    rkt = "printf 'sha512-1\\tcoreos.com/etcd:v2\\n'"
    program = shell_with(tmp_path / "bin", docker=LISTED, rkt=rkt, podman=LISTED)
    wanted = [U("nginx:1.9"), U("nginx:1.8"), U("coreos.com/etcd:v2")]
    async with operator_of(home, program) as (hosts, _):
        found = await hosts.images(machine_at(), wanted)
    assert [found[image].present for image in wanted] == [True, False, True]


async def test_a_program_that_fails_leaves_its_words(home: Home, tmp_path: Path) -> None:
    denied = "echo 'Cannot connect to the Docker daemon.' >&2; exit 1"
    program = shell_with(tmp_path / "bin", docker=denied, rkt=NOT_THERE, podman=LISTED)
    async with operator_of(home, program) as (hosts, _):
        found = await hosts.images(machine_at(), [U("nginx:1.9"), U("x")])
    assert found[U("nginx:1.9")].present
    assert found[U("x")].present is None
    assert "docker: Cannot connect to the Docker daemon." in str(found[U("x")].why)


async def test_a_program_that_hangs_is_given_up(home: Home, tmp_path: Path) -> None:
    program = shell_with(
        tmp_path / "bin", docker="exec sleep 60", timeout='shift; exec /usr/bin/timeout 0.2 "$@"'
    )
    async with operator_of(home, program) as (hosts, _):
        found = await hosts.images(machine_at(), [U("nginx:1.9")])
    assert found[U("nginx:1.9")].present is None


async def test_without_images_no_machine_is_asked(home: Home) -> None:
    async with SshMachine() as machine:
        home.knows(machine)
        hosts = connect_hosts(home.settings(machine))
        assert await hosts.images(machine_at(), []) == {}
        assert machine.asked == []
        await hosts.close()


async def test_a_cut_answer_names_the_machine(home: Home) -> None:
    async def cut(process: Process, words: list[str]) -> None:
        process.stdout.write(b"fleettui-images-1\0docker\0")
        process.exit(0)

    async with operator_of(home, cut) as (hosts, _):
        with pytest.raises(HostUnreachable, match=r"127\.0\.0\.1: the answer was cut"):
            await hosts.images(machine_at(), [U("nginx")])


# --- what hands hand over --------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
async def test_a_commands_standard_input_arrives_whole_and_ends(home: Home, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    command = ChangeCommand(("cat",), stdin=content[:size])
    received = bytearray()

    async def program(process: Process, words: list[str]) -> None:
        received.extend(await process.stdin.read())
        process.exit(0)

    async with operator_of(home, program) as (_, hands):
        result = await hands.perform(machine_at(), command)
    assert (result.ending, result.exit_status) == (Ending.EXITED, 0)
    assert bytes(received) == content[:size]


async def test_a_command_that_does_not_read_its_input_ends_all_the_same(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        process.stdout.write(b"present\n")
        process.exit(0)

    command = restore_file("foo@.service", "0f" * 32, "t1", content=b"x" * 500_000)
    async with operator_of(home, program) as (_, hands):
        result = await hands.perform(machine_at(), command)
    assert (result.ending, result.stdout) == (Ending.EXITED, b"present\n")
