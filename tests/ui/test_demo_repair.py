"""The main job on the demo cluster, over real etcd and real SSH, by keys alone."""

import asyncio
import json
import shlex
from pathlib import Path
from time import monotonic

import pytest
from demo_session import JOB, TEMPLATE, access_to, console, quick
from driving import (
    delete_by_keys,
    press_button,
    reload_by_keys,
    repair_by_keys,
    squeezed,
    until,
)
from watching import both, operate, replays_to, starts_in

from fleettui import commands
from fleettui.access import Operator
from fleettui.commands import shell_text
from fleettui.commands.scripts import QUARANTINE_SCRIPT
from fleettui.demo.cluster import DemoCluster
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.untrusted import Untrusted


@pytest.mark.timeout(300)
async def test_by_keys_from_the_fault_to_a_verified_repair_followed_and_replayed(
    tmp_path: Path,
) -> None:
    """Two consoles on one cluster, an operator's and an observer's; then the recording."""
    file, records = tmp_path / "repair.rec", tmp_path / "repairs"
    async with DemoCluster(quick()) as demo:
        machine = demo.broken
        assert machine is not None
        before = machine.systemd.main_pids()
        operating = asyncio.create_task(operate(access_to(demo), file, records, TEMPLATE))
        then, watched = await both(operating, access_to(demo, observe=True), tmp_path / "observer")
        stages = then.texts
        assert f"{FLEET_UNITS}/{TEMPLATE}" in stages[0]
        assert "no unit's main PID changed (0 of " in squeezed(stages[3])
        assert "the finding is gone" in stages[4]
        job = demo.registry.read(JOB)
        assert job[f"{JOB}/target-state"] == "inactive"
        assert f"{JOB}/target" not in job
        assert demo.broken is None
        after = machine.systemd.main_pids()
        assert before
        assert {name: after[name] for name in before} == before
        (record,) = records.glob("*.jsonl")
        events = [json.loads(line)["event"] for line in record.read_text().splitlines()]
        assert events[0] == "begun"
        assert events[-2:] == ["verified", "closed"]
        assert sorted(path.suffix for path in (records / "reports").iterdir()) == [".json", ".md"]
        _holds_no_secret(demo, file, *records.rglob("*"))
    watched.insist_on(starts_in(records, then))
    assert ("came", f"template-loaded {TEMPLATE}") in then.news
    await replays_to(file, then, tmp_path)


async def test_the_full_restart_says_what_it_stops_and_stops_it(tmp_path: Path) -> None:
    settings = quick(version="1.0.0", pull=0.5)
    async with DemoCluster(settings) as demo, console(demo, tmp_path) as pilot:
        machine = demo.broken
        assert machine is not None
        await until(pilot, "BROKEN")
        before = machine.systemd.main_pids()
        stages = await repair_by_keys(pilot, TEMPLATE, full=machine.traits.hostname)
        after = machine.systemd.main_pids()
        assert all(after.get(name) != pid for name, pid in before.items())
        assert not [name for name in before if f"{name}  away" not in stages[4]], stages[4]
        await until(pilot, "0 findings")


async def test_a_full_restart_names_its_units_and_marks_those_that_pull(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo, console(demo, tmp_path) as pilot:
        machine = demo.broken
        assert machine is not None
        await until(pilot, "BROKEN")
        await pilot.press("r")
        await delete_by_keys(pilot, TEMPLATE)
        await reload_by_keys(pilot)
        await press_button(pilot, "Go on to restart")
        await press_button(pilot, "Full restart instead")
        text = squeezed(await until(pilot, "STOPS EVERY UNIT"))
        units = [n for n in machine.systemd.managed() if "@." not in n]
        assert units
        assert all(name in text for name in units)
        assert "pulls an image before it starts: /usr/bin/docker pull" in text


async def test_enter_alone_changes_nothing(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo, console(demo, tmp_path) as pilot:
        await until(pilot, "BROKEN")
        await pilot.press("r")
        await until(pilot, "Go on to delete")
        for _ in range(20):
            await pilot.press("enter")
        assert demo.broken is not None
        assert demo.registry.read(JOB)[f"{JOB}/target-state"] == "loaded"
        sudo = [shlex.split(c) for _, c in demo.commands if c.startswith("sudo")]
        tried = (["sudo", "-n", "true"], QUARANTINE_SCRIPT)
        assert sudo
        assert all(argv == tried[0] or tried[1] in argv for argv in sudo)
        assert not list(tmp_path.glob("*.jsonl"))  # noqa: ASYNC240 - one look at a folder of the test's


async def test_without_the_registry_step_the_fault_returns(tmp_path: Path) -> None:
    """Why the wizard's order is not negotiable: the same commands, less the first step."""
    async with DemoCluster(quick()) as demo:
        access = access_to(demo)
        assert isinstance(access, Operator)
        snapshot = await access.registry.read()
        template = snapshot.units[Untrusted(TEMPLATE)]
        assert template.target is not None
        machine = snapshot.machines[template.target]
        facts = await access.hosts.probe(machine)
        sha256 = facts.folders[FLEET_UNITS].entries[template.name].sha256
        assert sha256 is not None
        for command in (
            commands.remove_file(TEMPLATE, sha256, "t"),
            commands.remove_link(TEMPLATE, "t"),
            commands.daemon_reload(),
        ):
            result = await access.hands.perform(machine, command)
            assert result.exit_status == 0, (shell_text(command), result)
        assert template.name not in (await access.hosts.probe(machine)).folders[FLEET_UNITS].entries
        await access.hands.perform(machine, commands.restart_fleet())
        end = monotonic() + 10
        while monotonic() < end:
            facts = await access.hosts.probe(machine)
            if template.name in facts.folders[FLEET_UNITS].entries:
                break
        assert template.name in facts.folders[FLEET_UNITS].entries
        assert template.name in facts.folders[SYSTEMD_UNITS].entries
        await access.hosts.close()
        await access.registry.close()


@pytest.mark.parametrize("observe", [True, False])
async def test_etcd_going_and_coming_back_is_seen_and_survived(
    observe: bool, tmp_path: Path
) -> None:
    async with DemoCluster(quick()) as demo, console(demo, tmp_path, observe=observe) as pilot:
        await until(pilot, "LIVE")
        demo.kill_etcd()
        text = await until(pilot, "STALE since", within=60)
        assert "MACHINES 3" in text
        demo.start_etcd()
        await until(pilot, "LIVE", within=10)


async def test_a_machine_without_ssh_is_seen_and_comes_back(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo, console(demo, tmp_path) as pilot:
        await until(pilot, "3 of 3 machines checked")
        for machine in demo.machines:
            demo.stop_sshd(machine)
        await until(pilot, "NOT CHECKED", within=60)
        await until(pilot, "0 of 3 machines checked", within=60)
        for machine in demo.machines:
            demo.start_sshd(machine)
        await until(pilot, "3 of 3 machines checked", within=60)
        await until(pilot, "NOT CHECKED", gone=True)


def _holds_no_secret(demo: DemoCluster, *files: Path) -> None:
    """Figure 25: neither the recording, nor the record, nor its reports hold a private key."""
    lines = demo.identity.read_text().splitlines()[2:-1]
    assert lines
    for file in files:
        if file.is_file():
            told = file.read_bytes()
            assert told, file
            assert b"PRIVATE KEY" not in told, file
            assert not any(line.encode() in told for line in lines), file
