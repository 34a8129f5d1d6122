"""Drives the steps of a plan in their one order, records every act, and reads back what it did."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from fleettui.access import LockLost, Operator
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.template_loaded import FAULT as TEMPLATE_LOADED
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.acts import perform
from fleettui.repair.driving.checks import unwanted
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.ledger import Failure, Ledger
from fleettui.repair.driving.lock import RepairLock
from fleettui.repair.driving.replace import Replacement, cleaned
from fleettui.repair.driving.undo import undo_of
from fleettui.repair.driving.verify import FactsProof, FleetdProof, Proof
from fleettui.repair.driving.watch import Watch
from fleettui.repair.planning.action import (
    Action,
    RemoveFile,
    RemoveLink,
    Stage,
    Step,
    Way,
    literal,
    summary,
)
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_json import as_json
from fleettui.repair.planning.stake import UnitAtStake
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import (
    Absence,
    Acted,
    Check,
    Confirmed,
    Outcome,
    Progress,
    Result,
)
from fleettui.repair.records.past import Closed, stages_before
from fleettui.repair.records.record import Record


class OutOfOrder(Exception):
    """A step was asked for before the one that makes it safe was read back as done."""


@dataclass(frozen=True, slots=True)
class Footing:
    """What an open repair stands on."""

    ledger: Ledger
    lock: RepairLock
    """Held."""
    watch: Watch


class Repair:
    """One repair. A stage runs only after the one before it was read back.

    It is opened and resumed by `fleettui.repair.driving.run`, and let go by `close` or `leave`.
    """

    def __init__(self, operator: Operator, finding: Finding, plan: Plan, footing: Footing) -> None:
        self.plan = plan
        self._prefix = operator.cluster.prefix
        self._finding = finding
        self._ledger, self._lock, self._watch = footing.ledger, footing.lock, footing.watch
        self._contact = Contact(operator, plan, self._ledger, self._lock)
        self._done: list[Stage] = []
        self._new = self._replacement(None)
        self._proof: Proof | None = None
        self._seen: Sequence[Check] = ()
        """What the newest look of a verify said."""
        self._why_not = ""
        """Why nothing is performed any more; empty while it is open."""
        self._is_busy = False

    @property
    def record(self) -> Record:
        """What was written of this repair, and where."""
        return self._ledger.record

    @property
    def done(self) -> tuple[Stage, ...]:
        """Stages that were read back."""
        return tuple(self._done)

    @property
    def next_stage(self) -> Stage | None:
        """The stage whose turn it is; None after the last."""
        left = self.plan.stages[len(self._done) :]
        return left[0] if left else None

    @property
    def absences(self) -> tuple[Absence, ...]:
        """How long units of the machine were away, of those that were not there all the time."""
        return self._new.absences if self._new else ()

    @property
    def interrupted(self) -> tuple[Untrusted, ...]:
        """Units whose main process was another one after the restart."""
        return self._new.interrupted if self._new else ()

    @property
    def lock_is_lost(self) -> bool:
        """Whether nothing can be done any more but to leave, and to resume."""
        return self._lock.is_lost

    def choose(self, way: Way) -> None:
        """Take another restart. After a verify that failed it opens the restart again.

        Raises OutOfOrder where that way is not on offer.
        """
        if way not in self.plan.ways:
            raise OutOfOrder(f"the {way} way is not on offer")
        self._done = list(stages_before(Stage.RESTART, self.done))
        self.plan = self.plan.with_way(way)
        self._new, self._proof = self._replacement(None), None
        self._ledger.note("chose", way=way)

    def weigh(self, at_stake: tuple[UnitAtStake, ...]) -> None:
        """Take over what a restart puts at stake by now; the confirmation is for that."""
        self.plan = self.plan.with_stake(at_stake)
        self._ledger.note("weighed", plan=as_json(self.plan))

    def take_up(self, done: Sequence[Stage], before: Before | None) -> None:
        """Go on where an earlier process ended: with the stages that were found to be true."""
        self._done = list(done)
        self._new, self._proof = self._replacement(before), None

    async def perform(self, confirmed: Confirmed) -> Outcome:
        """Run a step's actions one by one; the first that is not done ends it.

        Raises OutOfOrder. Nothing else: what happens to the cluster is in the outcome.
        """
        step = confirmed.step
        self._claim(step.stage)
        if confirmed.machine_id != self.plan.machine_id or step != self.plan.step(step.stage):
            raise OutOfOrder("the confirmation is for another step or another machine")
        with self._turn():
            outcome = await self._recorded_step(confirmed, step)
            if outcome.result is Result.DONE:
                self._done.append(step.stage)
                self._ledger.note("stage done", stage=step.stage)
        return outcome

    async def verify(self) -> Outcome:
        """Watch until the repair is proven. Raises OutOfOrder."""
        self._claim(Stage.VERIFY)
        proof = self._proof = self._proof or self._proof_now()
        proof.begin()
        with self._turn():
            return await self._held(Stage.VERIFY) or await self._verified(proof)

    def can_undo(self, stage: Stage) -> tuple[Action, ...]:
        """What would take a stage back, act by act; empty where nothing can, or is left to."""
        return undo_of(self._ledger.read(), stage)

    async def undo(self, stage: Stage) -> Outcome:
        """Take a stage back, checked and read back; the ones after it count as not done then.

        Raises OutOfOrder where there is nothing to undo.
        """
        actions = self.can_undo(stage)
        if not actions:
            raise OutOfOrder(f"there is nothing to undo in {stage}")
        with self._turn():
            outcome = await self._held(stage)
            if outcome is None:
                self._done = list(stages_before(stage, self.done))  # half an undo undoes it too
                outcome = await self._all_of(stage, actions, undo=True)
            return self._ledger.outcome("undone", outcome, stage=stage)

    async def close(self, how: Closed) -> None:
        """End the repair for good. Raises OutOfOrder for a 'repaired' that was not verified."""
        if how is Closed.REPAIRED and self.next_stage is not None:
            raise OutOfOrder("only what was verified is repaired")
        self._ledger.note("closed", how=how)
        await self._let_go("the repair is closed")

    async def leave(self, why: str) -> None:
        """Let go of it, to be resumed here or on another terminal."""
        self._ledger.note("left", why=why)
        await self._let_go("the repair was left")

    # --- inside ------------------------------------------------------------------------------

    async def _let_go(self, why: str) -> None:
        self._why_not = why
        if self._is_busy:
            await self._lock.abandon()  # what is under way may still have its effect
        else:
            await self._lock.drop()
        self.record.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One step at a time, and none after the end. Raises OutOfOrder."""
        if self._why_not or self._is_busy:
            raise OutOfOrder(self._why_not or "another step is under way")
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False

    def _claim(self, stage: Stage) -> None:
        if stage is not self.next_stage:
            raise OutOfOrder(f"{stage} cannot run now: {self.next_stage or 'nothing'} is next")

    def _replacement(self, before: Before | None) -> Replacement | None:
        if self.plan.way is None:
            return None
        return Replacement(self._contact, self._watch, self.plan, before)

    def _proof_now(self) -> Proof:
        pace = self._watch.pace
        if self.plan.fault != TEMPLATE_LOADED or self._new is None:
            return FactsProof(self._contact, self.plan, self._finding, pace)
        if self._new.before is None:
            raise OutOfOrder("nothing was restarted yet")
        return FleetdProof(self._contact, self.plan, self._new, self._new.before, pace)

    async def _held(self, stage: Stage) -> Outcome | None:
        """None while the lock is ours; what is told everybody is the stage at hand."""
        try:
            await self._lock.stage(stage)
        except LockLost as lost:
            return self._stopped(lost)
        return None

    def _stopped(self, lost: LockLost) -> Outcome:
        self._ledger.note("lock lost", said=str(lost))
        return Outcome(Result.NOT_STARTED, Untrusted(f"nothing was sent: {lost}"))

    async def _recorded_step(self, confirmed: Confirmed, step: Step) -> Outcome:
        stopped = await self._held(step.stage)
        if stopped is not None:
            return stopped
        try:
            at = confirmed.at.isoformat()
            self._ledger.note_first("confirmed", stage=step.stage, who=confirmed.who, when=at)
        except Failure as disk:
            return disk.outcome
        if step.stage is Stage.DELETE:
            return await self._deleted(step.actions)
        return await self._all_of(step.stage, step.actions)

    async def _deleted(self, actions: Sequence[Action]) -> Outcome:
        """The registry first, and the machine's files only when the engine has followed.

        A fleetd that is at work on what it read before would write a file again that went
        earlier: with the file gone its reconciler is alive.
        """
        files = [a for a in actions if isinstance(a, RemoveFile | RemoveLink)]
        registry = [a for a in actions if a not in files]
        outcome = await self._all_of(Stage.DELETE, registry)
        if outcome.result is Result.DONE and files:
            outcome = await self._told("the engine followed", self._unwanted())
        if outcome.result is Result.DONE:
            outcome = await self._all_of(Stage.DELETE, files)
        if outcome.result is Result.DONE:
            outcome = await self._told("nothing brings the template back", self._cleaned())
        return outcome

    async def _told(self, title: str, watched: Awaitable[str]) -> Outcome:
        outcome = await self._contact.guarded(watched)
        self._watch.tell(Acted(title, outcome))
        return outcome

    async def _all_of(
        self, stage: Stage, actions: Sequence[Action], *, undo: bool = False
    ) -> Outcome:
        outcome = Outcome(Result.DONE, Untrusted("nothing was left to do"))
        for action in actions:
            outcome = await self._recorded(stage, action, undo=undo)
            if outcome.result is not Result.DONE:
                return outcome
        return outcome

    async def _recorded(self, stage: Stage, action: Action, *, undo: bool) -> Outcome:
        """One act: the lock is ours, then the intent is on the disk, then it is sent."""
        lines = literal(action, self.plan.token, self._prefix)
        try:
            await self._lock.ensure()
            number = self._ledger.intend(stage, action, lines, undo=undo)
        except LockLost as lost:
            return self._stopped(lost)
        except Failure as disk:
            return disk.outcome
        name = type(action).__name__
        try:
            act = perform(self._contact, self._watch, action, self._new)
            outcome = await self._contact.guarded(act)
        except asyncio.CancelledError:
            said = "fleettui was left during this act"
            self._ledger.note("in doubt", n=number, action=name, said=said)
            raise
        outcome = self._ledger.outcome("outcome", outcome, n=number, stage=stage, action=name)
        self._watch.tell(Acted(summary(action), outcome))
        return outcome

    async def _unwanted(self) -> str:
        async def look() -> Progress:
            return Progress(tuple(unwanted(self.plan.units, await self._contact.snapshot())))

        await self._watch.until(look, self._watch.pace.clean_within)
        return "read back: nobody wants it, and no machine is its target"

    async def _cleaned(self) -> str:
        await cleaned(self._contact, self._watch, self.plan.units)
        return "read back: nobody wants it, no machine is its target, both folders are clean"

    async def _verified(self, proof: Proof) -> Outcome:
        outcome = await self._contact.guarded(self._proven(proof))
        gentle = self.plan.way is Way.GENTLE and outcome.result is Result.FAILED
        if gentle and len(self.plan.ways) > 1:
            said = f"{outcome.said.raw}; the gentle way did not do it, the full restart is on offer"
            outcome = Outcome(outcome.result, Untrusted(said))
        if self._new is not None:
            self._new.note_absences()
        checks = [{"name": c.name, "met": c.met, "detail": c.detail} for c in self._seen]
        outcome = self._ledger.outcome("verified", outcome, checks=checks)
        if outcome.result is Result.DONE:
            self._done.append(Stage.VERIFY)
        return outcome

    async def _proven(self, proof: Proof) -> str:
        async def look() -> Progress:
            seen = await proof.look()
            self._seen = seen.checks
            return seen

        pace = self._watch.pace
        seen = await self._watch.until(look, pace.verified_within, pace.blocked_within)
        rest = [f"{c.name}: {c.detail.raw}" for c in seen.checks if not c.required]
        return "; ".join(["repaired", *rest])
