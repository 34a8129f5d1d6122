"""What the first stage shows: who is affected, and whether anything speaks against beginning."""

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.template_loaded import FAULT as TEMPLATE_LOADED
from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostReport, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.cures.by_hand import BY_HAND
from fleettui.repair.planning.locate import Located
from fleettui.repair.planning.look import unread
from fleettui.repair.records.outcome import Check
from fleettui.ui import marks
from fleettui.ui.paint import Piece, Tone, paint

CLEAN = marks.FINE.saying("clean       ").piece
AFFECTED = marks.BROKEN.saying("AFFECTED    ").piece
NOT_CHECKED = marks.NOT_CHECKED.saying("NOT CHECKED ").piece


def located_lines(
    finding: Finding, located: Located, order: Sequence[Untrusted]
) -> Iterator[Content]:
    """The registry's view, then a verdict for each machine; what was not asked is never clean.

    `order` holds the machines that will be repaired, the first one first.
    """
    snapshot = located.snapshot
    if snapshot is None:
        yield paint(("Asking the registry and every machine ...", Tone.DIM))
        return
    if finding.fault != TEMPLATE_LOADED:
        yield paint(("Found", Tone.ACCENT), f"  {finding.summary}")
    yield paint(("Registry", Tone.ACCENT))
    yield _job(finding.unit, snapshot)
    yield paint("")
    yield paint(("Machines", Tone.ACCENT), ("  both unit folders and fleet's journal", Tone.DIM))
    for report in located.reports:
        yield from _machine(finding, located, report, order)
    plan = located.plan
    if plan is not None and len(plan.units) > 1:
        others = ", ".join(str(u) for u in plan.units if u != finding.unit)
        yield paint("")
        yield paint(("On the same machine, and repaired with it: ", Tone.WARN), others)


def _job(unit: Untrusted | None, snapshot: Snapshot) -> Content:
    job = snapshot.units.get(unit) if unit else None
    if job is None:
        return paint("  knows nothing of it any more: only the machines can tell")
    where = snapshot.machine_name(job.target) if job.target else "no machine"
    state = job.target_state or "absent"
    return paint("  target state ", (state, Tone.STRONG), f", target {where}")


def _machine(
    finding: Finding, located: Located, report: HostReport, order: Sequence[Untrusted]
) -> Iterator[Content]:
    snapshot = located.snapshot
    name = snapshot.machine_name(report.machine_id) if snapshot else str(report.machine_id)
    if isinstance(report, NotChecked):
        yield paint("  ", NOT_CHECKED, name, "  ", (report.reason, Tone.WARN))
        return
    seen = evidence_on(finding, snapshot, report)
    problem = unread(report) or report.journal_problem
    mark = AFFECTED if seen else CLEAN if problem is None else NOT_CHECKED
    yield paint("  ", mark, name, (f"  {report.hostname}", Tone.DIM), _turn(report, order))
    for line in seen:
        yield paint("      ", (line, Tone.DIM))
    if problem is not None:
        yield paint("      ", ("not read: ", Tone.WARN), (problem, Tone.WARN))


def _turn(report: HostReport, order: Sequence[Untrusted]) -> Piece:
    """Which of the affected machines it is, where there are several."""
    if len(order) < 2 or report.machine_id not in order:
        return ""
    turn = order.index(report.machine_id) + 1
    words = "  this one first" if turn == 1 else f"  number {turn}, after the one before"
    return (words, Tone.WARN)


def evidence_on(finding: Finding, snapshot: Snapshot | None, report: HostReport) -> tuple[str, ...]:
    """Where a machine shows the finding's fault, a line each; empty where it does not."""
    if isinstance(report, NotChecked):
        return ()
    if finding.fault == TEMPLATE_LOADED:
        shown = (e for found, e in machine_evidence(report) if found == finding.unit)
        return tuple(f"{e.source}: {e.where}" for e in shown)
    found = (
        f
        for f in diagnose(snapshot, {report.machine_id: report})
        if (f.fault, f.unit, f.machine_id) == (finding.fault, finding.unit, report.machine_id)
    )
    return tuple(f"{e.source}: {e.where}  {e.what}" for f in found for e in f.evidence)


def preflight_lines(checks: Iterable[Check]) -> Iterator[Content]:
    """Everything that must hold before the first change; what does not comes first."""
    known = sorted(checks, key=lambda check: check.met)
    unmet = sum(not check.met for check in known)
    if not known:
        return
    if not unmet:
        names = ", ".join(check.name for check in known)
        yield paint(marks.DONE.saying("").piece, "All checks before the first change are met:")
        yield paint("  ", (names, Tone.DIM))
        return
    word = "check" if unmet == 1 else "checks"
    yield paint(marks.UNMET.saying(f"{unmet} {word} before the first change not met").piece)
    yield from (
        paint(
            "  ",
            marks.UNMET.saying("").piece,
            (check.name, Tone.STRONG),
            ": ",
            (check.detail, Tone.WARN),
        )
        for check in known
        if not check.met
    )


def by_hand_lines(finding: Finding, located: Located) -> Iterator[Content]:
    """Why there is no plan, and what the operator can do."""
    yield paint(marks.UNMET.saying("NO PLAN  ").piece, (finding.summary, Tone.STRONG))
    by_hand = BY_HAND.get(finding.fault)
    if by_hand is None or located.is_unread:
        yield paint("  ", (located.problem, Tone.WARN))
        return
    yield paint(("Why fleettui does not repair it: ", Tone.ACCENT), by_hand.why_not)
    yield paint(("What to do by hand", Tone.ACCENT))
    yield from (paint((f"  {n}. ", Tone.STRONG), line) for n, line in enumerate(by_hand.do, 1))
