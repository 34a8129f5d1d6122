"""`fleettui check` and the console on real machines: who is broken, and what is not true."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from driving import until

from fleettui.cli import Settings

from .cluster import TEMPLATE, Cluster
from .operator_ssh import OperatorSsh
from .shell import wait_until
from .test_lab_wizard import console, settings

__all__ = ["settings"]  # the fixture, for this module too

pytestmark = pytest.mark.timeout(400)


def check(cluster: Cluster, ssh: OperatorSsh, *more: str) -> tuple[int, dict[str, object]]:
    """Run the command as cron would, and read what it prints."""
    argv = [sys.executable, "-m", "fleettui", "--endpoint", cluster.etcd.url]
    argv += ["--identity", str(ssh.key), "--known-hosts-file", str(ssh.known_hosts)]
    argv += ["check", "--json", *more]
    ended = subprocess.run(argv, capture_output=True, timeout=90, check=False)
    return ended.returncode, json.loads(ended.stdout)


def faults(document: dict[str, object]) -> set[tuple[str, str]]:
    found = document["findings"]
    assert isinstance(found, list)
    return {(finding["fault"], finding["machine"]) for finding in found}


def test_a_template_that_the_registry_has_forgotten_is_found_on_its_machine(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken = cluster.load_template()
    cluster.fleetctl.destroy(TEMPLATE)
    wait_until(lambda: cluster.fleetctl.target(TEMPLATE) is None, "the registry to forget it")
    status, document = check(cluster, ssh)
    assert ("template-loaded", broken.machine_id) in faults(document)
    assert status == 1


def test_a_machine_that_is_off_is_not_checked_and_hides_nothing(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken = cluster.load_template()
    off = next(m for m in cluster.machines if m is not broken)
    off.unplug()
    status, document = check(cluster, ssh)
    machines = document["machines"]
    assert isinstance(machines, list)
    assert [m["id"] for m in machines if not m["checked"]] == [off.machine_id]
    assert all(m["reason"] for m in machines if not m["checked"])
    assert ("template-loaded", broken.machine_id) in faults(document)
    assert status == 3


async def test_a_unit_that_died_under_a_broken_agent_is_shown_failed_and_frozen(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    broken = cluster.load_template()
    victim = next(u for u in cluster.units_of(broken) if u != "mon.service")
    broken.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", victim)
    wait_until(lambda: broken.show(victim, "ActiveState") == "failed", "the unit to fail")
    async with console(settings, tmp_path) as pilot:
        await until(pilot, "BROKEN", within=20)
        text = await until(pilot, "failed failed", within=20)
        row = next(line for line in text.splitlines() if victim in line)
        assert "failed failed" in row
        assert cluster.fleetctl.states(victim)[broken.machine_id].active == "active"
