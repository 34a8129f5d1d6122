"""Two hosts with one machine ID: they overwrite each other's keys."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta

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
from fleettui.diagnosis.history import Change
from fleettui.diagnosis.leases import lost_to_itself
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.signals import Said, Signal
from fleettui.model.host import NotChecked
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


class _Host(msgspec.Struct, frozen=True):
    """A host that answered."""

    machine_id: Untrusted
    """What it was asked as; at a former address, what it says it is."""
    address: Untrusted | None
    """None where nobody knows any more where it was asked."""
    reading: Reading

    def is_another_than(self, other: "_Host") -> bool:
        """Whether two answers came from two hosts: one host may have several addresses."""
        if self.address == other.address:
            return False
        if self.boot.raw and other.boot.raw:
            return self.boot != other.boot
        return self.reading.facts.hostname != other.reading.facts.hostname

    @property
    def boot(self) -> Untrusted:
        """The boot's ID, which no two hosts share; empty where no journal was read."""
        journal = self.reading.facts.journal
        return journal[-1].boot_id if journal else Untrusted("")


def duplicate_machine_id(case: Case) -> Iterator[Finding]:
    """One finding an ID, from whatever shows it: two hosts that name it, an address that goes to
    and fro, a fleetd that cannot register, a leader that loses its lease to itself.

    Up to fleet 0.12 two such hosts take turns in the registry, and the turns show it. From 0.13 on
    the second one is never let in: its fleetd says `105: Key already exists` for ever, and neither
    the registry nor any other machine names its address. It is found where that host is asked
    nevertheless: at the listed address, or at one where the machine was listed earlier while
    somebody watched. A host that has been kept out ever since is not found by anything that fleet
    writes down: there are fewer machines than hosts, which nobody but the operator can count.
    """
    hosts = list(_suspects(case))
    twins = {
        own: [proof.own_id(host.reading.facts) for host in found]
        for own, found in _by_own_id(hosts).items()
        if len(found) > 1
    }
    addresses = {
        machine_id: [_address(machine_id, change) for change in changes]
        for machine_id, changes in case.history.addresses.items()
        if _goes_to_and_fro(changes)
    }
    lines: dict[Untrusted, list[Evidence]] = defaultdict(list)
    for host in hosts:
        lines[host.machine_id] += proof.line(host.machine_id, *_heard(case, host))
    told = {machine_id: heard for machine_id, heard in lines.items() if heard}
    for machine_id in {**twins, **addresses, **told}:
        own, flips = twins.get(machine_id, []), addresses.get(machine_id, [])
        evidence = (*own, *flips, *told.get(machine_id, []))
        yield _found(case, machine_id, evidence, is_named_twice=bool(own))


def _suspects(case: Case) -> Iterator[_Host]:
    """Who names an ID that another names too, or says that somebody else has its own; of a
    thousand machines that answered mostly none.
    """
    elsewhere = list(_elsewhere(case))
    ids = case.answered.shared_ids | {host.machine_id for host in elsewhere}
    heard = dict(case.heard(Said.ID_TAKEN, Said.LEASE_LOST))
    for host in _listed(case) if ids or heard else ():
        if host.machine_id in heard or host.reading.facts.reported_id in ids:
            yield host
    yield from elsewhere


def _listed(case: Case) -> Iterator[_Host]:
    """Every machine that answered."""
    for machine_id, reading in case.readings.items():
        machine = case.machine(machine_id)
        yield _Host(machine_id, machine.public_ip if machine else None, reading)


def _elsewhere(case: Case) -> Iterator[_Host]:
    """Whoever answered where a machine was before."""
    for (_, address), heard in case.history.elsewhere.items():
        if isinstance(heard, Reading) and heard.facts.reported_id.raw:
            yield _Host(heard.facts.reported_id, address, heard)


def _by_own_id(hosts: Sequence[_Host]) -> dict[Untrusted, list[_Host]]:
    """The hosts that name the same /etc/machine-id, each once."""
    by_id: dict[Untrusted, list[_Host]] = defaultdict(list)
    for host in hosts:
        known = by_id[host.reading.facts.reported_id]
        if all(host.is_another_than(other) for other in known):
            known.append(host)
    return {own: found for own, found in by_id.items() if own.raw}


def _goes_to_and_fro(changes: Sequence[Change]) -> bool:
    """Whether an address came back after another one: a move to a new address does not."""
    values = [change.value for change in changes]
    return len(values) > len(set(values))


def _address(machine_id: Untrusted, change: Change) -> Evidence:
    what = f"PublicIP {change.value.raw} at {change.at:%H:%M:%S} UTC"
    return proof.machine_key(machine_id, Untrusted(what))


def _heard(case: Case, host: _Host) -> tuple[Signal, ...]:
    """What a host's journal tells of another one with its ID."""
    cannot = _cannot_register(host.reading)
    is_listed = host.reading is case.readings.get(host.machine_id)
    return (*cannot, *(lost_to_itself(case, host.machine_id) if is_listed else ()))


def _begin(reading: Reading) -> Signal | None:
    return reading.signals.last(Said.BEGAN, Said.TOLD_ANEW)


def _cannot_register(reading: Reading) -> tuple[Signal, ...]:
    """Tries to register that failed for longer than a killed fleetd's key can be the reason.

    After a SIGHUP they fail for ever and mean nothing: the old server holds the key (fleet 0.13+).
    """
    begin = _begin(reading)
    if begin is not None and begin.kind is Said.TOLD_ANEW:
        return ()
    over = reading.signals.last(Said.BEGAN, Said.REGISTERED)
    tries = reading.signals.of(Said.ID_TAKEN)
    tries = tuple(t for t in tries if over is None or t.at >= over.at)
    if not tries or tries[-1].at - tries[0].at <= UNCLEAN_STOP:
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
    hosts = (*_listed(case), *_elsewhere(case))
    heard = [host.reading for host in hosts if host.machine_id == machine_id]
    if any(_cannot_register(reading) and _begin(reading) is None for reading in heard):
        yield "its journal was not read back to the start of fleetd; a SIGHUP may be the reason"
    yield from case.gaps(machine_id, Source.JOURNAL)
    for (known, address), answer in case.history.elsewhere.items():
        if known == machine_id and isinstance(answer, NotChecked):
            yield f"{address}, where it was before, could not be asked: {answer.reason}"
