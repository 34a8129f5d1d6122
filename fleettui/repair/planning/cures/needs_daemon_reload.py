"""The cure of a unit that systemd does not know yet: a reload, and the start that had failed."""

from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine, Snapshot, TargetState
from fleettui.model.host import FLEET_UNITS, HostFacts, ServiceFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Reload, Stage, StartUnit, Step, TrySudo
from fleettui.repair.planning.cures.cure import Cure, insist_on_living_agent, unit_of
from fleettui.repair.planning.look import Look, NothingToRepair, NotRepairable, Unread

FAULT = "needs-daemon-reload"


def needs_daemon_reload(finding: Finding, look: Look) -> Cure:
    """Reload systemd; then start the unit, if it is wanted there and could not be started.

    Raises NotRepairable.
    """
    name = unit_of(finding)
    machine, facts = look.machine_and_facts()
    service = _outdated(name, machine, facts)
    insist_on_living_agent(machine, facts)
    steps = [reload_step(name, is_known=service.load.raw != "not-found")]
    if service.load.raw == "not-found" and _is_wanted(name, machine, look.snapshot):
        steps.append(start_step(name, _pulls(name, look.snapshot)))
    return Cure((name,), tuple(steps), machine, look.host_name(machine))


def _outdated(unit: Untrusted, machine: Machine, facts: HostFacts) -> ServiceFacts:
    folder, service = facts.folders.get(FLEET_UNITS), facts.services.get(unit)
    if folder is None or unit not in folder.entries:
        raise NotRepairable(
            f"{FLEET_UNITS} of {machine.public_ip} holds no file of {unit}, so a reload would not "
            "make systemd know it: fleet's agent has not written it, and its journal says why."
        )
    if service is None:
        raise Unread(f"systemd on {machine.public_ip} was not asked about {unit}.")
    if not service.needs_daemon_reload and service.load.raw != "not-found":
        raise NothingToRepair(
            f"Nothing to repair: systemd on {machine.public_ip} knows {unit} as its file says."
        )
    return service


def _is_wanted(unit: Untrusted, machine: Machine, snapshot: Snapshot) -> bool:
    job = snapshot.units.get(unit)
    if job is None or job.wanted is not TargetState.LAUNCHED:
        return False
    return job.is_global or job.target == machine.id


def _pulls(unit: Untrusted, snapshot: Snapshot) -> tuple[str, ...]:
    job = snapshot.units.get(unit)
    return tuple(str(Untrusted(pull)) for pull in job.file.image_pulls) if job and job.file else ()


def reload_step(unit: Untrusted, *, is_known: bool) -> Step:
    """systemd reads the file that is there."""
    went_on = f"A process of {unit} that runs goes on as it is, until it is next started."
    nothing = f"{unit} is not started by that."
    return Step(
        Stage.RELOAD,
        (TrySudo(), Reload()),
        why="The unit's file is on the machine, and systemd has not read it since it was written.",
        needs=("sudo works.",),
        changes=(f"systemd on this machine knows {unit} as its file says.",),
        keeps=("No unit is stopped or started.", went_on if is_known else nothing),
        reads_back="no unit of the machine waits for another reload, and systemd knows the unit",
        undo_note="Nothing to undo: systemd reads what is on the disk.",
    )


def start_step(unit: Untrusted, pulls: tuple[str, ...]) -> Step:
    """What fleetd tried, before systemd knew the unit."""
    slow = (f"Before it starts it runs {'; '.join(pulls)}, which may take minutes.",)
    return Step(
        Stage.START,
        (StartUnit(unit),),
        why="fleetd tried to start it before systemd knew it, failed, and does not try again.",
        needs=("systemd knows the unit, and the registry still wants it launched, and here.",),
        changes=(f"systemd starts {unit} and whatever it requires.", *(slow if pulls else ())),
        keeps=("No running unit is stopped, unless it conflicts with this one.",),
        reads_back="systemd says that it is active",
        undo_note=f"Nothing is undone by fleettui: fleet wants {unit} to run. To stop it all the "
        "same: `fleetctl stop`.",
    )
