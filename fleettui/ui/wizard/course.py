"""Where the wizard is, and what its buttons do there; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from fleettui.model.cluster import TargetState
from fleettui.repair.planning.action import Action, Stage, Way
from fleettui.repair.planning.plan import Plan
from fleettui.repair.records.outcome import Check, Result

TITLES = {
    Stage.LOCATE: "Locate",
    Stage.REGISTRY: "Registry",
    Stage.DELETE: "Delete",
    Stage.RELOAD: "Reload",
    Stage.RESTART: "Restart",
    Stage.START: "Start",
    Stage.VERIFY: "Verify",
}


class Phase(Enum):
    """Where one is within a stage."""

    LOOKING = "looking"
    CLEAN = "clean"
    """Nothing is left to repair."""
    STUCK = "stuck"
    """There is no plan: fleettui says why, and what to do by hand."""
    UNFIT = "unfit"
    """There is a plan, and something that must hold before its first change does not."""
    READY = "ready"
    ASKING = "asking"
    ACTING = "acting"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    """The repair lock is not ours any more."""


class Deed(Enum):
    """What a button does."""

    NONE = "none"
    LOCATE = "locate"
    GO_ON = "go on"
    ACT = "act"
    OTHER_WAY = "other way"
    OTHER_WORD = "other word"
    """Take the next target state of those on offer."""
    REOPEN = "reopen"
    """Open the restart again, for the other way."""
    WATCH = "watch"
    NEXT_MACHINE = "next machine"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Offer:
    """A button as it stands now."""

    deed: Deed
    label: str
    is_ready: bool = True


WAITING = Offer(Deed.NONE, "Under way ...", is_ready=False)


@dataclass(frozen=True, slots=True)
class Course:
    """One repair of one machine, as far as it came."""

    stage: Stage = Stage.LOCATE
    phase: Phase = Phase.LOOKING
    plan: Plan | None = None
    done: tuple[Stage, ...] = ()
    """Stages that were read back."""
    checks: tuple[Check, ...] = ()
    """What must hold before the first change, as it was found."""
    result: Result | None = None
    """How the last act ended."""
    undo: tuple[Action, ...] = ()
    """What would take the stage at hand back, where it is being taken back."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages, as far as they are known."""
        return (Stage.LOCATE, *(self.plan.stages if self.plan else ()))

    @property
    def behind(self) -> tuple[Stage, ...]:
        """Stages with a tick: the first as soon as there is a plan, the others once read back."""
        return (*((Stage.LOCATE,) if self.plan else ()), *self.done)

    @property
    def next_stage(self) -> Stage | None:
        """The first stage that was not read back; None without a plan, and after the last."""
        plan = self.plan.stages if self.plan else ()
        return next((stage for stage in plan if stage not in self.done), None)

    @property
    def only_reads(self) -> bool:
        """Whether the stage at hand changes nothing."""
        return self.stage in {Stage.LOCATE, Stage.VERIFY} and not self.undo

    @property
    def is_acting(self) -> bool:
        """Whether something is being changed right now."""
        return self.phase is Phase.ACTING and not self.only_reads

    @property
    def is_over(self) -> bool:
        """Whether the machine is proven healthy."""
        return self.phase is Phase.DONE and self.stage is Stage.VERIFY and not self.undo

    @property
    def unmet(self) -> tuple[Check, ...]:
        """The checks that keep the repair from beginning."""
        return tuple(check for check in self.checks if check.required and not check.met)

    # --- what happens -------------------------------------------------------------------------

    def planned(self, plan: Plan, checks: Sequence[Check], done: Sequence[Stage]) -> "Course":
        """Locate came to a plan, and `checks` tell whether its first change may be made."""
        met = all(check.met or not check.required for check in checks)
        phase = Phase.READY if met else Phase.UNFIT
        return replace(self, phase=phase, plan=plan, checks=tuple(checks), done=tuple(done))

    def ended(self, phase: Phase) -> "Course":
        """Locate came to no plan, or the repair may not go on."""
        return replace(self, phase=phase)

    def entered(self, stage: Stage) -> "Course":
        """A stage is shown and waits for its confirmation."""
        return replace(self, stage=stage, phase=Phase.ASKING, result=None, undo=())

    def acting(self) -> "Course":
        """The stage at hand was confirmed, and its acts have begun."""
        return replace(self, phase=Phase.ACTING)

    def acted(self, result: Result, plan: Plan, done: Sequence[Stage]) -> "Course":
        """The stage at hand came to its end; `plan` and `done` as the driver has them now."""
        phase = Phase.DONE if result is Result.DONE else Phase.FAILED
        return replace(self, phase=phase, result=result, plan=plan, done=tuple(done))

    def undoing(self, stage: Stage, actions: Sequence[Action]) -> "Course":
        """A stage is to be taken back, and that waits for its confirmation."""
        return replace(self, stage=stage, phase=Phase.ASKING, result=None, undo=tuple(actions))


