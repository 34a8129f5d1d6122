"""The app's own wizard on real machines: keys in; real sshd, sudo, journald and systemctl out."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import press_button, repair_by_keys, squeezed, until, up_to_verify
from msgspec import structs
from textual.pilot import Pilot
from watching import both, operate, replays_to, starts_in

from fleettui.cli import Settings, build
from fleettui.model.host import FLEET_UNITS
from fleettui.repair.records.past import PastState, past_repairs
from fleettui.repair.records.report import as_markdown, report_of
from fleettui.ui.app import FleetApp
from fleettui.ui.wizard.screen import WizardScreen

from .cluster import TEMPLATE, Cluster
from .machines import USER, Machine
from .operator_ssh import OperatorSsh
from .shell import wait_until
from .test_lab_facts import leftovers, stays_quiet

CROWD = tuple(f"crowd-{n:02}.service" for n in range(1, 21))
ECHO = "echo@.service"
"""A template that may lie on any machine: it conflicts with nothing."""
PLAIN = "[Service]\nExecStart=/bin/sleep infinity\n"
GLOBAL = f"{PLAIN}\n[X-Fleet]\nGlobal=true\n"

pytestmark = pytest.mark.timeout(400)
"""Machines boot, and a repair watches for silence: each takes its time."""


@pytest.fixture
def settings(cluster: Cluster, ssh: OperatorSsh, tmp_path: Path) -> Settings:
    """What an operator of this cluster would give on the command line."""
    return Settings(
        endpoints=(cluster.etcd.url,),
        prefix="/_coreos.com/fleet",
        username=USER,
        port=22,
        identities=(ssh.key,),
        known_hosts_file=ssh.known_hosts,
        observe=False,
        own_known_hosts=tmp_path / "accepted",
    )


@asynccontextmanager
async def console(settings: Settings, folder: Path) -> AsyncIterator[Pilot[None]]:
    access = build(settings)
    try:
        async with FleetApp(access, folder).run_test(size=(120, 40), notifications=True) as pilot:
            yield pilot
    finally:
        await access.hosts.close()
        await access.registry.close()


def crowd(cluster: Cluster) -> list[str]:
    """Have twenty units run on every machine, besides what runs there anyway."""
    for name in CROWD:
        cluster.fleetctl.submit(name, GLOBAL)
        cluster.fleetctl.start(name)
    wait_until(lambda: all(runs_everywhere(cluster, name) for name in CROWD), "the crowd to run")
    return list(CROWD)


def runs_everywhere(cluster: Cluster, name: str) -> bool:
    states = cluster.fleetctl.states(name)
    return len(states) == len(cluster.machines) and all(s.sub == "running" for s in states.values())


def report_in(folder: Path) -> dict[str, Any]:
    """The newest report, from its JSON."""
    report = json.loads(sorted(folder.glob("reports/*.json"))[-1].read_text())
    assert isinstance(report, dict)
    return report


def absence_by_journald(machine: Machine, unit: str, since: float) -> float:
    """Seconds from the line that systemd began to stop a unit to the line that it started it."""
    lines = machine.journal(unit, since)
    went = min(line.at for line in lines if line.message.startswith("Stopping "))
    came = max(line.at for line in lines if line.message.startswith("Started "))
    return came - went


async def test_by_keys_the_gentle_way_repairs_and_touches_no_unit(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    """Twenty units on the machine: none of their main PIDs changes, and the report tells it all.

    An observer's console follows each step of it, and its recording replays as it was.
    """
    crowd(cluster)
    broken = cluster.load_template()
    units = [*cluster.units_of(broken), *CROWD]
    assert len(units) >= 20
    pids = broken.main_pids(units)
    file, records = tmp_path / "repair.rec", tmp_path / "repairs"
    operating = asyncio.create_task(operate(build(settings), file, records, TEMPLATE))
    observer = build(structs.replace(settings, observe=True))
    then, watched = await both(operating, observer, tmp_path / "observer")
    repaired_at = time.time()
    assert "no unit's main PID changed" in squeezed(then.texts[3])
    assert "0 services interrupted" in squeezed(then.texts[4])
    assert broken.main_pids(units) == pids
    assert leftovers(broken) == []
    assert cluster.fleetctl.value(f"job/{TEMPLATE}/target-state") == "inactive"
    assert cluster.fleetctl.target(TEMPLATE) is None
    assert stays_quiet(cluster, broken, repaired_at)
    assert set(units) - set(CROWD) == set(cluster.units_of(broken))
    insist_on_report(report_in(records), cluster, broken)
    watched.insist_on(starts_in(records, then))
    assert ("came", f"template-loaded {TEMPLATE}") in then.news
    await replays_to(file, then, tmp_path)


def insist_on_report(report: dict[str, Any], cluster: Cluster, broken: Machine) -> None:
    """It holds all that another engineer needs to follow the repair without the program."""
    assert report["outcome"] == "repaired"
    assert report["cluster"]["endpoints"] == [cluster.etcd.url]
    assert report["machine"]["id"] == broken.machine_id
    assert report["machine"]["host"] == broken.name
    assert report["units"] == [TEMPLATE]
    sources = {evidence["source"] for evidence in report["finding"]["evidence"]}
    assert sources >= {"registry", "file", "journal"}
    acts = report["acts"]
    assert [act["stage"] for act in acts] == ["delete"] * 4 + ["reload", "restart"]
    assert all(act["commands"] and act["result"] == "done" for act in acts)
    assert all(act["at"] <= act["ended_at"] for act in acts)
    assert report["restart"]["units"] >= len(CROWD)
    assert report["restart"]["replaced"] == []
    assert report["restart"]["away"] == []
    assert all(
        check["met"] for check in report["proof"]["checks"] if "comes up" not in check["name"]
    )
    text = Path(report["record"]).with_suffix(".md")
    markdown = (text.parent / "reports" / text.name).read_text()
    for words in (cluster.etcd.url, broken.machine_id, TEMPLATE, "systemctl daemon-reload"):
        assert words in markdown


@pytest.mark.parametrize("fleetd_version", ["1.0.0"])
async def test_by_keys_the_full_restart_repairs_and_names_what_it_stopped(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    """All twenty come back, and each one's absence is told to the second."""
    crowd(cluster)
    broken = cluster.load_template()
    units = cluster.units_of(broken)
    pids = broken.main_pids([*units, *CROWD])
    async with console(settings, tmp_path) as pilot:
        await until(pilot, "BROKEN", within=20)
        restarted_at = time.time()
        stages = await repair_by_keys(pilot, TEMPLATE, full=broken.name)
        repaired_at = time.time()
        assert f"{len(units) + len(CROWD)} services interrupted" in squeezed(stages[4])
    after = broken.main_pids(CROWD)
    assert all(after[unit] not in {0, pids[unit]} for unit in CROWD)
    assert all(pid != pids[unit] for unit, pid in broken.main_pids(units).items())
    away = {one["unit"]: one for one in report_in(tmp_path)["restart"]["away"]}
    assert away.keys() >= set(CROWD) | set(units)
    for unit in CROWD:
        told = away[unit]["seconds"]
        assert away[unit]["is_over"]
        assert abs(told - absence_by_journald(broken, unit, restarted_at)) <= 1, unit
    assert leftovers(broken) == []
    assert stays_quiet(cluster, broken, repaired_at)


