"""What the wizard shows at each point of an errand; pure."""

from collections.abc import Iterable, Iterator

from textual.content import Content

from fleettui.access import ClusterAddress
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage
from fleettui.repair.planning.plan import Plan
from fleettui.ui import marks
from fleettui.ui.paint import Tone, paint
from fleettui.ui.wizard.confirm import Typing
from fleettui.ui.wizard.course import Phase
from fleettui.ui.wizard.errand import Errand
from fleettui.ui.wizard.words.beside import contrast_lines
from fleettui.ui.wizard.words.ending import (
    before_lines,
    campaign_lines,
    repaired_lines,
    report_lines,
)
from fleettui.ui.wizard.words.frame import Target
from fleettui.ui.wizard.words.locate import by_hand_lines, located_lines, preflight_lines
from fleettui.ui.wizard.words.step import choice_lines, step_lines, undo_lines, verify_lines
from fleettui.ui.wizard.words.watch import outcome_lines, progress_lines, return_lines


def target_of(errand: Errand, cluster: ClusterAddress) -> Target:
    """What is being repaired, and where it stands among the affected machines."""
    plan, machine = errand.course.plan, errand.machine
    units = plan.units if plan else (errand.finding.unit,) if errand.finding.unit else ()
    where = f"{cluster.endpoints[0]}{cluster.prefix}"
    turns = [m.id for m in errand.campaign.machines] if errand.campaign else []
    place = ""
    if machine is not None and machine.id in turns:
        place = f"machine {turns.index(machine.id) + 1} of {len(turns)}"
    return Target(
        units,
        errand.finding.fault,
        machine,
        plan.host if plan else "",
        where,
        place,
        only_registry=plan is not None and plan.machine is None,
    )


def following(errand: Errand) -> str:
    """The machine after this one, once this one is healthy; safe to show."""
    machine = errand.campaign.current if errand.campaign else None
    healthy = errand.course.is_over or errand.course.phase is Phase.CLEAN
    return str(machine.public_ip) if machine and healthy else ""


def still_away(errand: Errand) -> int:
    """Units of this machine that did not run again when it was proven healthy."""
    absences = errand.repair.absences if errand.repair and errand.course.is_over else ()
    return sum(not absence.is_over for absence in absences)


def known_names(errand: Errand) -> tuple[Untrusted, ...]:
    """The names among which one that cannot be typed is chosen by its number."""
    snapshot = errand.located.snapshot
    return tuple(sorted(snapshot.units)) if snapshot else ()


def body_lines(errand: Errand, typing: Typing | None, cluster: ClusterAddress) -> Iterator[Content]:
    """The text above: what was found, or the step at hand."""
    if typing is not None and typing.choices:
        yield from choice_lines(typing)
        yield paint("")
    yield from _body(errand, cluster)


def _body(errand: Errand, cluster: ClusterAddress) -> Iterable[Content]:
    course, plan = errand.course, errand.course.plan
    if course.undo and course.phase is Phase.DONE and errand.report is not None:
        return report_lines(errand.report)
    if course.stage is Stage.LOCATE or plan is None:
        order = [m.id for m in errand.campaign.left] if errand.campaign else []
        return located_lines(errand.finding, errand.located, order)
    if course.undo:
        return undo_lines(plan.step(course.stage), course.undo, plan, cluster.prefix, cluster.sudo)
    if course.stage is Stage.VERIFY:
        return _verdict(errand, plan)
    return step_lines(plan.step(course.stage), plan, cluster.prefix, cluster.sudo)


def beside_lines(errand: Errand) -> Iterator[Content]:
    """What stands beside the text: of a step what it changes, at the end what it began with."""
    course, plan = errand.course, errand.course.plan
    if course.is_over and not course.undo and errand.repair is not None:
        yield from before_lines(errand.finding)
    elif plan is not None and not course.only_reads and course.phase is Phase.ASKING:
        actions = course.undo or plan.step(course.stage).actions
        yield from contrast_lines(actions, plan.at_stake)


def _verdict(errand: Errand, plan: Plan) -> Iterator[Content]:
    if errand.course.is_over and errand.repair is not None:
        checks = errand.progress.checks if errand.progress else ()
        absences, others = errand.repair.absences, _campaign(errand)
        yield from repaired_lines(absences, checks, errand.report, others)
        return
    if errand.course.phase is Phase.FAILED:
        yield from _campaign(errand)
        if errand.report is not None:
            yield from report_lines(errand.report)
    yield from verify_lines(plan)


def _campaign(errand: Errand) -> Iterator[Content]:
    campaign = errand.campaign
    if campaign is None:
        return
    proven = [str(m.public_ip) for m in campaign.machines if m.id in campaign.verified]
    left = [str(m.public_ip) for m in campaign.left]
    failed = left.pop(0) if campaign.stopped and left else ""
    yield from campaign_lines(proven, failed, left)


def said_lines(errand: Errand) -> Iterator[Content]:
    """The text below: what became of acts, and what is being watched."""
    course = errand.course
    if course.is_over:
        return
    if course.stage is Stage.LOCATE:
        yield from _said_first(errand)
    if errand.unseen:
        yield paint(
            ("What it stops is as of the first look: ", Tone.WARN), Untrusted(errand.unseen)
        )
    for title, outcome in errand.acts:
        yield from outcome_lines(title, outcome)
    if errand.progress is None:
        return
    if course.phase is not Phase.DONE:
        yield from progress_lines(errand.progress)
    else:
        yield from return_lines(errand.progress.returns)


def _said_first(errand: Errand) -> Iterator[Content]:
    located = errand.located
    match errand.course.phase:
        case Phase.CLEAN:
            yield paint(marks.DONE.saying("").piece, located.problem)
        case Phase.STUCK:
            yield from by_hand_lines(errand.finding, located)
        case _:
            yield from preflight_lines(errand.course.checks)
