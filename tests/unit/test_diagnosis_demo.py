"""What simulated fleetds say over minutes, diagnosed second by second: when a fault is found."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from demo_fleet import VERSIONS, Cluster, every_version, from_0_13
from diagnosis_cases import U

from fleettui.demo.machine import Machine as Host
from fleettui.demo.probe import probe
from fleettui.diagnosis.departed import place_of
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Confidence
from fleettui.diagnosis.history import EMPTY, History
from fleettui.hosts.probe import read_probe
from fleettui.model.cluster import Leader, Machine, Snapshot
from fleettui.model.host import HostFacts

Found = set[tuple[str, U | None]]
"""Faults and machines."""


class Watcher:
    """Somebody who asks, each second of a cluster's time, wherever a machine was ever listed."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.history: History = EMPTY
        self.reports: dict[U, HostFacts] = {}
        self.snapshot = self._read()

    def look(self) -> Found:
        self.snapshot = self._read()
        self.history = self.history.seen(self.snapshot)
        away = self.history.away
        left = (*away.departed.values(), *away.former.values())
        for machine in (*self.snapshot.machines.values(), *(d.machine for d in left)):
            host = next(h for h in self.cluster.machines if h.ip == machine.public_ip.raw)
            facts = self._ask(host, machine)
            self.history = self.history.told(facts, machine)
            if place_of(machine) not in away.former:
                self.reports[machine.id] = facts
        self.findings = diagnose(self.snapshot, self.reports, self.history)
        return {(f.fault, f.machine_id) for f in self.findings}

    def each_second(self, seconds: int) -> Iterator[Found]:
        for _ in range(seconds):
            self.cluster.run(1)
            yield self.look()

    @property
    def now(self) -> datetime:
        clock = self.cluster.clock
        return datetime.fromtimestamp(clock.wall(clock.now()), UTC)

    def _ask(self, host: Host, machine: Machine) -> HostFacts:
        return read_probe(probe(host, []), machine.id, self.now)

    def _read(self) -> Snapshot:
        registry = self.cluster.registry
        objects = [json.loads(value) for value in registry.read("machines").values()]
        machines = [Machine(U(o["ID"]), U(o["PublicIP"])) for o in objects]
        leader = self.cluster.leader()
        return Snapshot(
            index=1,
            read_at=self.now,
            machines={m.id: m for m in machines},
            leader=Leader(U(leader)) if leader else None,
        )


def lost(version: str, seconds: int) -> tuple[Watcher, Found]:
    """A cluster whose second machine loses its etcd, after some time; and what is to be found."""
    cluster = Cluster(version, fault="etcd-unreachable")
    watcher = Watcher(cluster)
    watcher.look()
    cluster.befall()
    for _ in watcher.each_second(seconds):
        pass
    return watcher, {("etcd-unreachable", U(cluster.scene.subject.id))}


# --- etcd-unreachable -------------------------------------------------------------------------


@every_version
def test_a_machine_that_loses_etcd_is_found_and_stays_found_without_a_break(version: str) -> None:
    # It loses it after a last heartbeat, at most 15 s later, and must have failed for 10 s.
    watcher, expected = lost(version, 32)
    found = list(watcher.each_second(100))
    assert all(each == expected for each in found), [
        n for n, f in enumerate(found) if f != expected
    ]
    assert watcher.history.away.departed
    (finding,) = watcher.findings
    assert finding.confidence is Confidence.PROVEN
    assert f"/{watcher.cluster.scene.subject.ip} " in finding.summary


@pytest.mark.parametrize("version", VERSIONS[2:4])
def test_from_0_11_to_0_12_it_is_found_long_after_its_last_word(version: str) -> None:
    watcher, expected = lost(version, 600)
    (facts,) = (f for m, f in watcher.reports.items() if ("etcd-unreachable", m) in expected)
    assert (facts.clock - facts.journal[-1].at).total_seconds() > 500
    assert "Establishing etcd connectivity" in facts.journal[-1].message.raw
    assert watcher.look() == expected


@every_version
def test_a_machine_that_reaches_etcd_again_is_found_no_more_once_its_fleetd_tried(
    version: str,
) -> None:
    watcher, _ = lost(version, 100)
    watcher.cluster.scene.subject.way.registry = watcher.cluster.registry
    for _ in watcher.each_second(65):
        pass
    assert watcher.history.away.departed == {}
    assert all(found == set() for found in watcher.each_second(20))


@pytest.mark.parametrize("version", VERSIONS[1:])  # 0.8 does not tell of its start
def test_a_start_of_fleetd_is_found_only_if_etcd_is_not_there_for_long(version: str) -> None:
    cluster = Cluster(version)
    watcher = Watcher(cluster)
    cluster.machines[1].fleet.restart()
    assert all(found == set() for found in watcher.each_second(20))
    cluster.fault = type(lost(version, 1)[0].cluster.fault)()
    cluster.befall()
    for _ in watcher.each_second(20):
        pass
    cluster.machines[1].fleet.kill("KILL")
    cluster.machines[1].fleet.start()
    found = list(watcher.each_second(60))
    assert found[5] == set()
    expected = {("etcd-unreachable", U(cluster.machines[1].id))}
    assert all(each == expected for each in found[13:])


# --- duplicate-machine-id from 0.13 on --------------------------------------------------------


def doubled(version: str) -> tuple[Watcher, Host, Host]:
    """A cluster with a clone of its first machine, which was never let in."""
    cluster = Cluster(version, fault="duplicate-machine-id")
    watcher = Watcher(cluster)
    cluster.befall()
    for _ in watcher.each_second(30):
        pass
    return watcher, cluster.machines[0], cluster.machines[-1]


@from_0_13
def test_a_clone_that_was_kept_out_ever_since_is_found_by_nobody(version: str) -> None:
    watcher, _, _ = doubled(version)
    assert all(found == set() for found in watcher.each_second(80))


@from_0_13
def test_a_clone_that_took_the_machines_place_is_found_once_the_first_host_is_back(
    version: str,
) -> None:
    watcher, first, clone = doubled(version)
    expected = {("duplicate-machine-id", U(first.id))}
    first.fleet.stop()
    for _ in watcher.each_second(100):
        pass
    listed = watcher.snapshot.machines[U(first.id)]
    assert listed.public_ip.raw == clone.ip
    # Its fleetd is stopped, but the host answers with the same ID.
    assert watcher.look() == expected
    first.fleet.start()
    found = list(watcher.each_second(150))
    assert all(each == expected for each in found)
    finding = next(f for f in watcher.findings if f.fault == "duplicate-machine-id")
    assert finding.confidence is Confidence.PROVEN
    assert any("105: Key already exists" in e.what.raw for e in finding.evidence)


@from_0_13
def test_an_unclean_stop_of_a_single_host_is_silent_all_along(version: str) -> None:
    cluster = Cluster(version)
    watcher = Watcher(cluster)
    cluster.run(20)
    cluster.machines[1].fleet.kill("KILL")
    cluster.machines[1].fleet.start()
    assert all(found == set() for found in watcher.each_second(120))


@pytest.mark.parametrize("version", VERSIONS[:4])
def test_up_to_0_12_hosts_that_take_turns_are_found(version: str) -> None:
    watcher, first, _ = doubled(version)
    found = list(watcher.each_second(60))
    assert ("duplicate-machine-id", U(first.id)) in found[-1]
