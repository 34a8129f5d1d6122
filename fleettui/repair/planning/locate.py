"""Locate: read the registry and every machine afresh, and see what a repair would have to do."""

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from msgspec import structs

from fleettui.access import FleetKey, HostUnreachable, KeyValue, Observer, RegistryUnavailable
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.template_loaded import FAULT as TEMPLATE_LOADED
from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.clock import now
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, HostReport, ImageFacts, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.cures import ghost_state, orphan_job
from fleettui.repair.planning.cures.cure import is_key
from fleettui.repair.planning.look import Look, NothingToRepair, NotRepairable, Unread
from fleettui.repair.planning.plan import Plan, plan_repair
from fleettui.repair.planning.stake import UnitAtStake, images_to_ask, units_at_stake


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
    affected: tuple[Machine, ...] = ()
    """Every machine that shows the template or is its target, the plan's machine among them."""
    is_unread: bool = False
    """Whether there is no plan because something that a plan needs could not be read."""


async def locate(observer: Observer, finding: Finding, known: Machine | None) -> Located:
    """Look everywhere, then plan for the finding's machine and no other; reads only.

    `known` is that machine as it was last seen: it may have left the registry since, because its
    fleetd is down. Another machine of `Located.affected` is planned for by a finding that names
    it, see `finding_on`. Never raises for what is wrong with the cluster.
    """
    try:
        keys = await _keys(observer, finding)  # before the rest: what is newer is never deleted
        snapshot = await observer.registry.read()
    except RegistryUnavailable as lost:
        return Located(machine=known, problem=str(lost), is_unread=True)
    machine = _chosen(finding, snapshot, known)
    asked = dict(snapshot.machines) | ({machine.id: machine} if machine else {})
    reports = tuple(await asyncio.gather(*(_ask(observer, m, finding) for m in asked.values())))
    affected = tuple(_affected(finding, snapshot, reports, asked))
    if machine is None and affected:
        machine = affected[0]
    look = Look(snapshot, {r.machine_id: r for r in reports}, machine, keys=keys)
    if machine is not None and finding.fault == TEMPLATE_LOADED:
        look = replace(look, images=await _images(observer, machine, look))
    return replace(_planned(finding, look), reports=reports, affected=affected)


async def stake_now(
    observer: Observer, plan: Plan, reports: Iterable[HostReport]
) -> tuple[UnitAtStake, ...]:
    """What a restart puts at stake by now: units may have come and gone since the plan was made.

    `reports` are those of the other machines, for what runs there. Raises RegistryUnavailable,
    and HostUnreachable where the machine itself does not answer.
    """
    machine = plan.machine
    if machine is None or plan.way is None:
        return plan.at_stake
    snapshot = await observer.registry.read()
    facts = await observer.hosts.probe(machine)
    by_machine = {report.machine_id: report for report in reports} | {machine.id: facts}
    look = Look(snapshot, by_machine, machine)
    look = replace(look, images=await _images(observer, machine, look))
    return units_at_stake(machine, facts, look)


def finding_on(finding: Finding, machine: Machine) -> Finding:
    """The same finding about another machine that it affects."""
    return structs.replace(finding, machine_id=machine.id)


def is_affected(unit: Untrusted, report: HostReport) -> bool:
    """Whether a machine's own files or journal show the template."""
    return isinstance(report, HostFacts) and any(u == unit for u, _ in machine_evidence(report))


def _chosen(finding: Finding, snapshot: Snapshot, known: Machine | None) -> Machine | None:
    if finding.machine_id is not None:
        return snapshot.machines.get(finding.machine_id, known)
    return known and snapshot.machines.get(known.id, known)


def _affected(
    finding: Finding,
    snapshot: Snapshot,
    reports: tuple[HostReport, ...],
    asked: Mapping[Untrusted, Machine],
) -> Iterator[Machine]:
    """Machines that the template broke, or that the registry is about to send it to."""
    if finding.fault != TEMPLATE_LOADED or finding.unit is None:
        return
    job = snapshot.units.get(finding.unit)
    for report in reports:
        is_target = job is not None and job.target == report.machine_id
        if is_target or is_affected(finding.unit, report):
            yield asked[report.machine_id]


async def _ask(observer: Observer, machine: Machine, finding: Finding) -> HostReport:
    units = (finding.unit,) if finding.unit else ()
    try:
        return await observer.hosts.probe(machine, units)
    except HostUnreachable as reason:
        return NotChecked(machine.id, now(), Untrusted(str(reason)))


async def _keys(observer: Observer, finding: Finding) -> dict[FleetKey, KeyValue]:
    """The keys that a repair of the finding would delete, each as it stands."""
    wanted: tuple[FleetKey, ...] = ()
    match finding.fault:
        case ghost_state.FAULT:
            wanted = ghost_state.keys_of(finding)
        case orphan_job.FAULT:
            wanted = orphan_job.keys_of(finding)
    found = [(key, await observer.registry.key(key)) for key in wanted if is_key(key)]
    return {key: value for key, value in found if value is not None}


async def _images(observer: Observer, machine: Machine, look: Look) -> dict[Untrusted, ImageFacts]:
    """Whether the images are on the machine that its units pull before they start."""
    facts = look.reports.get(machine.id)
    wanted = images_to_ask(look.snapshot, facts) if isinstance(facts, HostFacts) else ()
    if not wanted:
        return {}
    try:
        return dict(await observer.hosts.images(machine, wanted))
    except HostUnreachable as reason:
        return dict.fromkeys(wanted, ImageFacts(None, Untrusted(str(reason))))


def _planned(finding: Finding, look: Look) -> Located:
    located = Located(look.snapshot, machine=look.machine)
    if finding.fault == TEMPLATE_LOADED and look.machine is None:
        problem = (
            "No machine that could be asked shows the template. If the registry still wants it, "
            "`fleetctl unload` takes it back before a machine is hit."
        )
        silent = any(isinstance(report, NotChecked) for report in look.reports.values())
        return replace(located, problem=problem, is_unread=silent)
    token = f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    try:
        return replace(located, plan=plan_repair(finding, look, token))
    except NothingToRepair as clean:
        return replace(located, problem=str(clean), is_clean=True)
    except Unread as unread:
        return replace(located, problem=str(unread), is_unread=True)
    except NotRepairable as reason:
        return replace(located, problem=str(reason))
