"""The registry says one thing of a unit, and the machine's systemd another."""

from collections.abc import Iterator

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.disputes import differing, disputes
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
from fleettui.diagnosis.truth import Disagrees, judged
from fleettui.model.cluster import Unit, UnitState

FAULT = Fault(
    "state-disagrees",
    Severity.WARNING,
    issues=(),
    remedy="Read the machine's fleet journal: the agent does not publish what it should. "
    "`systemctl restart fleet` there makes it begin anew, and stops and starts every unit of "
    "the machine, so fleettui does not do it unasked.",
)


def state_disagrees(case: Case) -> Iterator[Finding]:
    """One finding a state. On a machine with a loaded template the states are frozen: that they
    are untrue is evidence of template-loaded, and no finding of its own.
    """
    for unit, state, reading in _differing(case):
        if case.snapshot is None or state.load.raw == "not-found" or _is_others(unit, reading):
            continue
        found = judged(unit.name, state, case.snapshot, reading)
        if isinstance(found, Disagrees):
            says = f"{found.active.raw} {found.sub.raw} since {found.since:%H:%M:%S}"
            asked = f"asked at {reading.facts.taken_at:%H:%M:%S} UTC"
            evidence = (
                proof.state_key(unit, state),
                proof.systemd(reading.facts, unit.name, f"{says}, {asked}"),
            )
            yield _found(case, unit, state, found, evidence)


def _differing(case: Case) -> Iterator[tuple[Unit, UnitState, Reading]]:
    snapshot = case.snapshot
    if snapshot is None:
        return
    for name in disputes(snapshot, case.readings):
        unit = snapshot.units[name]
        for state, reading in differing(unit, snapshot, case.readings):
            yield unit, state, reading


def _is_others(unit: Unit, reading: Reading) -> bool:
    """Whether systemd does not know the unit: needs-daemon-reload or ghost-state tell of it."""
    return reading.facts.services[unit.name].load.raw == "not-found"


def _found(
    case: Case, unit: Unit, state: UnitState, found: Disagrees, evidence: tuple[Evidence, ...]
) -> Finding:
    machine_id = state.machine_id
    # systemd says since when a unit is active, not since when it is in its sub state.
    only_sub = found.active == state.active
    return FAULT.found(
        f"The registry says {state.active} {state.sub} of {unit.name} on "
        f"{case.named(machine_id)}; systemd there says {found.active} {found.sub} since "
        f"{found.since:%H:%M:%S}.",
        Grounds(
            evidence,
            Confidence.LIKELY if only_sub else Confidence.PROVEN,
            case.gaps(machine_id, Source.JOURNAL),
        ),
        unit=unit.name,
        machine_id=machine_id,
    )
