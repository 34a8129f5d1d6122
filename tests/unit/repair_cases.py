"""Repairs of the model cluster, in a few words: planned, opened, confirmed, taken up again."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

from cluster_model import TEMPLATE, World

from fleettui.diagnosis.finding import Evidence, Finding, Severity, Source
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.pace import Pace
from fleettui.repair.driving.run import Repair, open_repair, resume_repair
from fleettui.repair.planning.action import Stage
from fleettui.repair.planning.locate import locate
from fleettui.repair.planning.look import Look
from fleettui.repair.planning.plan import Plan, plan_repair
from fleettui.repair.records.outcome import Confirmed, Outcome, Result, Told
from fleettui.repair.records.past import PastRepair, read_past

STAGES = (Stage.DELETE, Stage.RELOAD, Stage.RESTART)
QUICK = Pace(look_every=0, clock=partial(next, count()))
"""Look without waiting: with each look a second goes by, and in the model some more."""
SEEN = Evidence(Source.REGISTRY, Untrusted("job/zookeeper@.service/target"), Untrusted("a" * 32))
FINDING = Finding(
    "template-loaded",
    Severity.CRITICAL,
    TEMPLATE,
    Untrusted("a" * 32),
    "a template was loaded",
    (SEEN,),
)


async def planned(world: World) -> Plan:
    return planned_from(world.machine, await world.read(), await world.probe(world.machine))


def planned_from(machine: Machine, snapshot: Snapshot, facts: HostFacts) -> Plan:
    return plan_repair(FINDING, Look(snapshot, {machine.id: facts}, machine), "t")


def nobody(_: Told) -> None:
    """Is told, and does not care."""


async def opened(
    world: World,
    folder: Path,
    plan: Plan | None = None,
    tell: Callable[[Told], None] = nobody,
    pace: Pace = QUICK,
) -> Repair:
    """A repair whose preflight is behind it; what that asked of the machine is forgotten."""
    plan = plan or await planned(world)
    repair = await open_repair(world.operator(), FINDING, plan, folder, tell, pace)
    world.calls.clear()
    return repair


async def resumed(world: World, path: Path, pace: Pace = QUICK) -> Repair:
    """The repair of a record, gone on with as the wizard does: after a fresh locate."""
    past = read_past(path)
    located = await locate(world.operator(), FINDING, world.machine)
    assert located.plan or located.is_clean, located.problem
    return await resume_repair(world.operator(), past, located.plan, nobody, pace)


def yes(plan: Plan, stage: Stage) -> Confirmed:
    return Confirmed(plan.step(stage), plan.machine_id, "ann@desk", datetime.now(UTC))


async def performed(repair: Repair, *stages: Stage) -> list[Outcome]:
    """The outcomes of stages, up to the first that is not done."""
    outcomes = []
    for stage in stages:
        outcomes.append(await repair.perform(yes(repair.plan, stage)))
        if outcomes[-1].result is not Result.DONE:
            break
    return outcomes


async def finished(repair: Repair) -> Outcome:
    """Perform whatever is left, verify included; the last outcome."""
    outcome = None
    while (stage := repair.next_stage) is not None:
        verify = stage is Stage.VERIFY
        outcome = await (repair.verify() if verify else repair.perform(yes(repair.plan, stage)))
        if outcome.result is not Result.DONE:
            break
    assert outcome is not None, "nothing was left to do"
    return outcome


def bury(repair: Repair) -> None:
    """What the kernel does with a process that is gone; the lock in etcd stays."""
    repair.record.close()
    task = repair._lock._task
    if task is not None:
        task.cancel()


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def events(repair: Repair) -> list[str]:
    """Names of the events in a repair's record."""
    return [event.name for event in past_of(repair).events]


def past_of(repair: Repair) -> PastRepair:
    return read_past(repair.record.path)
