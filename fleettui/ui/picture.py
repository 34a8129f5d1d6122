"""The app's one copy of the truth: what the registry, the machines and the rules say right now."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.truth import Truth, Unchecked, truth
from fleettui.model.clock import now
from fleettui.model.cluster import Link, Machine, RegistryView, Snapshot, UnitState
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.untrusted import Untrusted

GONE = timedelta(minutes=2)
"""How long the facts of a broken machine count after it has left the registry."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Handed down from the app to every screen; widgets keep no cluster state of their own."""

    view: RegistryView = field(default_factory=lambda: RegistryView(Link.CONNECTING, now()))
    reports: Mapping[Untrusted, HostReport] = field(default_factory=lambda: MappingProxyType({}))
    """By machine ID: the newest probe of each machine, or why there is none."""
    findings: tuple[Finding, ...] = ()
    history: History = EMPTY
    """What came before: some faults show only in comings and goings."""

    @property
    def snapshot(self) -> Snapshot | None:
        return self.view.snapshot

    def with_view(self, view: RegistryView) -> "Picture":
        """The picture after news of the registry; reports of machines that left are dropped."""
        reports, history = self.reports, self.history
        if view.snapshot is not None:
            history = history.seen(view.snapshot)
            members = view.snapshot.machines
            broken = {finding.machine_id for finding in self.findings}
            kept = {
                m: r
                for m, r in reports.items()
                if m in members or (m in broken and now() - asked_at(r) < GONE)
            }
            reports = reports if len(kept) == len(reports) else MappingProxyType(kept)
        findings = diagnose(view.snapshot, reports, history)
        return replace(self, view=view, reports=reports, findings=findings, history=history)

    def with_report(self, report: HostReport) -> "Picture":
        """The picture after a machine was asked."""
        reports = MappingProxyType({**self.reports, report.machine_id: report})
        history = self.history.told(report)
        findings = diagnose(self.snapshot, reports, history)
        return replace(self, reports=reports, findings=findings, history=history)

    def machine(self, machine_id: Untrusted | None) -> Machine | None:
        """A machine that the registry lists now."""
        if machine_id is None or self.snapshot is None:
            return None
        return self.snapshot.machines.get(machine_id)

    def units_on(self, machine_id: Untrusted) -> tuple[Untrusted, ...]:
        """Units that the registry has on a machine: sent there, or with a state from there."""
        units = self.snapshot.units.values() if self.snapshot else ()
        return tuple(unit.name for unit in units if unit.is_on(machine_id))

    def facts(self, machine_id: Untrusted) -> HostFacts | None:
        """The last facts of a machine, where its last probe succeeded."""
        report = self.reports.get(machine_id)
        return report if isinstance(report, HostFacts) else None

    def truth(self, unit: Untrusted, state: UnitState) -> Truth:
        """How a state in the registry stands to what the machine's systemd says."""
        snapshot = self.snapshot
        if snapshot is None:
            return Unchecked("the registry has not been read")
        return truth(unit, state, snapshot, self.reports.get(state.machine_id), self.history)

    def finding_on(self, machine_id: Untrusted) -> Finding | None:
        """The worst finding on a machine."""
        return next((f for f in self.findings if f.machine_id == machine_id), None)

    def named(self, machine_id: Untrusted) -> str:
        """A machine as fleetctl shows it, safe to show."""
        snapshot = self.snapshot or Snapshot(0, now())
        return snapshot.machine_name(machine_id)


def asked_at(report: HostReport) -> datetime:
    """When a machine was last asked, whether it answered or not."""
    return report.at if isinstance(report, NotChecked) else report.taken_at


def ago(then: datetime) -> str:
    """A short age: `3 s`, `12 min`, `5 h`, `2 d`."""
    seconds = max((now() - then).total_seconds(), 0)
    for limit, size, unit in ((100, 1, "s"), (6000, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"
