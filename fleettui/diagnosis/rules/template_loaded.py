"""The main fault: a template unit was loaded without its instance, and an agent died of it."""

from collections.abc import Iterator

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
from fleettui.diagnosis.survey import Odd
from fleettui.diagnosis.template_loaded import FAULT as ID
from fleettui.diagnosis.truth import Frozen, judged
from fleettui.model.cluster import Unit
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    ID,
    Severity.CRITICAL,
    issues=(969, 793, 1236, 1251, 1326),
    remedy="fleettui repairs it step by step (key r): it unloads the template in the registry, "
    "removes its file and link from the machine, reloads systemd and replaces fleetd. By hand, "
    "keep to that order: without the registry's step the fault is back within a second.",
)
STATES_SHOWN = 5
"""Units whose states differ that the evidence names; the others are counted."""

_Where = tuple[Untrusted, Untrusted | None]
"""Template and machine."""


def template_loaded(case: Case) -> Iterator[Finding]:
    """A finding for each template and machine that the registry or a machine gives away.

    Registry, files and journal each suffice: after `destroy` only the machine knows, before the
    first probe only the registry does. What could not be read is named in the finding's gaps.
    """
    wanted = {unit.name: unit for _, unit in case.odd(Odd.TEMPLATE)}
    marks: dict[_Where, list[Evidence]] = {
        (unit.name, unit.target): [] for unit in wanted.values() if unit.target is not None
    }
    for machine, reading in case.answered.with_templates.items():
        for name, evidence in reading.templates:
            marks.setdefault((name, machine), []).append(evidence)
    for unit in wanted.values():
        if not any(name == unit.name for name, _ in marks):
            marks[unit.name, None] = []
    for (template, machine_id), shown in marks.items():
        yield _found(case, template, machine_id, (*_registry(wanted.get(template)), *shown))


def _found(
    case: Case, name: Untrusted, machine_id: Untrusted | None, evidence: tuple[Evidence, ...]
) -> Finding:
    where = case.named(machine_id) if machine_id else "a machine"
    sources = {piece.source for piece in evidence}
    proven = Source.JOURNAL in sources or len(sources) > 1
    return FAULT.found(
        f"{name} is a template and was loaded without its instance: the agent on {where} loads, "
        "starts and stops nothing any more, and the states it reports are frozen.",
        Grounds(
            (*evidence, *_untrue_states(case, name, machine_id)),
            Confidence.PROVEN if proven else Confidence.LIKELY,
            tuple(_gaps(case, machine_id)),
        ),
        unit=name,
        machine_id=machine_id,
    )


def _registry(unit: Unit | None) -> Iterator[Evidence]:
    if unit is not None and unit.target_state is not None:
        yield proof.job_key(unit, "target-state", unit.target_state)
    if unit is not None and unit.target is not None:
        yield proof.job_key(unit, "target", unit.target)


def _untrue_states(case: Case, name: Untrusted, machine_id: Untrusted | None) -> Iterator[Evidence]:
    """Where the frozen states are already untrue: units that systemd knows better about."""
    reading = case.readings.get(machine_id) if machine_id else None
    if reading is None or reading.frozen is None or reading.frozen.unit != name:
        return
    untrue = list(_differing(case, reading))
    yield from untrue[:STATES_SHOWN]
    if len(untrue) > STATES_SHOWN:
        more = f"{len(untrue) - STATES_SHOWN} more units differ from the registry"
        yield proof.systemd(reading.facts, Untrusted("other units"), more)


def _differing(case: Case, reading: Reading) -> Iterator[Evidence]:
    units = case.snapshot.units if case.snapshot else {}
    for name in reading.facts.services:
        unit = units.get(name)
        state = unit.state_on(reading.facts.machine_id) if unit else None
        found = judged(name, state, case.snapshot, reading) if case.snapshot and state else None
        if state is not None and isinstance(found, Frozen) and found.active and not found.agrees:
            says = f"{found.active.raw} {found.sub.raw if found.sub else ''}"
            registry = f"{state.active.raw} {state.sub.raw}"
            yield proof.systemd(reading.facts, name, f"{says}; the registry says {registry}")


def _gaps(case: Case, machine_id: Untrusted | None) -> Iterator[str]:
    if case.snapshot is None:
        yield "the registry has not been read"
    if machine_id is None:
        yield "the registry names no machine yet"
    else:
        yield from case.gaps(machine_id, Source.FILE, Source.JOURNAL)
