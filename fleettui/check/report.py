"""An examination as text for a reader and as JSON for a program; pure.

The JSON's shape is versioned by `schema`: within one version fields are only added.
"""

import json
from collections.abc import Iterator

from fleettui.check.examine import Examination, ExitStatus
from fleettui.diagnosis.finding import Evidence, Finding
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts, HostReport
from fleettui.model.untrusted import Untrusted

SCHEMA = "fleettui.check/1"

_STATUS = {
    ExitStatus.HEALTHY: "healthy",
    ExitStatus.FINDINGS: "findings",
    ExitStatus.INCOMPLETE: "incomplete",
}


def as_text(seen: Examination) -> str:
    """Findings worst first, then what could not be read; ends in a newline."""
    return "\n".join([*_finding_lines(seen), *_summary_lines(seen)]) + "\n"


def _finding_lines(seen: Examination) -> Iterator[str]:
    for finding in seen.findings:
        yield f"{finding.severity.name} {finding.fault} ({finding.confidence})"
        yield f"  {finding.summary}"
        for evidence in finding.evidence:
            yield f"  {evidence.source}: {evidence.where}: {evidence.what}"
        yield from (f"  not checked: {gap}" for gap in finding.gaps)
        if finding.remedy:
            yield f"  what to do: {finding.remedy}"
        yield ""


def _summary_lines(seen: Examination) -> Iterator[str]:
    yield from (f"could not be read: {line}" for line in seen.unread)
    checked = sum(isinstance(report, HostFacts) for report in seen.reports.values())
    status = _STATUS[seen.exit_status]
    yield (
        f"{status}: {len(seen.findings)} findings, {checked} of {len(seen.reports)} machines "
        f"checked at {seen.at:%Y-%m-%d %H:%M:%S} UTC{_watched(seen)}"
    )


def _watched(seen: Examination) -> str:
    seconds = _watched_seconds(seen)
    return "" if seconds is None else f" after a watch of {seconds:.0f} s"


def _watched_seconds(seen: Examination) -> float | None:
    """How long the cluster was watched before it was read."""
    since = seen.watched_since
    return None if since is None else round((seen.at - since).total_seconds(), 1)


def as_json(seen: Examination) -> str:
    """One object; remote text stands in it byte-exact, escaped to ASCII; ends in a newline."""
    return json.dumps(_document(seen), ensure_ascii=True, indent=2) + "\n"


def _document(seen: Examination) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "at": seen.at.isoformat(),
        "status": _STATUS[seen.exit_status],
        "watched_seconds": _watched_seconds(seen),
        "cluster": {"endpoints": list(seen.cluster.endpoints), "prefix": seen.cluster.prefix},
        "registry": _registry(seen.snapshot, seen.registry_problem),
        "machines": [_machine(report, seen) for report in seen.reports.values()],
        "findings": [_finding(finding) for finding in seen.findings],
        "unread": list(seen.unread),
    }


def _registry(snapshot: Snapshot | None, problem: Untrusted | None) -> dict[str, object]:
    return {
        "read": problem is None,
        "problem": _raw(problem),
        "index": snapshot.index if snapshot else None,
        "machines": len(snapshot.machines) if snapshot else None,
        "units": len(snapshot.units) if snapshot else None,
        "leader": _raw(snapshot.leader.machine_id) if snapshot and snapshot.leader else None,
    }


def _machine(report: HostReport, seen: Examination) -> dict[str, object]:
    machine = seen.machines[report.machine_id]
    facts = report if isinstance(report, HostFacts) else None
    return {
        "id": report.machine_id.raw,
        "ip": machine.public_ip.raw,
        "fleetd": machine.version.raw,
        "listed": seen.is_listed(report.machine_id),
        "hostname": facts.hostname.raw if facts else None,
        "checked": facts is not None,
        "reason": None if isinstance(report, HostFacts) else report.reason.raw,
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "fault": finding.fault,
        "severity": finding.severity.name.lower(),
        "confidence": finding.confidence,
        "unit": _raw(finding.unit),
        "machine": _raw(finding.machine_id),
        "summary": finding.summary,
        "evidence": [_evidence(evidence) for evidence in finding.evidence],
        "not_checked": list(finding.gaps),
        "remedy": finding.remedy,
        "issues": list(finding.issues),
    }


def _evidence(evidence: Evidence) -> dict[str, object]:
    return {
        "source": evidence.source,
        "where": evidence.where.raw,
        "what": evidence.what.raw,
        "machine": _raw(evidence.machine_id),
        "cursor": evidence.cursor or None,
        "at": evidence.at.isoformat() if evidence.at else None,
    }


def _raw(text: Untrusted | None) -> str | None:
    return text.raw if text else None
