"""The units of a machine while its fleetd is replaced: who is away, who came back, and when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import ChangeKind, HostFacts, ServiceFacts, UnitChange
from fleettui.model.untrusted import Untrusted
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import Absence, Check, Return, UnitReturn

_GOES = {ChangeKind.STOPPING, ChangeKind.STOPPED, ChangeKind.FAILED}
_UP = {"active", "reloading"}


@dataclass(frozen=True, slots=True)
class _Away:
    """What systemd's own lines say of one unit since the restart."""

    first: datetime | None = None
    """When it first began to stop; None where no line says that it did."""
    open_since: datetime | None = None
    """Since when it is away; None where it is not."""
    seconds: float = 0.0
    """Of the absences that are over."""


class Returns:
    """Follows the units that ran before, by systemd's journal on the machine and by the registry.

    The journal tells when a unit went and came; a unit that moved comes back elsewhere, and then
    the first look that saw it there is the end of its absence.
    """

    def __init__(self, before: Before, machine: Machine) -> None:
        self._before = before
        self._machine = machine
        self._moved: dict[Untrusted, tuple[str, datetime]] = {}
        """Where units were seen elsewhere, and when, by the machine's clock."""
        self._seen: Mapping[Untrusted, tuple[UnitReturn, _Away]] = {}

    def look(
        self, changes: Iterable[UnitChange], facts: HostFacts, snapshot: Snapshot
    ) -> tuple[UnitReturn, ...]:
        """Where each unit stands; by name."""
        since = self._before.at
        told = _absences(change for change in changes if change.at >= since)
        away = {unit: told.get(unit, _Away()) for unit in self._before.running}
        self._seen = {u: (self._return(u, a, facts, snapshot), a) for u, a in away.items()}
        return tuple(seen for seen, _ in self._seen.values())

    def check(self) -> Check:
        """Whether all of them run again."""
        out = [r for r, _ in self._seen.values() if r.state in {Return.STOPPING, Return.AWAY}]
        said = f"{len(self._seen) - len(out)} of {len(self._seen)}"
        said += f"; away: {', '.join(r.unit.raw for r in out)}" if out else ""
        return Check("its units run", not out, Untrusted(said), required=False)

    @property
    def absences(self) -> tuple[Absence, ...]:
        """Of every unit that was not there all the time; by name."""
        return tuple(
            Absence(
                seen.unit,
                away.first,
                seen.away if seen.state in {Return.BACK, Return.MOVED} else None,
                seen.place,
                seen.state in {Return.BACK, Return.MOVED},
            )
            for seen, away in self._seen.values()
            if seen.state is not Return.UNCHANGED
        )

    def _return(
        self, unit: Untrusted, away: _Away, facts: HostFacts, snapshot: Snapshot
    ) -> UnitReturn:
        service = facts.services.get(unit)
        if service is not None and service.active.raw in _UP:
            return self._here(unit, away, service)
        if service is not None and service.active.raw == "deactivating":
            return UnitReturn(unit, Return.STOPPING, _so_far(away, facts.clock))
        self._note_elsewhere(unit, facts.clock, snapshot)
        if unit in self._moved:
            place, at = self._moved[unit]
            return UnitReturn(unit, Return.MOVED, _so_far(away, at), place)
        return UnitReturn(unit, Return.AWAY, _so_far(away, facts.clock))

    def _here(self, unit: Untrusted, away: _Away, service: ServiceFacts) -> UnitReturn:
        self._moved.pop(unit, None)
        before = self._before.running[unit]  # 0: it had no process, or was still coming up
        if away.first is None and before in {0, service.main_pid}:
            return UnitReturn(unit, Return.UNCHANGED)
        told = away.first is not None and away.open_since is None
        return UnitReturn(unit, Return.BACK, away.seconds if told else None)

    def _note_elsewhere(self, unit: Untrusted, clock: datetime, snapshot: Snapshot) -> None:
        job = snapshot.units.get(unit)
        target = job.target if job else None
        if job is None or target is None or target == self._machine.id:
            self._moved.pop(unit, None)
            return
        state = job.state_on(target)
        if state is None or state.active.raw not in _UP:
            self._moved.pop(unit, None)
        elif unit not in self._moved:
            self._moved[unit] = (snapshot.machine_name(target), clock)


def _absences(changes: Iterable[UnitChange]) -> Mapping[Untrusted, _Away]:
    away: dict[Untrusted, _Away] = {}
    for change in changes:
        seen = away.get(change.unit, _Away())
        if change.kind in _GOES and seen.open_since is None:
            seen = _Away(seen.first or change.at, change.at, seen.seconds)
        elif change.kind is ChangeKind.STARTED and seen.open_since is not None:
            gone = (change.at - seen.open_since).total_seconds()
            seen = _Away(seen.first, None, seen.seconds + gone)
        away[change.unit] = seen
    return away


def _so_far(away: _Away, clock: datetime) -> float | None:
    if away.first is None:
        return None
    rest = (clock - away.open_since).total_seconds() if away.open_since else 0.0
    return away.seconds + max(rest, 0.0)
