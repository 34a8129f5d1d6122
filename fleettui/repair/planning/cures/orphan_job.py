"""The cure of a job that holds nothing to run: its keys are deleted, each as it stands."""

from fleettui.access import FleetKey
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Snapshot, Unit
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import CreateKey, DeleteFolder, DeleteKey, Stage, Step
from fleettui.repair.planning.cures.cure import Cure, unit_of
from fleettui.repair.planning.look import Look, NothingToRepair, NotRepairable

FAULT = "orphan-job"

_LEAVES = ("target-state", "target", "object")
"""In the order of their deletion: while there is an object, nobody can submit the unit anew."""


def keys_of(finding: Finding) -> tuple[FleetKey, ...]:
    """The keys that the repair would delete, as far as they are there."""
    if finding.unit is None:
        return ()
    return tuple((Untrusted("job"), finding.unit, Untrusted(leaf)) for leaf in _LEAVES)


def orphan_job(finding: Finding, look: Look) -> Cure:
    """Delete each key by its index and then the folder, so that nothing new is ever deleted.

    Raises NotRepairable.
    """
    name = unit_of(finding)
    unit = look.snapshot.units.get(name)
    if unit is None or not _has_job(unit):
        raise NothingToRepair(f"Nothing to repair: there is no job of {name} any more.")
    if unit.file is not None:
        raise NothingToRepair(f"Nothing to repair: the job of {name} has its unit file again.")
    _insist_that_nothing_runs(unit, look.snapshot)
    deleted = tuple(
        DeleteKey(key, found.index, found.value)
        for key in keys_of(finding)
        if (found := look.keys.get(key)) is not None
    )
    return Cure((name,), (registry_step(name, deleted),))


def _has_job(unit: Unit) -> bool:
    return any(key is not None for key in (unit.unit_hash, unit.target_state, unit.target))


def _insist_that_nothing_runs(unit: Unit, snapshot: Snapshot) -> None:
    told = (unit.heartbeat, *(state.machine_id for state in unit.states))
    alive = next((machine for machine in told if machine is not None), None)
    if alive is not None:
        raise NotRepairable(
            f"{snapshot.machine_name(alive)} still reports {unit.name}: it may run there, and "
            "without its job nobody could stop it by fleetctl. An agent lets go of it by itself "
            "within a minute; where it does not, submit the unit again, then destroy it."
        )


def registry_step(unit: Untrusted, deleted: tuple[DeleteKey, ...]) -> Step:
    """What `fleetctl destroy` would do, if the job existed for it."""
    return Step(
        Stage.REGISTRY,
        (*deleted, DeleteFolder((Untrusted("job"), unit))),
        why="For fleetctl there is no such unit, so it cannot destroy it; and while its keys are "
        "there, agents complain of it, and a new one of this name may inherit its target.",
        needs=(
            "Every key is still the one that was read; the folder holds nothing else.",
            "Nobody submitted the unit again, and no machine reports it.",
        ),
        changes=(
            f"Registry: the job of {unit} is deleted key by key, then its empty folder.",
            "If the unit is wanted, submit and start it again with fleetctl afterwards.",
        ),
        keeps=(
            "Nothing runs that could be stopped: no machine reports the unit.",
            "Unit files under unit/ are left alone, and no machine is touched.",
        ),
        reads_back="no key of the job is left, and the finding is gone",
        undo=tuple(CreateKey(gone.key, gone.value) for gone in reversed(deleted)),
        undo_note="Undo writes the same keys again, if nobody made a new job meanwhile: the "
        "orphan is back then.",
    )
