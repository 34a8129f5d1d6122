"""The stand-in of fleetd on a real systemd breaks and heals as real clusters were measured to."""

import hashlib
import json
import re
import statistics
import time
from itertools import pairwise

import pytest

from fleettui.commands import (
    ChangeCommand,
    daemon_reload,
    kill_fleet,
    remove_file,
    remove_link,
    restart_fleet,
    start_fleet,
)
from fleettui.model.host import FLEET_SERVICE, FLEET_UNITS, SYSTEMD_UNITS
from fleettui.registry.keys import DEFAULT_PREFIX

from .cluster import TEMPLATE, Cluster
from .machines import Machine
from .operator_ssh import OperatorSsh
from .shell import run, wait_until

FAST = re.compile(
    r"ERROR generator\.go:\d+: Failed fetching current unit states: "
    rf"Unit name {re.escape(TEMPLATE)} is neither a valid invocation ID nor unit name\."
)
SLOW = re.compile(
    r"ERROR reconcile\.go:\d+: Unable to determine agent's current state: failed fetching unit "
    rf"states from UnitManager: Unit name {re.escape(TEMPLATE)} is neither a valid invocation ID "
    r"nor unit name\."
)
QUIET = 12.0
"""Seconds without a line of the fault after which a machine counts as healthy."""


def times_of(pattern: re.Pattern[str], machine: Machine, since: float = 0) -> list[float]:
    lines = machine.journal(FLEET_SERVICE, since)
    return [line.at for line in lines if pattern.fullmatch(line.message)]


def usual_gap(times: list[float]) -> float:
    return statistics.median(later - earlier for earlier, later in pairwise(times))


def stays_quiet(cluster: Cluster, machine: Machine, since: float) -> bool:
    """Whether no line of the fault comes for QUIET seconds after `since`."""
    wait_until(
        lambda: time.time() > since + QUIET or cluster.fault_lines(machine, since),
        "the quiet time to pass",
        within=QUIET + 10,
        every=0.5,
    )
    return cluster.fault_lines(machine, since) == []


def do(ssh: OperatorSsh, machine: Machine, command: ChangeCommand) -> str:
    ended = ssh.perform(machine, command)
    assert (ended.returncode, ended.stderr) == (0, b"")
    return ended.stdout.decode()


def with_template(cluster: Cluster) -> tuple[Machine, list[str], dict[str, int]]:
    """The machine that has the fault, its units and their main processes."""
    broken = cluster.load_template()
    units = cluster.units_of(broken)
    return broken, units, broken.main_pids(units)


def take_template_away(cluster: Cluster, ssh: OperatorSsh, machine: Machine) -> None:
    """What the wizard's step does, the registry first, and the engine's answer to it."""
    key = f"job/{TEMPLATE}/target-state"
    assert cluster.fleetctl.registry.write(key, "inactive", prev_value="loaded")
    wait_until(lambda: cluster.fleetctl.target(TEMPLATE) is None, "the engine to unschedule it", 10)
    take_files_away(ssh, machine)


def take_files_away(ssh: OperatorSsh, machine: Machine) -> None:
    content = machine.live(f"{FLEET_UNITS}/{TEMPLATE}").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert do(ssh, machine, remove_link(TEMPLATE, "t1")).startswith("removed\n")
    assert do(ssh, machine, remove_file(TEMPLATE, sha256, "t2")).startswith("removed\n")
    do(ssh, machine, daemon_reload())


def restart_fully(ssh: OperatorSsh, machine: Machine) -> float:
    """When the new process was there, in seconds since 1970."""
    before = machine.main_pid(FLEET_SERVICE)
    do(ssh, machine, restart_fleet())
    return new_process(machine, before)


def restart_gently(ssh: OperatorSsh, machine: Machine) -> float:
    """When the new process was there, in seconds since 1970."""
    before = machine.main_pid(FLEET_SERVICE)
    do(ssh, machine, kill_fleet())
    wait_until(lambda: machine.main_pid(FLEET_SERVICE) != before, "the old fleetd to be gone")
    do(ssh, machine, start_fleet())  # systemd keeps the job waiting for its own RestartSec
    return new_process(machine, before)


