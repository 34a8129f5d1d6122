"""Two hosts with one machine ID: they overwrite each other's keys."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
from fleettui.diagnosis.history import Change
from fleettui.diagnosis.leases import lost_to_itself
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.signals import Said, Signal
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "duplicate-machine-id",
    Severity.CRITICAL,
    issues=(1241, 615),
    remedy="Give one of the hosts an ID of its own: remove /etc/machine-id, run "
    "`systemd-machine-id-setup`, reboot. fleettui does not: it reboots no host, and which of "
    "them is to keep the ID is for you to say.",
)
UNCLEAN_STOP = timedelta(seconds=30)
"""The machine's key outlives a fleetd that was killed by its TTL: until then `Key already exists`
is normal."""
RETRY = timedelta(seconds=60)
"""The longest pause between two tries to register (fleet 1.0.0)."""


def duplicate_machine_id(case: Case) -> Iterator[Finding]:
    """One finding an ID, from whatever shows it: two hosts that name it, an address that goes to
    and fro, a fleetd that cannot register, a leader that loses its lease to itself.
    """
    hosts = {m: [proof.own_id(f) for f in facts] for m, facts in _hosts_by_own_id(case).items()}
    addresses = {
        machine_id: [_address(machine_id, change) for change in changes]
        for machine_id, changes in case.history.addresses.items()
        if _goes_to_and_fro(changes)
    }
    heard = {
        machine_id: (*_cannot_register(reading), *lost_to_itself(case, machine_id))
        for machine_id, reading in case.heard(Said.ID_TAKEN, Said.LEASE_LOST)
    }
    heard = {machine_id: signals for machine_id, signals in heard.items() if signals}
    for machine_id in {**hosts, **addresses, **heard}:
        own, flips = hosts.get(machine_id, []), addresses.get(machine_id, [])
        lines = proof.line(machine_id, *heard.get(machine_id, ()))
        yield _found(case, machine_id, (*own, *flips, *lines), is_named_twice=bool(own))


def _hosts_by_own_id(case: Case) -> dict[Untrusted, list[HostFacts]]:
    """Hosts of different addresses that name the same /etc/machine-id."""
    machines = case.snapshot.machines if case.snapshot else {}
    hosts: dict[Untrusted, dict[Untrusted, HostFacts]] = defaultdict(dict)
    for machine_id, reading in case.readings.items():
        machine, own = machines.get(machine_id), reading.facts.reported_id
        if machine is not None and own.raw:
            hosts[own][machine.public_ip] = reading.facts
    return {own: list(by_ip.values()) for own, by_ip in hosts.items() if len(by_ip) > 1}


def _goes_to_and_fro(changes: Sequence[Change]) -> bool:
    """Whether an address came back after another one: a move to a new address does not."""
    values = [change.value for change in changes]
    return len(values) > len(set(values))


def _address(machine_id: Untrusted, change: Change) -> Evidence:
    what = f"PublicIP {change.value.raw} at {change.at:%H:%M:%S} UTC"
    return proof.machine_key(machine_id, Untrusted(what))


def _begin(reading: Reading) -> Signal | None:
    return reading.signals.last(Said.BEGAN, Said.TOLD_ANEW)


def _cannot_register(reading: Reading) -> tuple[Signal, ...]:
    """Tries to register that failed for longer than a killed fleetd's key can be the reason.

    After a SIGHUP they fail for ever and mean nothing: the old server holds the key (fleet 0.13+).
    """
    begin = _begin(reading)
    if begin is not None and begin.kind is Said.TOLD_ANEW:
        return ()
    tries = reading.signals.of(Said.ID_TAKEN)
    since = begin.at if begin else (tries[0].at if tries else reading.facts.clock)
    done = reading.signals.last(Said.REGISTERED)
    tries = tuple(t for t in tries if t.at >= since and (done is None or t.at > done.at))
    if not tries or tries[-1].at - since <= UNCLEAN_STOP:
        return ()
    return tries if reading.facts.clock - tries[-1].at <= RETRY + UNCLEAN_STOP else ()


def _found(
    case: Case, machine_id: Untrusted, evidence: tuple[Evidence, ...], *, is_named_twice: bool
) -> Finding:
    sources = {piece.source for piece in evidence}
    confidence = Confidence.HINTED if sources == {Source.JOURNAL} else Confidence.LIKELY
    if is_named_twice or len(sources) > 1:
        confidence = Confidence.PROVEN
    return FAULT.found(
        f"More than one host runs as machine {case.named(machine_id)}: they overwrite each other's "
        "keys, and units are lost between them.",
        Grounds(evidence, confidence, tuple(_gaps(case, machine_id))),
        machine_id=machine_id,
    )


def _gaps(case: Case, machine_id: Untrusted) -> Iterator[str]:
    reading = case.readings.get(machine_id)
    if reading is not None and _cannot_register(reading) and _begin(reading) is None:
        yield "its journal was not read back to the start of fleetd; a SIGHUP may be the reason"
    yield from case.gaps(machine_id, Source.JOURNAL)