def two_broken(cluster: Cluster) -> tuple[Machine, Machine]:
    """Send one template first here, then there: the first agent is dead by then, and keeps it."""
    cluster.fleetctl.submit(ECHO, PLAIN)
    cluster.fleetctl.load(ECHO)
    target = wait_until(lambda: cluster.fleetctl.target(ECHO), "the template's target")
    first = cluster.machine(target)
    wait_until(lambda: echoes(first), "the fault in the journal")
    second = next(machine for machine in cluster.machines if machine is not first)
    cluster.fleetctl.registry.write(f"job/{ECHO}/target", second.machine_id)
    wait_until(lambda: echoes(second), "the fault on the second machine")
    return first, second


def echoes(machine: Machine, since: float = 0) -> list[str]:
    """Lines of the other template's fault."""
    lines = machine.journal("fleet.service", since)
    return [line.message for line in lines if f"Unit name {ECHO} " in line.message]


def holds(machine: Machine) -> bool:
    return machine.live(f"{FLEET_UNITS}/{ECHO}").exists()


async def test_two_machines_are_repaired_one_by_one_and_the_first_that_fails_stops_it(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    first, second = two_broken(cluster)
    async with console(settings, tmp_path) as pilot:
        await until(pilot, "2 findings", within=20)
        await pilot.press("r")
        text = await until(pilot, "machine 1 of 2", within=20)
        assert text.count("AFFECTED") == 2
        await up_to_verify(pilot, ECHO)
        await until(pilot, "Repaired, and read back", within=60)
        proven, left = (first, second) if holds(second) else (second, first)
        assert holds(left), "the next machine is not touched before this one is proven"
        proven_at = time.time()
        await press_button(pilot, f"Go on to {left.address}")
        await until(pilot, "machine 2 of 2", within=20)
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        screen.errand.pace = replace(screen.errand.pace, quiet=30.0, verified_within=15.0)
        await up_to_verify(pilot, ECHO)
        cluster.fleetctl.load(ECHO)  # somebody makes the mistake again, just now
        cluster.fleetctl.registry.write(f"job/{ECHO}/target", left.machine_id)
        text = squeezed(await until(pilot, "STOPPED HERE", within=60))
        assert f"STOPPED HERE: {left.address} is not proven healthy" in text
        assert f"Proven healthy: {proven.address}" in text
        await pilot.press("escape")
        await until(pilot, "MACHINES")
    assert not holds(proven)
    assert echoes(proven, proven_at) == []
    newest, oldest = past_repairs(tmp_path)
    assert (oldest.machine_id.raw, oldest.state) == (proven.machine_id, PastState.FINISHED)
    assert (newest.machine_id.raw, newest.state) == (left.machine_id, PastState.UNFINISHED)
    report = report_of(newest)
    assert "verify" not in [stage.value for stage in newest.stages_done]
    assert "repaired" not in as_markdown(report).splitlines()[0].lower()


async def test_a_machine_that_is_broken_only_on_its_disk_is_found_and_repaired(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    broken = cluster.load_template()
    cluster.fleetctl.destroy(TEMPLATE)
    wait_until(lambda: cluster.fleetctl.target(TEMPLATE) is None, "the registry to forget it")
    async with console(settings, tmp_path) as pilot:
        await until(pilot, "BROKEN", within=20)
        stages = await repair_by_keys(pilot, TEMPLATE)
        assert "knows nothing of it any more" in stages[0]
    assert leftovers(broken) == []


async def test_etcd_and_a_machine_going_and_coming_back_are_seen(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    lost = cluster.machines[0]
    async with console(settings, tmp_path) as pilot:
        await until(pilot, "3 of 3 machines checked", within=20)
        cluster.etcd.stop()
        await until(pilot, "STALE since", within=20)
        cluster.etcd.start()
        await until(pilot, "LIVE", within=10)
        lost.stop_sshd()
        await until(pilot, "NOT CHECKED", within=20)
        lost.start_sshd()
        await until(pilot, "NOT CHECKED", gone=True, within=10)


async def test_an_unknown_host_key_is_asked_and_a_refusal_sends_nothing(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    stranger = structs.replace(settings, known_hosts_file=tmp_path / "empty")
    async with console(stranger, tmp_path) as pilot:
        text = await until(pilot, "Unknown host key", within=20)
        assert "SHA256" in text
        for _ in cluster.machines:
            await until(pilot, "Unknown host key", within=20)
            await pilot.press("enter")
        await until(pilot, "0 of 3 machines checked", within=20)
    assert not (tmp_path / "accepted").exists()
