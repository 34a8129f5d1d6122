"""A repair whose connections to the machine break at any point, as when sshd's child is killed."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from demo_repair import (
    begun,
    hung_up,
    is_clean,
    named,
    next_step,
    operator_of,
    taken_up,
)

from fleettui.demo import sshd
from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.demo.machine import Machine
from fleettui.demo.shell import run
from fleettui.demo.units import TEMPLATE
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import Closed, read_past

GENTLE = ("sudo", "file", "link", "reload", "kill", "start")
READS = (("copy", 0), ("probe", 2), ("probe", 9), ("probe", 14))
POINTS = [
    *((name, 0, ran) for name in GENTLE for ran in (False, True)),
    *(("restart", 0, ran) for ran in (False, True)),
    *((name, nth, False) for name, nth in READS),
]
"""Which command breaks off, of which number, and whether the machine ran it."""


class Cut:
    """Breaks the connection that one command came over: before it runs, or before its answer."""

    def __init__(self, name: str, nth: int, *, ran: bool) -> None:
        self._wanted, self._left, self._ran = name, nth, ran
        self._real = sshd._execute
        self.is_armed = False
        self.is_done = False
        self.ran: Counter[str] = Counter()
        """How often the machine really ran each command."""

    async def execute(self, machine: Machine, process: Any, log: sshd.CommandLog) -> None:
        name = named(process.command)
        if not self._is_now(name):
            self.ran[name] += 1
            await self._real(machine, process, log)
            return
        log.append((machine.ip, process.command))
        if self._ran:
            self.ran[name] += 1
            await run(machine, process.command, process.stdin.read)
        process.channel.get_connection().abort()

    def _is_now(self, name: str) -> bool:
        if self.is_done or not self.is_armed or name != self._wanted:
            return False
        self._left -= 1
        self.is_done = self._left < 0
        return self.is_done


def is_true(demo: DemoCluster, machine: Machine, stage: Stage, old_pid: int) -> bool:
    """Whether a stage that was called done is so, by the machine's own memory."""
    if stage in {Stage.DELETE, Stage.VERIFY}:
        wanted = demo.registry.read(f"job/{TEMPLATE}").get(f"job/{TEMPLATE}/target-state")
        return wanted == "inactive" and is_clean(machine)
    return stage is Stage.RELOAD or machine.fleet.main_pid not in {0, old_pid}


@pytest.mark.parametrize(
    ("name", "nth", "ran"),
    POINTS,
    ids=[f"{name}-{nth}-{'ran' if ran else 'lost'}" for name, nth, ran in POINTS],
)
async def test_a_repair_that_is_cut_off_is_done_or_not_done_and_never_twice(
    name: str, nth: int, ran: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Way.FULL if name == "restart" else Way.GENTLE
    cut = Cut(name, nth, ran=ran)
    monkeypatch.setattr(sshd, "_execute", cut.execute)
    async with DemoCluster(DemoSettings(lease_ttl=4)) as demo:
        machine = demo.broken
        assert machine is not None
        pids, old_pid = machine.systemd.main_pids(), machine.fleet.main_pid
        operator = operator_of(demo)
        repair = await begun(operator, tmp_path, way)
        cut.ran.clear()
        cut.is_armed = True
        for _ in range(20):
            stage = repair.next_stage
            if stage is None:
                break
            outcome = await next_step(repair, operator.name)
            if outcome.result is Result.DONE:
                assert is_true(demo, machine, stage, old_pid), f"{stage} was called done"
            else:
                await repair.leave(outcome.said.raw)
                repair = await taken_up(operator, tmp_path)
                assert read_past(repair.record.path).in_doubt == ()
        assert repair.next_stage is None
        assert cut.is_done, "nothing was cut off"
        assert cut.ran["kill"] + cut.ran["restart"] == 1
        assert (cut.ran["file"], cut.ran["link"]) == (1, 1)
        if way is Way.GENTLE:
            now = machine.systemd.main_pids()
            assert {unit: now.get(unit) for unit in pids} == pids
        await repair.close(Closed.REPAIRED)
        await hung_up(operator)
