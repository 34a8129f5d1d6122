"""The script that is run by hand instead of the wizard: real curl, ssh, sudo and systemctl."""

import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest
from plan_cases import PREFIX, all_plans

from fleettui.access import Observer
from fleettui.check.examine import examine
from fleettui.cli import Settings, build
from fleettui.diagnosis.finding import Finding
from fleettui.model.host import FLEET_UNITS
from fleettui.repair.planning.action import Way
from fleettui.repair.planning.locate import Located, locate
from fleettui.repair.planning.plan import Plan
from fleettui.repair.script.script import SshTarget, as_script

from .catalogue import bad_target_state, ghost_state, orphan_job
from .cluster import TEMPLATE, Cluster
from .machines import USER, Machine
from .operator_ssh import OperatorSsh
from .shell import wait_until
from .test_lab_facts import leftovers, stays_quiet
from .test_lab_wizard import settings

__all__ = ["settings"]  # the fixture, for this module too

patient = pytest.mark.timeout(400, func_only=True)
"""A script watches for silence, and for states that are written every 15 s: that takes its time."""


class NotFound(AssertionError):
    """A diagnosis that does not have the finding."""


async def observed(settings: Settings, fault: str, unit: str) -> tuple[Finding, Located]:
    """The finding of a fault, and what locating it yields, by somebody who only looks."""
    access = build(settings)
    try:
        seen = await examine(Observer(access.cluster, access.registry, access.hosts))
        found = [f for f in seen.findings if f.fault == fault and str(f.unit) == unit]
        if not found:
            raise NotFound(f"{fault} of {unit} is not among {seen.findings}")
        finding = found[0]
        known = seen.machines.get(finding.machine_id) if finding.machine_id else None
        return finding, await locate(access, finding, known)
    finally:
        await access.hosts.close()
        await access.registry.close()


async def planned(settings: Settings, fault: str, unit: str = TEMPLATE) -> Plan:
    _, located = await observed(settings, fault, unit)
    assert located.plan is not None, located.problem
    return located.plan


class ByHand:
    """An operator's own shell, whose ssh knows the machines."""

    def __init__(self, cluster: Cluster, ssh: OperatorSsh, folder: Path) -> None:
        self._cluster = cluster
        self.folder = folder / "by-hand"
        self.folder.mkdir()
        options = [
            "-F", "none", "-i", str(ssh.key), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes",
            "-o", f"UserKnownHostsFile={ssh.known_hosts}", "-o", "StrictHostKeyChecking=yes",
        ]  # fmt: skip # one a line reads worse
        program = self.folder / "ssh"
        program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh {shlex.join(options)} "$@"\n')
        program.chmod(0o755)

    def script(self, plan: Plan) -> Path:
        target = SshTarget.of(plan.machine, USER, 22) if plan.machine else None
        text = as_script(plan, (), self._cluster.etcd.url, PREFIX, target)
        path = self.folder / "repair.sh"
        path.write_text(text)
        return path

    def run(self, script: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(script)],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def repair(self, plan: Plan) -> str:
        """Run a plan's script to its good end; what it said."""
        script = self.script(plan)
        assert shell_checked(script) == ""
        ended = self.run(script)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "Repaired, and read back from the cluster." in ended.stdout
        return ended.stdout


@pytest.fixture
def by_hand(cluster: Cluster, ssh: OperatorSsh, tmp_path: Path) -> ByHand:
    return ByHand(cluster, ssh, tmp_path)


def shell_checked(script: Path) -> str:
    """What sh -n and shellcheck have to say."""
    said = ""
    for check in (("sh", "-n"), ("dash", "-n"), ("shellcheck", "-s", "sh")):
        ended = subprocess.run(
            [*check, str(script)], capture_output=True, text=True, timeout=60, check=False
        )
        said += ended.stdout + ended.stderr
    return said


@pytest.mark.parametrize("name", all_plans())
def test_every_script_is_clean_for_shellcheck_with_any_of_its_steps_left(
    name: str, tmp_path: Path
) -> None:
    plan = all_plans()[name]
    ssh = SshTarget.of(plan.machine, USER) if plan.machine else None
    for count in range(len(plan.steps) + 1):
        script = tmp_path / f"{count}.sh"
        script.write_text(
            as_script(plan, plan.stages[:count], "http://127.0.0.1:2379", PREFIX, ssh)
        )
        assert shell_checked(script) == ""


def is_repaired(cluster: Cluster, broken: Machine, since: float) -> bool:
    clean = not leftovers(broken) and cluster.fleetctl.target(TEMPLATE) is None
    return clean and stays_quiet(cluster, broken, since)


