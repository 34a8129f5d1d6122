"""How a repair ends: what it cost, the proof, where the report lies, and who is next."""

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from fleettui.diagnosis.finding import Finding
from fleettui.repair.records.outcome import Absence, Check, Outcome, Result
from fleettui.ui import marks
from fleettui.ui.paint import Tone, paint


def repaired_lines(
    absences: Sequence[Absence],
    proof: Sequence[Check],
    report: Outcome | None,
    others: Iterable[Content] = (),
) -> Iterator[Content]:
    """The end of a repair: what it cost, where it is written down, and what proves it.

    `others` are what is to be said of other machines.
    """
    count = len(absences)
    cost = f"{count} service{'' if count == 1 else 's'} interrupted."
    yield paint(marks.DONE.saying("Repaired, and read back from the cluster.").piece)
    yield paint("  ", (cost, Tone.STRONG))
    if report is not None:
        yield from report_lines(report)
    yield from others
    yield from absence_lines(absences)
    yield paint("")
    yield paint(("Proof", Tone.ACCENT))
    for check in proof:
        mark = marks.DONE.saying("") if check.met else marks.NOT_YET.saying("not yet: ")
        yield paint("  ", mark.piece, check.name, "  ", (check.detail, Tone.DIM))


def before_lines(finding: Finding) -> Iterator[Content]:
    """What was found in the beginning, to be laid beside the proof."""
    yield paint(("Before", Tone.ACCENT))
    yield paint("  ", marks.mark_of_severity(finding.severity, finding.fault).piece)
    for evidence in finding.evidence:
        yield paint("  ", marks.UNMET.saying(f"{evidence.source}: ").piece, evidence.where)
        yield paint("      ", (evidence.what, Tone.DIM))


def report_lines(report: Outcome) -> Iterator[Content]:
    """Where it lies, or why there is none."""
    tone = Tone.STRONG if report.result is Result.DONE else Tone.WARN
    yield paint(("Report: ", Tone.ACCENT), (report.said, tone))


def absence_lines(absences: Iterable[Absence]) -> Iterator[Content]:
    """How long each unit did not run; whoever is still away stands first."""
    for one in sorted(absences, key=lambda one: (one.is_over, one.unit)):
        away = "for how long, the journal does not tell"
        if one.seconds is not None:
            away = f"{one.seconds:.1f} s"
        mark = (marks.DONE.saying("") if one.is_over else marks.UNMET.saying("still away ")).piece
        place = f", now on {one.place}" if one.place else ""
        since = f" from {one.since:%H:%M:%S} UTC" if one.since else ""
        yield paint("  ", mark, one.unit, (f"  away {away}{since}{place}", Tone.DIM))


def campaign_lines(
    proven: Sequence[str], failed: str, untouched: Sequence[str]
) -> Iterator[Content]:
    """What became of several machines; after a failure nothing else is touched."""
    if failed:
        yield paint(("STOPPED HERE: ", Tone.BAD), (failed, Tone.STRONG), " is not proven healthy.")
    if proven:
        yield paint(("Proven healthy: ", Tone.GOOD), ", ".join(proven))
    if untouched:
        word = "Not touched: " if failed else "Still to come: "
        yield paint((word, Tone.WARN), ", ".join(untouched))
