"""No engine leads the cluster for long: nothing gets scheduled."""

from collections.abc import Iterator
from datetime import timedelta

from msgspec.structs import replace

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import Confidence, Evidence, Fault, Finding, Grounds, Severity
from fleettui.diagnosis.leases import lost_to_itself
from fleettui.diagnosis.signals import Said, Signal
from fleettui.diagnosis.survey import Odd, Oddity
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "no-engine-leader",
    Severity.CRITICAL,
    issues=(808, 1181),
    remedy="Heal etcd first (quorum, disk and network latency); where engines steal the lease "
    "from each other, bring all machines to one fleet version. fleettui does not touch etcd's "
    "members.",
)
LEASE = timedelta(seconds=10)
"""TTL of the lease. Engines look for it every 2 s, so a healthy cluster is without one for less."""
RECENT = timedelta(seconds=30)
"""What was said of the lease so lately explains that nobody holds it."""
UNREST = timedelta(minutes=5)
"""Within this time the losses of the lease are counted."""
CHANGES = 3
"""Losses or thefts of the lease within UNREST: a leader that dies once is no unrest."""
LEASE_KEY = "lease/engine-leader"

_Heard = dict[Untrusted, tuple[Signal, ...]]
"""By machine."""


def no_engine_leader(case: Case) -> Iterator[Finding]:
    """At most one finding: no lease, a lease of a machine that is gone, or one that wanders."""
    if case.survey is None:
        return
    for oddity in (*case.survey.of(Odd.NO_LEADER), *case.survey.of(Odd.LEADER_GONE)):
        found = _leaderless(case, oddity)
        if found is not None:
            yield found
        return
    unrest = _heard(case, UNREST, Said.LEASE_LOST, Said.LEASE_FAILED, Said.STOLE)
    restless = {
        machine_id: signals
        for machine_id, signals in unrest.items()
        if len(signals) >= CHANGES and not lost_to_itself(case, machine_id)
    }
    if restless:
        summary = "The engine's lease is lost again and again: units are scheduled late or twice."
        grounds = Grounds(_lines(restless), Confidence.LIKELY, case.unasked())
        yield replace(FAULT.found(summary, grounds), severity=Severity.WARNING)


def _leaderless(case: Case, oddity: Oddity) -> Finding | None:
    lasted = case.history.held(oddity) > LEASE
    heard = _heard(case, RECENT, Said.LEASE_LOST, Said.LEASE_FAILED)
    if not lasted and not heard:
        return None
    if oddity.machine is None:
        summary = "No engine leads the cluster: nothing is scheduled, and nothing leaves a machine."
        keys = [proof.key(LEASE_KEY, case.problem(LEASE_KEY))]
    else:
        summary = (
            f"The engine leader {case.named(oddity.machine)} is not among the machines: nothing is "
            "scheduled until its lease ends."
        )
        keys = [proof.key(LEASE_KEY, oddity.machine), proof.machine_key(oddity.machine)]
    confidence = Confidence.PROVEN if lasted else Confidence.LIKELY
    return FAULT.found(summary, Grounds((*keys, *_lines(heard)), confidence, case.unasked()))


def _heard(case: Case, span: timedelta, *kinds: Said) -> _Heard:
    heard = {m: case.recent(reading, span, *kinds) for m, reading in case.heard(*kinds)}
    return {machine_id: signals for machine_id, signals in heard.items() if signals}


def _lines(heard: _Heard) -> tuple[Evidence, ...]:
    return tuple(
        e for machine_id, signals in heard.items() for e in proof.line(machine_id, *signals)
    )
