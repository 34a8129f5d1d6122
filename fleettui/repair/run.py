"""Drives the steps of a plan in their one order, records every act, and reads back what it did."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic

from fleettui.access import HostUnreachable, Operator, RegistryUnavailable
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.acts import Acts, Failure
from fleettui.repair.checks import Before, clean, instances_of, repaired, replaced_pids, started
from fleettui.repair.outcome import Acted, Check, Confirmed, Outcome, Progress, Result, Told
from fleettui.repair.plan import Action, Plan, Restart, Stage, Step, Way, literal, summary
from fleettui.repair.record import Record

ORDER = (Stage.DELETE, Stage.RELOAD, Stage.RESTART, Stage.VERIFY)

CLEAN_WITHIN = timedelta(seconds=20)
STARTED_WITHIN = timedelta(minutes=3)
VERIFIED_WITHIN = timedelta(minutes=2)
LOOK_EVERY = timedelta(seconds=1)


class OutOfOrder(Exception):
    """A step was asked for before the one that makes it safe was read back as done."""


class Repair:
    """One repair of one machine. A stage runs only after the one before it was read back."""

    def __init__(
        self, operator: Operator, plan: Plan, record: Record, tell: Callable[[Told], None]
    ) -> None:
        self.plan = plan
        self.record = record
        self.interrupted: tuple[Untrusted, ...] = ()
        """Units whose main process was another one after the restart."""
        self._operator = operator
        self._acts = Acts(operator, plan, record)
        self._tell = tell
        self._done: list[Stage] = []
        self._before: Before | None = None
        self._seen: Snapshot | None = None

    @property
    def done(self) -> tuple[Stage, ...]:
        """Stages that were read back."""
        return tuple(self._done)

    @property
    def next_stage(self) -> Stage | None:
        """The stage whose turn it is; None after the last."""
        return ORDER[len(self._done)] if len(self._done) < len(ORDER) else None

    def choose(self, way: Way) -> None:
        """Take another restart. After a verify that failed it opens the restart again."""
        while self._done and self._done[-1] in {Stage.RESTART, Stage.VERIFY}:
            self._done.pop()
        self.plan = self.plan.with_way(way)

    async def perform(self, confirmed: Confirmed) -> Outcome:
        """Run a step's actions one by one; the first that is not done ends it.

        Raises OutOfOrder. Nothing else: what happens to the cluster is in the outcome.
        """
        step = confirmed.step
        self._claim(step.stage)
        if confirmed.machine_id != self.plan.machine.id or step != self.plan.step(step.stage):
            raise OutOfOrder("the confirmation is for another step or another machine")
        outcome = await self._recorded_step(confirmed, step)
        if outcome.result is Result.DONE:
            self._done.append(step.stage)
        return outcome

    async def verify(self) -> Outcome:
        """Watch until the machine is proven healthy. Raises OutOfOrder."""
        self._claim(Stage.VERIFY)
        before = self._before
        if before is None:
            raise OutOfOrder("nothing was restarted yet")
        outcome = await self._acts.guarded(self._verified(before))
        outcome = self._acts.recorded("verified", outcome)
        if outcome.result is Result.DONE:
            self._done.append(Stage.VERIFY)
        return outcome

    def _claim(self, stage: Stage) -> None:
        if stage is not self.next_stage:
            raise OutOfOrder(f"{stage} cannot run now: {self.next_stage or 'nothing'} is next")

    async def _recorded_step(self, confirmed: Confirmed, step: Step) -> Outcome:
        at = confirmed.at.isoformat()
        try:
            self.record.write("confirmed", stage=step.stage, who=confirmed.who, at=at)
        except OSError as disk:
            return Outcome(Result.NOT_STARTED, Untrusted(f"the record cannot be written: {disk}"))
        outcome = Outcome(Result.DONE, Untrusted("nothing was left to do"))
        for action in step.actions:
            outcome = await self._recorded(action)
            if outcome.result is not Result.DONE:
                return outcome
        if step.stage is Stage.DELETE:
            outcome = await self._acts.guarded(self._cleaned())
            self._tell(Acted("nothing brings the template back", outcome))
        return outcome

    async def _recorded(self, action: Action) -> Outcome:
        lines = literal(action, self.plan.token, self._operator.cluster.prefix)
        name = type(action).__name__
        try:
            self.record.write("intent", action=name, commands=lines)
        except OSError as disk:
            return Outcome(Result.NOT_STARTED, Untrusted(f"the record cannot be written: {disk}"))
        try:
            outcome = await self._acts.guarded(self._act(action))
        except asyncio.CancelledError:
            self._acts.note("in doubt", action=name, said="fleettui was left during this act")
            raise
        outcome = self._acts.recorded("outcome", outcome, action=name)
        self._tell(Acted(summary(action), outcome))
        return outcome

    async def _act(self, action: Action) -> str:
        if isinstance(action, Restart):
            return await self._restart(action.way)
        return await self._acts.perform(action)

    # --- what is watched ---------------------------------------------------------------------

    async def _cleaned(self) -> str:
        await self._until(self._clean, CLEAN_WITHIN)
        return "read back: nobody wants it, no machine is its target, both folders are clean"

    async def _restart(self, way: Way) -> str:
        """Replace fleetd; but never while something would bring the template back."""
        await self._until(self._clean, CLEAN_WITHIN)
        facts, snapshot = await self._acts.probe(), await self._operator.registry.read()
        before = self._before = Before(facts, snapshot.index)
        self._acts.note_first("before", pids=_pids(facts), index=snapshot.index)
        if way is Way.FULL:
            await self._acts.restart_fully()
        else:
            if before.main_pid:
                await self._acts.kill()
                await self._until(lambda: self._gone(before), STARTED_WITHIN)
            await self._acts.start()
        await self._until(lambda: self._started(before), STARTED_WITHIN)
        after = await self._acts.probe()
        replaced = self.interrupted = replaced_pids(before.facts, after)
        self._acts.note("after", pids=_pids(after), replaced=[str(name) for name in replaced])
        if replaced:
            return f"fleetd is new; restarted with it: {', '.join(n.raw for n in replaced)}"
        return "fleetd is new; no unit's main PID changed"

    async def _verified(self, before: Before) -> str:
        await self._until(lambda: self._repaired(before), VERIFIED_WITHIN)
        seen = self._seen
        placed = (
            [f"{u.name.raw} is {u.reached}" for u in instances_of(self.plan.units, seen)]
            if seen
            else []
        )
        return f"repaired; {', '.join(placed)}" if placed else "repaired"

    async def _clean(self) -> list[Check]:
        snapshot, facts = await self._operator.registry.read(), await self._acts.probe()
        return clean(self.plan.units, snapshot, facts)

    async def _gone(self, before: Before) -> list[Check]:
        fleet = (await self._acts.probe()).fleet
        gone = fleet is not None and fleet.main_pid != before.main_pid
        pid = Untrusted(f"main PID {fleet.main_pid}" if fleet else "systemd does not tell")
        return [Check("the old fleetd is gone", gone, pid)]

    async def _started(self, before: Before) -> list[Check]:
        snapshot, facts = await self._operator.registry.read(), await self._acts.probe()
        return started(self.plan.machine, before, snapshot, facts)

    async def _repaired(self, before: Before) -> list[Check]:
        snapshot, facts = await self._operator.registry.read(), await self._acts.probe()
        self._seen = snapshot
        return repaired(self.plan.units, self.plan.machine, before, snapshot, facts)

    async def _until(self, look: Callable[[], Awaitable[list[Check]]], within: timedelta) -> None:
        """Look again and again until all checks are met; a look that fails is looked again."""
        deadline = monotonic() + within.total_seconds()
        while True:
            lost = ""
            try:
                checks = await look()
            except (RegistryUnavailable, HostUnreachable) as error:
                lost = str(error)
                checks = [Check("could not look", met=False, detail=Untrusted(lost))]
            self._tell(Progress(tuple(checks)))
            if all(check.met for check in checks):
                return
            if monotonic() > deadline:
                unmet = "; ".join(f"{c.name}: {c.detail.raw}" for c in checks if not c.met)
                result = Result.UNKNOWN if lost else Result.FAILED
                raise Failure(result, f"not within {within.seconds} s: {unmet}")
            await asyncio.sleep(LOOK_EVERY.total_seconds())


def _pids(facts: HostFacts) -> dict[str, int]:
    return {str(name): service.main_pid for name, service in facts.services.items()}
