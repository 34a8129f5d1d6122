"""Rows of the console's tables, from the picture; pure."""

from fleettui.diagnosis.finding import Finding, Severity, Source
from fleettui.diagnosis.scheduling import is_waiting
from fleettui.diagnosis.truth import Agrees, Disagrees, Frozen, Unchecked
from fleettui.model.cluster import Machine, TargetState, Unit, UnitState
from fleettui.model.host import HostFacts, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.ui.paint import Cell, Tone, cell
from fleettui.ui.picture import Picture, ago, asked_at
from fleettui.ui.widgets.grid import Column, Row

MACHINE_COLUMNS = (
    Column("", 1),
    Column("MACHINE", 11),
    Column("IP", 13, 1),
    Column("HOST", 8, 2),
    Column("FLEETD", 6),
    Column("AGENT", 11, 1),
    Column("ASKED", 5),
)
UNIT_COLUMNS = (
    Column("", 1),
    Column("UNIT", 19, 3),
    Column("WANTED", 8),
    Column("STATE", 15, 2),
    Column("MACHINE", 14, 2),
)
FINDING_COLUMNS = (
    Column("", 1),
    Column("", 20),
    Column("", 20, 1),
    Column("", 23, 1),
    Column("", 12, 2),
)

_STATE_TONES = {
    "active": Tone.GOOD,
    "activating": Tone.WARN,
    "reloading": Tone.WARN,
    "deactivating": Tone.WARN,
    "failed": Tone.BAD,
}


def machine_rows(picture: Picture) -> list[Row]:
    """One row a machine: those of the registry, then those that left it."""
    return [_machine_row(machine, picture) for machine in picture.machines]


def _machine_row(machine: Machine, picture: Picture) -> Row:
    glyph, agent = _agent(machine, picture)
    report = picture.reports.get(machine.id)
    host = cell(report.hostname if isinstance(report, HostFacts) else "")
    departed = picture.departed.get(machine.id)
    if departed is not None:
        host = cell(f"left {ago(departed.at).replace(' ', '')} ago", Tone.DIM)
    asked = ago(asked_at(report)) if report else ""
    cells = (
        glyph,
        cell(machine.short_id),
        cell(machine.public_ip),
        host,
        cell(machine.version, Tone.DIM),
        agent,
        cell(asked, Tone.DIM),
    )
    return Row(machine.id, cells)


def _agent(machine: Machine, picture: Picture) -> tuple[Cell, Cell]:
    """A machine's mark and the word for it: what was not checked is never shown as good."""
    report = picture.reports.get(machine.id)
    finding = picture.finding_on(machine.id)
    if finding is not None and finding.severity is Severity.CRITICAL:
        return Cell("✖", Tone.BAD), Cell("BROKEN", Tone.BAD)
    if finding is not None:
        return Cell("!", Tone.WARN), Cell(finding.fault, Tone.WARN)
    match report:
        case HostFacts() if machine.id in picture.departed:
            return Cell("○", Tone.WARN), Cell("not listed", Tone.WARN)
        case HostFacts():
            return Cell("●", Tone.GOOD), Cell("no fault", Tone.GOOD)
        case NotChecked():
            return Cell("?", Tone.WARN), Cell("NOT CHECKED", Tone.WARN)
        case None:
            return Cell("…", Tone.DIM), Cell("asking", Tone.DIM)


def unit_rows(picture: Picture) -> list[Row]:
    """One row a unit; a global one is summed up."""
    snapshot = picture.snapshot
    return [_unit_row(u, picture) for u in snapshot.units.values()] if snapshot else []


def _unit_row(unit: Unit, picture: Picture) -> Row:
    glyph, state = unit_state(unit, picture)
    if unit.is_global:
        where = cell(f"global, {len(unit.states)} of {_alive(picture)}")
    elif unit.target is None:
        where = cell("not scheduled", Tone.WARN if is_waiting(unit) else Tone.DIM)
    else:
        machine = picture.machine(unit.target)
        gone = machine is None or machine.id in picture.departed
        name = machine.public_ip if machine else picture.named(unit.target)
        where = cell(f"gone: {name}" if gone else name)
    return Row(unit.name, (glyph, cell(unit.name), _wanted(unit), state, where))


