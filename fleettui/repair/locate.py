"""Locate: read the registry and every machine afresh, and see what a repair would have to do."""

import asyncio
import secrets
from dataclasses import dataclass

from fleettui.access import HostUnreachable, Operator, RegistryUnavailable
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.clock import now
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.repair.plan import NothingToRepair, NotRepairable, Plan, plan_repair


@dataclass(frozen=True, slots=True)
class Located:
    """What was read, and the plan that follows from it or the reason why there is none."""

    snapshot: Snapshot | None = None
    """None where the registry could not be read."""
    reports: tuple[HostReport, ...] = ()
    """One a machine of the registry, and of the one in question."""
    machine: Machine | None = None
    plan: Plan | None = None
    problem: str = ""
    """Why there is no plan."""
    is_clean: bool = False
    """Whether there is none because nothing is left to repair."""


async def locate(operator: Operator, finding: Finding, known: Machine | None) -> Located:
    """Look everywhere, then plan for the finding's machine and no other.

    `known` is that machine as it was last seen: it may have left the registry since, because its
    fleetd is down. Never raises for what is wrong with the cluster.
    """
    try:
        snapshot = await operator.registry.read()
    except RegistryUnavailable as lost:
        return Located(machine=known, problem=str(lost))
    machine = _chosen(finding, snapshot, known)
    asked = dict(snapshot.machines) | ({machine.id: machine} if machine else {})
    reports = tuple(await asyncio.gather(*(_ask(operator, m) for m in asked.values())))
    if machine is None:
        machine = _first_affected(finding, snapshot, reports)
    return _planned(snapshot, reports, machine)


def is_affected(unit: Untrusted, report: HostReport) -> bool:
    """Whether a machine's own files or journal show the template."""
    return isinstance(report, HostFacts) and any(u == unit for u, _ in machine_evidence(report))


def _chosen(finding: Finding, snapshot: Snapshot, known: Machine | None) -> Machine | None:
    if finding.machine_id is not None:
        return snapshot.machines.get(finding.machine_id, known)
    return known and snapshot.machines.get(known.id, known)


def _first_affected(
    finding: Finding, snapshot: Snapshot, reports: tuple[HostReport, ...]
) -> Machine | None:
    """For a finding of the registry that names no machine: whoever shows the template."""
    if finding.machine_id is not None or finding.unit is None:
        return None
    affected = (r.machine_id for r in reports if is_affected(finding.unit, r))
    first = next(affected, None)
    return snapshot.machines.get(first) if first else None


async def _ask(operator: Operator, machine: Machine) -> HostReport:
    try:
        return await operator.hosts.probe(machine)
    except HostUnreachable as reason:
        return NotChecked(machine.id, now(), Untrusted(str(reason)))


def _planned(
    snapshot: Snapshot, reports: tuple[HostReport, ...], machine: Machine | None
) -> Located:
    if machine is None:
        problem = (
            "No machine that could be asked shows the template. If the registry still wants it, "
            "`fleetctl unload` takes it back before a machine is hit."
        )
        return Located(snapshot, reports, None, None, problem)
    facts = next((r for r in reports if r.machine_id == machine.id), None)
    if not isinstance(facts, HostFacts):
        reason = facts.reason if facts else "it was not asked"
        problem = f"{machine.public_ip} cannot be reached: {reason}"
        return Located(snapshot, reports, machine, None, problem)
    token = f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    try:
        plan = plan_repair(machine, snapshot, facts, token=token)
    except NothingToRepair as clean:
        return Located(snapshot, reports, machine, None, str(clean), is_clean=True)
    except NotRepairable as reason:
        return Located(snapshot, reports, machine, None, str(reason))
    return Located(snapshot, reports, machine, plan)
