"""The whole plan on one screen, with a tick at what was read back already."""

from collections.abc import Container, Iterator

from textual.content import Content

from fleettui.repair.planning.action import Stage
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_text import as_text
from fleettui.ui import marks
from fleettui.ui.paint import Tone, paint


def plan_lines(
    plan: Plan, done: Container[Stage], prefix: str, sudo: str = ""
) -> Iterator[Content]:
    """The plan's text, as `repair --dry-run` prints it."""
    titles = {f"{n}. {stage.upper()}": stage for n, stage in enumerate(plan.stages, 1)}
    for line in as_text(plan, prefix, sudo).splitlines():
        stage = titles.get(line)
        if stage is not None:
            yield _title(line, is_done=stage in done)
        else:
            yield paint((line, Tone.STRONG if line and not line.startswith(" ") else Tone.PLAIN))


def _title(line: str, *, is_done: bool) -> Content:
    if is_done:
        return paint(marks.DONE.saying(line).piece, ("  done, and read back", Tone.DIM))
    return paint(marks.TO_COME.saying(line, Tone.ACCENT).piece, ("  to come", Tone.DIM))
