"""Opening a repair, and going on with one: looked at and locked before anything is changed."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from fleettui.access import (
    HostUnreachable,
    LockTaken,
    Operator,
    RegistryUnavailable,
    WriteRefused,
    WriteUnknown,
)
from fleettui.diagnosis.finding import Finding
from fleettui.model.clock import now
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.driver import Footing, OutOfOrder, Repair
from fleettui.repair.driving.ledger import Failure, Ledger
from fleettui.repair.driving.lock import RepairLock
from fleettui.repair.driving.pace import Pace
from fleettui.repair.driving.preflight import preflight
from fleettui.repair.driving.resume import TakenUp, taken_up
from fleettui.repair.driving.watch import Watch
from fleettui.repair.planning.action import Stage
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_json import as_json
from fleettui.repair.records.finding_json import finding_as_json
from fleettui.repair.records.outcome import Check, Progress, Told
from fleettui.repair.records.past import PastRepair, read_past
from fleettui.repair.records.record import Record, RecordInUse

__all__ = ["CannotBegin", "OutOfOrder", "Repair", "open_repair", "resume_repair"]


class CannotBegin(Exception):
    """Nothing was changed, and the reasons say why nothing will be."""

    def __init__(self, *reasons: str, checks: Sequence[Check] = ()) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons
        """Plain sentences, safe to show."""
        self.checks = tuple(checks)
        """All of the preflight, if that is what it failed at."""


async def open_repair(  # noqa: PLR0913, PLR0917 - who, what, where to, and how it is watched
    operator: Operator,
    finding: Finding,
    plan: Plan,
    records: Path,
    tell: Callable[[Told], None],
    pace: Pace | None = None,
) -> Repair:
    """Preflight, lock, record: a repair that is ready for its first step. Raises CannotBegin."""
    watch = Watch(tell, pace or Pace())
    checks = await _preflown(operator, plan, records, watch)
    async with AsyncExitStack() as failing:
        lock = await _locked(operator, plan, plan.token, watch.pace)
        failing.push_async_callback(lock.drop)
        try:
            record = Record.begin(records, plan.token, _head(operator, finding, plan))
            failing.callback(record.close)
            _note_beginning(record, checks, lock)
        except (OSError, RecordInUse) as error:
            raise CannotBegin(_unwritten(records, error)) from error
        failing.pop_all()
    return Repair(operator, finding, plan, Footing(Ledger(record), lock, watch))


async def resume_repair(
    operator: Operator,
    past: PastRepair,
    plan: Plan | None,
    tell: Callable[[Told], None],
    pace: Pace | None = None,
) -> Repair:
    """Go on with a repair that was left or killed: it looks first, and goes on from what is true.

    `plan` was made afresh for the same fault on the same machine; None where nothing is left to
    plan. Nothing is changed here, and nothing that has happened is done again. Raises CannotBegin.
    """
    watch = Watch(tell, pace or Pace())
    wanted, _ = _agreed(operator, past, plan)
    checks = await _preflown(operator, wanted, past.path.parent, watch, past.token)
    async with AsyncExitStack() as failing:
        try:
            record = Record.reopen(past.path)
        except (OSError, RecordInUse) as error:
            raise CannotBegin(_unwritten(past.path, error)) from error
        failing.callback(record.close)
        past = read_past(past.path)  # as it stands now that nobody else can write it
        wanted, finding = _agreed(operator, past, plan)
        lock = await _locked(operator, wanted, past.token, watch.pace)
        failing.push_async_callback(lock.drop)
        footing = Footing(Ledger(record, past.acts), lock, watch)
        where = await _looked(Contact(operator, wanted, footing.ledger, lock), watch, past, wanted)
        _note_resuming(operator, record, wanted, where, checks)
        failing.pop_all()
    repair = Repair(operator, finding, wanted, footing)
    repair.take_up(where.done, where.before)
    return repair


async def _preflown(
    operator: Operator, plan: Plan, records: Path, watch: Watch, own: str | None = None
) -> tuple[Check, ...]:
    checks = await preflight(operator, plan, records, own)
    watch.tell(Progress(checks))
    unmet = [check for check in checks if check.required and not check.met]
    if unmet:
        raise CannotBegin(*(f"{c.name}: no. {c.detail}" for c in unmet), checks=checks)
    return checks


async def _locked(operator: Operator, plan: Plan, token: str, pace: Pace) -> RepairLock:
    holder = LockHolder(
        token=Untrusted(token),
        who=Untrusted(operator.name),
        machine_id=plan.machine_id,
        subject=Untrusted(", ".join(unit.raw for unit in plan.units)),
        since=now(),
        stage=Untrusted(Stage.LOCATE.value),
    )
    lock = RepairLock(operator.writer, holder, pace.lock_ttl, pace.lock_every)
    try:
        await lock.take()
    except (LockTaken, RegistryUnavailable, WriteRefused, WriteUnknown) as error:
        raise CannotBegin(str(error)) from error
    return lock


def _head(operator: Operator, finding: Finding, plan: Plan) -> dict[str, object]:
    return {
        "who": operator.name,
        "cluster": operator.cluster.endpoints,
        "prefix": operator.cluster.prefix,
        "fault": finding.fault,
        "finding": finding_as_json(finding),
        "plan": as_json(plan),
    }


def _note_beginning(record: Record, checks: Sequence[Check], lock: RepairLock) -> None:
    """Raises OSError."""
    record.write("preflight", checks=_plain(checks))
    record.write("lock", index=lock.index, subject=lock.holder.subject)


def _agreed(operator: Operator, past: PastRepair, plan: Plan | None) -> tuple[Plan, Finding]:
    """The plan to go on with and the finding it is against, if all of it belongs together."""
    if past.plan is None or past.finding is None:
        raise CannotBegin(f"{past.path.name} cannot be read: {past.problem}")
    cluster = operator.cluster
    here = {Untrusted(url) for url in cluster.endpoints}
    if past.prefix.raw != cluster.prefix or here.isdisjoint(past.cluster):
        there = ", ".join(str(url) for url in past.cluster)
        raise CannotBegin(f"that repair is of another cluster: {there}, keys under {past.prefix}")
    if plan is None:
        return past.plan, past.finding
    if (plan.fault, plan.machine_id) != (past.plan.fault, past.plan.machine_id):
        raise CannotBegin("the plan at hand is for another fault or another machine")
    way = past.plan.way
    is_under_way = past.before is not None and Stage.RESTART not in past.stages_done
    if is_under_way and way is not None and way in plan.ways:
        plan = plan.with_way(way)
    return plan, past.finding


async def _looked(contact: Contact, watch: Watch, past: PastRepair, plan: Plan) -> TakenUp:
    try:
        return await taken_up(contact, watch, past, plan)
    except (RegistryUnavailable, HostUnreachable, Failure) as lost:
        raise CannotBegin(f"how far it came cannot be seen: {lost}") from lost


def _note_resuming(
    operator: Operator, record: Record, plan: Plan, where: TakenUp, checks: Sequence[Check]
) -> None:
    """Write down what looking said of each act in doubt, and where it goes on."""
    try:
        for intent, outcome in where.settled:
            record.write(
                "outcome",
                n=intent.number,
                stage=intent.stage,
                action=type(intent.action).__name__,
                result=outcome.result,
                said=outcome.said,
                settled=True,
            )
        record.write("preflight", checks=_plain(checks))
        record.write("resumed", who=operator.name, plan=as_json(plan), done=where.done)
    except OSError as error:
        raise CannotBegin(_unwritten(record.path, error)) from error


def _plain(checks: Sequence[Check]) -> list[dict[str, object]]:
    return [{"name": c.name, "met": c.met, "detail": c.detail} for c in checks]


def _unwritten(where: Path, error: Exception) -> str:
    return f"the record cannot be written: {Untrusted(f'{where}: {error}')}"
