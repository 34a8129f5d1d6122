"""The demo cluster over etcd's v2 API: as it is found, repaired rightly and wrongly, and ended."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from demo_access import FAST, broken_machine, fault_lines, login, perform, told, until

from fleettui import commands
from fleettui.commands.journal import follow_journal
from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.demo.http_registry import HttpRegistry
from fleettui.demo.journal import SYSTEMD
from fleettui.demo.machine import Machine
from fleettui.demo.units import TEMPLATE, Submission
from fleettui.model.host import FLEET_UNITS


@pytest.fixture
async def demo() -> AsyncIterator[DemoCluster]:
    async with DemoCluster(FAST) as cluster:
        yield cluster


async def undo(demo: DemoCluster, machine: Machine) -> None:
    """Everything in the right order, but for the restart."""
    key = f"job/{TEMPLATE}/target-state"
    assert demo.registry.write(key, "inactive", prev_value="loaded")
    await until(lambda: not demo.registry.read(f"job/{TEMPLATE}/target"))
    await delete_files(demo, machine)


async def delete_files(demo: DemoCluster, machine: Machine) -> None:
    entry = machine.files.look(FLEET_UNITS, TEMPLATE)
    assert entry is not None
    file, link, _ = await perform(
        demo,
        machine,
        commands.remove_file(TEMPLATE, entry.sha256, "t1"),
        commands.remove_link(TEMPLATE, "t1"),
        commands.daemon_reload(),
    )
    assert file.startswith(b"removed\n")
    assert link.startswith(b"removed\n")


# --- as it is found --------------------------------------------------------------------------


async def test_all_of_it_is_there_at_once_with_the_fault_in_it() -> None:
    began = time.monotonic()
    async with DemoCluster() as demo:
        assert time.monotonic() - began < 10
        assert len(demo.registry.read("machines")) == 3
        jobs = demo.registry.read("job")
        assert jobs[f"job/{TEMPLATE}/target-state"] == "loaded"
        broken = demo.machine(jobs[f"job/{TEMPLATE}/target"])
        assert broken is demo.broken
        assert jobs["job/zookeeper@3.service/target-state"] == "launched"
        assert "job/zookeeper@3.service/target" not in jobs
        for unit, machines in (("hello", 1), ("mon", 3), ("zookeeper@1", 1), ("zookeeper@2", 1)):
            assert list(told(demo, f"{unit}.service").values()) == ["active"] * machines
        assert "lease/engine-leader" in demo.registry.read("lease")
        assert any("docker pull" in text for text in broken.systemd.managed().values())


async def test_without_the_fault_all_is_well() -> None:
    async with DemoCluster(DemoSettings(fault="none", ttl=6)) as demo:
        assert demo.broken is None
        assert f"job/{TEMPLATE}/target" not in demo.registry.read("job")
        for number in (1, 2, 3):
            assert list(told(demo, f"zookeeper@{number}.service").values()) == ["active"]
        demo.load_template()
        demo.registry.delete("job/zookeeper@3.service")
        await until(lambda: demo.broken is not None)


@pytest.mark.parametrize("version", ["0.8.3", "0.9.2", "0.10.2", "0.12.0", "0.13.0", "1.0.0"])
async def test_every_release_can_be_had(version: str) -> None:
    async with DemoCluster(DemoSettings(version=version)) as demo:
        objects = [json.loads(value) for value in demo.registry.read("machines").values()]
        assert {machine["Version"] for machine in objects} == {version}
        assert fault_lines(broken_machine(demo)) > 200


async def test_many_machines_start_too() -> None:
    began = time.monotonic()
    async with DemoCluster(DemoSettings(machines=100)) as demo:
        assert time.monotonic() - began < 30
        assert len(demo.registry.read("machines")) == 100
        assert len(told(demo, "mon.service")) == 100
        assert "job/zookeeper@3.service/target" not in demo.registry.read("job")
        before = fault_lines(broken_machine(demo))
        (said,) = await perform(demo, demo.machines[-1], commands.probe())
        assert said.endswith(b"\0end\0")
        await until(lambda: fault_lines(broken_machine(demo)) >= before + 2)


@pytest.mark.parametrize("machines", [1, 2])
async def test_fewer_machines_have_the_fault_too(machines: int) -> None:
    async with DemoCluster(DemoSettings(machines=machines, ttl=6)) as demo:
        before = fault_lines(broken_machine(demo))
        await until(lambda: fault_lines(broken_machine(demo)) > before)


# --- repairs, right and wrong ----------------------------------------------------------------


async def test_the_right_order_and_the_gentle_way_repair_it(demo: DemoCluster) -> None:
    broken = broken_machine(demo)
    before = broken.systemd.main_pids()
    await undo(demo, broken)
    await perform(demo, broken, commands.kill_fleet(), commands.start_fleet())
    await until(lambda: list(told(demo, "zookeeper@3.service").values()) == ["active"])
    lines = fault_lines(broken)
    await until(lambda: told(demo, "mon.service").get(broken.id) == "active")
    after = broken.systemd.main_pids()
    assert {name: after[name] for name in before} == before
    assert fault_lines(broken) == lines
    assert demo.broken is None


async def test_the_full_restart_repairs_it_and_restarts_every_unit(demo: DemoCluster) -> None:
    broken = broken_machine(demo)
    before = broken.systemd.main_pids()
    await undo(demo, broken)
    await perform(demo, broken, commands.restart_fleet())
    await until(lambda: list(told(demo, "zookeeper@3.service").values()) == ["active"])
    await until(lambda: told(demo, "mon.service").get(broken.id) == "active")
    assert broken.systemd.main_pids()["mon.service"] not in before.values()
    assert demo.broken is None


async def test_without_the_registry_step_the_fault_returns(demo: DemoCluster) -> None:
    broken = broken_machine(demo)
    await delete_files(demo, broken)
    assert demo.broken is None
    old = broken.fleet.main_pid
    await perform(demo, broken, commands.restart_fleet())
    await until(lambda: broken.fleet.main_pid not in {0, old})
    await until(lambda: demo.broken is broken)
    lines = fault_lines(broken)
    await until(lambda: fault_lines(broken) > lines)


async def test_a_unit_that_dies_on_the_broken_machine_is_still_told_to_run(
    demo: DemoCluster,
) -> None:
    broken = broken_machine(demo)
    broken.systemd.crash("mon.service")
    lines = fault_lines(broken)
    await until(lambda: fault_lines(broken) >= lines + 2)
    assert told(demo, "mon.service")[broken.id] == "active"
    (probe,) = await perform(demo, broken, commands.probe())
    assert b"Id=mon.service\nNames=mon.service\nLoadState=loaded\nActiveState=failed" in probe


# --- etcd and the rest -----------------------------------------------------------------------


async def test_the_cluster_outlives_its_etcd(demo: DemoCluster) -> None:
    await asyncio.to_thread(demo.kill_etcd)
    with pytest.raises(OSError, match="etcd does not answer"):
        demo.registry.read("machines")
    (probe,) = await perform(demo, demo.machines[0], commands.probe())
    assert probe.endswith(b"\0end\0")
    await asyncio.to_thread(demo.start_etcd)
    await until(lambda: len(demo.registry.read("machines")) == 3)
    demo.submit(Submission("late.service", "[Service]\nExecStart=/bin/true\n"))
    await until(lambda: bool(demo.registry.read("job/late.service/target")))


async def test_requests_to_etcd_are_noted_if_asked_for() -> None:
    async with DemoCluster(DemoSettings(record_requests=True)) as demo:
        with closing(HttpRegistry(demo.endpoint)) as console:
            assert console.write("odd", "value")
            assert console.read("odd") == {"odd": "value"}
            assert len(console.read("machines")) == 3
        root = "/v2/keys/_coreos.com/fleet"
        assert [(method, path.partition("?")[0]) for method, path in demo.requests] == [
            ("PUT", f"{root}/odd"),
            ("GET", f"{root}/odd"),
            ("GET", f"{root}/machines"),
        ]


async def test_hostile_text_reaches_whoever_asks_byte_for_byte(demo: DemoCluster) -> None:
    broken = broken_machine(demo)
    name = "[@click=app.bell]x\x1b]0;pwned\x07.service"
    demo.submit(Submission(name, "[Service]\nExecStart=/bin/true\n", "inactive"))
    assert f"job/{name}/object" in demo.registry.read("job")
    broken.journal.say(SYSTEMD, b"\x1b[31m \xff", about="fleet.service")
    (probe,) = await perform(demo, broken, commands.probe())
    assert json.dumps(list(b"\x1b[31m \xff"), separators=(",", ":")).encode() in probe


async def test_a_hostile_name_on_a_machine_breaks_its_agent_like_a_template(
    demo: DemoCluster,
) -> None:
    healthy = next(m for m in demo.machines if m is not demo.broken)
    text = f"[Service]\nExecStart=/bin/true\n\n[X-Fleet]\nMachineID={healthy.id}\n"
    demo.submit(Submission("two words.service", text))
    said = b"Failed fetching current unit states: Unit name two words.service is not valid."

    def complains() -> bool:
        return any(said in e.line for e in healthy.journal.tail(["fleet.service"], 50))

    await until(complains)


async def test_nothing_is_left_when_it_ends() -> None:
    before = set(threading.enumerate())
    async with DemoCluster(FAST) as demo:
        folder, endpoint = demo.identity.parent, demo.endpoint
        async with login(demo, demo.machines[0]) as connection:
            follow = commands.shell_text(follow_journal())
            await connection.create_process(follow, encoding=None)
    assert not folder.exists()
    new = set(threading.enumerate()) - before
    assert not [thread for thread in new if thread.name.startswith("fleettui-demo")]
    with (
        closing(HttpRegistry(endpoint)) as console,
        pytest.raises(OSError, match="etcd does not answer"),
    ):
        console.read("machines")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_nothing_is_left_when_its_start_is_broken_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    starting = asyncio.create_task(DemoCluster(FAST).__aenter__())
    await until(lambda: bool(names(tmp_path)))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert names(tmp_path) == []


async def test_a_frozen_etcd_does_not_keep_it_from_ending() -> None:
    cluster = DemoCluster(FAST)
    await asyncio.to_thread(cluster.start)
    await asyncio.to_thread(cluster.freeze_etcd)
    began = time.monotonic()
    await asyncio.to_thread(cluster.close)
    assert time.monotonic() - began < 2


def test_the_number_of_machines_has_a_limit() -> None:
    with pytest.raises(ValueError, match="1 to 100 machines"):
        DemoCluster(DemoSettings(machines=101))
