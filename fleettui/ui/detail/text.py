"""Everything known about a machine, a unit or a finding, as lines; pure."""

from collections.abc import Iterable, Iterator

from textual.content import Content

from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.scheduling import Verdict, explain, is_waiting
from fleettui.diagnosis.scheduling_words import summary, what_to_change
from fleettui.diagnosis.truth import Agrees, Disagrees, Frozen, Unchecked
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState
from fleettui.model.host import Folder, FolderEntry, HostFacts, NotChecked, ServiceFacts
from fleettui.model.untrusted import Untrusted
from fleettui.ui import marks
from fleettui.ui.paint import Piece, Tone, paint
from fleettui.ui.picture import Picture, ago


def finding_lines(finding: Finding, picture: Picture) -> Iterator[Content]:
    """What is wrong, what proves it, what was not checked, and what can be done."""
    yield paint(
        marks.mark_of_severity(finding.severity, finding.fault).piece,
        (f"  {finding.severity.name.lower()}, {finding.confidence}", Tone.DIM),
    )
    yield paint(finding.summary)
    yield from _head("Proof")
    for evidence in finding.evidence:
        yield paint((f"  {evidence.source:<9}", Tone.ACCENT), evidence.where)
        yield paint("            ", evidence.what)
    if finding.gaps:
        yield from _head("Not checked")
        yield from (paint("  ", (gap, Tone.WARN)) for gap in finding.gaps)
    yield from _head("What can be done")
    yield paint(f"  {finding.remedy}")
    if finding.issues:
        known = ", ".join(f"#{number}" for number in finding.issues)
        yield paint((f"  known to fleet as {known}", Tone.DIM))


def machine_lines(machine: Machine, picture: Picture) -> Iterator[Content]:
    """A machine's registry entry, its units, and what the last probe saw."""
    yield paint(("Machine ", Tone.DIM), (machine.id, Tone.STRONG))
    yield from _departure_lines(machine, picture)
    yield _fact("IP", machine.public_ip)
    yield _fact("fleetd", machine.version)
    for key, value in machine.metadata:
        yield _fact("metadata", f"{key}={value}")
    report = picture.reports.get(machine.id)
    match report:
        case HostFacts():
            yield from _host_lines(report)
        case NotChecked():
            yield paint((f"NOT CHECKED {ago(report.at)} ago: {report.reason}", Tone.WARN))
        case None:
            yield paint(("not asked yet", Tone.DIM))
    yield from _head("Units of this machine in the registry")
    units = picture.snapshot.units.values() if picture.snapshot else ()
    for unit in units:
        state = unit.state_on(machine.id)
        if state is not None:
            yield paint(
                "  ", unit.name, f"  {state.active} {state.sub}", *_truth(unit, state, picture)
            )
        elif unit.target == machine.id:
            yield paint("  ", unit.name, ("  no state", Tone.DIM))


def _departure_lines(machine: Machine, picture: Picture) -> Iterator[Content]:
    """Since when the registry does not list it, and where it was before."""
    departed = picture.departed.get(machine.id)
    if departed is not None:
        left = f"left the registry {ago(departed.at)} ago, at {departed.at:%H:%M:%S} UTC"
        yield paint((left, Tone.WARN), ("; it is asked on", Tone.DIM))
    for (machine_id, address), former in picture.history.away.former.items():
        if machine_id == machine.id:
            yield _fact("was before", f"at {address}, until {former.at:%H:%M:%S} UTC")


def _host_lines(facts: HostFacts) -> Iterator[Content]:
    yield _fact("host", facts.hostname)
    yield _fact("asked", f"{ago(facts.taken_at)} ago")
    if str(facts.fleetd_version):
        yield _fact("fleetd says", facts.fleetd_version)
    if facts.reported_id != facts.machine_id:
        yield paint(("  says another machine ID: ", Tone.BAD), facts.reported_id)
    yield from _head("Services, as systemd sees them")
    yield from (_service_line(s) for s in facts.services.values())
    for folder in facts.folders.values():
        yield from _folder_lines(folder)


