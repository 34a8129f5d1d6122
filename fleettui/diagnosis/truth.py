"""Whether what the registry says of a unit is true: beside systemd's own word, or frozen."""

from datetime import datetime, timedelta

import msgspec

from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.lines import Loop
from fleettui.diagnosis.reading import Beside, Reading
from fleettui.model.cluster import Snapshot, UnitState
from fleettui.model.host import HostReport, NotChecked, ServiceFacts
from fleettui.model.untrusted import Untrusted

SETTLED = timedelta(seconds=20)
"""An agent writes each state anew every half TTL (15 s), and a changed one within seconds: a
difference that has not lasted this long is none yet."""

FRESH_FLEETD = timedelta(seconds=45)
"""A fleetd that began publishes within seconds, but from 0.13 on it may take 30 s to register."""

ON_ITS_WAY = frozenset({"activating", "deactivating", "reloading"})
"""systemd's active states that do not last."""


class Agrees(msgspec.Struct, frozen=True):
    """systemd says the same."""


class Disagrees(msgspec.Struct, frozen=True):
    """systemd says something else, and has done so for longer than an agent needs to tell."""

    active: Untrusted
    sub: Untrusted
    """systemd's words."""
    since: datetime
    """UTC by the machine's clock: when the unit entered its active state; where only its sub state
    differs, the first probe that saw it."""


class Frozen(msgspec.Struct, frozen=True):
    """The machine's agent is in the main fault's loop and publishes what it saw before it."""

    since: datetime
    """UTC by the machine's clock: the first line of the loop that is known."""
    whole: bool
    """Whether the loop began then; else before, where the journal that was read does not reach."""
    active: Untrusted | None = None
    sub: Untrusted | None = None
    """systemd's own words; None where it was not asked about the unit."""
    agrees: bool = False
    """Whether these happen to be the registry's."""

    @property
    def words(self) -> str:
        """`frozen since 09:12:44`, or `since before` that."""
        return f"frozen since {'' if self.whole else 'before '}{self.since:%H:%M:%S}"


class Unchecked(msgspec.Struct, frozen=True):
    """Nothing can be said, and why."""

    reason: str


Truth = Agrees | Disagrees | Frozen | Unchecked


def truth(
    unit: Untrusted,
    state: UnitState,
    snapshot: Snapshot,
    report: HostReport | None,
    history: History = EMPTY,
) -> Truth:
    """How a state in the registry stands to the machine that wrote it.

    `report` is the newest of `state.machine_id`. With an empty history the machine must have been
    asked after the registry was read, else the two cannot be compared.

    A loop does not end by itself: a machine that was seen in it and cannot be asked any more is
    believed to be in it still, as long as it publishes what it did then.
    """
    match report:
        case None:
            return Unchecked("the machine has not been asked yet")
        case NotChecked(reason=reason):
            known = history.readings.get(state.machine_id)
            if known is not None and known.frozen is not None and _as_then(unit, state, known):
                return Frozen(known.frozen.first_at, known.frozen.whole)
            return Unchecked(f"the machine could not be asked: {reason}")
        case _:
            return judged(unit, state, snapshot, history.reading(report))


def judged(unit: Untrusted, state: UnitState, snapshot: Snapshot, reading: Reading) -> Truth:
    """The same, of a machine that answered."""
    service = reading.facts.services.get(unit)
    loop = reading.frozen
    if loop is not None:
        return _frozen(state, service, loop)
    if service is None:
        return Unchecked("systemd was not asked about it")
    if (state.active.raw, state.sub.raw) == (service.active.raw, service.sub.raw):
        return Agrees()
    return _compared(unit, state, service, snapshot, reading)


def was_said_before(
    unit: Untrusted, state: UnitState, snapshot: Snapshot, reading: Reading
) -> bool:
    """Whether the registry said this already when the machine was asked: else the two cannot be
    compared.
    """
    return _read_at(unit, state, snapshot, reading) is not None


def _frozen(state: UnitState, service: ServiceFacts | None, loop: Loop) -> Frozen:
    if service is None:
        return Frozen(loop.first_at, loop.whole)
    agrees = (state.active, state.sub) == (service.active, service.sub)
    return Frozen(loop.first_at, loop.whole, service.active, service.sub, agrees)


def _compared(
    unit: Untrusted,
    state: UnitState,
    service: ServiceFacts,
    snapshot: Snapshot,
    reading: Reading,
) -> Truth:
    """Words that differ: a disagreement only if nothing else explains it."""
    said = f"systemd says {service.active} {service.sub}"
    if service.active.raw in ON_ITS_WAY:
        return Unchecked(f"{said}, which does not last")
    if (silent := _silent_fleetd(reading)) is not None:
        return Unchecked(f"{said}, but {silent}")
    read_at = _read_at(unit, state, snapshot, reading)
    if read_at is None:
        return Unchecked(f"{said}, but the machine was asked before the registry said this")
    since = _since(state, service, reading)
    if read_at - (since + reading.skew) < SETTLED:
        return Unchecked(f"{said} since {since:%H:%M:%S}: too fresh for the registry")
    return Disagrees(service.active, service.sub, since)


def _silent_fleetd(reading: Reading) -> str | None:
    """Why fleetd cannot be expected to have told of a change, if it cannot."""
    fleet = reading.facts.fleet
    if fleet is None:
        return None
    if fleet.active.raw != "active":
        return f"fleetd is not there to tell: {fleet.active} {fleet.sub}"
    if fleet.since is not None and reading.facts.clock - fleet.since < FRESH_FLEETD:
        return f"fleetd began at {fleet.since:%H:%M:%S} and may not have told yet"
    return None


def _since(state: UnitState, service: ServiceFacts, reading: Reading) -> datetime:
    """When systemd's words came up, by the machine's clock.

    systemd tells it of the active state only; a sub state counts from the first probe that saw it.
    """
    if service.since is not None and service.active != state.active:
        return service.since
    return reading.words_since[service.name.raw] - reading.skew


def _read_at(
    unit: Untrusted, state: UnitState, snapshot: Snapshot, reading: Reading
) -> datetime | None:
    """When the registry last said these words, no later than the machine was asked."""
    if snapshot.read_at <= reading.facts.taken_at:
        return snapshot.read_at
    then = _as_then(unit, state, reading)
    return None if then is None else min(then.read_at, reading.facts.taken_at)


def _as_then(unit: Untrusted, state: UnitState, reading: Reading) -> Beside | None:
    """The registry when the machine was asked, if it said of the state what it says now."""
    then = reading.beside
    if then is None or then.words.get(unit.raw) != (state.active.raw, state.sub.raw):
        return None
    return then
