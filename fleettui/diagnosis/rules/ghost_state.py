"""A state in the registry behind which no unit stands."""

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
from fleettui.diagnosis.survey import Odd, Oddity
from fleettui.model.cluster import Unit, UnitState
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "ghost-state",
    Severity.WARNING,
    issues=(833, 971, 1627),
    remedy="fleettui deletes the key, if nothing can be behind it (key r). By hand: delete it with "
    "etcdctl. Where a living agent writes it again, only a restart of fleet there helps, which "
    "stops the machine's units.",
)
OUTLIVED = timedelta(seconds=40)
"""More than a state's TTL (30 s): what is still there was written since, by an agent that should
not, or has no TTL at all."""


def ghost_state(case: Case) -> Iterator[Finding]:
    """One finding a state. While a unit moves or goes, its old state is there for up to its TTL:
    only one that outlived it counts, or one whose machine has no such unit.
    """
    for oddity, unit, state in case.odd_states(Odd.NO_MACHINE):
        if case.history.held(oddity) >= OUTLIVED:
            what = "a machine that the registry does not list"
            keys = (proof.state_key(unit, state), proof.machine_key(state.machine_id))
            yield _found(case, state, what, Grounds(keys, Confidence.LIKELY), unit)
    for kind, what in (
        (Odd.NO_JOB, "though the unit has no job"),
        (Odd.ELSEWHERE, "where the unit is not scheduled"),
    ):
        for oddity, unit, state in case.odd_states(kind):
            confidence = _judged(case, oddity)
            if confidence is not None:
                evidence = tuple(_evidence(case, unit, state))
                gaps = case.gaps(state.machine_id, Source.FILE)
                yield _found(case, state, what, Grounds(evidence, confidence, gaps), unit)


def _judged(case: Case, oddity: Oddity) -> Confidence | None:
    """How sure it is that nothing stands behind the state; None = not sure enough to say."""
    reading = case.readings.get(oddity.machine) if oddity.machine else None
    outlived = case.history.held(oddity) >= OUTLIVED
    if reading is None:
        return Confidence.LIKELY if outlived else None
    if reading.frozen is not None:
        return None  # a dead agent unloads nothing: that is template-loaded's to say
    is_absent = oddity.unit is not None and reading.holds_file(oddity.unit) is False
    if is_absent and (outlived or _was_asked_in_time(case, reading, oddity.unit)):
        return Confidence.PROVEN
    return Confidence.LIKELY if outlived else None


def _was_asked_in_time(case: Case, reading: Reading, unit: Untrusted | None) -> bool:
    """Whether the machine was asked about the state as it is, and did not just unload the unit."""
    if unit is None or reading.facts.journal_problem is not None or not case.is_fresh(reading):
        return False
    signals, clock = reading.signals, reading.facts.clock
    unloaded = signals.within(OUTLIVED, clock, Said.REMOVED, about=unit.raw)
    return not unloaded and not signals.within(OUTLIVED, clock, Said.BEGAN, Said.TOLD_TO_END)


def _evidence(case: Case, unit: Unit, state: UnitState) -> Iterator[Evidence]:
    yield proof.state_key(unit, state)
    if unit.target is not None:
        yield proof.job_key(unit, "target", unit.target)
    elif unit.unit_hash is None:
        yield proof.job_key(unit, "object", None)
    else:
        yield proof.job_key(unit, "target", None)
    reading = case.readings.get(state.machine_id)
    if reading is not None and reading.holds_file(unit.name) is not None:
        yield proof.unit_file(reading.facts, unit.name)


def _found(case: Case, state: UnitState, what: str, grounds: Grounds, unit: Unit) -> Finding:
    return FAULT.found(
        f"The registry holds a state of {unit.name} on {case.named(state.machine_id)}, {what}: "
        "list-units shows what is not there.",
        grounds,
        unit=unit.name,
        machine_id=state.machine_id,
    )