@patient
async def test_the_script_of_the_gentle_way_repairs_and_touches_no_unit(
    cluster: Cluster, settings: Settings, by_hand: ByHand
) -> None:
    broken = cluster.load_template()
    units = cluster.units_of(broken)
    pids = broken.main_pids(units)
    content = (broken.live(FLEET_UNITS) / TEMPLATE).read_bytes()
    plan = await planned(settings, "template-loaded")
    said = by_hand.repair(plan)
    repaired_at = time.time()
    assert "no unit's main process changed" in said
    assert broken.main_pids(units) == pids
    assert is_repaired(cluster, broken, repaired_at)
    assert cluster.fleetctl.value(f"job/{TEMPLATE}/target-state") == "inactive"
    (copy,) = by_hand.folder.glob(f"*{TEMPLATE}")
    assert copy.read_bytes() == content
    again = by_hand.run(by_hand.folder / "repair.sh")
    assert again.returncode == 0, again.stderr
    assert "it is so already" in again.stdout
    assert broken.main_pids(units) == pids


@patient
@pytest.mark.parametrize("fleetd_version", ["1.0.0"])
async def test_the_script_of_the_full_restart_repairs_and_every_unit_is_back(
    cluster: Cluster, settings: Settings, by_hand: ByHand
) -> None:
    broken = cluster.load_template()
    units = cluster.units_of(broken)
    pids = broken.main_pids(units)
    plan = await planned(settings, "template-loaded")
    assert plan.ways == (Way.FULL,)
    said = by_hand.repair(plan)
    repaired_at = time.time()
    assert "main processes changed" in said
    assert all(pid != pids[unit] for unit, pid in broken.main_pids(units).items())
    assert is_repaired(cluster, broken, repaired_at)
    wait_until(cluster.is_healthy, "all units to run")


async def test_a_template_that_changed_since_it_was_looked_at_is_not_removed(
    cluster: Cluster, settings: Settings, by_hand: ByHand
) -> None:
    broken = cluster.load_template()
    plan = await planned(settings, "template-loaded")
    file = broken.live(FLEET_UNITS) / TEMPLATE
    changed = file.read_bytes() + b"# somebody was here\n"
    file.write_bytes(changed)
    ended = by_hand.run(by_hand.script(plan))
    assert ended.returncode == 1
    assert "another file now" in ended.stderr
    assert file.read_bytes() == changed


@patient
async def test_the_scripts_of_the_other_cures_repair_real_faults(
    cluster: Cluster, settings: Settings, ssh: OperatorSsh, by_hand: ByHand
) -> None:
    fleetctl = cluster.fleetctl
    with bad_target_state(cluster, ssh) as (unit, _):
        plan = await planned(settings, "bad-target-state", str(unit))
        by_hand.repair(plan)
        assert fleetctl.value(f"job/{unit}/target-state") == plan.word
    wait_until(cluster.is_healthy, "all units to run")

    with ghost_state(cluster, ssh) as (unit, machine):
        wait_until(lambda: cluster.has_run_for(45), "fleetd's start to excuse nothing", within=60)
        by_hand.repair(await planned(settings, "ghost-state", str(unit)))
        assert fleetctl.value(f"states/{unit}/{machine}") is None

    with orphan_job(cluster, ssh) as (unit, _):
        wait_until(lambda: not fleetctl.states(str(unit)), "its agent to let go of it")
        by_hand.repair(await planned(settings, "orphan-job", str(unit)))
        assert fleetctl.value(f"job/{unit}/target-state") is None

    wait_until(cluster.is_healthy, "all units to run")  # or fleetd would reload systemd itself
    (touched,) = cluster.machines[:1]
    unit = next(name for name in cluster.units_of(touched) if name.startswith(("web", "zoo")))
    pids = touched.main_pids([unit])
    file = touched.live(FLEET_UNITS) / unit
    end = time.monotonic() + 90  # fleetd reloads systemd too, whenever it has something to load
    while True:
        file.write_text(file.read_text() + "\n")
        wait_until(lambda: touched.show(unit, "NeedDaemonReload") == "yes", "systemd to see it")
        try:
            plan = await planned(settings, "needs-daemon-reload", unit)
            break
        except NotFound:
            if time.monotonic() > end:
                raise
    by_hand.repair(plan)
    assert touched.show(unit, "NeedDaemonReload") == "no"
    assert touched.main_pids([unit]) == pids
