"""Every fault of the catalogue can be had in the demo, shows its evidence, and goes on doing so."""

import itertools
import json
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from demo_fleet import PLAIN, Cluster, mark, messages

from fleettui.cli import cli
from fleettui.demo.fault import Fault
from fleettui.demo.faults import FAULTS, fault_named
from fleettui.demo.machine import Machine
from fleettui.demo.registry_faults import gone_machine
from fleettui.demo.settings import DemoSettings
from fleettui.demo.units import HELLO, MON, TEMPLATE, ZOOKEEPER
from fleettui.model.host import FLEET_UNITS

CATALOGUE = (
    "template-loaded",
    "needs-daemon-reload",
    "ghost-state",
    "bad-target-state",
    "orphan-job",
    "duplicate-machine-id",
    "no-engine-leader",
    "unschedulable",
    "machine-flapping",
    "etcd-unreachable",
    "hash-differs",
    "state-disagrees",
)
LEASE_LOST = "Engine leadership lost, renewal failed: "
NO_FILE = (
    "Failed to trigger systemd unit search.service start: "
    "Unit search.service failed to load: No such file or directory."
)
TAKEN = "Server register machine failed: 105: Key already exists (/_coreos.com/fleet/machines/"


def befallen(fault: str, version: str = "0.11.8") -> Cluster:
    """A cluster that ran well, and then the fault came."""
    cluster = Cluster(version, fault=fault, more=(("role", "zookeeper"),))
    cluster.submit("hello.service", HELLO)
    cluster.submit("mon.service", MON)
    cluster.submit(TEMPLATE, ZOOKEEPER, "inactive")
    cluster.run(10)
    cluster.befall()
    return cluster


def state(cluster: Cluster, unit: str, machine: Machine) -> dict[str, str]:
    """What the registry holds of a unit on a machine; empty if nothing."""
    key = f"states/{unit}/{machine.id}"
    return dict(json.loads(cluster.registry.read(key).get(key, "{}")))


def recent(machine: Machine) -> list[str]:
    """The lines of fleet.service that a probe brings back."""
    return messages(machine)[-60:]


def says(machine: Machine, text: str) -> bool:
    return any(text in line for line in recent(machine))


# --- what each fault is known by -------------------------------------------------------------


def template_lies_there(cluster: Cluster) -> bool:
    said = f"Failed fetching current unit states: Unit name {TEMPLATE} "
    return any(TEMPLATE in m.systemd.managed() and says(m, said) for m in cluster.machines)


def file_is_there_but_not_found(cluster: Cluster) -> bool:
    machine, unit = cluster.scene.subject, "search.service"
    told = state(cluster, unit, machine)
    return (
        machine.files.look(FLEET_UNITS, unit) is not None
        and machine.systemd.unit(unit).load == "not-found"
        and told.get("loadState") == "not-found"
        and cluster.target(unit) == machine.id
    )


def state_of_no_job_and_of_no_machine(cluster: Cluster) -> bool:
    machine = cluster.scene.subject
    gone = gone_machine(machine)
    return (
        state(cluster, "reports.service", machine).get("activeState") == "active"
        and not cluster.registry.read("job/reports.service")
        and "reports.service" not in machine.systemd.managed()
        and f"states/hello.service/{gone}" in cluster.registry.read("states")
        and f"machines/{gone}/object" not in cluster.registry.read("machines")
    )


def word_is_unknown(cluster: Cluster) -> bool:
    said = 'failed to parse Unit(batch.service) target-state: invalid value "started" for JobState'
    return all(says(m, said) for m in cluster.machines) and (
        cluster.registry.read("job/batch.service").get("job/batch.service/target-state")
        == "started"
    )


def jobs_are_torn(cluster: Cluster) -> bool:
    said = "No Unit found in Registry for Job(export.service)"
    jobs, units = cluster.registry.read("job"), cluster.registry.read("unit")
    whole = json.loads(jobs.get("job/export.service/object", '{"UnitHash": []}'))
    return (
        "job/import.service/target-state" in jobs
        and "job/import.service/object" not in jobs
        and "job/export.service/object" in jobs
        and f"unit/{bytes(whole['UnitHash']).hex()}" not in units
        and all(says(m, said) for m in cluster.machines)
    )


