"""The stand-in for fleetd shows every row of what was measured on real clusters, per release."""

import pytest
from demo_fleet import (
    PLAIN,
    assert_repaired,
    before_0_13,
    every_version,
    faulted,
    faults,
    from_0_13,
    lies_there,
    mark,
    messages,
    remove_files,
    restart_fully,
    restart_gently,
    undo,
)

from fleettui.demo.traits import WORDINGS
from fleettui.demo.units import TEMPLATE
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS

# --- the fault -------------------------------------------------------------------------------


@every_version
def test_a_loaded_template_fills_the_journal_at_its_two_paces(version: str) -> None:
    cluster, broken = faulted(version)
    since = mark(broken)
    cluster.run(20)
    every_second, every_five = faults(broken, since)
    assert every_second in {19, 20, 21}
    assert every_five in ({0} if version == "0.8.3" else {3, 4, 5})


@pytest.mark.parametrize("wording", WORDINGS)
def test_the_fault_speaks_as_its_systemd_does(wording: str) -> None:
    _, broken = faulted("0.11.8", wording)
    said = f"Failed fetching current unit states: Unit name zookeeper@.service {wording}"
    assert said in messages(broken)


@every_version
def test_the_template_lies_on_one_machine_only_file_and_link(version: str) -> None:
    cluster, broken = faulted(version)
    assert [m for m in cluster.machines if lies_there(m)] == [broken]
    entry = broken.files.look(SYSTEMD_UNITS, TEMPLATE)
    assert entry is not None
    assert entry.content == f"{FLEET_UNITS}/{TEMPLATE}".encode()
    assert not cluster.registry.read(f"states/{TEMPLATE}")


@every_version
def test_states_are_frozen_and_yet_written_again_with_fresh_ttls(version: str) -> None:
    cluster, broken = faulted(version)
    broken.systemd.crash("mon.service")
    key = f"states/mon.service/{broken.id}"
    before = cluster.registry.values[key]
    cluster.run(70)
    assert cluster.registry.values[key][0] == before[0]
    assert cluster.registry.values[key][1] > before[1]
    assert cluster.told("mon.service", broken) == "active"
    healthy = next(m for m in cluster.machines if m is not broken)
    healthy.systemd.crash("mon.service")
    cluster.run(2)
    assert cluster.told("mon.service", healthy) == "failed"


@every_version
def test_the_broken_machine_starts_nothing_it_is_given(version: str) -> None:
    cluster, broken = faulted(version)
    cluster.submit("late.service", f"{PLAIN}\n[X-Fleet]\nMachineID={broken.id}\n")
    cluster.run(10)
    assert cluster.target("late.service") == broken.id
    assert "late.service" not in broken.systemd.main_pids()
    assert not cluster.registry.read("states/late.service")


@every_version
def test_the_loaded_template_blocks_an_instance_through_conflicts(version: str) -> None:
    cluster, _ = faulted(version)
    assert cluster.target("zookeeper@3.service") is None


# --- what does not repair it -----------------------------------------------------------------


@every_version
def test_restarting_first_keeps_the_fault_and_hides_the_machines_units(version: str) -> None:
    cluster, broken = faulted(version)
    restart_fully(cluster, broken)
    since = mark(broken)
    cluster.run(35)
    assert lies_there(broken)
    assert sum(faults(broken, since)) > 0
    assert cluster.told("mon.service", broken) is None
    assert "mon.service" in broken.systemd.main_pids()


@every_version
def test_with_the_registry_left_alone_the_file_is_back_within_a_second_of_the_restart(
    version: str,
) -> None:
    cluster, broken = faulted(version)
    before = broken.systemd.main_pids()
    remove_files(broken)
    old = broken.fleet.main_pid
    broken.fleet.restart()
    cluster.run_until(lambda: broken.fleet.main_pid not in {old, 0}, 8)
    assert not lies_there(broken)
    cluster.run(1)
    assert lies_there(broken)
    since = mark(broken)
    cluster.run(8)
    assert faults(broken, since)[0] > 0
    after = broken.systemd.main_pids()
    assert after.keys() == before.keys()
    assert all(after[name] != before[name] for name in before)


