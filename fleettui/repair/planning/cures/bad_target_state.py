"""The cure of a target state that fleet cannot read: one of fleet's own words instead of it."""

from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import TargetState, Unit
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import SetTargetState, Stage, Step
from fleettui.repair.planning.cures.cure import Cure, unit_of
from fleettui.repair.planning.look import Look, NothingToRepair, NotRepairable

FAULT = "bad-target-state"

_MEANS = {
    TargetState.INACTIVE: "as `fleetctl unload` does: the unit stays submitted, and runs nowhere.",
    TargetState.LOADED: "as `fleetctl load` does: the engine sends the unit to a machine, which "
    "loads it and does not start it.",
    TargetState.LAUNCHED: "as `fleetctl start` does: the engine sends the unit to a machine, which "
    "starts it.",
}
_RUNS = frozenset({"active", "activating", "reloading"})


def bad_target_state(finding: Finding, look: Look) -> Cure:
    """Set the word that says what the unit does now; nothing starts or stops by that.

    Raises NotRepairable.
    """
    name = unit_of(finding)
    unit = look.snapshot.units.get(name)
    if unit is None or unit.target_state is None or unit.wanted is not None:
        now = "no job" if unit is None else f"the target state {unit.wanted or 'absent'}"
        raise NothingToRepair(f"Nothing to repair: {name} has {now} in the registry now.")
    if unit.file is None:
        raise NotRepairable(
            f"The job of {name} holds nothing to run, so no target state would do anything: "
            "repair that first (orphan-job), or submit the unit again."
        )
    words = words_for(unit)
    return Cure((name,), (registry_step(name, unit.target_state.raw, words[0]),), words=words)


def words_for(unit: Unit) -> tuple[TargetState, ...]:
    """The target states that may be set: first the one that says what the unit does now."""
    if unit.is_template:
        return (TargetState.INACTIVE,)  # any other would break the machine that it is sent to
    now = does_now(unit)
    return (now, *(word for word in TargetState if word is not now))


def does_now(unit: Unit) -> TargetState:
    """What machines say of the unit now, in fleet's words."""
    if any(state.active.raw in _RUNS for state in unit.states):
        return TargetState.LAUNCHED
    if any(state.load.raw == "loaded" for state in unit.states):
        return TargetState.LOADED
    return TargetState.INACTIVE


def registry_step(unit: Untrusted, found: str, wanted: TargetState) -> Step:
    """One compare-and-swap."""
    return Step(
        Stage.REGISTRY,
        (SetTargetState(unit, found, wanted),),
        why="fleet knows three target states, and this is none of them: for fleetctl and the "
        "engine the unit does not exist until the key holds one.",
        needs=(f"The key still holds {Untrusted(found)}.",),
        changes=(f"Registry: the target state of {unit} becomes {wanted},", _MEANS[wanted]),
        keeps=("No other key is written, and no machine is touched.",),
        reads_back=f"target state {wanted}, and the finding is gone",
        undo_note="No undo: the old word is one that fleet cannot read. The record keeps it, and "
        "fleetctl sets another of the three at any time.",
    )
