"""A machine that comes and goes: its key expires although the host is up."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

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


class _Moved(msgspec.Struct, frozen=True):
    """An engine's word that a machine went away."""

    at: datetime
    """UTC, by our clock."""
    engine: Untrusted
    """The machine whose engine said it."""
    signal: Signal


def machine_flapping(case: Case) -> Iterator[Finding]:
    """One finding a machine, from its comings and goings, its own journal and the engine's."""
    told = _by_engines(case)
    late_ones = dict(case.heard(Said.TIMED_OUT))
    for machine_id in {*case.history.departures, *late_ones, *told}:
        reading = case.readings.get(machine_id)
        restarts = _restarts(case, machine_id)
        left = case.history.departures.get(machine_id, ())
        left = tuple(change for change in left if not _is_near(change.at, restarts))
        moved = [m for m in told.get(machine_id, ()) if not _is_near(m.at, restarts)]
        late = case.recent(reading, KEPT_FOR, Said.TIMED_OUT) if reading else ()
        if max(len(left), len(late), _events(moved)) >= OFTEN:
            yield FAULT.found(
                f"Machine {case.named(machine_id)} comes and goes: each time it is missed its "
                "units are moved to other machines.",
                _grounds(case, machine_id, left, late, moved),
                machine_id=machine_id,
            )


def _restarts(case: Case, machine_id: Untrusted) -> list[datetime]:
    """When its fleetd began or was told to end, by our clock, also if it is away just now."""
    reading = case.readings.get(machine_id) or case.history.readings.get(machine_id)
    if reading is None:
        return []
    return [at + reading.skew for at in reading.restarts]


def _is_near(at: datetime, restarts: Sequence[datetime]) -> bool:
    return any(abs(at - restart) <= RESTART for restart in restarts)


def _by_engines(case: Case) -> dict[Untrusted, list[_Moved]]:
    """What the engines said of machines that went away."""
    told: dict[Untrusted, list[_Moved]] = {}
    for engine, reading in case.heard(Said.WENT_AWAY):
        for signal in case.recent(reading, KEPT_FOR, Said.WENT_AWAY):
            moved = _Moved(signal.at + reading.skew, engine, signal)
            told.setdefault(Untrusted(signal.about), []).append(moved)
    return told


def _events(moved: Sequence[_Moved]) -> int:
    """How many departures the lines tell of."""
    times = sorted(each.at for each in moved)
    return sum(at - before > ONE_EVENT for before, at in pairwise(times)) + bool(times)


def _grounds(
    case: Case,
    machine_id: Untrusted,
    left: tuple[Change, ...],
    late: tuple[Signal, ...],
    moved: Sequence[_Moved],
) -> Grounds:
    newest = max(moved, key=lambda each: each.at, default=None)
    evidence = (
        *(_departure(machine_id, change) for change in left),
        *proof.line(machine_id, *late),
        *(proof.line(newest.engine, newest.signal) if newest else ()),
    )
    times = [*(change.at for change in left), *(each.at for each in moved)]
    unread = _unread(case, machine_id, times)
    confidence = Confidence.HINTED if unread else Confidence.LIKELY
    if sum(map(bool, (left, late, moved))) > 1:
        confidence = Confidence.PROVEN
    gaps = case.gaps(machine_id, Source.JOURNAL)
    return Grounds(evidence, confidence, (*gaps, *unread))


def _unread(case: Case, machine_id: Untrusted, departures: Sequence[datetime]) -> tuple[str, ...]:
    """Why a restart of its fleetd may have been missed, which would explain a departure."""
    reading = case.readings.get(machine_id)
    if not departures:
        return ()
    if reading is None or reading.reach is None:
        return ("whether its fleetd was restarted is not known",)
    begin = reading.reach + reading.skew
    if begin <= min(departures) - RESTART:
        return ()
    return (f"whether its fleetd was restarted before {begin:%H:%M:%S} UTC is not known",)


def _departure(machine_id: Untrusted, change: Change) -> Evidence:
    return proof.machine_key(machine_id, Untrusted(f"gone at {change.at:%H:%M:%S} UTC"))
