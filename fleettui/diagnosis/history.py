"""What earlier pictures showed: the memory of rules that one look at the cluster cannot serve."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from fleettui.diagnosis.departed import NOWHERE, Away, Place, place_of
from fleettui.diagnosis.reading import REMEMBERED, Reading, beside, read, reading_of
from fleettui.diagnosis.scheduling import Placement
from fleettui.diagnosis.survey import Odd, Oddity, Survey, survey
from fleettui.diagnosis.waiting import ENGINE, placements_of
from fleettui.model.changes import changed_units
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.kept import kept_for_same
from fleettui.model.untrusted import Untrusted

KEPT_FOR = REMEMBERED
"""How long changes are remembered."""
KEPT_EACH = 8
"""How many of one machine or unit are."""
BLIND = timedelta(seconds=60)
"""After so long without a look at the registry, nothing counts as having lasted."""


class Change(msgspec.Struct, frozen=True):
    """A value, and when it was seen to be there or to be gone."""

    at: datetime
    """UTC, by our clock."""
    value: Untrusted


Changes = Mapping[Untrusted, tuple[Change, ...]]
"""By machine ID or unit name, oldest first."""


def _none() -> Changes:
    return MappingProxyType({})


class History(msgspec.Struct, frozen=True):
    """Folded from every snapshot and report in the order they came; bounded, and never changed.

    Empty, it says that nothing was seen before: rules that need more are then silent.
    """

    at: datetime | None = None
    """UTC, when the registry was last seen; None = never."""
    survey: Survey | None = None
    """Of the newest snapshot."""
    since: Mapping[Oddity, datetime] = MappingProxyType({})
    """Since when each thing that is odd now was seen to be so without a break."""
    departures: Changes = msgspec.field(default_factory=_none)
    """When a machine left the registry, and its address then."""
    addresses: Changes = msgspec.field(default_factory=_none)
    """The addresses of machines that changed theirs."""
    hashes: Changes = msgspec.field(default_factory=_none)
    """The hashes of units that changed theirs."""
    away: Away = NOWHERE
    readings: Mapping[Untrusted, Reading] = MappingProxyType({})
    """The newest of each machine."""
    elsewhere: Mapping[Place, Reading | NotChecked] = MappingProxyType({})
    """What was last heard at the former addresses of machines."""
    placements: Mapping[Untrusted, Placement] = MappingProxyType({})
    """Of units that wait for longer than an engine needs, worked out once a layout."""

    def seen(self, snapshot: Snapshot, at: datetime | None = None) -> "History":
        """The history after a snapshot that was current at `at`, by default when it was read.

        Call it for a snapshot that was only confirmed, too: that is how time passes.
        """
        now = snapshot.read_at if at is None else at
        now = now if self.at is None else max(now, self.at)
        found = survey(snapshot, self.survey)
        watched = self.at is not None and now - self.at <= BLIND
        since = {o: self.since.get(o, now) if watched else now for o in found.oddities}
        if self.survey is None:
            return replace(self, at=now, survey=found, since=since)
        old = self.survey.snapshot
        away = self.away.after(old.machines, snapshot.machines, now)
        return History(
            at=now,
            survey=found,
            since=since,
            departures=_with(self.departures, _departed(old, found, now), now),
            addresses=_with(self.addresses, self._moved(old, snapshot, now), now),
            hashes=_with(self.hashes, self._rehashed(old, snapshot, now), now),
            away=away,
            readings=self._kept_readings(snapshot, now),
            elsewhere={p: heard for p, heard in self.elsewhere.items() if p in away.former},
            placements=self._placements(found, since, now),
        )

    def told(self, report: HostReport, machine: Machine | None = None) -> "History":
        """The history after a machine was asked, as `machine`: that may be a former address."""
        if machine is not None and place_of(machine) in self.away.former:
            heard = read(report) if isinstance(report, HostFacts) else report
            return replace(self, elsewhere={**self.elsewhere, place_of(machine): heard})
        if not isinstance(report, HostFacts):
            return self
        reading = read(report, self.readings.get(report.machine_id))
        if self.survey is not None:
            reading = replace(reading, beside=beside(report, self.survey.snapshot))
        return replace(self, readings={**self.readings, report.machine_id: reading})

    def reading(self, facts: HostFacts) -> Reading:
        """What these facts say; worked out here if they were never told."""
        return reading_of(facts, self.readings.get(facts.machine_id))

    def held(self, oddity: Oddity) -> timedelta:
        """How long something is known to be odd; zero if it was seen once."""
        since = self.since.get(oddity)
        return timedelta() if since is None or self.at is None else self.at - since

    def _placements(
        self, found: Survey, since: Mapping[Oddity, datetime], now: datetime
    ) -> Mapping[Untrusted, Placement]:
        same = self.survey is not None and self.survey.layout is found.layout
        known = self.placements if same else {}
        due = [o.unit for o in found.of(Odd.UNPLACED) if o.unit and now - since[o] >= ENGINE]
        return placements_of(due, found.snapshot, known)

    def _moved(
        self, old: Snapshot, new: Snapshot, now: datetime
    ) -> Iterator[tuple[Untrusted, tuple[Change, ...]]]:
        if old.machines is new.machines:
            return
        for machine_id, machine in new.machines.items():
            was = old.machines.get(machine_id)
            if was is machine:
                continue
            before = self._last_address(was, machine_id)
            if before is not None and before.value != machine.public_ip:
                first = () if machine_id in self.addresses else (before,)
                yield machine_id, (*first, Change(now, machine.public_ip))

    def _last_address(self, machine: Machine | None, machine_id: Untrusted) -> Change | None:
        if machine is not None and self.at is not None:
            return Change(self.at, machine.public_ip)
        return self.departures.get(machine_id, (None,))[-1]

    def _rehashed(
        self, old: Snapshot, new: Snapshot, now: datetime
    ) -> Iterator[tuple[Untrusted, tuple[Change, ...]]]:
        for before, unit in changed_units(old, new):
            if before is None or unit is None:
                continue
            was, now_is = before.unit_hash, unit.unit_hash
            if was is not None and now_is is not None and was != now_is:
                then = Change(self.at or now, Untrusted(was))
                first = () if unit.name in self.hashes else (then,)
                yield unit.name, (*first, Change(now, Untrusted(now_is)))

    def _kept_readings(self, snapshot: Snapshot, now: datetime) -> Mapping[Untrusted, Reading]:
        """Those of machines that are there, or were asked lately."""
        readings = self.readings
        gone = _unlisted(readings, snapshot.machines)
        old = {m for m in gone if now - readings[m].facts.taken_at > KEPT_FOR}
        return {m: r for m, r in readings.items() if m not in old} if old else readings


EMPTY = History()
"""Nothing was seen yet."""


@kept_for_same
def _unlisted(
    readings: Mapping[Untrusted, Reading], machines: Mapping[Untrusted, Machine]
) -> Sequence[Untrusted]:
    """The machines that once answered, and that the registry does not list."""
    return [machine_id for machine_id in readings if machine_id not in machines]


def _departed(
    old: Snapshot, found: Survey, now: datetime
) -> Iterator[tuple[Untrusted, tuple[Change, ...]]]:
    if old.machines is found.snapshot.machines:
        return
    for machine_id, machine in old.machines.items():
        if machine_id.raw not in found.alive:
            yield machine_id, (Change(now, machine.public_ip),)


def _with(
    known: Changes, new: Iterator[tuple[Untrusted, tuple[Change, ...]]], now: datetime
) -> Changes:
    """`known` with the new changes, without what is too old or too much."""
    merged = dict(known)
    for key, changes in new:
        merged[key] = (*merged.get(key, ()), *changes)[-KEPT_EACH:]
    if not merged:
        return _none()
    recent = {k: tuple(c for c in v if now - c.at <= KEPT_FOR) for k, v in merged.items()}
    return {k: v for k, v in recent.items() if v}
