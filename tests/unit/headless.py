"""A whole repair without a screen, of whatever an operator's session reaches."""

from pathlib import Path

from fleettui.access import Operator
from fleettui.check.examine import examine
from fleettui.model.clock import now
from fleettui.repair.driving.run import Repair, open_repair
from fleettui.repair.planning.action import Way
from fleettui.repair.planning.locate import locate
from fleettui.repair.records.outcome import Confirmed, Result
from fleettui.repair.records.past import Closed


async def repaired(
    operator: Operator, records: Path, fault: str = "template-loaded", way: Way | None = None
) -> Path:
    """Repair the first finding of a fault, each step confirmed and read back; the record."""
    seen = await examine(operator)
    finding = next(f for f in seen.findings if f.fault == fault)
    known = seen.machines.get(finding.machine_id) if finding.machine_id else None
    located = await locate(operator, finding, known)
    assert located.plan is not None, located.problem
    repair = await open_repair(operator, finding, located.plan, records, lambda _: None)
    if way is not None:
        repair.choose(way)
    await _finish(repair, operator.name)
    await repair.close(Closed.REPAIRED)
    return repair.record.path


async def _finish(repair: Repair, who: str) -> None:
    for step in repair.plan.steps:
        outcome = await repair.perform(Confirmed(step, repair.plan.machine_id, who, now()))
        assert outcome.result is Result.DONE, outcome
    outcome = await repair.verify()
    assert outcome.result is Result.DONE, outcome