@every_version
def test_destroying_the_template_alone_leaves_the_agent_broken(version: str) -> None:
    cluster, broken = faulted(version)
    cluster.destroy(TEMPLATE)
    cluster.run(15)
    since = mark(broken)
    cluster.run(10)
    every_second, every_five = faults(broken, since)
    assert every_second >= 9
    assert every_five > 0 or version == "0.8.3"
    assert lies_there(broken)


@every_version
def test_without_a_restart_the_slow_error_stops_and_the_fast_one_goes_on(version: str) -> None:
    cluster, broken = faulted(version)
    cluster.destroy(TEMPLATE)
    cluster.run(3)
    remove_files(broken)
    cluster.run(1)
    since = mark(broken)
    cluster.run(20)
    every_second, every_five = faults(broken, since)
    assert every_second >= 19
    assert every_five == 0
    assert not lies_there(broken)


# --- what repairs it -------------------------------------------------------------------------


@every_version
def test_the_right_order_with_a_full_restart_repairs_and_restarts_every_unit(version: str) -> None:
    cluster, broken = faulted(version)
    before = broken.systemd.main_pids()
    undo(cluster, broken)
    restart_fully(cluster, broken)
    assert_repaired(cluster, broken)
    assert broken.systemd.main_pids()["mon.service"] != before["mon.service"]
    assert not set(before.values()) & set(broken.systemd.main_pids().values())


@before_0_13
def test_the_gentle_way_repairs_and_restarts_no_unit(version: str) -> None:
    cluster, broken = faulted(version)
    before = broken.systemd.main_pids()
    undo(cluster, broken)
    restart_gently(cluster, broken)
    assert_repaired(cluster, broken)
    after = broken.systemd.main_pids()
    assert {name: after[name] for name in before} == before


@from_0_13
def test_from_0_13_on_the_gentle_way_moves_units_to_other_machines(version: str) -> None:
    cluster, broken = faulted(version)
    mine = [n for n in ("hello.service", "log.service") if cluster.target(n) == broken.id]
    assert mine
    undo(cluster, broken)
    restart_gently(cluster, broken)
    key = f"machines/{broken.id}/object"
    cluster.run_until(lambda: key not in cluster.registry.read("machines"), 30)
    cluster.run_until(lambda: key in cluster.registry.read("machines"), 30)
    cluster.run(8)
    assert all(cluster.target(name) != broken.id for name in mine)
    assert all(cluster.told(n, cluster.machine(str(cluster.target(n)))) == "active" for n in mine)
    assert_repaired(cluster, broken)
    taken = [m for m in messages(broken) if m.startswith("Server register machine failed: 105:")]
    assert taken


@pytest.mark.parametrize("version", ["0.8.3", "0.10.2", "0.11.8"])
def test_sighup_repairs_up_to_0_11_and_restarts_no_unit(version: str) -> None:
    cluster, broken = faulted(version)
    before = broken.systemd.main_pids()
    undo(cluster, broken)
    broken.fleet.kill("HUP")
    cluster.run(8)
    assert_repaired(cluster, broken)
    after = broken.systemd.main_pids()
    assert {name: after[name] for name in before} == before
    assert broken.fleet.process is not None
    assert broken.fleet.process.fleetd is not None
    assert broken.fleet.process.fleetd.api_broken is (version != "0.8.3")


@pytest.mark.parametrize("version", ["0.12.0", "0.13.0", "1.0.0"])
def test_sighup_does_not_repair_from_0_12_on(version: str) -> None:
    cluster, broken = faulted(version)
    undo(cluster, broken)
    broken.fleet.kill("HUP")
    cluster.run(8)
    since = mark(broken)
    cluster.run(10)
    assert faults(broken, since)[0] >= 9
    assert "Restarting server components" in messages(broken)


def test_the_api_works_again_after_the_gentle_way() -> None:
    cluster, broken = faulted("0.11.8")
    undo(cluster, broken)
    broken.fleet.kill("HUP")
    cluster.run(3)
    restart_gently(cluster, broken)
    assert broken.fleet.process is not None
    assert broken.fleet.process.fleetd is not None
    assert not broken.fleet.process.fleetd.api_broken
