"""A wanted unit that no machine takes; fleet itself says nothing about it."""

from collections.abc import Iterator

from msgspec.structs import replace

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import Confidence, Evidence, Fault, Finding, Grounds, Severity
from fleettui.diagnosis.scheduling import Placement, Verdict
from fleettui.diagnosis.scheduling_words import summary, what_to_change
from fleettui.diagnosis.survey import Odd
from fleettui.diagnosis.waiting import ENGINE, placements_of
from fleettui.model.cluster import Snapshot, Unit
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "unschedulable",
    Severity.WARNING,
    issues=(912, 1348),
    remedy="fleettui does not do it: it changes no unit and no metadata, and unloads only a "
    "template that was loaded without its instance (key r).",
)
SHOWN = 5
"""Machines whose verdict is told in a finding; the unit's own screen tells all."""


def unschedulable(case: Case) -> Iterator[Finding]:
    """One finding a unit that waits, while an engine leads that would place it if it could."""
    snapshot = case.snapshot
    leader = snapshot.leader if snapshot else None
    if snapshot is None or leader is None or leader.machine_id not in snapshot.machines:
        return
    waiting = {
        unit.name: case.history.held(oddity) >= ENGINE
        for oddity, unit in case.odd(Odd.UNPLACED)
        if not case.is_young(oddity, ENGINE)
    }
    placements = placements_of([*waiting], snapshot, _known(case))
    for name, placement in placements.items():
        confidence = _judged(placement, lasted=waiting[name])
        if confidence is not None:
            yield _found(snapshot, snapshot.units[name], placement, confidence)
    rest = sorted(name for name, lasted in waiting.items() if lasted and name not in placements)
    if rest:
        yield _too_many(snapshot, rest)


def _known(case: Case) -> dict[Untrusted, Placement]:
    """What was worked out already, if it was for this very picture."""
    is_same = case.survey is not None and case.survey is case.history.survey
    return dict(case.history.placements) if is_same else {}


def _judged(placement: Placement, *, lasted: bool) -> Confidence | None:
    """How sure it is that the engine will not place the unit; None = it may do so any moment."""
    if placement.problem is not None:
        return Confidence.PROVEN
    is_open = any(m.verdict is not Verdict.EXCLUDED for m in placement.machines)
    if not is_open:
        return Confidence.PROVEN if lasted else Confidence.LIKELY
    return Confidence.HINTED if lasted else None


def _found(snapshot: Snapshot, unit: Unit, placement: Placement, confidence: Confidence) -> Finding:
    finding = FAULT.found(
        f"{unit.name} is wanted {unit.wanted}, and no machine was chosen for it: "
        f"{summary(placement)}.{_first_of_all(placement, snapshot)}",
        Grounds(tuple(_evidence(unit, placement, snapshot)), confidence, placement.gaps),
        unit=unit.name,
    )
    todo = f"To be done: {what_to_change(placement, snapshot)}."
    return replace(finding, remedy=f"{todo} {FAULT.remedy}")


def _first_of_all(placement: Placement, snapshot: Snapshot) -> str:
    """Which finding to turn to before this one, which may go with it."""
    for template, machine_id in placement.templates_in_the_way:
        where = snapshot.machine_name(machine_id)
        return f" Repair {template} first, a loaded template: it is in the way on {where}."
    return ""


def _evidence(unit: Unit, placement: Placement, snapshot: Snapshot) -> Iterator[Evidence]:
    yield proof.job_key(unit, "target-state", unit.target_state)
    yield proof.job_key(unit, "target", None)
    for template, machine_id in placement.templates_in_the_way:
        yield proof.key(f"job/{template.raw}/target", machine_id)
    for judged in placement.machines[:SHOWN]:
        machine = snapshot.machine_name(judged.machine.id)
        words = "; ".join(obstacle.words for obstacle in judged.obstacles)
        what = f"{machine} {judged.verdict}{': ' if words else ''}{words}"
        yield proof.machine_key(judged.machine.id, Untrusted(what))


def _too_many(snapshot: Snapshot, rest: list[Untrusted]) -> Finding:
    first = snapshot.units[rest[0]]
    return FAULT.found(
        f"{len(rest)} more units wait for a machine, from {rest[0]} to {rest[-1]}.",
        Grounds(
            (proof.job_key(first, "target-state", first.target_state),),
            Confidence.HINTED,
            ("why each of them waits was not worked out: see the unit itself",),
        ),
    )
