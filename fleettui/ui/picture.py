"""The app's one copy of the truth: what the registry, the machines and the rules say right now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Link, Machine, RegistryView, Snapshot
from fleettui.model.host import HostFacts, HostReport
from fleettui.model.untrusted import Untrusted


def now() -> datetime:
    """UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Picture:
    """Handed down from the app to every screen; widgets keep no cluster state of their own."""

    view: RegistryView = field(default_factory=lambda: RegistryView(Link.CONNECTING, now()))
    reports: Mapping[Untrusted, HostReport] = field(default_factory=lambda: MappingProxyType({}))
    """By machine ID: the newest probe of each machine, or why there is none."""
    findings: tuple[Finding, ...] = ()

    @property
    def snapshot(self) -> Snapshot | None:
        return self.view.snapshot

    def with_view(self, view: RegistryView) -> "Picture":
        """The picture after news of the registry; reports of machines that left are dropped."""
        reports = self.reports
        if view.snapshot is not None:
            members = view.snapshot.machines
            broken = {finding.machine_id for finding in self.findings}
            kept = {m: r for m, r in reports.items() if m in members or m in broken}
            reports = reports if len(kept) == len(reports) else MappingProxyType(kept)
        return replace(self, view=view, reports=reports, findings=diagnose(view.snapshot, reports))

    def with_report(self, report: HostReport) -> "Picture":
        """The picture after a machine was asked."""
        reports = MappingProxyType({**self.reports, report.machine_id: report})
        return replace(self, reports=reports, findings=diagnose(self.snapshot, reports))

    def machine(self, machine_id: Untrusted | None) -> Machine | None:
        """A machine that the registry lists now."""
        if machine_id is None or self.snapshot is None:
            return None
        return self.snapshot.machines.get(machine_id)

    def facts(self, machine_id: Untrusted) -> HostFacts | None:
        """The last facts of a machine, where its last probe succeeded."""
        report = self.reports.get(machine_id)
        return report if isinstance(report, HostFacts) else None

    def finding_on(self, machine_id: Untrusted) -> Finding | None:
        """The worst finding on a machine."""
        return next((f for f in self.findings if f.machine_id == machine_id), None)

    def named(self, machine_id: Untrusted) -> str:
        """A machine as fleetctl shows it, safe to show."""
        snapshot = self.snapshot or Snapshot(0, now())
        return snapshot.machine_name(machine_id)


def ago(then: datetime) -> str:
    """A short age: `3 s`, `12 min`, `5 h`, `2 d`."""
    seconds = max((now() - then).total_seconds(), 0)
    for limit, size, unit in ((100, 1, "s"), (6000, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