def new_process(machine: Machine, before: int) -> float:
    wait_until(lambda: machine.main_pid(FLEET_SERVICE) not in {0, before}, "a new fleetd")
    return float(time.time())


def leftovers(machine: Machine) -> list[str]:
    folders = (machine.live(FLEET_UNITS), machine.live(SYSTEMD_UNITS))
    return [str(f) for folder in folders for f in folder.iterdir() if f.name == TEMPLATE]


def test_a_loaded_template_fills_the_journal_at_one_and_at_five_seconds(cluster: Cluster) -> None:
    broken = cluster.load_template()
    wait_until(lambda: len(times_of(SLOW, broken)) >= 4, "four lines of the slower loop", within=40)
    # The first line of either comes early, right after the template was loaded.
    assert usual_gap(times_of(FAST, broken)[1:]) == pytest.approx(1, abs=0.3)
    assert usual_gap(times_of(SLOW, broken)[1:]) == pytest.approx(5, abs=0.7)
    assert {line.identifier for line in broken.journal(FLEET_SERVICE)} == {"fleetd", "systemd"}


@pytest.mark.parametrize("fleetd_version", ["0.8.3"])
def test_fleet_0_8_3_prints_only_the_faster_line(cluster: Cluster) -> None:
    broken = cluster.load_template()
    wait_until(lambda: len(times_of(FAST, broken)) >= 7, "more than one period of the slower loop")
    assert times_of(SLOW, broken) == []


def test_only_the_machine_with_the_template_has_the_fault(cluster: Cluster) -> None:
    broken = cluster.load_template()
    wait_until(lambda: len(cluster.fault_lines(broken)) >= 3, "the fault to repeat")
    others = [m for m in cluster.machines if m is not broken]
    assert [cluster.fault_lines(m) for m in others] == [[], []]
    assert len(leftovers(broken)) == 2
    assert [leftovers(m) for m in others] == [[], []]


def test_a_broken_agent_goes_on_publishing_the_last_state_of_a_dead_unit(cluster: Cluster) -> None:
    broken = cluster.load_template()
    victim = next(u for u in cluster.units_of(broken) if u != "mon.service")
    broken.run("systemctl", "stop", victim)
    before = cluster.fleetctl.index_of_state(victim, broken.machine_id)
    wait_until(
        lambda: cluster.fleetctl.index_of_state(victim, broken.machine_id) > before,
        "the state to be written again",
    )
    assert cluster.fleetctl.states(victim)[broken.machine_id].sub == "running"
    assert broken.show(victim, "SubState") == "dead"


