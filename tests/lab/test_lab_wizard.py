"""The app's own wizard on real machines: keys in; real sshd, sudo, journald and systemctl out."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from driving import repair_by_keys, squeezed, until
from textual.pilot import Pilot

from fleettui.cli import Settings, build
from fleettui.ui.app import FleetApp

from .cluster import TEMPLATE, Cluster
from .machines import USER
from .operator_ssh import OperatorSsh
from .shell import wait_until
from .test_lab_facts import leftovers, stays_quiet

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


async def test_by_keys_the_gentle_way_repairs_and_touches_no_unit(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    broken = cluster.load_template()
    units = cluster.units_of(broken)
    pids = broken.main_pids(units)
    async with console(settings, tmp_path) as pilot:
        await until(pilot, "BROKEN", within=20)
        stages = await repair_by_keys(pilot, TEMPLATE)
        repaired_at = time.time()
        assert "no unit's main PID changed" in squeezed(stages[3])
        assert "0 services interrupted" in squeezed(stages[4])
        await until(pilot, "0 findings", within=20)
    assert broken.main_pids(units) == pids
    assert leftovers(broken) == []
    assert cluster.fleetctl.value(f"job/{TEMPLATE}/target-state") == "inactive"
    assert cluster.fleetctl.target(TEMPLATE) is None
    assert stays_quiet(cluster, broken, repaired_at)
    assert cluster.units_of(broken) == units


@pytest.mark.parametrize("fleetd_version", ["1.0.0"])
async def test_by_keys_the_full_restart_repairs_and_names_what_it_stopped(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    broken = cluster.load_template()
    units = cluster.units_of(broken)
    pids = broken.main_pids(units)
    async with console(settings, tmp_path) as pilot:
        await until(pilot, "BROKEN", within=20)
        stages = await repair_by_keys(pilot, TEMPLATE, full=broken.name)
        repaired_at = time.time()
        assert all(unit in squeezed(stages[4]) for unit in units)
    assert all(pid != pids[unit] for unit, pid in broken.main_pids(units).items())
    assert leftovers(broken) == []
    assert stays_quiet(cluster, broken, repaired_at)


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
    stranger = replace(settings, known_hosts_file=tmp_path / "empty")
    async with console(stranger, tmp_path) as pilot:
        text = await until(pilot, "Unknown host key", within=20)
        assert "SHA256" in text
        for _ in cluster.machines:
            await until(pilot, "Unknown host key", within=20)
            await pilot.press("enter")
        await until(pilot, "0 of 3 machines checked", within=20)
    assert not (tmp_path / "accepted").exists()
