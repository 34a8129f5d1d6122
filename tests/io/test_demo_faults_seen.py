"""Each fault of the catalogue in the demo, as etcd and the machines' shells tell of it."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from demo_watch import Watch, watch

from fleettui.demo.cluster import DemoSettings
from fleettui.demo.faults import FAULTS
from fleettui.demo.machine import Machine
from fleettui.demo.registry_faults import HashDiffers
from fleettui.demo.units import TEMPLATE
from fleettui.model.cluster import Unit, UnitState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, HostFacts, ServiceFacts
from fleettui.model.untrusted import Untrusted

FOLDERS = (FLEET_UNITS, SYSTEMD_UNITS)
TTL = {"machine-flapping": 2, "etcd-unreachable": 8}
"""Seconds, for faults that show by what ends with it."""


def settings(fault: str, ttl: int = 6) -> DemoSettings:
    return DemoSettings(fault=fault, ttl=ttl, lease_ttl=4, pull=0.2)


def first(seen: Watch) -> Machine:
    return seen.demo.machines[0]


def second(seen: Watch) -> Machine:
    return seen.demo.machines[1]


def unit(seen: Watch, name: str) -> Unit:
    return seen.last.units.get(Untrusted(name), Unit(Untrusted(name)))


def target(seen: Watch, name: str) -> Machine | None:
    """The machine that a unit is scheduled to."""
    found = unit(seen, name).target
    return seen.demo.machine(found.raw) if found is not None else None


def state(seen: Watch, name: str, machine: Machine) -> UnitState | None:
    return unit(seen, name).state_on(Untrusted(machine.id))


def service(facts: HostFacts, name: str) -> ServiceFacts | None:
    return facts.services.get(Untrusted(name))


def holds(facts: HostFacts, name: str) -> bool:
    """Whether a unit's file and the link to it are on a machine."""
    return all(Untrusted(name) in facts.folders[path].entries for path in FOLDERS)


def all_heard(seen: Watch, text: str) -> bool:
    """Whether every machine says it."""
    return all(seen.heard(machine.ip, text) for machine in seen.demo.machines)


# --- the catalogue, row by row ---------------------------------------------------------------


def shows_a_loaded_template(seen: Watch) -> bool:
    machine = target(seen, TEMPLATE)
    said = f"Failed fetching current unit states: Unit name {TEMPLATE} is not valid."
    if machine is None:
        return False
    facts = seen.newest(machine.ip)
    return holds(facts, TEMPLATE) and seen.heard(machine.ip, said) > 10


def shows_a_unit_that_systemd_does_not_know(seen: Watch) -> bool:
    name, machine = "search.service", second(seen)
    facts, told = seen.newest(machine.ip), state(seen, name, machine)
    said = (
        f"Failed to trigger systemd unit {name} start: Unit {name} failed to load: "
        "No such file or directory."
    )
    known = service(facts, name)
    return (
        target(seen, name) is machine
        and unit(seen, name).wanted == "launched"
        and told is not None
        and told.load.raw == "not-found"
        and known is not None
        and (known.load.raw, known.active.raw) == ("not-found", "inactive")
        and not known.needs_daemon_reload
        and known.fragment_path.raw == ""
        and holds(facts, name)
        and seen.heard(machine.ip, said) == 1
    )


def shows_ghosts(seen: Watch) -> bool:
    machine, alone = second(seen), unit(seen, "reports.service")
    told = {s.machine_id for s in unit(seen, "hello.service").states}
    return (
        alone.unit_hash is None
        and alone.target_state is None
        and [s.machine_id.raw for s in alone.states] == [machine.id]
        and not holds(seen.newest(machine.ip), "reports.service")
        and len(told) == 2
        and len(told - seen.last.machines.keys()) == 1
    )


def shows_a_bad_target_state(seen: Watch) -> bool:
    word = unit(seen, "batch.service").target_state
    said = 'failed to parse Unit(batch.service) target-state: invalid value "started" for JobState'
    return word == Untrusted("started") and all_heard(seen, said)


def shows_orphan_jobs(seen: Watch) -> bool:
    without_object, without_file = unit(seen, "import.service"), unit(seen, "export.service")
    return (
        without_object.target_state == Untrusted("launched")
        and without_object.unit_hash is None
        and without_file.unit_hash is not None
        and without_file.file is None
        and all_heard(seen, "No Unit found in Registry for Job(export.service)")
    )


def shows_two_hosts_with_one_id(seen: Watch) -> bool:
    own = Untrusted(first(seen).id)
    hosts = [m for m in seen.demo.machines if m.id == own.raw]
    named = [s.machines[own].public_ip.raw for s in seen.snapshots if own in s.machines]
    turns = sum(a != b for a, b in pairwise(named))
    said = "Engine leadership lost, renewal failed: 101: Compare failed"
    return (
        turns >= 2
        and set(named) == {host.ip for host in hosts}
        and all(seen.newest(host.ip).reported_id == own for host in hosts)
        and any(seen.heard(host.ip, said) for host in hosts)
        and len(seen.last.machines) < len(seen.demo.machines)
    )