def test_a_restart_alone_keeps_the_fault_and_hides_units_that_still_run(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken, units, pids = with_template(cluster)
    restarted = restart_fully(ssh, broken)
    wait_until(lambda: len(times_of(SLOW, broken, restarted)) >= 2, "the fault after the restart")
    assert cluster.units_of(broken) == []
    assert broken.main_pids(units) == pids


def test_the_fault_is_back_at_once_where_the_registry_was_left_alone(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken, units, pids = with_template(cluster)
    take_files_away(ssh, broken)
    restarted = restart_fully(ssh, broken)
    wait_until(lambda: times_of(SLOW, broken, restarted), "the fault after the restart", within=10)
    assert len(leftovers(broken)) == 2

    def restarted_all() -> bool:
        return all(pid != pids[unit] for unit, pid in broken.main_pids(units).items())

    wait_until(restarted_all, "every unit of the machine to be another process")


def test_destroying_the_template_alone_leaves_the_agent_broken(cluster: Cluster) -> None:
    broken = cluster.load_template()
    cluster.fleetctl.destroy(TEMPLATE)
    destroyed = time.time()
    wait_until(lambda: len(times_of(SLOW, broken, destroyed)) >= 2, "the fault to go on")
    assert cluster.fleetctl.registry.read(f"job/{TEMPLATE}") == {}
    assert len(leftovers(broken)) == 2


def test_without_a_restart_fleetd_still_holds_the_name_in_memory(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken = cluster.load_template()
    cluster.fleetctl.destroy(TEMPLATE)
    take_files_away(ssh, broken)
    removed = time.time()
    wait_until(lambda: len(times_of(FAST, broken, removed)) >= 8, "two periods of the slower loop")
    assert times_of(SLOW, broken, removed) == []


@pytest.mark.parametrize("fleetd_version", ["0.8.3", "0.12.0"])
def test_the_right_order_with_the_gentle_restart_repairs_and_restarts_no_unit(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken, units, pids = with_template(cluster)
    take_template_away(cluster, ssh, broken)
    restarted = restart_gently(ssh, broken)
    assert stays_quiet(cluster, broken, restarted)
    assert broken.main_pids(units) == pids
    assert leftovers(broken) == []
    assert cluster.units_of(broken) == units
    assert cluster.agrees_with_systemd(broken)
    assert cluster.fleetctl.value(f"job/{TEMPLATE}/target-state") == "inactive"


def test_the_full_restart_repairs_and_restarts_every_unit(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken, units, pids = with_template(cluster)
    take_template_away(cluster, ssh, broken)
    restarted = restart_fully(ssh, broken)
    assert stays_quiet(cluster, broken, restarted)
    # While fleetd purges, the engine may give a unit to another machine: it restarts there then.
    assert all(pid != pids[unit] for unit, pid in broken.main_pids(units).items())
    assert leftovers(broken) == []
    # The purge took a global unit's states of every machine; the others write theirs every 15 s.
    wait_until(cluster.is_healthy, "all states to be there again")


@pytest.mark.parametrize("fleetd_version", ["1.0.0"])
def test_from_0_13_on_the_gentle_restart_moves_units_to_other_machines(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken = cluster.load_template()
    movable = [unit for unit in cluster.units_of(broken) if unit != "mon.service"]
    take_template_away(cluster, ssh, broken)
    # fleetd tries to register 10, 11, 13, 17, 25 and 41 s after it was killed. Just after a
    # heartbeat its old key is in the way up to the last but one of these, and gone long before the
    # last; else it may come back before an engine has missed it.
    wait_until(lambda: seconds_to_live(cluster, broken) >= 29, "a heartbeat")
    restart_gently(ssh, broken)
    wait_until(
        lambda: broken.machine_id not in {cluster.fleetctl.target(unit) for unit in movable},
        "the units to move",
        within=60,
        every=0.5,
    )
    assert movable


def seconds_to_live(cluster: Cluster, machine: Machine) -> int:
    """How long a machine stays in the registry without a further heartbeat."""
    key = f"{DEFAULT_PREFIX}machines/{machine.machine_id}/object"
    answer = run("curl", "-fsS", f"{cluster.etcd.url}/v2/keys{key}")
    return int(json.loads(answer)["node"]["ttl"])


def test_a_hangup_repairs_the_agent_of_an_old_fleetd(cluster: Cluster, ssh: OperatorSsh) -> None:
    broken, units, _ = with_template(cluster)
    pids = broken.main_pids([*units, FLEET_SERVICE])
    take_template_away(cluster, ssh, broken)
    broken.run("systemctl", "kill", "-s", "HUP", "--kill-who=main", FLEET_SERVICE)
    wait_until(lambda: _restarted_components(broken), "fleetd to begin anew")
    assert stays_quiet(cluster, broken, time.time())
    assert broken.main_pids([*units, FLEET_SERVICE]) == pids


def _restarted_components(machine: Machine) -> bool:
    lines = machine.journal(FLEET_SERVICE)
    return sum(line.message.endswith("Starting server components") for line in lines) == 2


def test_a_loaded_template_blocks_an_instance_until_it_is_repaired(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken = cluster.load_template()
    third = "zookeeper@3.service"
    cluster.fleetctl.submit(third, broken.live(f"{FLEET_UNITS}/{TEMPLATE}").read_text())
    cluster.fleetctl.start(third)
    before = len(cluster.fault_lines(broken))
    wait_until(lambda: len(cluster.fault_lines(broken)) > before + 4, "two rounds of the engine")
    assert cluster.fleetctl.target(third) is None
    take_template_away(cluster, ssh, broken)
    restart_gently(ssh, broken)
    wait_until(lambda: cluster.fleetctl.states(third).get(broken.machine_id), "the instance to run")
