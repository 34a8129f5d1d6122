"""A wanted unit that no machine takes; fleet itself says nothing about it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import Confidence, Evidence, Fault, Finding, Grounds, Severity
from fleettui.diagnosis.scheduling import Placement, Verdict, explain_each
from fleettui.diagnosis.scheduling_words import summary, what_to_change
from fleettui.diagnosis.survey import Odd
from fleettui.model.cluster import Snapshot, Unit
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "unschedulable",
    Severity.WARNING,
    issues=(912, 1348),
    remedy="fleettui does not do it: it changes no unit and no metadata, and unloads only a "
    "template that was loaded without its instance (key r).",
)
ENGINE = timedelta(seconds=10)
"""An engine places a unit within 2 s, and a new leader takes over within 10 s."""
SHOWN = 5
"""Machines whose verdict is told in a finding; the unit's own screen tells all."""


def unschedulable(case: Case) -> Iterator[Finding]:
    """One finding a unit that waits, while an engine leads that would place it if it could."""
    snapshot = case.snapshot
    if snapshot is None or snapshot.leader is None:
        return
    if snapshot.leader.machine_id not in snapshot.machines:
        return
    waiting = {
        unit: case.history.held(oddity)
        for oddity, unit in case.odd(Odd.UNPLACED)
        if not case.is_young(oddity, ENGINE)
    }
    for unit, placement in zip(waiting, explain_each(waiting, snapshot), strict=True):
        confidence = _judged(placement, lasted=waiting[unit] >= ENGINE)
        if confidence is not None:
            yield _found(snapshot, unit, placement, confidence)


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
        f"{summary(placement)}.",
        Grounds(tuple(_evidence(unit, placement, snapshot)), confidence, placement.gaps),
        unit=unit.name,
    )
    todo = f"To be done: {what_to_change(placement, snapshot)}."
    return replace(finding, remedy=f"{todo} {FAULT.remedy}")


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