def shows_no_leader(seen: Watch) -> bool:
    waiting = unit(seen, "zookeeper@3.service")
    return (
        all(snapshot.leader is None for snapshot in seen.snapshots)
        and waiting.wanted == "launched"
        and waiting.target is None
        and all_heard(seen, "Engine leadership acquisition failed: 110: The request requires")
    )


def shows_a_unit_without_a_place(seen: Watch) -> bool:
    waiting = unit(seen, "render.service")
    placed = waiting.target is not None or waiting.states
    return waiting.wanted == "launched" and not placed and seen.last.leader is not None


def shows_a_machine_that_comes_and_goes(seen: Watch) -> bool:
    machine = second(seen)
    there = [Untrusted(machine.id) in snapshot.machines for snapshot in seen.snapshots]
    turns = sum(a != b for a, b in pairwise(there))
    late = "Server monitor triggered: Monitor timed out before successful heartbeat"
    went = f'Reason: "target Machine({machine.id}) went away"'
    return (
        turns >= 2
        and len(seen.facts[Untrusted(machine.ip)]) >= len(there) - 3
        and seen.heard(machine.ip, late) > 0
        and seen.heard(first(seen).ip, went) > 0
    )


def shows_a_machine_without_etcd(seen: Watch) -> bool:
    machine = second(seen)
    own = Untrusted(machine.id)
    states = (s.machine_id for u in seen.last.units.values() for s in u.states)
    return (
        own in seen.snapshots[0].machines
        and own not in seen.last.machines
        and own not in states
        and seen.newest(machine.ip).reported_id == own
        and seen.heard(machine.ip, "Failed fetching Units from Registry: ") > 0
        and seen.heard(machine.ip, "Unable to determine agent's desired state: ") > 0
    )


def shows_a_second_writer(seen: Watch) -> bool:
    machine = target(seen, "api.service")
    if machine is None:
        return False
    said = 'type=UnloadUnit job=api.service reason="unit loaded but hash differs to expected"'
    name = Untrusted("api.service")
    hashes = {snapshot.units[name].unit_hash for snapshot in seen.snapshots}
    folders = (facts.folders[FLEET_UNITS] for facts in seen.facts[Untrusted(machine.ip)])
    files = {f.entries[name].sha256 for f in folders if name in f.entries}
    behind = any(
        s.unit_hash.raw != snapshot.units[name].unit_hash
        for snapshot in seen.snapshots
        for s in snapshot.units[name].states
    )
    return (len(hashes), len(files), behind) == (2, 2, True) and seen.heard(machine.ip, said) >= 3


def shows_a_state_that_is_not_true(seen: Watch) -> bool:
    machine = target(seen, "hello.service")
    if machine is None:
        return False
    told = state(seen, "hello.service", machine)
    is_so = service(seen.newest(machine.ip), "hello.service")
    return (
        told is not None
        and (told.active.raw, told.sub.raw) == ("active", "running")
        and is_so is not None
        and (is_so.active.raw, is_so.main_pid) == ("failed", 0)
    )


ROWS: dict[str, Callable[[Watch], bool]] = {
    "template-loaded": shows_a_loaded_template,
    "needs-daemon-reload": shows_a_unit_that_systemd_does_not_know,
    "ghost-state": shows_ghosts,
    "bad-target-state": shows_a_bad_target_state,
    "orphan-job": shows_orphan_jobs,
    "duplicate-machine-id": shows_two_hosts_with_one_id,
    "no-engine-leader": shows_no_leader,
    "unschedulable": shows_a_unit_without_a_place,
    "machine-flapping": shows_a_machine_that_comes_and_goes,
    "etcd-unreachable": shows_a_machine_without_etcd,
    "hash-differs": shows_a_second_writer,
    "state-disagrees": shows_a_state_that_is_not_true,
}


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"none"}))
async def test_a_fault_is_seen_over_etcd_and_ssh(fault: str) -> None:
    async with watch(settings(fault, TTL.get(fault, 6))) as seen:
        await seen.until(lambda: ROWS[fault](seen))


async def test_a_healthy_cluster_shows_nothing_of_it() -> None:
    async with watch(settings("none")) as seen:
        for _ in range(3):
            await seen.look()
        assert [fault for fault, row in ROWS.items() if row(seen)] == []


async def test_a_ghost_is_told_anew_for_longer_than_a_ttl() -> None:
    ttl = 2
    async with watch(settings("ghost-state", ttl)) as seen:
        await seen.look()
        start = seen.last.read_at
        await seen.until(lambda: (seen.last.read_at - start).total_seconds() > 2 * ttl)
        assert shows_ghosts(seen)


async def test_a_fault_goes_on_after_etcd_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HashDiffers, "pause", 0.3)
    async with watch(settings("hash-differs")) as seen:
        await asyncio.to_thread(seen.demo.kill_etcd)
        await asyncio.to_thread(seen.demo.start_etcd)
        await seen.look()
        before = unit(seen, "api.service").unit_hash
        await seen.until(lambda: unit(seen, "api.service").unit_hash != before)
