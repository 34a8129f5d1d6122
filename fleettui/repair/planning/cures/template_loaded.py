"""The cure of the main fault: unload, quarantine, reload, and a new fleetd."""

from collections.abc import Iterator, Sequence

from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.template_loaded import FAULT, is_leftover, machine_evidence
from fleettui.model.cluster import Machine, Snapshot, TargetState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, FolderEntry, HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import (
    Action,
    Reload,
    RemoveFile,
    RemoveLink,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    Stage,
    Step,
    TrySudo,
)
from fleettui.repair.planning.cures.cure import Cure, insist_on_name
from fleettui.repair.planning.look import Look, NothingToRepair, NotRepairable
from fleettui.repair.planning.restart import restart_step, ways_for
from fleettui.repair.planning.stake import units_at_stake

__all__ = ["FAULT", "template_loaded"]


def template_loaded(finding: Finding, look: Look) -> Cure:
    """Every template of the machine is repaired together: one left behind would break it again.

    Raises NotRepairable where a step would have to act on something it does not understand.
    """
    machine, facts = look.machine_and_facts()
    units = templates_on(machine, look.snapshot, facts)
    for unit in units:
        insist_on_name(unit)
    if not units:
        raise NothingToRepair(
            f"Nothing to repair on {machine.public_ip}: the registry sends no template there, and "
            "both unit folders and the journal show none."
        )
    ways = ways_for(machine.version, facts.fleetd_version)
    stake = units_at_stake(machine, facts, look)
    steps = (
        delete_step(units, look.snapshot, facts),
        reload_step(),
        restart_step(ways[0], stake, machine.version),
    )
    return Cure(units, steps, machine, look.host_name(machine), ways, stake)


def templates_on(machine: Machine, snapshot: Snapshot, facts: HostFacts) -> tuple[Untrusted, ...]:
    """Templates that the registry sent to a machine, or that its folders or journal show."""
    sent = {u.name for u in snapshot.units.values() if u.is_template and u.target == machine.id}
    return tuple(sorted(sent | {name for name, _ in machine_evidence(facts)}))


def delete_step(units: Sequence[Untrusted], snapshot: Snapshot, facts: HostFacts) -> Step:
    """Registry first, because otherwise fleetd writes the file again within a second."""
    named = ", ".join(str(unit) for unit in units)
    actions = (
        *(action for unit in units for action in _unloads(unit, snapshot)),
        *(action for unit in units for action in _removals(unit, facts)),
    )
    return Step(
        Stage.DELETE,
        (TrySudo(), *actions) if actions else (),
        why="The registry goes first: while it still targets this machine, fleetd writes the file "
        "again within a second of any restart.",
        needs=("Target state, file and link are still what was just read.",),
        changes=(
            f"Registry: {named} becomes inactive, and the engine takes its target away.",
            "The template stays submitted, so instances can be loaded from it.",
            "Machine: then its file and its link go into quarantine; a copy is kept here first.",
        ),
        keeps=("No running unit is touched: a template has no process.",),
        reads_back="target state inactive, no target, and nothing of the template in either folder",
        undo=tuple(_undo(actions)),
        undo_note="Undo puts file and link back, byte for byte, with mode and owner; that breaks "
        "the machine again as it was. The registry is left alone: a template that is wanted again "
        "would be sent to any machine, and break that one.",
    )


def _unloads(unit: Untrusted, snapshot: Snapshot) -> Iterator[Action]:
    job = snapshot.units.get(unit)
    if job is not None and job.target_state is not None and job.wanted is not TargetState.INACTIVE:
        yield SetTargetState(unit, job.target_state.raw, TargetState.INACTIVE)


def _removals(unit: Untrusted, facts: HostFacts) -> Iterator[Action]:
    file = _entry(facts, FLEET_UNITS, unit)
    if file is not None:
        if file.sha256 is None:
            raise NotRepairable(
                f"{FLEET_UNITS}/{unit} is no regular file that can be read: look at it by hand."
            )
        if file.links != 1:
            raise NotRepairable(
                f"{FLEET_UNITS}/{unit} has {file.links} hard links, and fleetd makes files with "
                "one: look at it by hand."
            )
        yield RemoveFile(unit, file.sha256)
    link = _entry(facts, SYSTEMD_UNITS, unit)
    if link is not None and is_leftover(SYSTEMD_UNITS, link):
        if link.target != Untrusted(f"{FLEET_UNITS}/{unit.raw}"):
            raise NotRepairable(
                f"{SYSTEMD_UNITS}/{unit} is a link to {link.target}, which is not the file that "
                "fleetd links it to: look at it by hand."
            )
        yield RemoveLink(unit)


def _undo(actions: Sequence[Action]) -> Iterator[Action]:
    """The file first: a link to nothing would be a fault of its own."""
    yield from (RestoreFile(a.unit, a.sha256) for a in actions if isinstance(a, RemoveFile))
    yield from (RestoreLink(a.unit) for a in actions if isinstance(a, RemoveLink))


def reload_step() -> Step:
    """systemd forgets the template."""
    return Step(
        Stage.RELOAD,
        (Reload(),),
        why="systemd still knows the unit file that is gone; it reads its files anew.",
        needs=("File and link are gone.",),
        changes=("systemd on this machine forgets the template.",),
        keeps=(
            "No unit is stopped or started.",
            "fleetd still holds the name in memory: its loop goes on.",
        ),
        reads_back="no unit of the machine waits for another reload",
        undo_note="Nothing to undo: systemd reads what is on the disk.",
    )


def _entry(facts: HostFacts, folder: str, unit: Untrusted) -> FolderEntry | None:
    found = facts.folders.get(folder)
    return found.entries.get(unit) if found else None