def two_hosts_are_one_machine(cluster: Cluster) -> bool:
    hosts = [m for m in cluster.machines if m.id == cluster.machines[0].id]
    seen = set()
    for _ in range(31):
        cluster.run(1)
        objects = cluster.registry.read(f"machines/{hosts[0].id}").values()
        seen |= {json.loads(value)["PublicIP"] for value in objects}
    lost = any(says(m, f"{LEASE_LOST}101: Compare failed") for m in hosts)
    return seen == {m.ip for m in hosts} and len(seen) == 2 and lost


def nobody_leads(cluster: Cluster) -> bool:
    said = "Engine leadership acquisition failed: 110: "
    return cluster.leader() is None and all(says(m, said) for m in cluster.machines)


def unit_has_no_place(cluster: Cluster) -> bool:
    wanted = cluster.registry.read("job/render.service").get("job/render.service/target-state")
    placed = cluster.target("render.service") is not None
    return wanted == "launched" and not placed and cluster.leader() is not None


def machine_comes_and_goes(cluster: Cluster) -> bool:
    machine = cluster.scene.subject
    key, seen = f"machines/{machine.id}/object", set()
    for _ in range(100):
        cluster.run(1)
        seen.add(key in cluster.registry.read("machines"))
    late = "Server monitor triggered: Monitor timed out before successful heartbeat"
    went = f'Reason: "target Machine({machine.id}) went away"'
    told = says(machine, late) and any(says(m, went) for m in cluster.machines)
    return seen == {True, False} and told


def machine_cannot_reach_etcd(cluster: Cluster) -> bool:
    machine = cluster.scene.subject
    return all(
        says(machine, said)
        for said in (
            "Failed fetching Units from Registry: ",
            "Unable to determine agent's desired state: ",
            "Establishing etcd connectivity",
        )
    )


def unit_is_loaded_over_and_over(cluster: Cluster) -> bool:
    said = 'type=UnloadUnit job=api.service reason="unit loaded but hash differs to expected"'
    target = cluster.target("api.service")
    if target is None:
        return False
    lines = sum(said in line for line in recent(cluster.machine(target)))
    seen = set()
    for _ in range(20):
        cluster.run(1)
        seen.add(cluster.registry.read("job/api.service")["job/api.service/object"])
    return lines >= 3 and len(seen) == 2


def registry_says_otherwise(cluster: Cluster) -> bool:
    machine = cluster.machine(str(cluster.target("hello.service")))
    told = state(cluster, "hello.service", machine).get("activeState")
    return told == "active" and machine.systemd.unit("hello.service").active == "failed"


SIGNS: dict[str, Callable[[Cluster], bool]] = {
    "template-loaded": template_lies_there,
    "needs-daemon-reload": file_is_there_but_not_found,
    "ghost-state": state_of_no_job_and_of_no_machine,
    "bad-target-state": word_is_unknown,
    "orphan-job": jobs_are_torn,
    "duplicate-machine-id": two_hosts_are_one_machine,
    "no-engine-leader": nobody_leads,
    "unschedulable": unit_has_no_place,
    "machine-flapping": machine_comes_and_goes,
    "etcd-unreachable": machine_cannot_reach_etcd,
    "hash-differs": unit_is_loaded_over_and_over,
    "state-disagrees": registry_says_otherwise,
}


@pytest.mark.parametrize("fault", CATALOGUE)
def test_a_fault_shows_its_own_signs_and_no_others(fault: str) -> None:
    cluster = befallen(fault)
    cluster.run(40)
    assert [name for name, sign in SIGNS.items() if sign(cluster)] == [fault]


@pytest.mark.parametrize("fault", CATALOGUE)
def test_a_fault_is_as_plain_after_ten_minutes(fault: str) -> None:
    cluster = befallen(fault)
    cluster.run(600)
    assert SIGNS[fault](cluster)


