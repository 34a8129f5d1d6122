"""The demo's machines over SSH: their journals, their shell, and who may come in."""

import asyncio
import json
import shlex
import time
from collections.abc import AsyncIterator, Iterator

import asyncssh
import pytest
from demo_access import DEADLINE, FAST, broken_machine, fault_lines, login, perform, until

from fleettui import commands
from fleettui.commands.journal import follow_journal
from fleettui.demo.cluster import DemoCluster
from fleettui.model.host import SYSTEMD_UNITS, Span


@pytest.fixture
async def demo() -> AsyncIterator[DemoCluster]:
    async with DemoCluster(FAST) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def lasting() -> Iterator[DemoCluster]:
    """One cluster for all tests that leave it as it is."""
    cluster = DemoCluster(FAST)
    cluster.start()
    yield cluster
    cluster.close()


async def test_the_journal_of_the_broken_machine_has_a_past(lasting: DemoCluster) -> None:
    broken = broken_machine(lasting)
    entries = [json.loads(e.line) for e in broken.journal.tail(["fleet.service"], 100_000)]
    said = [str(entry["MESSAGE"]) for entry in entries]
    assert fault_lines(broken) > 250
    assert any("etcd watcher" in line and "unexpected end of JSON" in line for line in said)
    assert said[1].endswith("Starting fleetd version 0.11.8")
    stamps = [int(entry["__REALTIME_TIMESTAMP"]) for entry in entries]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == len(stamps)
    assert abs(stamps[-1] / 1e6 - time.time()) < 5


async def test_the_fault_goes_on_by_itself(lasting: DemoCluster) -> None:
    broken = broken_machine(lasting)
    before = fault_lines(broken)
    await until(lambda: fault_lines(broken) >= before + 2)


async def test_the_journal_is_followed_and_resumed_without_loss(lasting: DemoCluster) -> None:
    broken = broken_machine(lasting)
    async with login(lasting, broken) as connection:
        first = commands.shell_text(follow_journal(span=Span(5)))
        process = await connection.create_process(first, encoding=None)
        read = [json.loads(await process.stdout.readline()) for _ in range(7)]
        process.stdin.write_eof()
        await process.wait()
        assert process.exit_status == 143
        cursor = str(read[-1]["__CURSOR"])
        again = commands.shell_text(follow_journal(from_cursor=cursor))
        process = await connection.create_process(again, encoding=None)
        again_read = [json.loads(await process.stdout.readline()) for _ in range(4)]
        assert again_read[0] == read[-1]
        read += again_read[1:]
        process.stdin.write_eof()
        await process.wait()
    cursors = [entry["__CURSOR"] for entry in read]
    everything = [
        json.loads(entry.line)["__CURSOR"] for entry in broken.journal.tail(["fleet.service"], 999)
    ]
    at = everything.index(cursors[0])
    assert everything[at : at + len(cursors)] == cursors


async def test_only_the_demos_key_and_user_may_come_in(lasting: DemoCluster) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        async with login(lasting, lasting.machines[0], username="root"):
            pass
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh.connect(
            lasting.machines[0].ip,
            lasting.ssh_port,
            username="core",
            client_keys=[stranger],
            known_hosts=None,
            config=None,
        )


async def test_every_machine_has_a_host_key_of_its_own(lasting: DemoCluster) -> None:
    keys = {line.split(" ", 1)[1] for line in lasting.known_hosts.read_text().splitlines()}
    assert len(keys) == 3
    assert lasting.identity.stat().st_mode & 0o777 == 0o600
    assert lasting.identity.parent.stat().st_mode & 0o777 == 0o700


async def test_a_connection_has_ten_sessions_and_no_more(lasting: DemoCluster) -> None:
    follow = commands.shell_text(follow_journal())
    async with login(lasting, lasting.machines[0]) as connection:
        ten = [await connection.create_process(follow, encoding=None) for _ in range(10)]
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process(follow, encoding=None)
        for process in ten:
            process.stdin.write_eof()
        await asyncio.gather(*(process.wait() for process in ten))
        await connection.run(commands.shell_text(commands.sudo_works()), check=True)


async def test_unknown_commands_are_not_found_and_all_commands_are_noted(
    lasting: DemoCluster,
) -> None:
    machine = lasting.machines[1]
    async with login(lasting, machine) as connection:
        done = await connection.run("uptime -p", encoding=None)
    assert (done.exit_status, done.stderr) == (127, b"sh: uptime: command not found\n")
    await perform(lasting, machine, commands.sudo_works())
    assert lasting.commands[-2:] == [(machine.ip, "uptime -p"), (machine.ip, "sudo -n true")]


async def test_an_sshd_that_stops_breaks_its_connections_and_comes_back(
    demo: DemoCluster,
) -> None:
    machine = demo.machines[0]
    async with login(demo, machine) as connection:
        await asyncio.to_thread(demo.stop_sshd, machine)
        async with asyncio.timeout(DEADLINE):
            await connection.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        async with login(demo, machine):
            pass
    await asyncio.to_thread(demo.start_sshd, machine)
    await perform(demo, machine, commands.sudo_works())


async def test_a_name_that_needs_quotes_is_quoted_or_not_understood(lasting: DemoCluster) -> None:
    command = commands.copy_file(SYSTEMD_UNITS, "with\\x20escape.service")
    async with login(lasting, lasting.machines[0]) as connection:
        done = await connection.run(commands.shell_text(command), encoding=None)
        assert done.exit_status == 3
        loose = shlex.join(command.argv).replace("'", '"')
        done = await connection.run(loose, encoding=None)
        assert done.exit_status in {2, 127}
