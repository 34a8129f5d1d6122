"""A machine that comes and goes: its key expires although the host is up."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

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
from fleettui.diagnosis.history import KEPT_FOR, Change
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.signals import Said, Signal
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "machine-flapping",
    Severity.WARNING,
    issues=(1725, 1289, 1145),
    remedy="Look at etcd's latency and at the load of the host, then raise agent_ttl in "
    "fleet.conf. fleettui does not: a new agent_ttl takes a restart of fleet, which stops the "
    "machine's units.",
)
OFTEN = 2
"""Departures within a quarter of an hour: once is a reboot, or one bad moment of etcd."""
RESTART = timedelta(seconds=60)
"""A departure so close to a stop or a start of fleetd is explained by it."""
ONE_EVENT = timedelta(seconds=30)
"""The engine moves a machine's units within seconds: lines so close tell of one departure."""


def machine_flapping(case: Case) -> Iterator[Finding]:
    """One finding a machine, from its comings and goings, its own journal and the engine's."""
    told = _by_engines(case)
    late_ones = dict(case.heard(Said.TIMED_OUT))
    for machine_id in {*case.history.departures, *late_ones, *told}:
        reading = case.readings.get(machine_id)
        left = _departures(case, machine_id, reading)
        late = case.recent(reading, KEPT_FOR, Said.TIMED_OUT) if reading else ()
        moved = told.get(machine_id, ())
        if max(len(left), len(late), len(_events(moved))) >= OFTEN:
            yield FAULT.found(
                f"Machine {case.named(machine_id)} comes and goes: each time it is missed its "
                "units are moved to other machines.",
                _grounds(case, machine_id, left, late, moved),
                machine_id=machine_id,
            )


def _departures(case: Case, machine_id: Untrusted, reading: Reading | None) -> tuple[Change, ...]:
    """When it left the registry, without the times that a restart of its fleetd explains."""
    left = case.history.departures.get(machine_id, ())
    if reading is None or not left:
        return left
    ends = reading.signals.of(Said.BEGAN, Said.TOLD_TO_END)
    times = [signal.at + reading.skew for signal in ends]
    return tuple(c for c in left if not any(abs(c.at - at) <= RESTART for at in times))


def _by_engines(case: Case) -> dict[Untrusted, tuple[tuple[Untrusted, Signal], ...]]:
    """What the engines said of machines that went away, with who said it."""
    told: dict[Untrusted, tuple[tuple[Untrusted, Signal], ...]] = {}
    for machine_id, reading in case.heard(Said.WENT_AWAY):
        for signal in case.recent(reading, KEPT_FOR, Said.WENT_AWAY):
            about = Untrusted(signal.about)
            told[about] = (*told.get(about, ()), (machine_id, signal))
    return told


def _events(moved: Sequence[tuple[Untrusted, Signal]]) -> list[datetime]:
    events: list[datetime] = []
    for at in sorted(signal.at for _, signal in moved):
        if not events or at - events[-1] > ONE_EVENT:
            events.append(at)
    return events


def _grounds(
    case: Case,
    machine_id: Untrusted,
    left: tuple[Change, ...],
    late: tuple[Signal, ...],
    moved: Sequence[tuple[Untrusted, Signal]],
) -> Grounds:
    evidence = (
        *(_departure(machine_id, change) for change in left),
        *proof.line(machine_id, *late),
        *(proof.line(*moved[-1]) if moved else ()),
    )
    sources = sum(map(bool, (left, late, moved)))
    weak = Confidence.LIKELY if machine_id in case.readings else Confidence.HINTED
    confidence = Confidence.PROVEN if sources > 1 else weak
    return Grounds(evidence, confidence, case.gaps(machine_id, Source.JOURNAL))


def _departure(machine_id: Untrusted, change: Change) -> Evidence:
    return proof.machine_key(machine_id, Untrusted(f"gone at {change.at:%H:%M:%S} UTC"))
