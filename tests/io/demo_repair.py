"""Repairs of a demo cluster without a screen: begun, interrupted, and taken up again."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from fleettui.access import Operator
from fleettui.check.examine import examine
from fleettui.cli import build, demo_settings
from fleettui.demo.cluster import DemoCluster
from fleettui.demo.machine import Machine
from fleettui.demo.units import TEMPLATE
from fleettui.model.clock import now
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.repair.driving.pace import Pace
from fleettui.repair.driving.run import Repair, open_repair, resume_repair
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.planning.locate import locate
from fleettui.repair.records.outcome import Confirmed, Outcome, Result, Told
from fleettui.repair.records.past import PastState, past_repairs

HASTY = Pace(
    look_every=0.1,
    clean_within=10,
    gone_within=3,
    started_within=8,
    verified_within=30,
    blocked_within=0,
    settled=1,
    quiet=1.5,
    in_doubt=0.5,
)
"""For tests that are about interruptions; the demo's loop has a line every second."""


def operator_of(demo: DemoCluster) -> Operator:
    """A session on the demo, built as the command line builds it."""
    access = build(demo_settings(demo, observe=False))
    assert isinstance(access, Operator)
    return access


async def begun(operator: Operator, records: Path, way: Way = Way.GENTLE) -> Repair:
    """A repair of the main fault, ready for its first step."""
    finding = next(f for f in (await examine(operator)).findings if f.fault == "template-loaded")
    located = await locate(operator, finding, None)
    assert located.plan is not None, located.problem
    repair = await open_repair(operator, finding, located.plan, records, nobody, HASTY)
    repair.choose(way)
    return repair


async def taken_up(operator: Operator, records: Path) -> Repair:
    """The repair that the next start offers, gone on with after a fresh locate."""
    (past,) = [past for past in past_repairs(records) if past.state is PastState.UNFINISHED]
    assert past.finding is not None
    assert past.plan is not None
    located = await locate(operator, past.finding, past.plan.machine)
    assert located.plan or located.is_clean, located.problem
    return await resume_repair(operator, past, located.plan, nobody, HASTY)


async def next_step(repair: Repair, who: str) -> Outcome:
    """The next stage, confirmed."""
    stage = repair.next_stage
    assert stage is not None, "nothing is left to do"
    if stage is Stage.VERIFY:
        return await repair.verify()
    step = repair.plan.step(stage)
    return await repair.perform(Confirmed(step, repair.plan.machine_id, who, now()))


async def to_its_end(operator: Operator, records: Path, repair: Repair) -> Repair:
    """Go on until it is verified, looking anew whenever a step is not done."""
    for _ in range(20):
        if repair.next_stage is None:
            return repair
        if (await next_step(repair, operator.name)).result is not Result.DONE:
            await repair.leave("a step was not done")
            repair = await taken_up(operator, records)
    raise AssertionError("it comes to no end")


async def hung_up(operator: Operator) -> None:
    await operator.hosts.close()
    await operator.registry.close()


def nobody(_: Told) -> None:
    """Is told, and does not care."""


def name_of(argv: Sequence[str]) -> str:
    """A command in a word: what is restarted, removed or read."""
    match argv:
        case ["sudo", "-n", "true"]:
            return "sudo"
        case ["sudo", "-n", "systemctl", verb, *_]:
            return "reload" if verb == "daemon-reload" else verb
        case ["sudo", "-n", "sh", "-c", _, "fleettui-remove", _, _, kind, *_]:
            return kind
        case ["sudo", "-n", "sh", "-c", _, script, *_] | ["sh", "-c", _, script, *_]:
            return script.removeprefix("fleettui-")
        case _:
            return argv[0]


def named(line: str | None) -> str:
    """The same of the line that a machine's shell got."""
    return name_of(shlex.split(line or "-"))


def is_clean(machine: Machine) -> bool:
    """Whether nothing of the template is left on a machine."""
    folders = (FLEET_UNITS, SYSTEMD_UNITS)
    return all(machine.files.look(folder, TEMPLATE) is None for folder in folders)