def _service_line(service: ServiceFacts) -> Content:
    pid = f"main PID {service.main_pid}" if service.main_pid else "no process"
    reload: Piece = ("  needs daemon-reload", Tone.WARN) if service.needs_daemon_reload else ""
    return paint(
        "  ", service.name, "  ", f"{service.active} {service.sub}", "  ", (pid, Tone.DIM), reload
    )


def _folder_lines(folder: Folder) -> Iterator[Content]:
    yield from _head(f"Folder {folder.path}")
    if folder.problem is not None:
        yield paint("  ", (folder.problem, Tone.WARN))
    yield from (_entry_line(entry) for entry in folder.entries.values())


def _entry_line(entry: FolderEntry) -> Content:
    if entry.target is not None:
        return paint("  ", entry.name, (" -> ", Tone.DIM), entry.target)
    digest = f"  sha256 {entry.sha256}" if entry.sha256 else ""
    return paint("  ", entry.name, (f"  {entry.kind}, {entry.size} bytes{digest}", Tone.DIM))


def unit_lines(unit: Unit, picture: Picture) -> Iterator[Content]:
    """A unit's registry keys, each machine's state beside systemd's, and its unit file."""
    yield paint(("Unit ", Tone.DIM), (unit.name, Tone.STRONG))
    if unit.is_template:
        yield paint(("a template: only its instances can run", Tone.WARN))
    yield _fact("target state", unit.target_state or "absent (inactive)")
    yield _fact("target", picture.named(unit.target) if unit.target else "not scheduled")
    yield _fact("heartbeat", picture.named(unit.heartbeat) if unit.heartbeat else "none")
    yield _fact("hash", unit.unit_hash or "no job object")
    yield from _head("States: registry, and systemd where it was asked")
    for state in unit.states:
        where = picture.named(state.machine_id)
        yield paint("  ", where, f"  {state.active} {state.sub}", *_truth(unit, state, picture))
    if not unit.states:
        yield paint(("  none", Tone.DIM))
    if picture.snapshot is not None and is_waiting(unit):
        yield from _placement_lines(unit, picture.snapshot)
    if unit.file is not None:
        yield from _head("Unit file")
        yield from (paint("  ", Untrusted(line)) for line in unit.file.lines)


def _truth(unit: Unit, state: UnitState, picture: Picture) -> tuple[Piece, ...]:
    """systemd's word beside the registry's."""
    match picture.truth(unit.name, state):
        case Agrees():
            return ((", and systemd agrees", Tone.DIM),)
        case Disagrees(active, sub, since):
            return ((f", but systemd: {active} {sub} since {since:%H:%M:%S}", Tone.BAD),)
        case Frozen(active=None) as frozen:
            return ((f", {frozen.words}", Tone.WARN),)
        case Frozen() as frozen:
            tone = Tone.WARN if frozen.agrees else Tone.BAD
            return ((f", {frozen.words}; systemd: {frozen.active} {frozen.sub}", tone),)
        case Unchecked(reason):
            return ((f", not checked: {reason}", Tone.DIM),)


def _placement_lines(unit: Unit, snapshot: Snapshot) -> Iterator[Content]:
    """Why no machine was chosen, machine by machine, and what would have to change."""
    placement = explain(unit, snapshot)
    yield from _head("Why it is not scheduled")
    yield paint("  ", summary(placement))
    yield paint("  ", (what_to_change(placement, snapshot), Tone.STRONG))
    for judged in placement.machines:
        tone = Tone.GOOD if judged.verdict is Verdict.QUALIFIES else Tone.WARN
        name = snapshot.machine_name(judged.machine.id)
        yield paint("  ", name, (f"  {judged.verdict}", tone))
        yield from (paint("      ", obstacle.words) for obstacle in judged.obstacles)
        if judged.doubt is not None:
            yield paint("      ", (judged.doubt, Tone.DIM))
    yield from (paint("  ", ("not known: ", Tone.DIM), gap) for gap in placement.gaps)


def _head(title: str) -> Iterable[Content]:
    return (paint(""), paint((title, Tone.ACCENT)))


def _fact(name: str, value: str | Untrusted) -> Content:
    return paint((f"  {name:<13}", Tone.DIM), value)