@pytest.mark.parametrize("fault", CATALOGUE)
def test_a_fault_shows_on_a_computer_that_was_just_booted(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    booted = time.monotonic() - 60  # the past that is played lies before that
    monkeypatch.setattr(
        "fleettui.demo.clock.time",
        SimpleNamespace(time=time.time, monotonic=lambda: time.monotonic() - booted),
    )
    cluster = befallen(fault)
    cluster.run(40)
    assert SIGNS[fault](cluster)


def test_a_healthy_cluster_shows_no_signs() -> None:
    cluster = befallen("none")
    cluster.run(40)
    assert [name for name, sign in SIGNS.items() if sign(cluster)] == []


# 0.8 does not compare hashes, and from 0.13 on the second host of an ID is not let in.
OTHERWISE = {("hash-differs", "0.8.3"), ("duplicate-machine-id", "1.0.0")}


@pytest.mark.parametrize(
    ("fault", "version"),
    sorted({*itertools.product(CATALOGUE, ("0.8.3", "0.9.2", "0.10.2", "1.0.0"))} - OTHERWISE),
)
def test_a_fault_shows_in_other_releases_too(fault: str, version: str) -> None:
    cluster = befallen(fault, version)
    cluster.run(40)
    assert SIGNS[fault](cluster)


# --- what is particular to some --------------------------------------------------------------


@pytest.mark.parametrize("version", ["0.13.0", "1.0.0"])
def test_from_0_13_on_the_second_host_of_an_id_is_never_let_in(version: str) -> None:
    cluster = befallen("duplicate-machine-id", version)
    clone = cluster.machines[-1]
    cluster.run(200)
    assert says(clone, TAKEN)
    since = mark(clone)
    cluster.run(70)
    assert any(line.startswith(TAKEN) for line in messages(clone, since))
    objects = cluster.registry.read(f"machines/{clone.id}").values()
    assert [json.loads(value)["PublicIP"] for value in objects] == [cluster.machines[0].ip]


def test_two_hosts_of_one_id_are_named_for_about_as_long() -> None:
    cluster = befallen("duplicate-machine-id")
    key = f"machines/{cluster.machines[0].id}/object"
    named = []
    for _ in range(60):
        cluster.run(1)
        named.append(json.loads(cluster.registry.read(key)[key])["PublicIP"])
    assert 20 < named.count(cluster.machines[0].ip) < 40


def test_a_unit_that_systemd_does_not_know_is_told_so_once_and_needs_no_reload_it_says() -> None:
    cluster = befallen("needs-daemon-reload")
    machine = cluster.scene.subject
    cluster.run(20)
    assert messages(machine).count(NO_FILE) == 1
    assert not machine.systemd.needs_reload(machine.systemd.unit("search.service"))
    assert "Instructing systemd to reload units" not in messages(machine)


def test_a_reload_and_a_start_cure_the_unit_that_systemd_did_not_know() -> None:
    cluster = befallen("needs-daemon-reload")
    machine = cluster.scene.subject
    machine.systemd.reload()
    machine.systemd.start("search.service")
    cluster.run(3)
    assert state(cluster, "search.service", machine)["activeState"] == "active"


def test_a_ghost_ends_with_the_fleetd_that_tells_it() -> None:
    cluster = befallen("ghost-state")
    cluster.scene.subject.fleet.restart()
    cluster.run(40)
    assert not cluster.registry.read("states/reports.service")


def test_a_ghost_whose_key_was_removed_does_not_come_back() -> None:
    cluster = befallen("ghost-state")
    cluster.registry.delete("states/reports.service")
    cluster.run(40)
    assert not cluster.registry.read("states/reports.service")


def test_a_word_that_fleet_knows_brings_the_unit_back() -> None:
    cluster = befallen("bad-target-state")
    cluster.set_wanted("batch.service", "launched")
    cluster.run(8)
    target = cluster.machine(str(cluster.target("batch.service")))
    assert state(cluster, "batch.service", target)["activeState"] == "active"


def test_a_torn_job_is_forgotten_with_its_folder() -> None:
    cluster = befallen("orphan-job")
    cluster.destroy("export.service")
    cluster.run(3)
    since = mark(cluster.machines[0])
    cluster.run(20)
    assert not any("export.service" in line for line in messages(cluster.machines[0], since))


def test_the_leader_says_why_it_lost_the_lease_and_nothing_is_scheduled_any_more() -> None:
    cluster = befallen("no-engine-leader")
    said = [[line for line in messages(m) if LEASE_LOST in line] for m in cluster.machines]
    assert all(line.startswith(f"{LEASE_LOST}110: ") for lines in said for line in lines)
    assert [bool(lines) for lines in said] == [True, False, False]
    cluster.submit("late.service", PLAIN)
    cluster.run(20)
    assert cluster.target("late.service") is None


def test_a_lease_that_may_be_written_again_has_a_leader_whom_the_others_follow() -> None:
    cluster = befallen("no-engine-leader")
    since = [mark(machine) for machine in cluster.machines]
    for machine in cluster.machines:
        machine.way.registry = cluster.registry
    cluster.run(8)
    leader = cluster.leader()
    said = [messages(m, at) for m, at in zip(cluster.machines, since, strict=True)]
    for machine, lines in zip(cluster.machines, said, strict=True):
        leads = machine.id == leader
        assert ("Engine leadership acquired" in lines) is leads
        assert (f"Engine leader is {leader}" in lines) is not leads


def test_a_machine_that_cannot_reach_etcd_is_gone_within_a_ttl_and_runs_on() -> None:
    cluster = befallen("etcd-unreachable")
    machine = cluster.scene.subject
    running = machine.systemd.main_pids()
    cluster.run(50)
    assert f"machines/{machine.id}/object" not in cluster.registry.read("machines")
    assert machine.systemd.main_pids() == running
    assert cluster.target("hello.service") != machine.id


@pytest.mark.parametrize("ttl", range(10, 20))
def test_a_fleetd_that_gave_etcd_up_says_nothing_more(ttl: int) -> None:
    cluster = Cluster("0.11.8", fault="etcd-unreachable", ttl=ttl)
    cluster.befall()
    cluster.run(60)
    assert messages(cluster.scene.subject)[-2:] == [
        "Server monitor triggered: Monitor timed out before successful heartbeat",
        "Establishing etcd connectivity",
    ]


def test_a_new_fleetd_hears_systemd_again_and_starts_the_unit_that_had_died() -> None:
    cluster = befallen("state-disagrees")
    machine = cluster.machine(str(cluster.target("hello.service")))
    machine.fleet.kill("KILL")
    machine.fleet.start()
    cluster.run(10)
    assert machine.systemd.unit("hello.service").active == "active"
    assert not registry_says_otherwise(cluster)


# --- settings and the command line -----------------------------------------------------------


def test_every_fault_of_the_catalogue_is_there_and_none_besides() -> None:
    assert set(FAULTS) == {*CATALOGUE, "none"}
    assert fault_named("template") is FAULTS["template-loaded"]
    assert fault_named("none") is Fault


def test_a_fault_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no fault 'templat'; it knows template-loaded, .*none"):
        DemoSettings(fault="templat")


@pytest.mark.parametrize("fault", ["machine-flapping", "etcd-unreachable"])
def test_a_fault_that_needs_others_to_see_it_is_refused_for_one_machine(fault: str) -> None:
    assert DemoSettings(fault=fault, machines=2).fault == fault
    with pytest.raises(ValueError, match=f"{fault} takes at least 2 machines"):
        DemoSettings(fault=fault, machines=1)


def test_the_command_lists_the_faults_without_a_terminal() -> None:
    done = CliRunner().invoke(cli, ["demo", "--fault", "list"])
    assert done.exit_code == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [*CATALOGUE, "none", "template"]


def test_an_unknown_fault_is_a_usage_error() -> None:
    done = CliRunner().invoke(cli, ["demo", "--fault", "nonsense"])
    assert done.exit_code == 2
    assert "no fault 'nonsense'" in done.stderr
