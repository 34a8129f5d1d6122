"""One errand of the wizard: it locates, opens a repair, runs its stages, and lets it go."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from fleettui.access import HostUnreachable, Operator, RegistryUnavailable
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.model.clock import now
from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.campaign import Campaign, campaign_over
from fleettui.repair.driving.pace import Pace
from fleettui.repair.driving.preflight import preflight
from fleettui.repair.driving.run import CannotBegin, Repair, open_repair, resume_repair
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.planning.locate import Located, finding_on, locate, stake_now
from fleettui.repair.planning.plan import Plan
from fleettui.repair.records.outcome import Acted, Check, Confirmed, Outcome, Progress, Result, Told
from fleettui.repair.records.past import Closed, PastRepair, read_past
from fleettui.ui.repairs.keep import keep_report
from fleettui.ui.wizard.course import Course, Phase, next_word


class View(Protocol):
    """Who shows an errand."""

    def changed(self) -> None:
        """It came to another point of its course."""

    def told(self) -> None:
        """What is being watched moved."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be repaired."""

    finding: Finding
    machine: Machine | None
    """Its machine as it was last seen."""
    past: PastRepair | None = None
    """A repair that was left, to be gone on with."""


class Errand:
    """What the wizard does, without a screen; `course` always says how things stand."""

    def __init__(
        self,
        operator: Operator,
        task: Task,
        records: Path,
        view: View,
    ) -> None:
        self.finding = task.finding
        self.machine = task.machine
        self.pace = Pace()
        self.course = Course()
        self.located = Located()
        self.acts: list[tuple[str, Outcome]] = []
        """What became of the acts of the stage at hand, each with its title."""
        self.progress: Progress | None = None
        """What is being watched, or was watched last."""
        self.campaign: Campaign | None = None
        """The machines that are repaired one after the other; None where there is one."""
        self.report: Outcome | None = None
        """Where the report lies that was written last, or why it could not be written."""
        self.unseen = ""
        """Why what a restart would stop could not be looked at anew."""
        self.repair: Repair | None = None
        """The one that was begun here; it is closed once its report is written."""
        self._is_closed = False
        self._past = task.past
        self._operator = operator
        self._records = records
        self._view = view

    # --- locate: reads only, but for what preflight tries out ---------------------------------

    async def locate(self) -> None:
        """Start from what is true now; an open repair is let go first, and gone on with."""
        await self.leave("located again")
        self.course, self.located = Course(), Located()
        self.acts, self.progress, self.report = [], None, None
        self._view.changed()
        self.located = located = await locate(self._operator, self.finding, self.machine)
        self.machine = located.machine or self.machine
        self.finding = _as_it_is_now(self.finding, located)
        self._line_up(located)
        if located.plan is not None:
            await self._try_first(located.plan)
        else:
            self.course = self.course.ended(Phase.CLEAN if located.is_clean else Phase.STUCK)
            if located.is_clean and self._past is not None:
                await self._take_up(self._past, None)
            if self.repair is None:
                self._skip_clean(located)
        self._view.changed()

    def _line_up(self, located: Located) -> None:
        """Have the other affected machines follow, in the order in which they were found."""
        first = located.machine
        if self.campaign is not None:
            self.campaign = self.campaign.again()
        elif first is not None and len(located.affected) > 1:
            others = (machine for machine in located.affected if machine.id != first.id)
            self.campaign = campaign_over((first, *others))

    def _skip_clean(self, located: Located) -> None:
        """A machine on which nothing is left to repair keeps none of the others waiting."""
        campaign, machine = self.campaign, located.machine
        if campaign is not None and machine is not None and located.is_clean:
            others = tuple(m for m in campaign.machines if m.id != machine.id)
            self.campaign = replace(campaign, machines=others)

    async def _try_first(self, plan: Plan) -> None:
        """See whether anything speaks against the first change; go on with what was left."""
        past = self._past
        own = past.token if past else None
        checks = await preflight(self._operator, plan, self._records, own)
        self.course = self.course.planned(plan, checks, ())
        if past is not None and self.course.phase is Phase.READY:
            await self._take_up(past, plan)

    async def _take_up(self, past: PastRepair, plan: Plan | None) -> None:
        """Go on with a repair that was left."""
        try:
            self.repair = await resume_repair(self._operator, past, plan, self._told, self.pace)
        except CannotBegin as no:
            self._refused(no)
        else:
            self._past, self.progress = None, None
            checks, repair = self.course.checks, self.repair
            self.course = self.course.planned(repair.plan, checks, repair.done)

    def _refused(self, no: CannotBegin) -> None:
        said = Untrusted(". ".join(no.reasons))
        checks = no.checks or (Check("the repair can begin", met=False, detail=said),)
        self.course = replace(self.course, phase=Phase.UNFIT, checks=checks, stage=Stage.LOCATE)

    # --- stages -------------------------------------------------------------------------------

    def enter(self, stage: Stage) -> None:
        """Show a stage; nothing runs."""
        self.course = self.course.entered(stage)
        self.acts, self.progress, self.unseen = [], None, ""
        self._view.changed()

    async def go_on(self, stage: Stage) -> None:
        """Show a stage; before a restart, what it would stop is looked at anew."""
        repair = self.repair
        if stage is Stage.RESTART and repair is not None:
            self.course = replace(self.course, phase=Phase.LOOKING)
            self._view.changed()
            unseen = await self._weighed(repair)
            self.enter(stage)
            self.unseen = unseen
            self._view.changed()
        else:
            self.enter(stage)

    async def _weighed(self, repair: Repair) -> str:
        """Have the plan tell what is at stake by now; why that cannot be seen, if so."""
        try:
            stake = await stake_now(self._operator, repair.plan, self.located.reports)
        except (RegistryUnavailable, HostUnreachable) as lost:
            return str(lost)
        repair.weigh(stake)
        self.course = replace(self.course, plan=repair.plan)
        return ""

    def other_way(self) -> None:
        """Take the other restart."""
        plan = self.course.plan
        if plan is None:
            return
        way = Way.FULL if plan.way is Way.GENTLE else Way.GENTLE
        if self.repair is not None:
            self.repair.choose(way)
            plan, done = self.repair.plan, self.repair.done
            self.course = replace(self.course, plan=plan, done=done)
        self.enter(Stage.RESTART)

    async def reopen(self) -> None:
        """After a verify that failed: the other restart, with what it would stop by now."""
        self.other_way()
        await self.go_on(Stage.RESTART)

    def other_word(self) -> None:
        """Take the next target state of those on offer, before anything was begun."""
        plan = self.course.plan
        if plan is not None and self.repair is None:
            self.course = replace(self.course, plan=plan.with_word(next_word(plan)))
            self._view.changed()

    def undo(self) -> bool:
        """Show what would take the last step back that can be; whether there is one."""
        repair = self.repair
        busy = self.course.phase in {Phase.LOOKING, Phase.ACTING}
        if repair is None or not self.is_open or busy:
            return False
        for stage in reversed(repair.plan.stages):
            actions = repair.can_undo(stage)
            if actions:
                self.course = self.course.undoing(stage, actions)
                self.acts, self.progress = [], None
                self._view.changed()
                return True
        return False

    async def act(self) -> None:
        """Run the stage at hand, as the operator confirmed it."""
        self.course = begun = self.course.acting()
        self._view.changed()
        repair = await self._opened()
        if repair is not None:
            await self._end(repair, begun, await self._performed(repair, begun))
        self._view.changed()

    async def _opened(self) -> Repair | None:
        """The repair; the first step that is confirmed opens it. None where it cannot begin."""
        plan = self.course.plan
        if self.repair is not None or plan is None:
            return self.repair
        try:
            self.repair = await open_repair(
                self._operator, self.finding, plan, self._records, self._told, self.pace
            )
        except CannotBegin as no:
            self._refused(no)
        self.progress = None
        return self.repair

    async def _performed(self, repair: Repair, begun: Course) -> Outcome:
        if begun.undo:
            return await repair.undo(begun.stage)
        if begun.stage is Stage.VERIFY:
            return await repair.verify()
        step, who = repair.plan.step(begun.stage), self._operator.name
        return await repair.perform(Confirmed(step, repair.plan.machine_id, who, now()))

    def _told(self, news: Told) -> None:
        """Called by the driver, on our own event loop."""
        match news:
            case Progress():
                self.progress = news
            case Acted(title, outcome):
                self.acts.append((title, outcome))
        self._view.told()

    async def _end(self, repair: Repair, begun: Course, outcome: Outcome) -> None:
        """What an act came to; the end of a repair closes it, and its report is written."""
        if not self.acts or self.acts[-1][1] != outcome:
            self.acts.append((str(begun.stage), outcome))
        self.course = begun.acted(outcome.result, repair.plan, repair.done)
        if repair.lock_is_lost:
            self.course = self.course.ended(Phase.LOST)
        if begun.stage is Stage.VERIFY and not begun.undo:
            self._count(repair, outcome)
            self._write_report(repair)
        if self.course.is_over:
            await self._close(repair, Closed.REPAIRED)
        elif begun.undo and outcome.result is Result.DONE:
            await self._close(repair, Closed.UNDONE)

    def _count(self, repair: Repair, outcome: Outcome) -> None:
        """Note in the campaign what verifying this machine came to, again perhaps."""
        campaign = self.campaign.again() if self.campaign else None
        current = campaign.current if campaign else None
        if campaign is not None and current is not None and current.id == repair.plan.machine_id:
            self.campaign = campaign.after(current.id, outcome)

    # --- the end ------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether a repair is held here, with its lock and its record."""
        return self.repair is not None and not self._is_closed

    async def _close(self, repair: Repair, how: Closed) -> None:
        await repair.close(how)
        self._is_closed = True
        self._write_report(repair)

    def _write_report(self, repair: Repair) -> None:
        try:
            said = str(keep_report(repair.record.path))
        except OSError as disk:
            self.report = Outcome(Result.FAILED, Untrusted(f"it could not be written: {disk}"))
        else:
            self.report = Outcome(Result.DONE, Untrusted(said))

    async def go_to_next_machine(self) -> None:
        """Begin anew with the machine whose turn it is; the one before is proven healthy."""
        following = self.campaign.current if self.campaign else None
        if following is not None:
            self.finding, self.machine = finding_on(self.finding, following), following
            await self.locate()

    async def leave(self, why: str) -> None:
        """Let go of the repair that is open, so that it can be gone on with."""
        repair, is_open = self.repair, self.is_open
        self.repair, self._is_closed = None, False
        if repair is not None and is_open:
            await repair.leave(why)
            self._past = read_past(repair.record.path)


def _as_it_is_now(finding: Finding, located: Located) -> Finding:
    """The same finding with what proves it now, for the record; as it was where it is gone."""
    reports = {report.machine_id: report for report in located.reports}
    found = diagnose(located.snapshot, reports) if located.snapshot else ()
    return next((fresh for fresh in found if fresh.key == finding.key), finding)
