"""What must be true around the restart of a fleetd, told from fresh reads; pure."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.lines import loops_in
from fleettui.diagnosis.template_loaded import FAULT, is_leftover, machine_evidence
from fleettui.model.cluster import Machine, Snapshot, TargetState, Unit
from fleettui.model.host import FLEET_UNITS, HostFacts, ServiceFacts
from fleettui.model.names import is_template, template_of
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.look import unread
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import Check


def started(
    machine: Machine, before: Before, facts: HostFacts, registered: int, settled: float
) -> list[Check]:
    """A new fleetd runs, has stayed active for `settled` seconds, and told the registry so.

    `registered` is the modifiedIndex of the machine's key, 0 where there is none: the key of a
    fleetd that was killed stays for a while.
    """
    fleet = facts.fleet
    pid = fleet.main_pid if fleet else 0
    active = fleet is not None and fleet.active.raw == "active"
    age = _age(fleet, facts.clock)
    state = f"{fleet.active} {fleet.sub}" if fleet else "not known to systemd"
    return [
        Check(
            "fleetd runs as a new process",
            pid not in {0, before.main_pid},
            Untrusted(f"main PID {before.main_pid} -> {pid}"),
        ),
        Check(
            f"active for {settled:.0f} s",
            active and age >= timedelta(seconds=settled),
            Untrusted(f"{state}, {_seconds(age)}"),
        ),
        Check(
            "the machine is in the registry",
            registered > before.index,
            Untrusted(
                f"machines/{machine.id.raw[:8]}.../object "
                + ("written anew" if registered > before.index else "not written by it yet")
            ),
        ),
    ]


def fails(units: Collection[Untrusted], before: Before, facts: HostFacts) -> bool:
    """Whether a fleetd that is newer than `before` is in the loop of one of the templates."""
    pid = facts.fleet.main_pid if facts.fleet else 0
    return pid not in {0, before.main_pid} and any(
        loop.pid == pid and loop.unit in units and loop.goes_on(facts.clock)
        for loop in loops_in(facts.journal)
    )


def unwanted(units: Collection[Untrusted], snapshot: Snapshot) -> list[Check]:
    """The registry has no fleetd write the templates' files."""
    jobs = [job for unit in units if (job := snapshot.units.get(unit)) is not None]
    wanted = [job.name.raw for job in jobs if job.wanted is not TargetState.INACTIVE]
    sent = [job.name.raw for job in jobs if job.target is not None]
    return [
        Check(
            "nobody wants the template",
            not wanted,
            Untrusted(f"still wanted: {', '.join(wanted)}" if wanted else "inactive, or no job"),
        ),
        Check(
            "the engine took its target away",
            not sent,
            Untrusted(f"still sent: {', '.join(sent)}" if sent else "no target"),
        ),
    ]


def clean(units: Collection[Untrusted], snapshot: Snapshot, facts: HostFacts) -> list[Check]:
    """Nothing brings the templates back: what must hold before fleetd may be replaced."""
    others = sorted(_other_templates(units, snapshot, facts))
    return [
        *unwanted(units, snapshot),
        no_leftovers(units, facts),
        Check(
            "no other template is on its way here",
            not others,
            Untrusted(f"{', '.join(others)}: locate again" if others else "none"),
        ),
    ]


def _other_templates(
    units: Collection[Untrusted], snapshot: Snapshot, facts: HostFacts
) -> set[str]:
    """Templates that came since the plan was made: a restart would not get rid of them."""
    sent = {
        u.name for u in snapshot.units.values() if u.is_template and u.target == facts.machine_id
    }
    lying = {name for name, _ in machine_evidence(facts, loops=())}
    return {name.raw for name in (sent | lying) - set(units)}


