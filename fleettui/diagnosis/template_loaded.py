"""The main fault: a template unit was loaded without its instance, and an agent died of it."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from fleettui.diagnosis.finding import Evidence, Finding, Severity, Source
from fleettui.diagnosis.lines import loops_in
from fleettui.model.cluster import Snapshot, TargetState, Unit
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    SYSTEMD_UNITS,
    EntryKind,
    FolderEntry,
    HostFacts,
    HostReport,
)
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted

FAULT = "template-loaded"

QUIET = timedelta(seconds=12)
"""More than two periods of the slower loop: silence of this length means that the loop ended."""


def template_loaded(
    snapshot: Snapshot | None, reports: Mapping[Untrusted, HostReport]
) -> list[Finding]:
    """A finding for each template and machine that the registry or a machine gives away.

    Registry, files and journal each suffice: after `destroy` only the machine knows, before the
    first probe only the registry does. What could not be read is named in the finding's gaps.
    """
    units = snapshot.units.values() if snapshot else ()
    wanted = {unit.name: unit for unit in units if is_active_template(unit)}
    marks: dict[tuple[Untrusted, Untrusted | None], list[Evidence]] = {}
    for unit in wanted.values():
        if unit.target is not None:
            marks[unit.name, unit.target] = []
    for machine_id, report in reports.items():
        if isinstance(report, HostFacts):
            for name, evidence in machine_evidence(report):
                marks.setdefault((name, machine_id), []).append(evidence)
    for unit in wanted.values():
        keys = [key for key in marks if key[0] == unit.name] or [(unit.name, None)]
        for key in keys:
            marks[key] = [*_registry_evidence(unit), *marks.get(key, [])]
    return [
        _finding(name, machine_id, evidence, snapshot, reports)
        for (name, machine_id), evidence in marks.items()
    ]


def is_active_template(unit: Unit) -> bool:
    """A template that somebody loaded or started, or that the engine still holds to a machine."""
    if not unit.is_template:
        return False
    return unit.target is not None or unit.wanted in {TargetState.LOADED, TargetState.LAUNCHED}


def machine_evidence(facts: HostFacts) -> Iterator[tuple[Untrusted, Evidence]]:
    """What one machine shows: template files of fleet, links to them, the loop in its journal."""
    for path in (FLEET_UNITS, SYSTEMD_UNITS):
        folder = facts.folders.get(path)
        for entry in folder.entries.values() if folder else ():
            if is_leftover(path, entry):
                yield entry.name, _file_evidence(path, entry)
    for loop in loops_in(facts.journal):
        if facts.clock - loop.last_at <= QUIET:
            where = Untrusted(f"{FLEET_SERVICE}, {loop.count} lines since {loop.first_at:%H:%M:%S}")
            yield loop.unit, Evidence(Source.JOURNAL, where, loop.line)


def is_leftover(folder: str, entry: FolderEntry) -> bool:
    """A template in fleet's folder, or a link to one in systemd's (dangling or not).

    Other templates in systemd's folder are none of fleet's business.
    """
    if not is_template(entry.name.raw):
        return False
    if folder == FLEET_UNITS:
        return True
    target = entry.target.raw if entry.target else ""
    return entry.kind is EntryKind.LINK and target.startswith(f"{FLEET_UNITS}/")


def _registry_evidence(unit: Unit) -> Iterator[Evidence]:
    for name, value in (("target-state", unit.target_state), ("target", unit.target)):
        if value is not None:
            yield Evidence(Source.REGISTRY, Untrusted(f"job/{unit.name.raw}/{name}"), value)


def _file_evidence(path: str, entry: FolderEntry) -> Evidence:
    what = f"link to {entry.target.raw}" if entry.target else f"{entry.kind}, {entry.size} bytes"
    return Evidence(Source.FILE, Untrusted(f"{path}/{entry.name.raw}"), Untrusted(what))


def _finding(
    name: Untrusted,
    machine_id: Untrusted | None,
    evidence: list[Evidence],
    snapshot: Snapshot | None,
    reports: Mapping[Untrusted, HostReport],
) -> Finding:
    gaps = tuple(_gaps(machine_id, snapshot, reports))
    where = snapshot.machine_name(machine_id) if snapshot and machine_id else "a machine"
    summary = (
        f"{name} is a template and was loaded without its instance: the agent on {where} "
        "loads, starts and stops nothing any more, and the states it reports are frozen."
    )
    return Finding(FAULT, Severity.CRITICAL, name, machine_id, summary, tuple(evidence), gaps)


def _gaps(
    machine_id: Untrusted | None,
    snapshot: Snapshot | None,
    reports: Mapping[Untrusted, HostReport],
) -> Iterator[str]:
    if snapshot is None:
        yield "the registry has not been read"
    if machine_id is None:
        yield "the registry names no machine yet"
        return
    report = reports.get(machine_id)
    if report is None:
        yield "the machine has not been asked yet"
    elif not isinstance(report, HostFacts):
        yield f"the machine could not be asked: {report.reason}"
    elif report.journal_problem is not None:
        yield f"its journal could not be read: {report.journal_problem}"
