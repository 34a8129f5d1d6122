"""Clusters in a few words, for the rules: machines, units, facts and journals as values."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.history import EMPTY, History
from fleettui.model.cluster import BadRecord, Leader, Machine, Snapshot, Unit, UnitState
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    SYSTEMD_UNITS,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    HostReport,
    JournalEntry,
    NotChecked,
    ServiceFacts,
)
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

U = Untrusted
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
"""When the registry was read, the machines were asked, and by every machine's clock."""
A, B, C = (Machine(U(letter * 32), U(f"10.0.0.{n}")) for n, letter in enumerate("abc", 1))
HASH, OTHER_HASH, THIRD_HASH = "11" * 20, "22" * 20, "33" * 20
FILE = UnitFile(U("[Service]\nExecStart=/bin/true\n"))
GLOBAL = UnitFile(U("[Service]\nExecStart=/bin/true\n[X-Fleet]\nGlobal=true\n"))
AN_HOUR_AGO = NOW - timedelta(hours=1)
HELLO, TEMPLATE = U("hello.service"), U("foo@.service")
LOOP = (
    "ERROR generator.go:65: Failed fetching current unit states: Unit name foo@.service is not "
    "valid."
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def state(
    machine: Machine = A, words: str = "loaded active running", unit_hash: str = HASH
) -> UnitState:
    load, active, sub = (U(word) for word in words.split())
    return UnitState(machine.id, load, active, sub, U(unit_hash), 7)


def unit(name: U = HELLO, *states: UnitState, **changed: Any) -> Unit:
    """A launched unit that runs on A, unless its states or fields say otherwise."""
    made = Unit(name, HASH, U("launched"), A.id, A.id, states or (state(),), FILE)
    return structs.replace(made, **changed)


def snapshot(
    *units: Unit,
    machines: Iterable[Machine] = (A, B, C),
    leader: Machine | None = A,
    bad: tuple[BadRecord, ...] = (),
    at: datetime = NOW,
) -> Snapshot:
    return Snapshot(
        index=9,
        read_at=at,
        machines={m.id: m for m in machines},
        units={u.name: u for u in units},
        leader=Leader(leader.id) if leader else None,
        bad=bad,
    )


def line(message: str, seconds_ago: float, pid: int = 100) -> JournalEntry:
    """A line of fleetd at NOW less some seconds; its cursor tells which."""
    at = ago(seconds_ago)
    cursor = f"c{seconds_ago:g}"
    return JournalEntry(cursor, at, U(message), 6, U(FLEET_SERVICE), U("fleetd"), pid)


def file(name: U) -> FolderEntry:
    return FolderEntry(name, EntryKind.FILE, 10, 0o644, 1, None, "ee" * 32)


def link(name: U, target: str = "") -> FolderEntry:
    where = U(target or f"{FLEET_UNITS}/{name.raw}")
    return FolderEntry(name, EntryKind.LINK, 0, 0o777, 1, where)


def service(
    name: U = HELLO,
    words: str = "loaded active running",
    *,
    since: datetime | None = AN_HOUR_AGO,
    needs_reload: bool = False,
) -> ServiceFacts:
    load, active, sub = (U(word) for word in words.split())
    return ServiceFacts(name, load, active, sub, 200, needs_reload, U(""), since)


def facts(
    machine: Machine = A,
    *services: ServiceFacts,
    files: Sequence[U] = (),
    links: Sequence[FolderEntry] = (),
    journal: Iterable[JournalEntry] = (),
    **changed: Any,
) -> HostFacts:
    """A machine asked at NOW; each file has its link."""
    linked = (*(link(name) for name in files), *links)
    made = HostFacts(
        machine_id=machine.id,
        taken_at=NOW,
        clock=NOW,
        reported_id=machine.id,
        hostname=U(f"core-{machine.public_ip.raw[-1]}"),
        folders={
            FLEET_UNITS: Folder(FLEET_UNITS, {name: file(name) for name in files}),
            SYSTEMD_UNITS: Folder(SYSTEMD_UNITS, {entry.name: entry for entry in linked}),
        },
        services={s.name: s for s in services},
        journal=tuple(journal),
    )
    return replace(made, **changed)


def unread(facts_: HostFacts, folder: str = FLEET_UNITS) -> HostFacts:
    """The same machine where a folder could not be listed."""
    problem = Folder(folder, problem=U("Permission denied"))
    return replace(facts_, folders={**facts_.folders, folder: problem})


def not_checked(machine: Machine) -> NotChecked:
    return NotChecked(machine.id, NOW, U("no route to host"))


def found(
    seen: Snapshot | None, *reports: HostReport, history: History = EMPTY
) -> tuple[Finding, ...]:
    return diagnose(seen, {report.machine_id: report for report in reports}, history)


def one(findings: tuple[Finding, ...], fault: str) -> Finding:
    """The only finding, which must be of this fault."""
    assert [f.fault for f in findings] == [fault], [f.summary for f in findings]
    return findings[0]


def watched(*snapshots: Snapshot, reports: Iterable[HostReport] = ()) -> History:
    """The history after these snapshots, then these reports."""
    history = EMPTY
    for seen in snapshots:
        history = history.seen(seen)
    for report in reports:
        history = history.told(report)
    return history


def lasting(seen: Snapshot, seconds: float, *reports: HostReport) -> History:
    """The history of somebody who saw the same for so long, up to the snapshot's own time."""
    steps = [seconds - step for step in range(0, int(seconds), 30)]
    earlier = (replace(seen, read_at=seen.read_at - timedelta(seconds=s)) for s in steps)
    return watched(*earlier, seen, reports=reports)


def where(finding: Finding) -> list[str]:
    """Where each piece of evidence was read."""
    return [piece.where.raw for piece in finding.evidence]
