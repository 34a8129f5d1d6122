"""The app's one copy of the truth: what the registry, the machines and the rules say right now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from fleettui.diagnosis.departed import Departed, place_of
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.truth import Truth, Unchecked, truth
from fleettui.model.clock import now
from fleettui.model.cluster import Link, Machine, RegistryView, Snapshot, UnitState, short_id
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.kept import kept_for_same
from fleettui.model.untrusted import Untrusted

STEP = 10
"""Seconds between two ages that are told of what is shown many times."""


class Picture(msgspec.Struct, frozen=True):
    """Handed down from the app to every screen; widgets keep no cluster state of their own."""

    view: RegistryView = msgspec.field(default_factory=lambda: RegistryView(Link.CONNECTING, now()))
    reports: Mapping[Untrusted, HostReport] = MappingProxyType({})
    """By machine ID: the newest probe of each machine, or why there is none."""
    findings: tuple[Finding, ...] = ()
    history: History = EMPTY
    """What came before: some faults show only in comings and goings."""

    @property
    def snapshot(self) -> Snapshot | None:
        """What was read last, also while the link is lost; None before the first read."""
        return self.view.snapshot

    @property
    def departed(self) -> Mapping[Untrusted, Departed]:
        """The machines that this session saw in the registry, and that left it, by ID."""
        return self.history.away.departed

    @property
    def machines(self) -> Sequence[Machine]:
        """Every machine to be shown: those of the registry, then those that left it."""
        return _all_of(self.snapshot.machines if self.snapshot else _NONE, self.departed)

    @property
    def places(self) -> Sequence[Machine]:
        """Every machine to be asked, and as who it was listed before where it was elsewhere."""
        return (*self.machines, *(former.machine for former in self.history.away.former.values()))

    def with_view(self, view: RegistryView) -> "Picture":
        """The picture after news of the registry."""
        reports, history = self.reports, self.history
        if view.snapshot is not None:
            history = history.seen(view.snapshot)
            reports = _of_known(reports, view.snapshot.machines, history.away.departed)
        findings = diagnose(view.snapshot, reports, history)
        return replace(self, view=view, reports=reports, findings=findings, history=history)

    def with_reports(self, heard: Iterable[tuple[HostReport, Machine]]) -> "Picture":
        """The picture after machines were asked, where they are or were before; in the order in
        which they answered."""
        reports, history = dict(self.reports), self.history
        for report, machine in heard:
            history = history.told(report, machine)
            if place_of(machine) not in history.away.former:
                reports[report.machine_id] = report
        shown = MappingProxyType(reports)
        findings = diagnose(self.snapshot, shown, history)
        return replace(self, reports=shown, findings=findings, history=history)

    def lists_same_machines(self, other: "Picture") -> bool:
        """Whether both show, and have to ask, the same machines at the same addresses."""
        one, two = self.snapshot, other.snapshot
        if one is None or two is None:
            return one is two
        if one.machines is not two.machines and one.machines != two.machines:
            return False
        return self.history.away == other.history.away

    def says_the_same_of_machines(self, other: "Picture") -> bool:
        """Whether they differ in units at most, and none came or went."""
        one, two = self.snapshot, other.snapshot
        if one is None or two is None or len(one.units) != len(two.units):
            return False
        same = self.reports is other.reports and self.view.link is other.view.link
        return same and self.findings == other.findings and self.lists_same_machines(other)

    def last_report(self, machine: Machine) -> HostReport | None:
        """What came of asking a machine last where it is or was; None = never asked."""
        former = self.history.away.former
        if former and place_of(machine) in former:
            heard = self.history.elsewhere.get(place_of(machine))
            return heard.facts if isinstance(heard, Reading) else heard
        return self.reports.get(machine.id)

    def machine(self, machine_id: Untrusted | None) -> Machine | None:
        """A machine that the registry lists now, or one that left it."""
        if machine_id is None or self.snapshot is None:
            return None
        departed = self.departed.get(machine_id)
        return self.snapshot.machines.get(machine_id, departed.machine if departed else None)

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
        machine = self.machine(machine_id)
        if machine is None:
            return short_id(machine_id)
        return f"{machine.short_id}/{machine.public_ip}"


_NONE: Mapping[Untrusted, Machine] = MappingProxyType({})


@kept_for_same
def _all_of(
    listed: Mapping[Untrusted, Machine], departed: Mapping[Untrusted, Departed]
) -> Sequence[Machine]:
    """The machines of both; the same object while none changes, of which there may be a thousand
    in each of many views.
    """
    return (*listed.values(), *(left.machine for left in departed.values()))


@kept_for_same
def _of_known(
    reports: Mapping[Untrusted, HostReport],
    listed: Mapping[Untrusted, Machine],
    departed: Mapping[Untrusted, Departed],
) -> Mapping[Untrusted, HostReport]:
    """The reports of machines that are listed or left; the same object where those are all."""
    gone = reports.keys() - listed.keys() - departed.keys()
    if not gone:
        return reports
    return MappingProxyType({m: r for m, r in reports.items() if m not in gone})


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


def about(then: datetime) -> str:
    """An age in steps of ten seconds, for what is shown many times: `<10 s`, `20 s`, `12 min`.

    Where each second were told, a table that nothing happens to would be painted each second.
    """
    seconds = (now() - then).total_seconds()
    if seconds < STEP:
        return f"<{STEP} s"
    return f"{seconds // STEP * STEP:.0f} s" if seconds < 10 * STEP else ago(then)
