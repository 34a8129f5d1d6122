"""The proof at the end of a repair: what is looked at until it says that the fault is over."""

from datetime import timedelta
from typing import Protocol

from fleettui.access import HostUnreachable
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.acts_registry import STATES
from fleettui.repair.driving.checks import healthy, no_leftovers, state_problem, unblocked
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.pace import Pace
from fleettui.repair.driving.replace import Replacement
from fleettui.repair.driving.silence import Silence
from fleettui.repair.driving.standing import Standing
from fleettui.repair.planning.action import Action, DeleteKey, StartUnit
from fleettui.repair.planning.plan import Plan
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import Check, Progress


class Proof(Protocol):
    """What a verify looks at."""

    async def look(self) -> Progress:
        """Fresh reads. Raises RegistryUnavailable and HostUnreachable."""

    def begin(self) -> None:
        """A verify begins; what an earlier one could not prove is not asked of this one."""


class FleetdProof:
    """A new fleetd does its work: silent, publishing what systemd says, nothing left behind."""

    def __init__(
        self, contact: Contact, plan: Plan, new: Replacement, before: Before, pace: Pace
    ) -> None:
        self._contact = contact
        self._units = plan.units
        self._new = new
        self._before = before
        self._pace = pace
        self._silence = Silence(before)
        self._last: tuple[HostFacts, float] | None = None
        """The newest facts, and when they came by our own clock."""

    def begin(self) -> None:
        self._silence.begin_anew()

    async def look(self) -> Progress:
        facts = await self._heard()
        snapshot = await self._contact.snapshot()
        returns, units = await self._new.units(self._before, facts, snapshot)
        checks = (
            *self._silence.check(facts, self._pace.quiet),
            no_leftovers(self._units, facts),
            *healthy(self._contact.machine, self._before, snapshot, facts),
            units,
            *unblocked(self._units, snapshot),
        )
        return Progress(checks, returns)

    async def _heard(self) -> HostFacts:
        """Fresh facts with every line of the journal since the reading before."""
        known, at = self._last or (await self._contact.probe(), self._pace.clock())
        clock = known.clock + timedelta(seconds=self._pace.clock() - at)
        facts = await self._contact.probe(self._silence.since(clock))
        self._last = facts, self._pace.clock()
        self._silence.hear(facts)
        return facts


class FactsProof:
    """What the plan was to bring about is true, stays true, and the finding is gone."""

    def __init__(self, contact: Contact, plan: Plan, finding: Finding, pace: Pace) -> None:
        self._contact = contact
        self._machine = plan.machine
        self._actions = [action for step in plan.steps for action in step.actions]
        self._finding = finding
        self._pace = pace
        self._since: float | None = None
        """Since when every act's effect was seen, by our own clock."""

    def begin(self) -> None:
        self._since = None

    async def look(self) -> Progress:
        snapshot = await self._contact.snapshot()
        facts = await self._contact.probe() if self._machine else None
        standing = Standing(self._contact, snapshot, facts, None)
        effects = [await standing.of(action) for action in self._actions]
        if not all(effect.met for effect in effects):
            self._since = None
        elif self._since is None:
            self._since = self._pace.clock()
        return Progress(
            (*effects, *self._lasting(), *self._told(snapshot, facts), await self._gone(snapshot))
        )

    def _lasting(self) -> tuple[Check, ...]:
        """An agent that still holds a deleted state in its memory would write it again."""
        if not any(_is_state(action) for action in self._actions):
            return ()
        span = 0.0 if self._since is None else self._pace.clock() - self._since
        wanted = self._pace.gone_for
        name = f"nobody writes it again for {wanted:.0f} s"
        return (Check(name, span >= wanted, Untrusted(f"gone for {span:.0f} s")),)

    def _told(self, snapshot: Snapshot, facts: HostFacts | None) -> tuple[Check, ...]:
        """A unit that was started is told of in the registry as systemd has it."""
        machine = self._machine
        if machine is None or facts is None:
            return ()
        units = [action.unit for action in self._actions if isinstance(action, StartUnit)]
        checks = []
        for unit in units:
            why = state_problem(unit, machine, 0, snapshot, facts.services.get(unit))
            name = f"the registry says of {unit} what systemd says"
            checks.append(Check(name, why is None, Untrusted(why or "both agree")))
        return tuple(checks)

    async def _gone(self, snapshot: Snapshot) -> Check:
        """A diagnosis of what was just read; of the finding's machine, if it can be asked."""
        found = self._finding
        machine = snapshot.machines.get(found.machine_id) if found.machine_id else None
        reports, said = {}, "diagnosed afresh"
        if machine is not None:
            try:
                reports = {machine.id: await self._contact.operator.hosts.probe(machine)}
            except HostUnreachable as reason:
                said = f"diagnosed from the registry alone: {reason}"
        again = [f for f in diagnose(snapshot, reports) if f.key == found.key]
        return Check(
            "the finding is gone", not again, Untrusted(again[0].summary if again else said)
        )


def _is_state(action: Action) -> bool:
    """Whether an act deletes what an agent writes."""
    return isinstance(action, DeleteKey) and action.key[0] == STATES
