"""Replacing a machine's fleetd: sent once, then judged by what the machine and etcd show."""

from collections.abc import Collection

from fleettui.commands import kill_fleet, restart_fleet, start_fleet
from fleettui.diagnosis.truth import ON_ITS_WAY
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts, ServiceFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.checks import clean, fails, replaced_pids, started
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.ledger import Failure
from fleettui.repair.driving.returns import Returns
from fleettui.repair.driving.watch import Watch
from fleettui.repair.planning.action import Way
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.restart import ways_for
from fleettui.repair.records.before import Before, before_of
from fleettui.repair.records.outcome import Absence, Check, Progress, Result, UnitReturn


async def cleaned(contact: Contact, watch: Watch, units: Collection[Untrusted]) -> None:
    """Return once nothing brings the templates back. Raises Failure if that takes too long."""

    async def look() -> Progress:
        snapshot, facts = await contact.snapshot(), await contact.probe()
        return Progress(tuple(clean(units, snapshot, facts)))

    await watch.until(look, watch.pace.clean_within)


class Replacement:
    """The restart of one fleetd. Performed again, it goes on where the try before it ended.

    `before` is what tells whether the restart has happened: a main PID other than that one says
    that it has. Then nothing is killed again, unless that new process itself fails in the loop.
    """

    def __init__(
        self, contact: Contact, watch: Watch, plan: Plan, before: Before | None = None
    ) -> None:
        self.before = before
        self.interrupted: tuple[Untrusted, ...] = ()
        """Units whose main process was another one after the restart."""
        self._contact = contact
        self._watch = watch
        self._units = plan.units
        self._returns = Returns(before, contact.machine) if before else None

    @property
    def absences(self) -> tuple[Absence, ...]:
        """Of the units that were not there all the time."""
        return self._returns.absences if self._returns else ()

    async def perform(self, way: Way) -> str:
        """Replace fleetd; but never while something would bring the template back."""
        pace = self._watch.pace
        await cleaned(self._contact, self._watch, self._units)
        before = self.before
        if before is None or not await self.has_begun(before) or await self._fails_again(before):
            before = await self._begin(way)
            await self._send(way, before)
        elif await self._is_down():
            await self._contact.insist(start_fleet(), anyway=True)
        patience = pace.returned_within if way is Way.FULL else 0
        await self._watch.until(lambda: self._started(before), pace.started_within, patience)
        return await self._told(before)

    async def units(
        self, before: Before, facts: HostFacts, snapshot: Snapshot
    ) -> tuple[tuple[UnitReturn, ...], Check]:
        """Where the units stand now, and whether all of them run."""
        returns = self._returns = self._returns or Returns(before, self._contact.machine)
        seen = returns.look(await self._contact.changes(before), facts, snapshot)
        return seen, returns.check()

    def note_absences(self) -> None:
        """Write down who was away for how long, as far as it is known now."""
        units = [_as_json(absence) for absence in self.absences]
        self._contact.ledger.note("absences", units=units)

    async def _begin(self, way: Way) -> Before:
        """Note the machine as it is, first; without that nothing is sent."""
        facts, snapshot = await self._contact.probe(), await self._contact.snapshot()
        self._insist_on_way(way, snapshot, facts)
        before = before_of(facts, snapshot.index)
        self._contact.ledger.note_first("before", **before.as_json())
        self.before, self._returns = before, Returns(before, self._contact.machine)
        return before

    def _insist_on_way(self, way: Way, snapshot: Snapshot, facts: HostFacts) -> None:
        """fleetd may have been updated since the plan was made. Raises Failure."""
        machine = snapshot.machines.get(self._contact.machine.id, self._contact.machine)
        if way not in ways_for(machine.version, facts.fleetd_version):
            raise Failure(
                Result.NOT_STARTED,
                f"the {way} way is not for the fleetd of this machine any more: it is "
                f"{machine.version.raw} ({facts.fleetd_version.raw}) by now; locate again",
            )

    async def _send(self, way: Way, before: Before) -> None:
        if way is Way.FULL:
            await self._contact.insist(restart_fleet())
            return
        if before.main_pid:
            await self._contact.insist(kill_fleet())
            await self._watch.until(lambda: self._gone(before), self._watch.pace.gone_within)
        await self._contact.insist(start_fleet(), anyway=True)

    async def has_begun(self, before: Before) -> bool:
        """Whether an earlier try did something; what shows no effect for a while has had none.

        Raises Failure while systemd is still about it, and HostUnreachable.
        """
        pace = self._watch.pace
        since = begun = pace.clock()
        while True:
            facts = await self._contact.read_back()
            fleet = facts.fleet
            if fleet is None or fleet.main_pid != before.main_pid:
                return True
            if _is_pending(fleet):
                since = pace.clock()
            elif pace.clock() - since >= pace.in_doubt:
                return False
            if pace.clock() - begun > pace.started_within:
                raise Failure(Result.UNKNOWN, f"fleet.service is still {fleet.active.raw}")
            await self._watch.pause()

    async def _fails_again(self, before: Before) -> bool:
        """Whether the fleetd that came after holds the template too: it was back meanwhile."""
        facts = await self._contact.read_back()
        return fails(self._units, before, facts)

    async def _is_down(self) -> bool:
        """Whether fleetd does not run, and nothing is about to start it."""
        fleet = (await self._contact.read_back()).fleet
        return fleet is not None and fleet.main_pid == 0 and not fleet.job

    # --- looks -------------------------------------------------------------------------------

    async def _gone(self, before: Before) -> Progress:
        fleet = (await self._contact.probe()).fleet
        gone = fleet is not None and fleet.main_pid != before.main_pid
        pid = Untrusted(f"main PID {fleet.main_pid}" if fleet else "systemd does not tell")
        return Progress((Check("the old fleetd is gone", gone, pid),))

    async def _started(self, before: Before) -> Progress:
        facts, snapshot = await self._contact.probe(), await self._contact.snapshot()
        returns, units = await self.units(before, facts, snapshot)
        machine, settled = self._contact.machine, self._watch.pace.settled
        registered = await self._contact.registered()
        checks = started(machine, before, facts, registered, settled)
        return Progress((*checks, units), returns)

    async def _told(self, before: Before) -> str:
        """What it came to, written down: who was away for how long, and whose process is new."""
        facts = await self._contact.probe()
        self.interrupted = replaced_pids(before, facts)
        pids = before_of(facts, before.index).running
        ledger = self._contact.ledger
        ledger.note(
            "after", pids={n.raw: pid for n, pid in pids.items()}, replaced=self.interrupted
        )
        self.note_absences()
        count = sum(1 for pid in before.running.values() if pid)
        if not self.interrupted and not self.absences:
            return f"fleetd is new; no unit's main PID changed (0 of {count})"
        names = ", ".join(_said(absence) for absence in self.absences)
        return f"fleetd is new; restarted with it ({len(self.interrupted)} of {count}): {names}"


def _is_pending(fleet: ServiceFacts) -> bool:
    """Whether systemd is about to do something with it, or at it."""
    return fleet.job != 0 or fleet.active.raw in ON_ITS_WAY


def _as_json(absence: Absence) -> dict[str, object]:
    return {
        "unit": absence.unit,
        "since": absence.since and absence.since.isoformat(),
        "seconds": absence.seconds,
        "place": absence.place,
        "is_over": absence.is_over,
    }


def _said(absence: Absence) -> str:
    """A unit and how long it was away, in remote words that are shown as such later."""
    if not absence.is_over:
        return f"{absence.unit.raw} is not back yet"
    span = "" if absence.seconds is None else f" after {absence.seconds:.1f} s"
    return f"{absence.unit.raw}{f' on {absence.place}' if absence.place else ''}{span}"
