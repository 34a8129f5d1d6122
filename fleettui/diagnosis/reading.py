"""All that one machine's facts say by themselves, worked out once a probe."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fleettui.diagnosis.finding import Evidence
from fleettui.diagnosis.lines import Loop, loops_in
from fleettui.diagnosis.noise import Noise, noise_in
from fleettui.diagnosis.signals import Signals, signals_in
from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.cluster import Snapshot
from fleettui.model.host import FLEET_UNITS, HostFacts
from fleettui.model.untrusted import Untrusted

Words = tuple[str, str]
"""Active and sub state."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What the registry said of a machine's units when the machine was asked."""

    read_at: datetime
    """UTC, when that picture of the registry was read or last confirmed."""
    words: Mapping[str, Words]
    """By unit name; only units with a state of this machine."""


@dataclass(frozen=True, slots=True)
class Reading:
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
    signals: Signals
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


def read(facts: HostFacts, before: Reading | None = None) -> Reading:
    """What `facts` say; `before` is an earlier reading of the same machine."""
    loops = tuple(
        _continued(loop, before) for loop in loops_in(facts.journal) if loop.goes_on(facts.clock)
    )
    words = {name.raw: (s.active.raw, s.sub.raw) for name, s in facts.services.items()}
    return Reading(
        facts=facts,
        words=words,
        words_since={name: _since(name, words[name], facts, before) for name in words},
        loops=loops,
        templates=tuple(machine_evidence(facts, loops)),
        signals=signals_in(facts.journal),
        noise=noise_in(facts.journal),
    )


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
        for state in unit.states if unit else ():
            if state.machine_id.raw == machine:
                yield name.raw, (state.active.raw, state.sub.raw)


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