def main_offer(course: Course, following: str = "", away: int = 0) -> Offer:
    """The first button; `following` names the machine that is next after this one, of which
    `away` units do not run again yet.
    """
    match course.phase:
        case Phase.LOOKING:
            return Offer(Deed.NONE, "Looking ...", is_ready=False)
        case Phase.ACTING if course.only_reads:
            return Offer(Deed.NONE, "Watching ...", is_ready=False)
        case Phase.ACTING:
            return WAITING
        case Phase.ASKING:
            return Offer(Deed.ACT, _doing(course))
        case Phase.UNFIT | Phase.STUCK:
            return Offer(Deed.LOCATE, "Check again")
        case Phase.CLEAN if following:
            return Offer(Deed.NEXT_MACHINE, f"Go on to {following}")
        case Phase.CLEAN | Phase.LOST:
            return Offer(Deed.CLOSE, "Close")
        case Phase.READY:
            return Offer(Deed.GO_ON, f"Go on to {course.next_stage}")
        case Phase.DONE | Phase.FAILED:
            return _after(course, following, away)


def _after(course: Course, following: str, away: int) -> Offer:
    """What comes after an act, however it ended."""
    if course.undo:
        closes = course.phase is Phase.DONE
        return Offer(Deed.CLOSE, "Close") if closes else Offer(Deed.LOCATE, "Locate again")
    if course.phase is Phase.FAILED:
        again = course.stage is Stage.VERIFY
        return Offer(Deed.ACT, "Verify again") if again else Offer(Deed.LOCATE, "Locate again")
    if course.is_over:
        though = f" although {away} unit{'s are' if away > 1 else ' is'} away" if away else ""
        more = Offer(Deed.NEXT_MACHINE, f"Go on to {following}{though}")
        return more if following else Offer(Deed.CLOSE, "Close")
    return Offer(Deed.GO_ON, f"Go on to {course.next_stage}")


def other_offer(course: Course, *, is_locked_out: bool = False) -> Offer | None:
    """The second button, where there is another way.

    `is_locked_out` while somebody else repairs.
    """
    plan = course.plan
    if course.phase in {Phase.UNFIT, Phase.LOST} and is_locked_out:
        return Offer(Deed.WATCH, "Watch it")
    if plan is None or course.undo:
        return None
    if course.stage is Stage.REGISTRY and course.phase is Phase.ASKING and len(plan.words) > 1:
        return Offer(Deed.OTHER_WORD, f"Set {next_word(plan)} instead")
    return _other_way(course, plan) if len(plan.ways) > 1 else None


def next_word(plan: Plan) -> TargetState:
    """The target state after the chosen one, of those on offer."""
    at = plan.words.index(plan.word) if plan.word else -1
    return plan.words[(at + 1) % len(plan.words)]


def _other_way(course: Course, plan: Plan) -> Offer | None:
    gentle = plan.way is Way.GENTLE
    if course.stage is Stage.RESTART and course.phase is Phase.ASKING:
        return Offer(Deed.OTHER_WAY, "Full restart instead" if gentle else "Gentle way instead")
    failed = course.phase is Phase.FAILED and course.result is Result.FAILED
    if course.stage is Stage.VERIFY and failed and gentle:
        return Offer(Deed.REOPEN, "Full restart")
    return None


def _doing(course: Course) -> str:
    """What the button that acts says."""
    if course.undo:
        return f"Undo {course.stage}"
    if course.stage is Stage.RESTART:
        full = course.plan is not None and course.plan.way is Way.FULL
        return "Stop all units and restart" if full else "Restart gently"
    return {Stage.REGISTRY: "Write to the registry"}.get(course.stage, TITLES[course.stage])
