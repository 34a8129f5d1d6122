"""Rows of the console's tables, from the picture; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from fleettui.diagnosis.departed import Departed
from fleettui.diagnosis.finding import Finding, Severity
from fleettui.diagnosis.scheduling import is_waiting
from fleettui.diagnosis.truth import Agrees, Disagrees, Frozen, Unchecked
from fleettui.model.changes import changed_units
from fleettui.model.cluster import Machine, Snapshot, TargetState, Unit, UnitState
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.kept import kept_for_same
from fleettui.model.untrusted import Untrusted
from fleettui.ui import marks
from fleettui.ui.marks import Mark
from fleettui.ui.paint import Cell, Tone, cell
from fleettui.ui.picture import Picture, about, ago, asked_at
from fleettui.ui.widgets.grid import Column, Rows

MACHINE_COLUMNS = (
    Column("", 1),
    Column("MACHINE", 11),
    Column("IP", 13, 1),
    Column("HOST", 8, 2, rank=1),
    Column("FLEETD", 6, rank=3),
    Column("AGENT", 11, 1),
    Column("ASKED", 5, rank=2),
)
UNIT_COLUMNS = (
    Column("", 1),
    Column("UNIT", 19, 4),
    Column("WANTED", 8, rank=1),
    Column("STATE", 15, 4),
    Column("MACHINE", 13, 1),
)
FINDING_COLUMNS = (
    Column("", 1),
    Column("", 20),  # the longest name of a fault
    Column("", 18, 2),
    Column("", 21, 2),
    Column("", 40, 14, rank=1),
)


def machine_rows(picture: Picture) -> Rows:
    """One row a machine: those of the registry, then those that left it."""
    machines = picture.machines
    return Rows(_ids(machines), lambda index: _machine_cells(machines[index], picture))


@kept_for_same
def _ids(machines: Sequence[Machine]) -> Sequence[Untrusted]:
    return tuple(machine.id for machine in machines)


def _machine_cells(machine: Machine, picture: Picture) -> tuple[Cell, ...]:
    mark = machine_mark(machine, picture)
    report = picture.reports.get(machine.id)
    host = cell(report.hostname if isinstance(report, HostFacts) else "")
    departed = picture.departed.get(machine.id)
    if departed is not None:
        host = cell(f"left {ago(departed.at).replace(' ', '')} ago", Tone.DIM)
    asked = about(asked_at(report)) if report else ""
    return (
        mark.sign,
        cell(machine.short_id),
        cell(machine.public_ip),
        host,
        cell(machine.version, Tone.DIM),
        mark.words,
        cell(f"{asked:>5}", Tone.DIM),
    )


def machine_mark(machine: Machine, picture: Picture) -> Mark:
    """How a machine is: what was not checked is never shown as good."""
    report = picture.reports.get(machine.id)
    finding = picture.finding_on(machine.id)
    if finding is not None:
        is_critical = finding.severity is Severity.CRITICAL
        return marks.BROKEN if is_critical else marks.WARNED.saying(finding.fault)
    match report:
        case HostFacts() if machine.id in picture.departed:
            return marks.LEFT
        case HostFacts():
            return marks.FINE
        case NotChecked():
            return marks.NOT_CHECKED
        case None:
            return marks.ASKING


def unit_rows(picture: Picture) -> Rows:
    """One row a unit; a global one is summed up."""
    snapshot = picture.snapshot
    if snapshot is None:
        return Rows((), lambda _: ())
    units, names = snapshot.units, _names(snapshot)
    return Rows(names, lambda index: _unit_cells(units[names[index]], picture))


_named: list[tuple[Snapshot, Sequence[Untrusted]]] = []
"""The newest snapshot whose units were shown, and their names."""


def _names(snapshot: Snapshot) -> Sequence[Untrusted]:
    """The names of all units; the same object while none comes or goes, so that nobody compares
    ten thousand.
    """
    known = next((names for before, names in _named if _lists_same(before, snapshot)), None)
    names = tuple(snapshot.units) if known is None else known
    _named[:] = [(snapshot, names)]
    return names


def _lists_same(old: Snapshot, new: Snapshot) -> bool:
    changes = changed_units(old, new)
    return all(was is not None and unit is not None for was, unit in changes)


def _unit_cells(unit: Unit, picture: Picture) -> tuple[Cell, ...]:
    mark = unit_mark(unit, picture)
    if unit.is_global:
        where = cell(f"global, {len(unit.states)} of {_alive(picture)}")
    elif unit.target is None:
        where = cell("not scheduled", Tone.WARN if is_waiting(unit) else Tone.DIM)
    else:
        machine = picture.machine(unit.target)
        gone = machine is None or machine.id in picture.departed
        name = machine.public_ip if machine else picture.named(unit.target)
        where = cell(f"gone: {name}" if gone else name)
    return mark.sign, cell(unit.name), _wanted(unit), mark.words, where


def unit_mark(unit: Unit, picture: Picture) -> Mark:
    """How a unit is: of several machines' states the worst."""
    if unit.is_template:
        active = unit.target is not None or unit.wanted is not TargetState.INACTIVE
        return marks.LOADED_TEMPLATE if active else marks.TEMPLATE
    if unit.unit_hash is None:
        return marks.NO_JOB
    if not unit.states:
        return marks.WAITS if is_waiting(unit) else marks.STOPPED
    shown = (_true_state(unit.name, state, picture) for state in unit.states)
    return max(shown, key=lambda found: found[0])[1]


