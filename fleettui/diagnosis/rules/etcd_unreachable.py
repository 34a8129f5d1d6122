"""A host that cannot reach the registry: its agent is deaf."""

from collections.abc import Iterator
from datetime import datetime, timedelta

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
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.signals import Said, Signal
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "etcd-unreachable",
    Severity.CRITICAL,
    issues=(550, 1329),
    remedy="Start etcd on that host, or correct etcd_servers in its fleet.conf; fleetd then "
    "goes on by itself, within a minute. fleettui does not: it touches neither etcd nor fleet's "
    "configuration.",
)
STILL = timedelta(seconds=7)
"""An agent tries every 5 s, an engine every 2 s: after a longer silence it reads again."""
LASTED = timedelta(seconds=10)
"""A change of etcd's leader is over sooner, and so is a start: it takes 2 to 30 ms where etcd is
there, and where etcd is late fleetd tries again after 1, 3 and 7 s, then ever more rarely."""
FLOOD = 30
"""Up to fleet 0.10 a request is tried ten times a second, and the lines that were read reach back
a few seconds only: so many of them are no single failure."""


class _Trouble(msgspec.Struct, frozen=True):
    """What a fleetd said of etcd until it was asked, without a pause that tells of success."""

    failed: tuple[Signal, ...]
    """Requests that failed, oldest first."""
    waits: Signal | None
    """Since when it tries to write its machine's key, before it does anything else. From 0.11 to
    0.12 it tries in silence (fleet server/server.go)."""
    facts: HostFacts

    @property
    def since(self) -> datetime:
        """UTC, by the machine's clock: its first line; when it was asked if there is none."""
        lines = (*self.failed, self.waits) if self.waits else self.failed
        return min((line.at for line in lines), default=self.facts.clock)

    @property
    def lasted(self) -> bool:
        """Whether it is no passing moment, by lines that were read."""
        if self.waits is not None:
            return self.facts.clock - self.since > LASTED
        return bool(self.failed) and self.failed[-1].at - self.since >= LASTED

    @property
    def floods(self) -> bool:
        """Whether its lines fill all that was read, so that they may go back further."""
        if self.waits is not None or len(self.failed) < FLOOD:
            return False
        return self.since - self.facts.journal[0].at <= STILL


def etcd_unreachable(case: Case) -> Iterator[Finding]:
    """One finding a machine whose fleetd failed to reach the registry until it was asked.

    A fleetd that runs tells of each failed read. One that starts, or that missed its heartbeat and
    starts over, tells that it sets out to connect, and from then on nothing until it succeeds.
    """
    for machine_id, reading in case.heard(Said.NO_REGISTRY, Said.CONNECTING):
        trouble = _trouble(reading)
        if trouble.lasted or trouble.floods:
            yield _found(case, machine_id, trouble)


def _trouble(reading: Reading) -> _Trouble:
    facts, waits = reading.facts, _waits(reading)
    if facts.fleet is not None and facts.fleet.active.raw != "active":
        return _Trouble((), None, facts)  # no fleetd is there to be in trouble
    worked = reading.signals.last(Said.BEGAN, Said.UP)
    failed = reading.signals.of(Said.NO_REGISTRY)
    if worked is not None:
        failed = tuple(s for s in failed if s.at >= worked.at)
    return _Trouble(_unbroken(failed, waits.at if waits else facts.clock), waits, facts)


def _waits(reading: Reading) -> Signal | None:
    """The line with which fleetd set out to connect, if it has not done so since.

    Where it was told that its key is taken, it did reach etcd (0.13+).
    """
    signals = reading.signals
    last = signals.last(Said.BEGAN, Said.CONNECTING, Said.UP, Said.TOLD_TO_END)
    if last is None or last.kind is not Said.CONNECTING:
        return None
    taken = signals.last(Said.ID_TAKEN)
    return last if taken is None or taken.at < last.at else None


def _unbroken(failed: tuple[Signal, ...], end: datetime) -> tuple[Signal, ...]:
    """Those after `end`, and those that lead to it without a silence in which fleetd read again."""
    first = len(failed)
    while first and end - failed[first - 1].at <= STILL:
        first -= 1
        end = min(end, failed[first].at)
    return failed[first:]


def _found(case: Case, machine_id: Untrusted, trouble: _Trouble) -> Finding:
    named = case.named(machine_id)
    summary = f"fleetd on {named} cannot read the registry"
    if trouble.waits is not None:
        summary = f"fleetd on {named} has tried to reach etcd since {trouble.since:%H:%M:%S}"
    evidence = tuple(_evidence(case, machine_id, trouble))
    # A fleetd that waits in silence does not say what for; a key that ended says it too.
    is_told = bool(trouble.failed) or any(e.source is Source.REGISTRY for e in evidence)
    confidence = Confidence.PROVEN if trouble.lasted and is_told else Confidence.LIKELY
    return FAULT.found(
        f"{summary}: it starts and stops nothing, and its machine and states expire.",
        Grounds(evidence, confidence, tuple(_gaps(case, machine_id, trouble))),
        machine_id=machine_id,
    )


def _evidence(case: Case, machine_id: Untrusted, trouble: _Trouble) -> Iterator[Evidence]:
    yield from proof.line(machine_id, *trouble.failed)
    if trouble.waits is not None:
        yield from proof.line(machine_id, trouble.waits)
    if case.snapshot is not None and machine_id not in case.snapshot.machines:
        yield proof.machine_key(machine_id)


def _gaps(case: Case, machine_id: Untrusted, trouble: _Trouble) -> Iterator[str]:
    if not trouble.lasted:
        yield f"its journal was read from {trouble.since:%H:%M:%S} on only"
    unseen = (Source.SYSTEMD,) if trouble.facts.fleet is None else ()
    yield from case.gaps(machine_id, Source.JOURNAL, *unseen)
