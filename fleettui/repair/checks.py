"""What must be true after a restart, told from fresh reads; pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.lines import loops_in
from fleettui.diagnosis.template_loaded import FAULT, QUIET, is_leftover
from fleettui.model.cluster import Machine, Snapshot, TargetState, Unit
from fleettui.model.host import FLEET_UNITS, HostFacts, ServiceFacts
from fleettui.model.names import is_template, template_of
from fleettui.model.untrusted import Untrusted
from fleettui.repair.outcome import Check
from fleettui.repair.plan import unread

SETTLED = timedelta(seconds=10)
"""How long a new fleetd must stay active before it counts as started."""


@dataclass(frozen=True, slots=True)
class Before:
    """The machine right before its fleetd was replaced."""

    facts: HostFacts
    index: int
    """etcd index: a state with a greater one was written afterwards."""

    @property
    def main_pid(self) -> int:
        return self.facts.fleet.main_pid if self.facts.fleet else 0


def started(machine: Machine, before: Before, snapshot: Snapshot, facts: HostFacts) -> list[Check]:
    """A new fleetd runs, has stayed active, and the machine is in the registry."""
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
            f"active for {SETTLED.seconds} s",
            active and age >= SETTLED,
            Untrusted(f"{state}, {_seconds(age)}"),
        ),
        Check(
            "the machine is in the registry",
            machine.id in snapshot.machines,
            Untrusted(f"machines/{machine.id.raw[:8]}.../object"),
        ),
    ]


def clean(units: Collection[Untrusted], snapshot: Snapshot, facts: HostFacts) -> list[Check]:
    """Nothing brings the templates back: what must hold before fleetd may be replaced."""
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
        _leftovers(units, facts),
    ]


def repaired(
    units: Collection[Untrusted],
    machine: Machine,
    before: Before,
    snapshot: Snapshot,
    facts: HostFacts,
) -> list[Check]:
    """The proof: silence, no leftovers, states written anew that equal systemd's, no finding."""
    found = [
        f
        for f in diagnose(snapshot, {machine.id: facts})
        if f.fault == FAULT and f.machine_id == machine.id
    ]
    return [
        _silence(facts),
        _leftovers(units, facts),
        _states(machine, before, snapshot, facts),
        Check(
            "the finding is gone",
            not found,
            Untrusted("diagnosed afresh" if not found else found[0].summary),
        ),
    ]


def replaced_pids(before: HostFacts, after: HostFacts) -> tuple[Untrusted, ...]:
    """Units whose main process is another one than before, fleet.service apart."""
    return tuple(
        name
        for name, service in before.services.items()
        if service.main_pid
        and service is not before.fleet
        and (name not in after.services or after.services[name].main_pid != service.main_pid)
    )


def instances_of(templates: Collection[Untrusted], snapshot: Snapshot) -> tuple[Unit, ...]:
    """Wanted instances of the templates: a loaded template may have blocked them."""
    names = {template.raw for template in templates}
    return tuple(
        unit
        for unit in snapshot.units.values()
        if template_of(unit.name.raw) in names and unit.wanted is not TargetState.INACTIVE
    )


def _silence(facts: HostFacts) -> Check:
    name = f"{QUIET.seconds} s without a line of the fault"
    if facts.journal_problem is not None:
        return Check(name, met=False, detail=facts.journal_problem)
    fleet = facts.fleet
    if fleet is None or not any(entry.pid == fleet.main_pid for entry in facts.journal):
        return Check(name, met=False, detail=Untrusted("no line of the new fleetd was read yet"))
    age = _age(fleet, facts.clock)
    last = max((loop.last_at for loop in loops_in(facts.journal)), default=None)
    quiet = age if last is None else min(age, facts.clock - last)
    return Check(name, quiet > QUIET, Untrusted(f"quiet for {_seconds(quiet)}"))


def _leftovers(units: Collection[Untrusted], facts: HostFacts) -> Check:
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
        if (why := _state_problem(n, machine, before, snapshot, facts.services.get(n)))
    ]
    detail = wrong[0] if wrong else f"{len(names)} units agree"
    return Check("states written anew equal systemd's", not wrong, Untrusted(detail))


def _state_problem(
    name: Untrusted,
    machine: Machine,
    before: Before,
    snapshot: Snapshot,
    service: ServiceFacts | None,
) -> str | None:
    unit = snapshot.units.get(name)
    state = unit.state_on(machine.id) if unit else None
    if service is None:
        return f"{name.raw}: systemd was not asked"
    if state is None:
        return f"{name.raw}: not in the registry yet"
    if state.index <= before.index:
        return f"{name.raw}: not written since the restart"
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
