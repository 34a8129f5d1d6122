"""Taking up a repair that was left or killed: what is in doubt is settled by looking."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from fleettui.diagnosis.template_loaded import FAULT as TEMPLATE_LOADED
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.checks import clean, fails, started
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.replace import Replacement
from fleettui.repair.driving.standing import Standing
from fleettui.repair.driving.watch import Watch
from fleettui.repair.planning.action import DeleteFolder, Reload, Restart, Stage, Step, TrySudo
from fleettui.repair.planning.plan import Plan
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import Outcome, Result
from fleettui.repair.records.past import Intent, PastRepair

_LEAVES_NO_TRACE = (TrySudo, Reload)
"""Whether these were done cannot be seen; done once more, they do no harm."""


@dataclass(frozen=True, slots=True)
class TakenUp:
    """Where a repair stands, by what is true now."""

    done: tuple[Stage, ...]
    """Stages of the plan whose effects were all seen, from the first on without a gap."""
    before: Before | None
    """The machine before the restart that was begun; None where none was."""
    settled: tuple[tuple[Intent, Outcome], ...]
    """What was in doubt, and what looking said."""


async def taken_up(contact: Contact, watch: Watch, past: PastRepair, plan: Plan) -> TakenUp:
    """Look, and change nothing. Raises Failure, RegistryUnavailable and HostUnreachable."""
    if past.before is not None and any(isinstance(i.action, Restart) for i in past.in_doubt):
        # What is still on its way gets its time, so that it is not taken for undone.
        await Replacement(contact, watch, plan, past.before).has_begun(past.before)
    snapshot = await contact.snapshot()
    facts = await contact.read_back() if plan.machine else None
    standing = Standing(contact, snapshot, facts, past.before)
    done = [stage async for stage in _true_stages(standing, watch, past, plan)]
    settled = [(intent, await _settled(standing, intent)) for intent in past.in_doubt]
    return TakenUp(tuple(done), past.before if plan.way else None, tuple(settled))


async def _settled(standing: Standing, intent: Intent) -> Outcome:
    if isinstance(intent.action, _LEAVES_NO_TRACE):
        said = "it leaves no trace to look at, and is done anew where it is needed"
        return Outcome(Result.NOT_STARTED, Untrusted(said))
    check = await standing.of(intent.action)
    said = f"settled by looking: {check.name}: {check.detail.raw}"
    return Outcome(Result.DONE if check.met else Result.NOT_STARTED, Untrusted(said))


async def _true_stages(
    standing: Standing, watch: Watch, past: PastRepair, plan: Plan
) -> AsyncIterator[Stage]:
    for step in plan.steps:
        if not await _stands(standing, watch, past, plan, step):
            return
        yield step.stage
    if Stage.VERIFY in past.stages_done:
        yield Stage.VERIFY


async def _stands(
    standing: Standing, watch: Watch, past: PastRepair, plan: Plan, step: Step
) -> bool:
    """Whether all that a step was to bring about is true; what cannot be seen must be on record."""
    for action in step.actions:
        if not (await standing.of(action)).met:
            return False
        unseen = isinstance(action, Reload | DeleteFolder)
        if unseen and step.stage not in past.stages_done:
            return False
    if step.stage is Stage.DELETE and plan.fault == TEMPLATE_LOADED:
        return _is_clean(plan, standing.snapshot, standing.facts)
    if step.stage is Stage.RESTART:
        return await _has_started(standing, plan, watch.pace.settled)
    return True


def _is_clean(plan: Plan, snapshot: Snapshot, facts: HostFacts | None) -> bool:
    return facts is not None and all(c.met for c in clean(plan.units, snapshot, facts))


async def _has_started(standing: Standing, plan: Plan, settled: float) -> bool:
    before, facts, machine = standing.before, standing.facts, plan.machine
    if before is None or facts is None or machine is None:
        return False
    registered = await standing.contact.registered()
    checks = started(machine, before, facts, registered, settled)
    return all(c.met for c in checks) and not fails(plan.units, before, facts)
