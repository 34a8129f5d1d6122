"""What stands above every stage: the stages and where one is, and what is being repaired."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from textual.content import Content

from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage
from fleettui.ui import marks
from fleettui.ui.paint import Piece, Tone, paint
from fleettui.ui.wizard.course import TITLES, Course, Phase


@dataclass(frozen=True, slots=True)
class Target:
    """What is being repaired."""

    units: tuple[Untrusted, ...]
    fault: str
    machine: Machine | None
    host: str
    """The machine's own name, as it is typed; empty until it is known."""
    cluster: str
    place: str = ""
    """Where it stands among the affected machines, such as `machine 1 of 2`."""
    only_registry: bool = False
    """Whether no machine is changed at all."""


def stepper(
    course: Course, seconds: Mapping[Stage, float] = MappingProxyType({}), width: int = 1000
) -> Content:
    """All stages and where one is, and how long those took that acted.

    Where `width` columns are too few, the others go without seconds, then without names.
    """
    here = {stage: took for stage, took in seconds.items() if stage is course.stage}
    whole, less = _stepper(course, seconds), _stepper(course, here)
    fitting = (line for line in (whole, less) if line.cell_length <= width)
    return next(fitting, None) or _stepper(course, here, only_here=True)


def _stepper(course: Course, seconds: Mapping[Stage, float], *, only_here: bool = False) -> Content:
    stages = course.stages if course.plan else (Stage.LOCATE, Stage.VERIFY)
    pieces: list[Piece] = []
    for number, stage in enumerate(stages, 1):
        if stage is not Stage.LOCATE:
            pieces.append(("─ ", Tone.DIM) if course.plan else (" ... ", Tone.DIM))
        if course.plan or stage is Stage.LOCATE:
            is_told = stage is course.stage or not only_here
            title = f"{number} {TITLES[stage]} " if is_told else f"{number} "
            pieces.append(_stage(stage, title, course))
            if stage in seconds:
                pieces.append((f"{seconds[stage]:.0f} s ", Tone.DIM))
    return paint(*pieces)


def _stage(stage: Stage, title: str, course: Course) -> Piece:
    bad = course.phase in {Phase.FAILED, Phase.LOST, Phase.STUCK, Phase.UNFIT}
    if stage is course.stage and (bad or course.undo):
        return (marks.UNMET if bad else marks.TAKEN_BACK).saying(title).piece
    if stage in course.behind:
        return marks.DONE.saying(title).piece
    return (marks.HERE if stage is course.stage else marks.TO_COME).saying(title).piece


def target_lines(target: Target) -> Iterator[Content]:
    """Unit and machine in full words, three lines; nothing of them is cut at 80 columns."""
    first, *others = target.units or (Untrusted(""),)
    more = f" and {len(others)} more" if others else ""
    unit: list[Piece] = [(first, Tone.STRONG), (more, Tone.STRONG)]
    cluster = paint((f"cluster {target.cluster}", Tone.DIM))
    if target.machine is None or target.only_registry:
        where = "in the registry alone: no machine is changed"
        yield paint(*unit, (f"  {target.fault}", Tone.WARN))
        yield paint((where if target.only_registry else "no machine is known yet", Tone.DIM))
        yield cluster
        return
    yield paint(
        *unit, " on ", (target.host or "a machine", Tone.STRONG), " ",
        (target.machine.public_ip, Tone.STRONG), (f"  {target.place}", Tone.WARN),
    )  # fmt: skip # one a line reads worse
    version = f"  fleetd {target.machine.version}  {target.fault}"
    yield paint(("machine ", Tone.DIM), target.machine.id, (version, Tone.DIM))
    yield cluster
