"""One reading of everything: the registry, then every machine at once, then the diagnosis."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import IntEnum
from types import MappingProxyType

from fleettui.access import (
    ClusterAddress,
    HostReader,
    HostUnreachable,
    Observer,
    RegistryUnavailable,
)
from fleettui.diagnosis.departed import place_of
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.history import EMPTY, History
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.untrusted import Untrusted


class ExitStatus(IntEnum):
    """What a script is told; 2 is a usage error and not ours to give."""

    HEALTHY = 0
    FINDINGS = 1
    INCOMPLETE = 3
    """Something could not be read: whatever was found stands, but silence means nothing."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was seen of a cluster before the one reading that is reported."""

    began: datetime
    """UTC."""
    history: History = EMPTY
    snapshot: Snapshot | None = None
    """The newest; it stands in where the last reading of the registry fails."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What one reading found, and what it could not read."""

    cluster: ClusterAddress
    at: datetime
    """UTC."""
    snapshot: Snapshot | None = None
    """None where the registry was never read."""
    registry_problem: Untrusted | None = None
    """Why the last reading of the registry failed."""
    machines: Mapping[Untrusted, Machine] = field(default_factory=lambda: MappingProxyType({}))
    """By ID: those that the registry lists, and those that left it while it was watched."""
    reports: Mapping[Untrusted, HostReport] = field(default_factory=lambda: MappingProxyType({}))
    """By machine ID."""
    findings: tuple[Finding, ...] = ()
    watched_since: datetime | None = None
    """UTC; None for a reading without a past."""

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be read and why, a line each, safe to show."""
        lines = [f"registry: {self.registry_problem}"] if self.registry_problem else []
        if self.snapshot is not None:
            lines += [f"key {bad.key}: {bad.problem}" for bad in self.snapshot.bad]
        for report in self.reports.values():
            lines += self._unread_of(report)
        return tuple(lines)

    @property
    def exit_status(self) -> ExitStatus:
        """What could not be read counts for more than what was found: a finding may be missing."""
        if self.unread:
            return ExitStatus.INCOMPLETE
        return ExitStatus.FINDINGS if self.findings else ExitStatus.HEALTHY

    def is_listed(self, machine_id: Untrusted) -> bool:
        """Whether the registry lists a machine, as it was read last."""
        return self.snapshot is not None and machine_id in self.snapshot.machines

    def _unread_of(self, report: HostReport) -> Iterator[str]:
        machine = self.machines[report.machine_id]
        left = "" if self.is_listed(machine.id) else ", which left the registry"
        name = f"{machine.short_id}/{machine.public_ip}{left}"
        if not isinstance(report, HostFacts):
            yield f"machine {name}: {report.reason}"
        elif report.journal_problem:
            yield f"journal of {name}: {report.journal_problem}"


async def examine(
    observer: Observer, journal_since: str | None = None, past: Past | None = None
) -> Examination:
    """Read everything once. Never raises for what is wrong with the cluster: that is the result.

    `journal_since` is journalctl's --since; None reads the newest lines of each machine. With a
    `past`, machines that left the registry since are asked too, and the diagnosis knows of what
    came and went.
    """
    seen = Examination(
        observer.cluster, datetime.now(UTC), watched_since=past.began if past else None
    )
    try:
        seen = replace(seen, snapshot=await observer.registry.read())
    except RegistryUnavailable as problem:
        stale = past.snapshot if past else None
        seen = replace(seen, snapshot=stale, registry_problem=Untrusted(str(problem)))
    if seen.snapshot is None:
        return seen
    history = past.history.seen(seen.snapshot) if past else EMPTY
    return await _with_machines(seen, seen.snapshot, history, observer.hosts, journal_since)


async def _with_machines(
    seen: Examination,
    snapshot: Snapshot,
    history: History,
    hosts: HostReader,
    since: str | None,
) -> Examination:
    """What the machines say to it, and the diagnosis."""
    asked = machines_to_ask(snapshot, history)
    answers = await asyncio.gather(*(ask(hosts, m, snapshot, since) for m in asked))
    machines, reports = {}, {}
    for machine, report in zip(asked, answers, strict=True):
        # One look alone is no history: a rule that needs one is to know that there is none.
        history = history if history is EMPTY else history.told(report, machine)
        if place_of(machine) not in history.away.former:
            machines[machine.id], reports[machine.id] = machine, report
    return replace(
        seen,
        machines=MappingProxyType(machines),
        reports=MappingProxyType(reports),
        findings=diagnose(snapshot, reports, history),
    )


def machines_to_ask(snapshot: Snapshot, history: History) -> tuple[Machine, ...]:
    """Those that the registry lists, those that left it, and some as who they were listed before:
    another host may answer at a machine's former address.
    """
    away = history.away
    gone = (*away.departed.values(), *away.former.values())
    return (*snapshot.machines.values(), *(departed.machine for departed in gone))


async def ask(
    hosts: HostReader, machine: Machine, snapshot: Snapshot, since: str | None = None
) -> HostReport:
    """One machine's facts, with those of the units that the registry has on it."""
    units = [u.name for u in snapshot.units.values() if u.is_on(machine.id)]
    try:
        return await hosts.probe(machine, units, since)
    except HostUnreachable as reason:
        return NotChecked(machine.id, datetime.now(UTC), Untrusted(str(reason)))
