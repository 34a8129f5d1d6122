"""What is shown while a stage runs and after it: conditions, units coming back, outcomes."""

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from fleettui.repair.records.outcome import Check, Outcome, Progress, Result, Return, UnitReturn
from fleettui.ui import marks
from fleettui.ui.paint import Piece, Tone, paint

_MARKS: dict[Return, Piece] = {
    Return.UNCHANGED: marks.RUNS.saying("runs on   ").piece,
    Return.STOPPING: marks.CHANGES.saying("stopping  ").piece,
    Return.AWAY: marks.CHANGES.saying("AWAY      ", Tone.BAD).piece,
    Return.BACK: marks.DONE.saying("back      ").piece,
    Return.MOVED: ("→ moved     ", Tone.WARN),
}
_URGENCY = (Return.AWAY, Return.STOPPING, Return.MOVED, Return.BACK, Return.UNCHANGED)


def progress_lines(progress: Progress) -> Iterator[Content]:
    """All conditions as they stand, then every unit; whoever is away stands first."""
    yield from check_lines(progress.checks)
    yield from return_lines(progress.returns)


def check_lines(checks: Iterable[Check]) -> Iterator[Content]:
    """Conditions being watched, as they stand."""
    for check in checks:
        mark = (marks.DONE if check.met else marks.NOT_YET).saying("").piece
        yield paint(mark, check.name, "  ", (check.detail, Tone.DIM))


def return_lines(returns: Sequence[UnitReturn]) -> Iterator[Content]:
    """The units of the machine while its fleetd is replaced."""
    if not returns:
        return
    if all(one.state is Return.UNCHANGED for one in returns):
        yield paint(marks.RUNS.saying("").piece, f"all {len(returns)} units run on")
        return
    here = sum(one.state in {Return.BACK, Return.UNCHANGED, Return.MOVED} for one in returns)
    yield paint((_bar(here, len(returns)), Tone.GOOD), f" {here} of {len(returns)} units run")
    for one in sorted(returns, key=lambda one: (_URGENCY.index(one.state), one.unit)):
        away = f"  away {one.away:.1f} s" if one.away is not None else ""
        place = f"  {one.place}" if one.place else ""
        yield paint("  ", _MARKS[one.state], one.unit, (f"{away}{place}", Tone.DIM))


def _bar(part: int, whole: int, width: int = 20) -> str:
    full = width * part // max(whole, 1)
    return "█" * full + "░" * (width - full)


def outcome_lines(title: str, outcome: Outcome) -> Iterator[Content]:
    """How an act ended, and what was read back or the host's own words."""
    if outcome.result is Result.DONE:
        yield paint(marks.DONE.saying("").piece, outcome.said)
    else:
        yield paint(marks.UNMET.saying(f"{outcome.result.upper()} ").piece, (title, Tone.STRONG))
        yield paint("    ", (outcome.said, Tone.WARN))
