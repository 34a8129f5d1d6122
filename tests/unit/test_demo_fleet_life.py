"""fleetd's ordinary life in the demo: leases, heartbeats, scheduling, and its very words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from demo_fleet import EVERY_SECOND, PLAIN, ZK, Cluster, every_version, faulted, messages

from fleettui.demo.fleetd import SOURCES

# --- fleetd's ordinary life ------------------------------------------------------------------


@every_version
def test_sigterm_stops_and_unloads_all_and_takes_back_what_was_published(version: str) -> None:
    cluster = Cluster(version, machines=1)
    cluster.submit("hello.service", PLAIN)
    cluster.run(6)
    only = cluster.machines[0]
    assert cluster.told("hello.service", only) == "active"
    only.fleet.stop()
    cluster.run(3)
    assert only.systemd.main_pids() == {}
    assert only.systemd.managed() == {}
    assert only.fleet.active == "inactive"
    left = cluster.registry.read("machines") | cluster.registry.read("states")
    assert not left
    assert not cluster.registry.read("lease")
    assert not cluster.registry.read("job/hello.service/job-state")


def test_a_killed_fleetd_leaves_its_keys_until_their_ttl_and_is_started_after_ten_seconds() -> None:
    cluster = Cluster("0.11.8", machines=1)
    cluster.submit("hello.service", PLAIN)
    cluster.run(6)
    only = cluster.machines[0]
    pids, old = only.systemd.main_pids(), only.fleet.main_pid
    only.fleet.kill("KILL")
    cluster.run(9)
    assert (only.fleet.active, only.fleet.sub) == ("activating", "auto-restart")
    assert cluster.told("hello.service", only) == "active"
    cluster.run(3)
    assert only.fleet.active == "active"
    assert only.fleet.main_pid not in {0, old}
    assert only.systemd.main_pids() == pids


def test_heartbeats_and_states_are_renewed_twice_a_ttl() -> None:
    cluster = Cluster("0.11.8")
    cluster.submit("hello.service", PLAIN)
    cluster.run(40)
    target = cluster.target("hello.service")
    for _ in range(60):
        cluster.run(1)
        for key in (
            f"machines/{target}/object",
            f"states/hello.service/{target}",
            "state/hello.service",
            "job/hello.service/job-state",
        ):
            assert cluster.registry.ends(key) > 30 / 2 - 1


def test_another_engine_takes_the_lease_within_its_ttl() -> None:
    cluster = Cluster("0.11.8")
    first = cluster.leader()
    assert first is not None
    cluster.machine(first).fleet.kill("KILL")
    cluster.machine(first).fleet.stop()
    cluster.run(13)
    assert cluster.leader() not in {None, first}
    cluster.submit("hello.service", PLAIN)
    cluster.run(3)
    assert cluster.target("hello.service") is not None


def test_units_of_a_machine_that_is_gone_move_away() -> None:
    cluster = Cluster("0.11.8")
    cluster.submit("hello.service", PLAIN)
    cluster.run(4)
    first = cluster.machine(str(cluster.target("hello.service")))
    first.fleet.kill("KILL")
    first.fleet.stop()
    cluster.run(35)
    now = cluster.target("hello.service")
    assert now not in {None, first.id}
    went = f'Reason: "target Machine({first.id}) went away"'
    assert any(went in line for m in cluster.machines for line in messages(m))


def test_fleetd_outlives_an_etcd_that_is_away_and_says_so() -> None:
    cluster = Cluster("0.11.8")
    cluster.submit("hello.service", PLAIN)
    cluster.run(6)
    cluster.registry.broken = True
    cluster.run(40)
    assert sum(len(m.systemd.main_pids()) for m in cluster.machines) == 1
    cluster.registry.broken = False
    cluster.run(65)
    said = messages(cluster.machines[0])
    assert "Failed fetching Units from Registry: etcd does not answer" in said
    assert "Unable to determine agent's desired state: etcd does not answer" in said
    late = "Server monitor triggered: Monitor timed out before successful heartbeat"
    assert late in said
    assert len(cluster.registry.read("machines")) == 3
    running = [m for m in cluster.machines if "hello.service" in m.systemd.main_pids()]
    assert [m.id for m in running] == [cluster.target("hello.service")]


def test_a_changed_file_is_unloaded_and_loaded_anew() -> None:
    cluster = Cluster("0.11.8", machines=1)
    cluster.submit("hello.service", PLAIN)
    cluster.run(6)
    before = cluster.machines[0].systemd.main_pids()["hello.service"]
    cluster.submit("hello.service", f"# second\n{PLAIN}")
    cluster.run(8)
    assert cluster.machines[0].systemd.managed()["hello.service"].startswith("# second")
    assert cluster.machines[0].systemd.main_pids()["hello.service"] != before


def test_a_unit_goes_up_and_down_with_what_is_wanted_of_it() -> None:
    cluster = Cluster("0.11.8", machines=1)
    only = cluster.machines[0]
    cluster.submit("hello.service", PLAIN, "loaded")
    cluster.run(7)
    assert cluster.told("hello.service", only) == "inactive"
    cluster.set_wanted("hello.service", "launched")
    cluster.run(7)
    assert cluster.told("hello.service", only) == "active"
    assert cluster.registry.read("job/hello.service/job-state")
    cluster.set_wanted("hello.service", "loaded")
    cluster.run(7)
    assert cluster.told("hello.service", only) == "inactive"
    assert not cluster.registry.read("job/hello.service/job-state")
    cluster.set_wanted("hello.service", "inactive")
    cluster.run(7)
    assert cluster.target("hello.service") is None
    assert only.systemd.managed() == {}
    assert not cluster.registry.read("states/hello.service")


def test_records_that_fleet_cannot_read_are_told_and_passed_over() -> None:
    cluster = Cluster("0.11.8", machines=1)
    cluster.submit("odd.service", PLAIN, "lunched")
    cluster.registry.write("job/orphan.service/object", json.dumps({"UnitHash": [0] * 20}))
    cluster.registry.write("job/broken.service/object", "{")
    cluster.submit("good.service", PLAIN)
    cluster.run(7)
    said = messages(cluster.machines[0])
    assert any('invalid value "lunched" for JobState' in line for line in said)
    assert "No Unit found in Registry for Job(orphan.service)" in said
    assert cluster.told("good.service", cluster.machines[0]) == "active"
    assert cluster.target("odd.service") is None


# --- where units may go ----------------------------------------------------------------------


def where(options: str) -> str | None:
    """The hostname that a unit with these [X-Fleet] options is given, or None."""
    cluster = Cluster("0.11.8")
    cluster.submit("first.service", f"{PLAIN}\n[X-Fleet]\nMachineMetadata=az=az2\n")
    cluster.run(3)
    text = options.replace("ID3", cluster.machines[2].id)
    cluster.submit("unit@7.service", f"{PLAIN}\n[X-Fleet]\n{text}")
    cluster.run(3)
    target = cluster.target("unit@7.service")
    return None if target is None else cluster.machine(target).traits.hostname


@pytest.mark.parametrize(
    ("options", "hostname"),
    [
        ("MachineMetadata=az=az3", "core-03"),
        ("X-ConditionMachineMetadata=az=az3", "core-03"),
        ("MachineMetadata=az=az3\nMachineMetadata=az=az9", "core-03"),
        ("MachineMetadata=az=az3\nMachineMetadata=disk=ssd", None),
        ("MachineMetadata=az\nMachineMetadata=az=az3", "core-03"),
        ("MachineMetadata=az=az9", None),
        ("MachineID=ID3", "core-03"),
        ("X-ConditionMachineID=ID3", "core-03"),
        ("MachineID=nobody", None),
        ("MachineOf=first.service", "core-02"),
        ("MachineOf=%p.service", None),
        ("MachineMetadata=az=az2\nConflicts=first.*", None),
        ("MachineMetadata=az=az2\nX-Conflicts=first.service other.service", None),
        ("MachineMetadata=az=az%i", None),
    ],
)
def test_the_engine_follows_fleets_rules(options: str, hostname: str | None) -> None:
    assert where(options) == hostname


def test_conflicts_hold_back_whichever_unit_comes_second() -> None:
    cluster = Cluster("0.11.8", machines=1)
    cluster.submit("a.service", f"{PLAIN}\n[X-Fleet]\nConflicts=b.service\n")
    cluster.run(3)
    cluster.submit("b.service", PLAIN)
    cluster.run(3)
    assert cluster.target("a.service") is not None
    assert cluster.target("b.service") is None


def test_a_global_unit_runs_on_every_machine_that_fits_and_has_no_target() -> None:
    cluster = Cluster("0.11.8")
    cluster.submit("mon.service", f"{PLAIN}\n[X-Fleet]\nGlobal=yes\n")
    some = f"{PLAIN}\n[X-Fleet]\nGlobal=true\nMachineMetadata=az=az1\nMachineMetadata=az=az2\n"
    cluster.submit("some.service", some)
    cluster.run(8)
    assert [cluster.told("mon.service", m) for m in cluster.machines] == ["active"] * 3
    assert [cluster.told("some.service", m) for m in cluster.machines] == ["active"] * 2 + [None]
    assert cluster.target("mon.service") is None


# --- words -----------------------------------------------------------------------------------

# From the journals of real fleetds, from the load of the template on.
LOADED = 'type=LoadUnit job=zookeeper@.service reason="unit scheduled here but not loaded"'
RELOADED = 'type=ReloadUnitFiles job=N/A reason="always reload unit files"'
RECORDED = {
    "0.9.2": (
        "INFO manager.go:248: Writing systemd unit zookeeper@.service (%db)",
        "INFO manager.go:184: Instructing systemd to reload units",
        f"INFO reconcile.go:332: AgentReconciler completed task: {LOADED}",
        f"INFO reconcile.go:332: AgentReconciler completed task: {RELOADED}",
        f"ERROR generator.go:67: {EVERY_SECOND}",
    ),
    "0.11.8": (
        "INFO manager.go:246: Writing systemd unit zookeeper@.service (%db)",
        "INFO manager.go:182: Instructing systemd to reload units",
        f"INFO reconcile.go:330: AgentReconciler completed task: {LOADED}",
        f"INFO reconcile.go:330: AgentReconciler completed task: {RELOADED}",
        f"ERROR generator.go:65: {EVERY_SECOND}",
    ),
    "1.0.0": (
        "INFO manager.go:268: Writing systemd unit zookeeper@.service (%db)",
        "INFO manager.go:194: Instructing systemd to reload units",
        f"INFO reconcile.go:345: AgentReconciler completed task: {LOADED}",
        f"INFO reconcile.go:345: AgentReconciler completed task: {RELOADED}",
        f"ERROR generator.go:65: {EVERY_SECOND}",
    ),
}


@pytest.mark.parametrize("version", RECORDED)
def test_the_journal_reads_as_the_recorded_one(version: str) -> None:
    _, broken = faulted(version)
    lines = [
        str(json.loads(entry.line)["MESSAGE"])
        for entry in broken.journal.tail(["fleet.service"], 100_000)
    ]
    expected = [line.replace("%d", str(len(ZK))) for line in RECORDED[version]]
    at = lines.index(expected[0])
    assert lines[at : at + len(expected)] == expected


def test_states_and_machines_are_written_as_recorded() -> None:
    cluster = Cluster("1.0.0", machines=1)
    cluster.submit("hello.service", "[Unit]\nDescription=hello\n\n" + PLAIN)
    cluster.run(6)
    only = cluster.machines[0]
    state = cluster.registry.read("states")[f"states/hello.service/{only.id}"]
    assert state == (
        '{"loadState":"loaded","activeState":"active","subState":"running","machineState":'
        f'{{"ID":"{only.id}","PublicIP":"","Metadata":null,"Capabilities":null,"Version":""}},'
        '"unitHash":"34f13d7f86cf7ed301df960aeae20d3e4bb83f81"}'
    )
    assert cluster.registry.read("machines")[f"machines/{only.id}/object"] == (
        f'{{"ID":"{only.id}","PublicIP":"10.0.0.1","Metadata":{{"az":"az1"}},'
        '"Capabilities":{"DISABLE_ENGINE":false,"GRPC":false},"Version":"1.0.0"}'
    )


def test_the_files_of_fleetd_run_on_a_bare_python(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for name in SOURCES:
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((root / name).read_bytes())
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import fleettui.demo.fleetd as fleetd, fleettui.demo.http_registry as http\n"
        "print(fleetd.__file__, http.__file__)"
    )
    done = subprocess.run(
        (sys.executable, "-I", "-S", "-c", program), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert all(str(tmp_path) in path for path in done.stdout.split())
