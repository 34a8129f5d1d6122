"""A repair whose process gets SIGKILL: it is offered again, and nothing is done twice."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from demo_repair import hung_up, is_clean, named, operator_of, taken_up, to_its_end

from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.demo.machine import Machine
from fleettui.repair.planning.action import Way
from fleettui.repair.records.past import Closed, PastRepair, PastState, past_repairs

CHILD = Path(__file__).with_name("repair_child.py")
DEADLINE = 40.0
GENTLE = (
    "confirmed",
    "intent SetTargetState",
    "after unload",
    "intent RemoveFile",
    "kept",
    "before file",
    "after file",
    "outcome RemoveFile",
    "after link",
    "stage done",
    "after reload",
    "intent Restart",
    "before kill",
    "after kill",
    "before start",
    "after start",
    "outcome Restart",
)
FULL = ("before restart", "after restart")
POINTS = [(Way.GENTLE, point) for point in GENTLE] + [(Way.FULL, point) for point in FULL]


async def killed(demo: DemoCluster, records: Path, way: Way, point: str) -> None:
    """Have a process repair the cluster until it is killed at a point."""
    reach = {
        "endpoint": demo.endpoint,
        "prefix": demo.prefix,
        "username": demo.username,
        "port": demo.ssh_port,
        "identity": str(demo.identity),
        "known_hosts": str(demo.known_hosts),
    }
    argv = (sys.executable, str(CHILD), json.dumps(reach), str(records), way, point)
    child = await asyncio.create_subprocess_exec(*argv, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(DEADLINE):
        _, said = await child.communicate()
    assert child.returncode == -signal.SIGKILL, said.decode()


def changes(demo: DemoCluster, machine: Machine) -> list[str]:
    """What a machine was asked to change, in its order; preflight's tries change nothing."""
    sent = [line for ip, line in demo.commands if ip == machine.ip and line.startswith("sudo")]
    return [line for line in sent if named(line) not in {"sudo", "quarantine"}]


def insist_on_intents(demo: DemoCluster, machine: Machine, past: PastRepair) -> None:
    """Whatever was sent was written down before, word for word."""
    intents = [e.facts for e in past.events if e.name == "intent"]
    intended = {line for facts in intents for line in facts["commands"]}
    assert set(changes(demo, machine)) <= intended
    unloads = [path for method, path in demo.requests if method == "PUT" and "target-state" in path]
    assert len(unloads) <= sum(facts["action"] == "SetTargetState" for facts in intents)


@pytest.mark.parametrize(("way", "point"), POINTS, ids=[f"{w}-{p}" for w, p in POINTS])
async def test_a_killed_repair_is_offered_again_and_finished_without_repeating_anything(
    way: Way, point: str, tmp_path: Path
) -> None:
    async with DemoCluster(DemoSettings(lease_ttl=4, record_requests=True)) as demo:
        machine = demo.broken
        assert machine is not None
        pids = machine.systemd.main_pids()
        await killed(demo, tmp_path, way, point)
        (past,) = past_repairs(tmp_path)
        assert past.state is PastState.UNFINISHED
        assert len(past.in_doubt) <= 1
        insist_on_intents(demo, machine, past)
        operator = operator_of(demo)
        repair = await to_its_end(operator, tmp_path, await taken_up(operator, tmp_path))
        await repair.close(Closed.REPAIRED)
        await hung_up(operator)
        (past,) = past_repairs(tmp_path)
        assert (past.state, past.closed) == (PastState.FINISHED, Closed.REPAIRED)
        insist_on_intents(demo, machine, past)
        assert is_clean(machine)
        sent = [named(line) for line in changes(demo, machine)]
        assert sent.count("kill") + sent.count("restart") == 1
        assert (sent.count("file"), sent.count("link")) == (1, 1)
        if way is Way.GENTLE:
            now = machine.systemd.main_pids()
            assert {name: now.get(name) for name in pids} == pids
