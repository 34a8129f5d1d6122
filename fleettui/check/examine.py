"""One reading of everything: the registry, then every machine at once, then the diagnosis."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
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
class Examination:
    """What one reading found, and what it could not read."""

    cluster: ClusterAddress
    at: datetime
    """UTC."""
    snapshot: Snapshot | None = None
    """None where the registry could not be read."""
    registry_problem: Untrusted | None = None
    reports: Mapping[Untrusted, HostReport] = field(default_factory=lambda: MappingProxyType({}))
    """By machine ID."""
    findings: tuple[Finding, ...] = ()

    @property
    def unread(self) -> tuple[str, ...]:
        """What could not be read and why, a line each, safe to show."""
        lines = [f"registry: {self.registry_problem}"] if self.registry_problem else []
        if self.snapshot is not None:
            lines += [f"key {bad.key}: {bad.problem}" for bad in self.snapshot.bad]
        for report in self.reports.values():
            lines += _unread_of(report, self.snapshot)
        return tuple(lines)

    @property
    def exit_status(self) -> ExitStatus:
        if self.unread:
            return ExitStatus.INCOMPLETE
        return ExitStatus.FINDINGS if self.findings else ExitStatus.HEALTHY


async def examine(observer: Observer, journal_since: str | None = None) -> Examination:
    """Read everything once. Never raises for what is wrong with the cluster: that is the result.

    `journal_since` is journalctl's --since; None reads the newest lines of each machine.
    """
    at = datetime.now(UTC)
    try:
        snapshot = await observer.registry.read()
    except RegistryUnavailable as problem:
        return Examination(observer.cluster, at, registry_problem=Untrusted(str(problem)))
    machines = snapshot.machines.values()
    answers = await asyncio.gather(
        *(_ask(observer.hosts, m, snapshot, journal_since) for m in machines)
    )
    reports = MappingProxyType({report.machine_id: report for report in answers})
    findings = diagnose(snapshot, reports)
    return Examination(observer.cluster, at, snapshot, None, reports, findings)


async def _ask(
    hosts: HostReader, machine: Machine, snapshot: Snapshot, since: str | None
) -> HostReport:
    units = [u.name for u in snapshot.units.values() if u.is_on(machine.id)]
    try:
        return await hosts.probe(machine, units, since)
    except HostUnreachable as reason:
        return NotChecked(machine.id, datetime.now(UTC), Untrusted(str(reason)))


def _unread_of(report: HostReport, snapshot: Snapshot | None) -> list[str]:
    name = snapshot.machine_name(report.machine_id) if snapshot else str(report.machine_id)
    if isinstance(report, HostFacts):
        problem = report.journal_problem
        return [f"journal of {name}: {problem}"] if problem else []
    return [f"machine {name}: {report.reason}"]
