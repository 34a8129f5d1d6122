"""All that one machine's facts say by themselves, worked out once a probe."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from fleettui.diagnosis.finding import Evidence
from fleettui.diagnosis.lines import Loop, loops_in
from fleettui.diagnosis.noise import Noise, noise_in
from fleettui.diagnosis.signals import Said, Signals, signals_in
from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.cluster import Snapshot
from fleettui.model.host import FLEET_UNITS, HostFacts, ServiceFacts
from fleettui.model.untrusted import Untrusted

REMEMBERED = timedelta(minutes=15)
"""How long the restarts of a fleetd are remembered."""
MOST_RESTARTS = 32
"""Starts of fleet.service that are kept of one machine, the newest: a crash loop has no end."""
Words = tuple[str, str]
"""Active and sub state."""


class Beside(msgspec.Struct, frozen=True):
    """What the registry said of a machine's units when the machine was asked."""

    read_at: datetime
    """UTC, when that picture of the registry was read or last confirmed."""
    words: Mapping[str, Words]
    """By unit name; only units with a state of this machine."""


class Reading(msgspec.Struct, frozen=True):
    """The facts of one probe, and what follows from them alone."""

    facts: HostFacts
    words: Mapping[str, Words]
    """systemd's, by unit name."""
    words_since: Mapping[str, datetime]
    """UTC by our clock: the first of the probes in a row that showed these words."""
    loops: tuple[Loop, ...]
    """The main fault's loops that still ran at the probe."""
    templates: tuple[tuple[Untrusted, Evidence], ...]
    """What shows that a template was loaded here: its name, and one piece of evidence."""
    outdated: tuple[ServiceFacts, ...]
    """Units whose file systemd does not know, or knows in an older form."""
    signals: Signals
    restarts: tuple[datetime, ...]
    """UTC by the machine's clock: when fleetd began or was told to end, of this probe and of those
    before it."""
    reach: datetime | None
    """UTC by the machine's clock: since when its journal was read without a gap, by this probe and
    those before it; None where nothing was read."""
    noise: Noise
    beside: Beside | None = None
    """None where no picture of the registry was there yet."""

    @property
    def frozen(self) -> Loop | None:
        """The loop that began first: since its first line the agent publishes old states."""
        return min(self.loops, key=lambda loop: loop.first_at, default=None)

    @property
    def skew(self) -> timedelta:
        """What to add to a time of the machine's clock to get one of ours."""
        return self.facts.taken_at - self.facts.clock

    def holds_file(self, unit: Untrusted) -> bool | None:
        """Whether fleet's folder holds the unit's file; None where the folder was not listed."""
        folder = self.facts.folders.get(FLEET_UNITS)
        return None if folder is None or folder.problem is not None else unit in folder.entries


def reading_of(facts: HostFacts, known: Reading | None) -> Reading:
    """What `facts` say: `known` if it is a reading of them, else worked out here."""
    return known if known is not None and known.facts is facts else read(facts, known)


def read(facts: HostFacts, before: Reading | None = None) -> Reading:
    """What `facts` say; `before` is an earlier reading of the same machine."""
    loops = tuple(
        _continued(loop, before) for loop in loops_in(facts.journal) if loop.goes_on(facts.clock)
    )
    signals = signals_in(facts.journal)
    words = {name.raw: (s.active.raw, s.sub.raw) for name, s in facts.services.items()}
    return Reading(
        facts=facts,
        words=words,
        words_since={name: _since(name, words[name], facts, before) for name in words},
        loops=loops,
        templates=tuple(machine_evidence(facts, loops)),
        outdated=tuple(s for s in facts.services.values() if _is_outdated(s)),
        signals=signals,
        restarts=_restarts(signals, facts, before),
        reach=_reach(facts, before),
        noise=noise_in(facts.journal),
    )


def _restarts(signals: Signals, facts: HostFacts, before: Reading | None) -> tuple[datetime, ...]:
    heard = {signal.at for signal in signals.of(Said.BEGAN, Said.TOLD_TO_END)}
    heard |= set(before.restarts if before else ())
    return tuple(sorted(at for at in heard if facts.clock - at <= REMEMBERED)[-MOST_RESTARTS:])


def _reach(facts: HostFacts, before: Reading | None) -> datetime | None:
    if not facts.journal:
        return None
    first = facts.journal[0].at
    if before is None or before.reach is None or first > before.facts.journal[-1].at:
        return first
    return min(before.reach, first)


def _is_outdated(service: ServiceFacts) -> bool:
    return service.needs_daemon_reload or service.load.raw == "not-found"


def _since(name: str, words: Words, facts: HostFacts, before: Reading | None) -> datetime:
    if before is None or before.words.get(name) != words:
        return facts.taken_at
    return min(before.words_since[name], facts.taken_at)


def beside(facts: HostFacts, snapshot: Snapshot) -> Beside:
    """The registry's words for the units that systemd was asked about."""
    return Beside(snapshot.read_at, dict(_registry_words(facts, snapshot)))


def _registry_words(facts: HostFacts, snapshot: Snapshot) -> Iterator[tuple[str, Words]]:
    machine = facts.machine_id.raw
    for name in facts.services:
        unit = snapshot.units.get(name)
        states = unit.states if unit else ()
        # They are sorted by machine, and a global unit has one of each.
        at = bisect_left(states, machine, key=lambda state: state.machine_id.raw)
        if at < len(states) and states[at].machine_id.raw == machine:
            yield name.raw, (states[at].active.raw, states[at].sub.raw)


def _continued(loop: Loop, before: Reading | None) -> Loop:
    """The loop with its first line from an earlier probe, where a later one no longer reaches it.

    A loop ends with its process or at a SIGHUP, so the same loop in the same process is one.
    """
    if loop.whole or before is None:
        return loop
    for old in before.loops:
        if (old.unit, old.pid) == (loop.unit, loop.pid) and old.first_at <= loop.first_at:
            return replace(loop, first_at=old.first_at, whole=old.whole)
    return loop
