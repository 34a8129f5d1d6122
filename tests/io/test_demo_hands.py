"""The demo's machines over real SSH: what a repair reads and changes besides probes."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from demo_access import FAST, broken_machine, until

from fleettui import commands
from fleettui.access import Ending
from fleettui.commands import ChangeCommand
from fleettui.demo.cluster import DemoCluster
from fleettui.demo.machine import Machine as DemoMachine
from fleettui.demo.units import TEMPLATE
from fleettui.hosts.connect import SshHands, SshHosts, connect_hosts, hands_for
from fleettui.hosts.settings import HostSettings
from fleettui.model.cluster import Machine
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, ChangeKind
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_reader, connect_writer

NAME = Untrusted(TEMPLATE)
RETURNING = [ChangeKind.STARTING, ChangeKind.STARTED]


@pytest.fixture
async def demo() -> AsyncIterator[DemoCluster]:
    async with DemoCluster(FAST) as cluster:
        yield cluster


@asynccontextmanager
async def operator_of(demo: DemoCluster) -> AsyncIterator[tuple[SshHosts, SshHands]]:
    settings = HostSettings(
        port=demo.ssh_port,
        identities=(demo.identity,),
        known_hosts_file=demo.known_hosts,
        remember=False,
        ssh_config=None,
    )
    hosts = connect_hosts(settings)
    try:
        yield hosts, hands_for(hosts)
    finally:
        await hosts.close()


def known(machine: DemoMachine) -> Machine:
    return Machine(Untrusted(machine.id), Untrusted(machine.ip))


async def said(hands: SshHands, machine: DemoMachine, command: ChangeCommand) -> list[str]:
    result = await hands.perform(known(machine), command)
    assert (result.ending, result.exit_status) == (Ending.EXITED, 0), result
    return result.stdout.decode().splitlines()


async def test_what_is_removed_comes_back_from_quarantine_or_from_here(demo: DemoCluster) -> None:
    broken = broken_machine(demo)
    async with operator_of(demo) as (hosts, hands):
        assert await said(hands, broken, commands.check_quarantine("t1")) == ["writable"]
        before = await hosts.copy(known(broken), FLEET_UNITS, NAME)
        sha256 = hashlib.sha256(before.content).hexdigest()
        kept = commands.kept_path(TEMPLATE, "file", "t1")
        removing = commands.remove_file(TEMPLATE, sha256, "t1")
        assert await said(hands, broken, removing) == ["removed", kept]
        link = commands.remove_link(TEMPLATE, "t1")
        assert (await said(hands, broken, link))[0] == "removed"
        owned = commands.Owned(before.mode, before.uid, before.gid)
        restoring = commands.restore_file(TEMPLATE, sha256, "t1", owned)
        assert await said(hands, broken, restoring) == ["restored"]
        assert await said(hands, broken, commands.restore_link(TEMPLATE, "t1")) == ["restored"]
        assert await hosts.copy(known(broken), FLEET_UNITS, NAME) == before
        with broken.systemd.lock:
            broken.files.remove(FLEET_UNITS, TEMPLATE)
        sent = commands.restore_file(TEMPLATE, sha256, "t1", owned, before.content)
        assert await said(hands, broken, sent) == ["restored"]
        assert await hosts.copy(known(broken), FLEET_UNITS, NAME) == before
        facts = await hosts.probe(known(broken))
    found = facts.folders[SYSTEMD_UNITS].entries[NAME]
    assert found.target == Untrusted(f"{FLEET_UNITS}/{TEMPLATE}")


async def test_systemd_tells_what_a_full_restart_did_to_the_units(demo: DemoCluster) -> None:
    machine = next(m for m in demo.machines if m is not broken_machine(demo))
    before = machine.systemd.main_pids()

    def are_new() -> bool:
        now = machine.systemd.main_pids()
        gone = all(now.get(unit) != pid for unit, pid in before.items())
        return gone and bool(now.keys() & before.keys())

    async with operator_of(demo) as (hosts, hands):
        since = datetime.fromtimestamp(machine.journal.clock(), UTC)
        await said(hands, machine, commands.restart_fleet())
        await until(are_new)
        changes = await hosts.unit_changes(known(machine), since)
    assert before
    for unit in before:  # some may have been sent elsewhere meanwhile
        kinds = [change.kind for change in changes if change.unit == Untrusted(unit)]
        assert kinds[:2] == [ChangeKind.STOPPING, ChangeKind.STOPPED]
        assert kinds[2:] in ([], RETURNING[:1], RETURNING)
    back = [change.unit for change in changes if change.kind is ChangeKind.STARTED]
    assert {unit.raw for unit in back} & before.keys()


async def test_images_of_the_units_are_there_and_no_others(demo: DemoCluster) -> None:
    running = {n: m for m in demo.machines for n in m.systemd.main_pids() if n.startswith("web@")}
    assert running
    wanted = [Untrusted("nginx:1.9"), Untrusted("nginx:2.0")]
    async with operator_of(demo) as (hosts, _):
        for machine in running.values():
            found = await hosts.images(known(machine), wanted)
            assert [found[image].present for image in wanted] == [True, False]


async def test_a_machine_with_a_full_disk_says_so_before_anything_is_changed(
    demo: DemoCluster,
) -> None:
    machine = demo.machines[0]
    machine.quarantine_refusal = "cannot write to it: No space left on device"
    async with operator_of(demo) as (_, hands):
        answer = await said(hands, machine, commands.check_quarantine("t1"))
    assert answer == ["refused", "cannot write to it: No space left on device"]


async def test_a_lock_that_another_process_takes_is_seen(demo: DemoCluster) -> None:
    holder = LockHolder(
        Untrusted("t1"),
        Untrusted("bob@desk"),
        Untrusted(broken_machine(demo).id),
        NAME,
        datetime.now(UTC),
        Untrusted("delete"),
    )
    told: list[LockHolder | None] = []
    reader = connect_reader([demo.endpoint], demo.prefix)
    reader.follow_lock(told.append)
    other = connect_writer([demo.endpoint], demo.prefix)
    index = await other.take_lock(holder, 30)
    await until(lambda: told[-1:] == [holder])
    await other.drop_lock(index)
    await until(lambda: told[-1:] == [None])
    await reader.close()
