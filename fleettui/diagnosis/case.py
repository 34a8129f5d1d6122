"""What a rule is given: the picture of the cluster, what stood out in it, and what was before."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta

import msgspec

from fleettui.diagnosis.answered import Answered, Readings, answered
from fleettui.diagnosis.finding import Finding, Source
from fleettui.diagnosis.history import History
from fleettui.diagnosis.proof import ABSENT
from fleettui.diagnosis.reading import Reading, reading_of
from fleettui.diagnosis.signals import Said, Signal
from fleettui.diagnosis.survey import Odd, Oddity, Survey, survey
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState, short_id
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.kept import kept_for_same
from fleettui.model.untrusted import Untrusted

OLD = timedelta(minutes=5)
"""Facts older than the registry's picture by more than that are named as such."""


class Case(msgspec.Struct, frozen=True):
    """One picture of the cluster, ready for the rules."""

    snapshot: Snapshot | None
    reports: Mapping[Untrusted, HostReport]
    readings: Readings
    survey: Survey | None
    """None where the registry was not read."""
    history: History

    def odd(self, kind: Odd) -> Iterator[tuple[Oddity, Unit]]:
        """The odd units of one kind."""
        for oddity in self.survey.of(kind) if self.survey else ():
            if oddity.unit is not None and self.snapshot is not None:
                yield oddity, self.snapshot.units[oddity.unit]

    def odd_states(self, kind: Odd) -> Iterator[tuple[Oddity, Unit, UnitState]]:
        """The odd states of one kind."""
        for oddity, unit in self.odd(kind):
            state = unit.state_on(oddity.machine) if oddity.machine else None
            if state is not None:
                yield oddity, unit, state

    def heard(self, *kinds: Said) -> Iterator[tuple[Untrusted, Reading]]:
        """The machines whose journals hold a line of one of these kinds."""
        said = self.answered.said
        machines = frozenset[Untrusted]().union(*(said[kind] for kind in kinds if kind in said))
        for machine_id, reading in self.readings.items() if machines else ():
            if machine_id in machines:
                yield machine_id, reading

    @property
    def answered(self) -> Answered:
        """What stands out in the answers of all machines."""
        return answered(self.readings)

    def is_fresh(self, reading: Reading) -> bool:
        """Whether a machine was asked no earlier than the registry: else it may have changed."""
        return self.snapshot is None or reading.facts.taken_at >= self.snapshot.read_at

    def is_young(self, oddity: Oddity, span: timedelta) -> bool:
        """Whether it was first seen less than `span` ago, by somebody who was looking before."""
        return self.history.at is not None and self.history.held(oddity) < span

    def recent(self, reading: Reading, span: timedelta, *kinds: Said) -> tuple[Signal, ...]:
        """A machine's lines that are no older than `span` now, whenever it was asked."""
        age = timedelta()
        if self.snapshot is not None:
            age = max(self.snapshot.read_at - reading.facts.taken_at, age)
        return reading.signals.within(span - age, reading.facts.clock, *kinds)

    def named(self, machine_id: Untrusted) -> str:
        """A machine as fleetctl shows it, safe to show."""
        machine = self.machine(machine_id)
        if machine is None:
            return short_id(machine_id)
        return f"{machine.short_id}/{machine.public_ip}"

    def machine(self, machine_id: Untrusted) -> Machine | None:
        """A machine that the registry lists, or listed last."""
        listed = self.snapshot.machines.get(machine_id) if self.snapshot else None
        departed = self.history.away.departed.get(machine_id)
        return listed or (departed.machine if departed else None)

    def problem(self, key: str) -> Untrusted:
        """Why a registry key cannot be read, or that it is absent."""
        bad = self.snapshot.bad if self.snapshot else ()
        return next((Untrusted(b.problem) for b in bad if b.key.raw == key), ABSENT)

    def gaps(self, machine_id: Untrusted, *sources: Source) -> tuple[str, ...]:
        """What is not known of a machine, of what was to be had from these sources."""
        return tuple(self._gaps(machine_id, sources))

    def unasked(self) -> tuple[str, ...]:
        """How many machines' journals were not read, for what any of them may have told."""
        machines = {*(self.snapshot.machines if self.snapshot else ()), *self.history.away.departed}
        silent = machines - self.readings.keys()
        return (f"{len(silent)} of {len(machines)} machines were not asked",) if silent else ()

    def _gaps(self, machine_id: Untrusted, sources: tuple[Source, ...]) -> Iterator[str]:
        match self.reports.get(machine_id):
            case None:
                yield "the machine has not been asked yet"
            case NotChecked(reason=reason):
                yield f"the machine could not be asked: {reason}"
            case HostFacts() as facts:
                yield from _unread(facts, sources)
                if self.snapshot and self.snapshot.read_at - facts.taken_at > OLD:
                    yield f"the machine was last asked at {facts.taken_at:%H:%M:%S} UTC"


Rule = Callable[[Case], Iterable[Finding]]
"""Pure: the findings of one fault in one case."""


def case_of(
    snapshot: Snapshot | None, reports: Mapping[Untrusted, HostReport], history: History
) -> Case:
    """The case of one picture; what `history` worked out already is used."""
    return Case(
        snapshot=snapshot,
        reports=reports,
        readings=_readings(reports, history.readings),
        survey=_survey(snapshot, history),
        history=history,
    )


@kept_for_same
def _readings(reports: Mapping[Untrusted, HostReport], known: Readings) -> Readings:
    """What every machine that answered says; what is not among `known` is worked out here."""
    facts = {m: r for m, r in reports.items() if isinstance(r, HostFacts)}
    return {m: reading_of(f, known.get(m)) for m, f in facts.items()}


def _survey(snapshot: Snapshot | None, history: History) -> Survey | None:
    if snapshot is None:
        return None
    known = history.survey
    return known if known and known.snapshot is snapshot else survey(snapshot, known)


def _unread(facts: HostFacts, sources: tuple[Source, ...]) -> Iterator[str]:
    if facts.reported_id not in {facts.machine_id, Untrusted("")}:
        yield f"the host that answered says that it is machine {facts.reported_id}"
    if Source.JOURNAL in sources and facts.journal_problem is not None:
        yield f"its journal could not be read: {facts.journal_problem}"
    for folder in facts.folders.values() if Source.FILE in sources else ():
        if folder.problem is not None:
            yield f"{folder.path} could not be listed: {folder.problem}"
    if Source.SYSTEMD in sources and facts.services_problem is not None:
        yield f"systemctl said: {facts.services_problem}"
