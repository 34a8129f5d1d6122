"""What takes a stage back: the inverse of every act that was really done, as the record says."""

from collections.abc import Iterator

from fleettui.repair.planning.action import (
    Action,
    CreateKey,
    DeleteKey,
    RemoveFile,
    RemoveLink,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    Stage,
)
from fleettui.repair.records.past import PastRepair


def undo_of(past: PastRepair, stage: Stage) -> tuple[Action, ...]:
    """The actions that undo a stage, in the order in which they are run; none where none can.

    Of every plan that was followed: the one at hand may find done what an earlier one did.
    """
    done = tuple(intent.action for intent in past.done if intent.stage is stage)
    planned = dict.fromkeys(_planned(past, stage))
    return tuple(action for action in planned if _undoes(action, done, past))


def _planned(past: PastRepair, stage: Stage) -> Iterator[Action]:
    for plan in past.plans:
        for step in plan.steps:
            if step.stage is stage:
                yield from step.undo


def _undoes(action: Action, done: tuple[Action, ...], past: PastRepair) -> bool:
    """Whether an act that was done is what this one takes back."""
    match action:
        case RestoreFile(unit, sha256):
            is_kept = any(k.unit == unit and k.sha256 == sha256 for k in past.kept)
            return is_kept and RemoveFile(unit, sha256) in done
        case RestoreLink(unit):
            return RemoveLink(unit) in done
        case CreateKey(key):
            return any(isinstance(act, DeleteKey) and act.key == key for act in done)
        case SetTargetState(unit, expected, _):
            return any(
                isinstance(act, SetTargetState) and (act.unit, act.wanted) == (unit, expected)
                for act in done
            )
        case _:
            return bool(done)