def unit_state(unit: Unit, picture: Picture) -> tuple[Cell, Cell]:
    """A unit's mark and its state in words."""
    if unit.is_template:
        active = unit.target is not None or unit.wanted is not TargetState.INACTIVE
        tone = Tone.BAD if active else Tone.DIM
        return Cell("◆", tone), Cell("LOADED TEMPLATE" if active else "template", tone)
    if unit.unit_hash is None:
        return Cell("?", Tone.WARN), Cell("no job", Tone.WARN)
    if not unit.states:
        waits = is_waiting(unit)
        tone = Tone.WARN if waits else Tone.DIM
        return Cell("○", tone), Cell("waiting" if waits else "inactive", tone)
    shown = (_true_state(unit.name, state, picture) for state in unit.states)
    _, glyph, words = max(shown, key=lambda found: found[0])
    return glyph, words


def _true_state(unit: Untrusted, state: UnitState, picture: Picture) -> tuple[int, Cell, Cell]:
    """How bad one machine's state is, its mark, and its words: systemd's where they differ."""
    said = f"{state.active} {state.sub}"
    match picture.truth(unit, state):
        case Frozen(active=active, sub=sub, agrees=False) if active is not None:
            return 9, Cell("✖", Tone.BAD), Cell(f"{active} {sub}, frozen as {said}", Tone.BAD)
        case Disagrees(active, sub):
            return 8, Cell("✖", Tone.BAD), Cell(f"{active} {sub}, not {said}", Tone.BAD)
        case Frozen():
            return 7, Cell("❄", Tone.WARN), Cell(f"frozen: {said}", Tone.WARN)
        case Agrees() | Unchecked():
            tone = _STATE_TONES.get(state.active.raw, Tone.DIM)
            glyph = Cell("✖" if tone is Tone.BAD else "●", tone)
            return _badness(state), glyph, Cell(said, tone)


def _badness(state: UnitState) -> int:
    order = ("active", "reloading", "activating", "deactivating", "inactive", "failed")
    word = state.active.raw
    return order.index(word) if word in order else len(order)


def _wanted(unit: Unit) -> Cell:
    if unit.wanted is None and unit.target_state is not None:
        return cell(unit.target_state, Tone.BAD)
    return Cell(str(unit.wanted), Tone.PLAIN if _waits(unit) else Tone.DIM)


def _waits(unit: Unit) -> bool:
    return unit.wanted in {TargetState.LOADED, TargetState.LAUNCHED} and not unit.is_template


def _alive(picture: Picture) -> int:
    return len(picture.snapshot.machines) if picture.snapshot else 0


def finding_rows(picture: Picture) -> list[Row]:
    """One row a finding, worst first."""
    return [_finding_row(finding, picture) for finding in picture.findings]


def _finding_row(finding: Finding, picture: Picture) -> Row:
    tone = Tone.BAD if finding.severity is Severity.CRITICAL else Tone.WARN
    where = picture.named(finding.machine_id) if finding.machine_id else "no machine yet"
    cells = (
        Cell("✖", tone),
        Cell(finding.fault, tone),
        cell(finding.unit or ""),
        cell(f"on {where}"),
        cell(_proof(finding)),
    )
    return Row(finding.key, cells)


def _proof(finding: Finding) -> str:
    counts = dict.fromkeys(Source, 0)
    for evidence in finding.evidence:
        counts[evidence.source] += 1
    seen = ", ".join(f"{source} {count}" for source, count in counts.items() if count)
    gaps = f"; {finding.gaps[0]}" if finding.gaps else ""
    return f"seen in: {seen}{gaps}"


def checked_words(picture: Picture) -> str:
    """How many machines were asked, when, and which were not."""
    machines = picture.machines
    facts = [r for m in machines if isinstance(r := picture.reports.get(m.id), HostFacts)]
    if not machines:
        return "no machine to check"
    oldest = f", the oldest {ago(min(f.taken_at for f in facts))} ago" if facts else ""
    return f"{len(facts)} of {len(machines)} machines checked{oldest}"
