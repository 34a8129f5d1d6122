"""A unit whose file is on the machine, while systemd does not know it, or knows an older one."""

from collections.abc import Iterator
from datetime import timedelta

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import (
    Confidence,
    Evidence,
    Fault,
    Finding,
    Grounds,
    Severity,
    Source,
)
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.signals import Said
from fleettui.diagnosis.survey import Odd
from fleettui.model.cluster import Unit, UnitState
from fleettui.model.host import ServiceFacts
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "needs-daemon-reload",
    Severity.WARNING,
    issues=(1206, 1152),
    remedy="fleettui repairs it (key r): it reloads systemd, and starts the unit if it is wanted "
    "there. By hand, on the machine: `sudo systemctl daemon-reload`, then `sudo systemctl start "
    "UNIT` if it is to run; fleet 0.9.2 and later reload by themselves.",
)
SOURCES = (Source.FILE, Source.SYSTEMD, Source.JOURNAL)
RELOADS_WITHIN = timedelta(seconds=5)
"""fleetd writes its files first and reloads systemd after the last of them."""


def needs_daemon_reload(case: Case) -> Iterator[Finding]:
    """One finding a unit and machine; where systemd was asked, its own word decides."""
    for machine_id, reading in case.answered.outdated.items():
        for service in reading.outdated:
            if _is_fleets(reading, service):
                yield _of_systemd(case, machine_id, reading, service)
    for oddity, unit, state in case.odd_states(Odd.NOT_FOUND):
        answered = case.readings.get(state.machine_id)
        if _may_be_so(unit, answered) and not case.is_young(oddity, RELOADS_WITHIN):
            yield _of_registry(case, unit, state, answered)


def _may_be_so(unit: Unit, reading: Reading | None) -> bool:
    """Whether the machine leaves it open that systemd lacks the unit and the file is there."""
    if reading is None:
        return True
    return unit.name not in reading.facts.services and reading.holds_file(unit.name) is not False


def _is_fleets(reading: Reading, service: ServiceFacts) -> bool:
    """Whether it is a unit that fleet put there, and not in this very moment."""
    if is_template(service.name.raw) or not reading.holds_file(service.name):
        return False
    clock, about = reading.facts.clock, service.name.raw
    return not reading.signals.within(RELOADS_WITHIN, clock, Said.WROTE, about=about)


def _of_systemd(
    case: Case, machine_id: Untrusted, reading: Reading, service: ServiceFacts
) -> Finding:
    unknown = service.load.raw == "not-found"
    says = f"LoadState={service.load.raw}"
    says += ", NeedDaemonReload=yes" if service.needs_daemon_reload else ""
    unit = case.snapshot.units.get(service.name) if case.snapshot else None
    state = unit.state_on(machine_id) if unit else None
    evidence = (
        proof.unit_file(reading.facts, service.name),
        proof.systemd(reading.facts, service.name, says),
        *((proof.state_key(unit, state),) if unit and state else ()),
        *_said(reading, service.name),
    )
    where = case.named(machine_id)
    return FAULT.found(
        f"The file of {service.name} is on {where}, but systemd does not know it: it cannot start."
        if unknown
        else f"systemd on {where} runs {service.name} from an older file than the one on disk.",
        Grounds(
            evidence,
            Confidence.PROVEN if unknown else Confidence.LIKELY,
            case.gaps(machine_id, *SOURCES),
        ),
        unit=service.name,
        machine_id=machine_id,
    )


def _of_registry(case: Case, unit: Unit, state: UnitState, reading: Reading | None) -> Finding:
    """Only the agent's word for it: the machine's systemd could not be asked."""
    said = tuple(_said(reading, unit.name)) if reading else ()
    return FAULT.found(
        f"The agent on {case.named(state.machine_id)} says that systemd does not know {unit.name}, "
        "which is wanted there.",
        Grounds(
            (proof.state_key(unit, state), *said),
            Confidence.LIKELY if said else Confidence.HINTED,
            case.gaps(state.machine_id, *SOURCES),
        ),
        unit=unit.name,
        machine_id=state.machine_id,
    )


def _said(reading: Reading, unit: Untrusted) -> Iterator[Evidence]:
    """fleetd's failures to start it, unless a later start succeeded."""
    failed = reading.signals.of(Said.UNKNOWN_TO_SYSTEMD, about=unit.raw)
    started = reading.signals.last(Said.STARTED, about=unit.raw)
    if failed and (started is None or started.at < failed[-1].at):
        yield from proof.line(reading.facts.machine_id, *failed)