def _true_state(unit: Untrusted, state: UnitState, picture: Picture) -> tuple[int, Mark]:
    """How bad one machine's state is, and its mark: systemd's words where they differ."""
    said = f"{state.active} {state.sub}"
    match picture.truth(unit, state):
        case Frozen(active=active, sub=sub, agrees=False) if active is not None:
            return 9, marks.DISAGREES.saying(f"{active} {sub}, frozen as {said}")
        case Disagrees(active, sub):
            return 8, marks.DISAGREES.saying(f"{active} {sub}, not {said}")
        case Frozen():
            return 7, marks.FROZEN.saying(f"frozen: {said}")
        case Agrees() | Unchecked():
            word = state.active.raw
            return marks.badness(word), marks.mark_of_state(word, said)


def _wanted(unit: Unit) -> Cell:
    if unit.wanted is None and unit.target_state is not None:
        return cell(unit.target_state, Tone.BAD)
    return Cell(str(unit.wanted), Tone.PLAIN if _waits(unit) else Tone.DIM)


def _waits(unit: Unit) -> bool:
    return unit.wanted in {TargetState.LOADED, TargetState.LAUNCHED} and not unit.is_template


def _alive(picture: Picture) -> int:
    return len(picture.snapshot.machines) if picture.snapshot else 0


def finding_rows(picture: Picture) -> Rows:
    """One row a finding, worst first."""
    findings = picture.findings
    keys = [finding.key for finding in findings]
    return Rows(keys, lambda index: _finding_cells(findings[index], picture))


def _finding_cells(finding: Finding, picture: Picture) -> tuple[Cell, ...]:
    mark = marks.mark_of_severity(finding.severity, finding.fault)
    gaps = f"NOT CHECKED: {finding.gaps[0]}; " if finding.gaps else ""
    return (
        mark.sign,
        mark.words,
        cell(finding.unit or ""),
        cell(where_words(finding, picture)),
        cell(f"{gaps}{finding.summary}"),
    )


def where_words(finding: Finding, picture: Picture) -> str:
    """The machine of a finding by its address, then its host name or else its short ID."""
    machine = picture.machine(finding.machine_id)
    if finding.machine_id is None:
        return "no machine yet"
    if machine is None:
        return picture.named(finding.machine_id)
    facts = picture.facts(machine.id)
    return f"{machine.public_ip} {facts.hostname if facts else machine.short_id}"


def checked_words(picture: Picture) -> str:
    """How many machines were asked, when, and which were not."""
    listed = picture.snapshot.machines if picture.snapshot else _NOBODY
    count, oldest = _checked(listed, picture.departed, picture.reports)
    among = len(listed) + len(picture.departed)
    if not among:
        return "no machine to check"
    since = f", the oldest {about(oldest)} ago" if oldest else ""
    return f"{count} of {among} machines checked{since}"


_NOBODY: Mapping[Untrusted, Machine] = MappingProxyType({})


@kept_for_same
def _checked(
    listed: Mapping[Untrusted, Machine],
    departed: Mapping[Untrusted, Departed],
    reports: Mapping[Untrusted, HostReport],
) -> tuple[int, datetime | None]:
    """How many machines have answered, and when the one did that was asked longest ago."""
    heard = [reports.get(machine_id) for machine_id in (*listed, *departed)]
    times = [report.taken_at for report in heard if isinstance(report, HostFacts)]
    return len(times), min(times, default=None)
