"""The cure of a state behind which no unit stands: its key is deleted."""

from fleettui.access import FleetKey
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine, Unit
from fleettui.model.host import FLEET_UNITS, HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import DeleteKey, Stage, Step
from fleettui.repair.planning.cures.cure import Cure, insist_on_key, insist_on_living_agent, unit_of
from fleettui.repair.planning.look import Look, NothingToRepair, NotRepairable, Unread

FAULT = "ghost-state"

_RUNS = frozenset({"active", "activating", "deactivating", "reloading"})


def keys_of(finding: Finding) -> tuple[FleetKey, ...]:
    """The key that the repair would delete."""
    if finding.unit is None or finding.machine_id is None:
        return ()
    return ((Untrusted("states"), finding.unit, finding.machine_id),)


def ghost_state(finding: Finding, look: Look) -> Cure:
    """Delete the state's key, if nothing can be behind it.

    Raises NotRepairable wherever the unit could run on that machine after all.
    """
    name = unit_of(finding)
    keys = keys_of(finding)
    if not keys or finding.machine_id is None:
        raise NotRepairable("The finding names no machine whose state it would be.")
    (key,) = keys
    insist_on_key(key)
    place = look.snapshot.machine_name(finding.machine_id)
    unit, found = look.snapshot.units.get(name), look.keys.get(key)
    if unit is None or found is None or unit.state_on(finding.machine_id) is None:
        raise NothingToRepair(
            f"Nothing to repair: the registry holds no state of {name} on {place} any more."
        )
    _insist_on_ghost(unit, finding.machine_id, place, look)
    return Cure((name,), (registry_step(DeleteKey(key, found.index, found.value), name, place),))


def _insist_on_ghost(unit: Unit, machine_id: Untrusted, place: str, look: Look) -> None:
    machine = look.snapshot.machines.get(machine_id)
    report = look.reports.get(machine_id)
    if machine is None and not isinstance(report, HostFacts):
        return  # nobody is there who could be asked
    is_due = unit.unit_hash is not None and (unit.target == machine_id or unit.is_global)
    if is_due and machine is not None:
        raise NothingToRepair(f"Nothing to repair: {unit.name} is scheduled to {place}.")
    if not isinstance(report, HostFacts):
        reason = report.reason if report else "it was not asked"
        raise Unread(
            f"{place} is in the registry and could not be asked ({reason}), so {unit.name} may "
            "run there: look at the machine first."
        )
    _insist_that_it_is_absent(unit.name, machine or Machine(machine_id, Untrusted("")), report)


def _insist_that_it_is_absent(unit: Untrusted, machine: Machine, facts: HostFacts) -> None:
    insist_on_living_agent(machine, facts)
    folder, service = facts.folders.get(FLEET_UNITS), facts.services.get(unit)
    if folder is None or folder.problem is not None:
        raise Unread(f"{FLEET_UNITS} of {machine.public_ip} could not be listed.")
    if unit in folder.entries:
        raise NotRepairable(
            f"{unit} is no ghost: its file is on {machine.public_ip}. Look at that machine's fleet "
            "journal: its agent should have unloaded the unit, or the registry should want it."
        )
    if service is not None and service.active.raw in _RUNS:
        raise NotRepairable(
            f"{unit} is no ghost: it is {service.active} {service.sub} on {machine.public_ip}, "
            f"says systemd. If it is not wanted, stop it there: `sudo systemctl stop {unit}`."
        )


def registry_step(delete: DeleteKey, unit: Untrusted, place: str) -> Step:
    """One compare-and-delete."""
    return Step(
        Stage.REGISTRY,
        (delete,),
        why="fleetctl goes on listing the unit there for as long as the key is there; nothing "
        "that is scheduled depends on it.",
        needs=("The key still says what was read.",),
        changes=(f"Registry: the state of {unit} on {place} is deleted.",),
        keeps=(
            "Nothing runs that could be stopped, no job is changed, and no machine is touched.",
            "An agent that still holds the unit in its memory writes the key again within 30 s;",
            "verify waits for that, and says so: then only a restart of fleet there helps.",
        ),
        reads_back="the key is gone and stays away, and the finding is gone",
        undo_note="No undo: a state is what an agent saw, and one that sees it writes it by itself "
        "twice in 30 s.",
    )
