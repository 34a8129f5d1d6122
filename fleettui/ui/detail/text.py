"""Everything known about a machine, a unit or a finding, as lines; pure."""

from collections.abc import Iterable, Iterator

from textual.content import Content

from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine, Unit
from fleettui.model.host import Folder, FolderEntry, HostFacts, NotChecked, ServiceFacts
from fleettui.model.untrusted import Untrusted
from fleettui.ui.paint import Piece, Tone, paint
from fleettui.ui.picture import Picture, ago


def finding_lines(finding: Finding, picture: Picture) -> Iterator[Content]:
    """What is wrong, what proves it, what was not checked, and what can be done."""
    yield paint((f"✖ {finding.fault}", Tone.BAD))
    yield paint(finding.summary)
    yield from _head("Proof")
    for evidence in finding.evidence:
        yield paint((f"  {evidence.source:<9}", Tone.ACCENT), evidence.where)
        yield paint("            ", evidence.what)
    if finding.gaps:
        yield from _head("Not checked")
        yield from (paint("  ", (gap, Tone.WARN)) for gap in finding.gaps)
    yield from _head("What can be done")
    yield paint("  Press ", ("esc", Tone.STRONG), ", then ", ("r", Tone.STRONG), ": the wizard ",
                "walks through locate, delete, reload, restart and verify.")  # fmt: skip


def machine_lines(machine: Machine, picture: Picture) -> Iterator[Content]:
    """A machine's registry entry, its units, and what the last probe saw."""
    yield paint(("Machine ", Tone.DIM), (machine.id, Tone.STRONG))
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
        if state is not None or unit.target == machine.id:
            words = f"{state.active} {state.sub}" if state else "no state"
            yield paint("  ", unit.name, "  ", (words, Tone.DIM))


def _host_lines(facts: HostFacts) -> Iterator[Content]:
    yield _fact("host", facts.hostname)
    yield _fact("asked", f"{ago(facts.taken_at)} ago")
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
        yield paint("  ", picture.named(state.machine_id), f"  {state.active} {state.sub}")
        yield paint("      ", (_beside(unit.name, state.machine_id, picture), Tone.DIM))
    if unit.file is not None:
        yield from _head("Unit file")
        yield from (paint("  ", Untrusted(line)) for line in unit.file.lines)


def _beside(unit: Untrusted, machine_id: Untrusted, picture: Picture) -> str:
    facts = picture.facts(machine_id)
    service = facts.services.get(unit) if facts else None
    if facts is None or service is None:
        return "systemd was not asked"
    return f"systemd {ago(facts.taken_at)} ago: {service.active} {service.sub}"


def _head(title: str) -> Iterable[Content]:
    return (paint(""), paint((title, Tone.ACCENT)))


def _fact(name: str, value: str | Untrusted) -> Content:
    return paint((f"  {name:<13}", Tone.DIM), value)
