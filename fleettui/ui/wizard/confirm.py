"""What has to be typed before a step may run; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import (
    DeleteFolder,
    DeleteKey,
    SetTargetState,
    Stage,
    Step,
    Way,
)
from fleettui.ui.wizard.course import Course, Phase


@dataclass(frozen=True, slots=True)
class Typing:
    """Words that confirm one step."""

    words: str
    """Exactly this is to be typed."""
    purpose: str
    """What it confirms, such as `to delete it on core-01`; safe to show."""
    choices: tuple[Untrusted, ...] = ()
    """Names to choose from by number, where the name itself cannot be typed as it is shown."""


_DELETES = (DeleteKey, DeleteFolder)


def typing_for(course: Course, known: Sequence[Untrusted] = ()) -> Typing | None:
    """What must be typed for the stage at hand; None where a press of its button is enough.

    `known` are the names among which one that cannot be typed is chosen by its number.
    """
    plan = course.plan
    if course.phase is not Phase.ASKING or plan is None:
        return None
    host = Untrusted(plan.host) if plan.host else None
    place = f"on {host}" if host else "in the registry"
    if course.undo:
        return named(plan.units[0], f"to take it back {place}", known)
    if course.stage is Stage.RESTART and plan.way is Way.FULL and host is not None:
        return named(host, "to stop all its units", ())
    if course.stage is Stage.VERIFY:
        return None
    purpose = _purpose(plan.step(course.stage))
    return named(plan.units[0], f"{purpose} {place}", known) if purpose else None


def _purpose(step: Step) -> str:
    """What typing the unit's name confirms; empty where nothing has to be typed."""
    deletes = step.stage is Stage.DELETE or any(isinstance(a, _DELETES) for a in step.actions)
    if step.actions and deletes:
        return "to delete it"
    return "to change it" if any(isinstance(a, SetTargetState) for a in step.actions) else ""


def named(name: Untrusted, purpose: str, known: Sequence[Untrusted]) -> Typing:
    """The name itself; or its number among the known, where it needed escaping to be shown."""
    if name.is_plain and name.raw.strip() == name.raw != "":
        return Typing(name.raw, purpose)
    choices = tuple(known) if name in known else (*known, name)
    return Typing(str(choices.index(name) + 1), purpose, choices)