def healthy(machine: Machine, before: Before, snapshot: Snapshot, facts: HostFacts) -> list[Check]:
    """States written anew that equal systemd's, and a fresh diagnosis without the fault."""
    found = [
        f
        for f in diagnose(snapshot, {machine.id: facts})
        if f.fault == FAULT and f.machine_id == machine.id
    ]
    said = found[0].summary if found else "diagnosed afresh"
    return [
        _states(machine, before, snapshot, facts),
        Check("the finding is gone", not found, Untrusted(said)),
    ]


def replaced_pids(before: Before, after: HostFacts) -> tuple[Untrusted, ...]:
    """Units whose main process is another one than before, or gone."""
    return tuple(
        name
        for name, pid in before.running.items()
        if pid and (name not in after.services or after.services[name].main_pid != pid)
    )


def instances_of(templates: Collection[Untrusted], snapshot: Snapshot) -> tuple[Unit, ...]:
    """Wanted instances of the templates: a loaded template may have blocked them."""
    names = {template.raw for template in templates}
    return tuple(
        unit
        for unit in snapshot.units.values()
        if template_of(unit.name.raw) in names and unit.wanted is not TargetState.INACTIVE
    )


def unblocked(templates: Collection[Untrusted], snapshot: Snapshot) -> list[Check]:
    """Whether the instances that a loaded template may have blocked have come up: reported."""
    return [
        Check(
            f"{unit.name} comes up",
            unit.reached is unit.wanted,
            Untrusted(f"wanted {unit.wanted}, it is {unit.reached}{_placed(unit, snapshot)}"),
            required=False,
        )
        for unit in instances_of(templates, snapshot)
    ]


def _placed(unit: Unit, snapshot: Snapshot) -> str:
    return f" on {snapshot.machine_name(unit.target)}" if unit.target else ", and sent nowhere"


def no_leftovers(units: Collection[Untrusted], facts: HostFacts) -> Check:
    """Whether both folders were read, and hold nothing of the templates."""
    name = "nothing of the template in either folder"
    problem = unread(facts)
    if problem is not None:
        return Check(name, met=False, detail=Untrusted(problem))
    left = [path for unit in units for path in leftovers(unit, facts)]
    return Check(name, not left, Untrusted(", ".join(left) or "both folders read"))


def leftovers(unit: Untrusted, facts: HostFacts) -> Iterator[str]:
    """Paths of what still lies in the unit folders under the template's name."""
    for path, folder in facts.folders.items():
        entry = folder.entries.get(unit)
        if entry is not None and is_leftover(path, entry):
            yield f"{path}/{unit.raw}"


def _states(machine: Machine, before: Before, snapshot: Snapshot, facts: HostFacts) -> Check:
    folder = facts.folders.get(FLEET_UNITS)
    names = [n for n in (folder.entries if folder else ()) if not is_template(n.raw)]
    wrong = [
        why
        for n in names
        if (why := state_problem(n, machine, before.index, snapshot, facts.services.get(n)))
    ]
    detail = wrong[0] if wrong else f"{len(names)} units agree"
    return Check("states written anew equal systemd's", not wrong, Untrusted(detail))


def state_problem(
    name: Untrusted,
    machine: Machine,
    index: int,
    snapshot: Snapshot,
    service: ServiceFacts | None,
) -> str | None:
    """Why the registry's state of a unit is not systemd's own, or older than etcd's `index`."""
    unit = snapshot.units.get(name)
    state = unit.state_on(machine.id) if unit else None
    if service is None:
        return f"{name.raw}: systemd was not asked"
    if state is None:
        return f"{name.raw}: not in the registry yet"
    if state.index <= index:
        return f"{name.raw}: not written since"
    if (state.active, state.sub) != (service.active, service.sub):
        return (
            f"{name.raw}: registry says {state.active.raw} {state.sub.raw}, "
            f"systemd says {service.active.raw} {service.sub.raw}"
        )
    return None


def _age(service: ServiceFacts | None, clock: datetime) -> timedelta:
    since = service.since if service else None
    return max(clock - since, timedelta()) if since else timedelta()


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
