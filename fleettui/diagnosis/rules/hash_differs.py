"""A unit whose file is written by two hands, or whose machine runs another version of it."""

from collections.abc import Iterator
from datetime import timedelta

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import (
    Confidence,
    Evidence,
    Fault,
    Finding,
    Grounds,
    Severity,
    Source,
)
from fleettui.diagnosis.history import Change
from fleettui.diagnosis.signals import Said, Signal
from fleettui.diagnosis.survey import Odd
from fleettui.model.cluster import Unit, UnitState
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "hash-differs",
    Severity.WARNING,
    issues=(1366,),
    remedy="Find the second writer (a deployment, configuration management, another cluster's "
    "script), stop it, then destroy the unit and submit it once more. fleettui does not: the "
    "registry tells neither who writes nor which version is the right one.",
)
AROUND = timedelta(minutes=10)
"""Reloads so close together are a quarrel of two writers."""
REPEATS = 3
"""Reloads of one unit on one machine within AROUND: one is a deployment, two one taken back."""
RETURNS = 2
"""Times that an old hash came back within AROUND: once is a deployment taken back."""
RELOADED = timedelta(seconds=30)
"""An agent loads a changed unit within 5 s and publishes its hash within 15 s more."""

_Heard = dict[Untrusted, tuple[Signal, ...]]
"""By machine."""


def hash_differs(case: Case) -> Iterator[Finding]:
    """One finding a unit that is rewritten again and again, or a state that stays behind."""
    heard = _reloads(case)
    changed = {name: _recent(case, changes) for name, changes in case.history.hashes.items()}
    restless = {name for name, by in heard.items() if any(len(s) >= REPEATS for s in by.values())}
    restless |= {name for name, changes in changed.items() if _returns(changes) >= RETURNS}
    for name in sorted(restless):
        yield _rewritten(case, name, heard.get(name, {}), changed.get(name, ()))
    for oddity, unit, state in case.odd_states(Odd.OTHER_HASH):
        reading = case.readings.get(state.machine_id)
        is_frozen = reading is not None and reading.frozen is not None
        if unit.name not in restless and not is_frozen and case.history.held(oddity) >= RELOADED:
            yield _left_behind(case, unit, state)


def _reloads(case: Case) -> dict[Untrusted, _Heard]:
    """Who reloaded which unit for the sake of its hash."""
    heard: dict[Untrusted, _Heard] = {}
    for machine_id, reading in case.heard(Said.OTHER_HASH):
        for signal in reading.signals.within(AROUND, reading.facts.clock, Said.OTHER_HASH):
            by = heard.setdefault(Untrusted(signal.about), {})
            by[machine_id] = (*by.get(machine_id, ()), signal)
    return heard


def _recent(case: Case, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    now = case.history.at
    return tuple(c for c in changes if now is None or now - c.at <= AROUND)


def _returns(changes: tuple[Change, ...]) -> int:
    """How often a hash came back that had been replaced."""
    return len(changes) - len({change.value for change in changes})


def _rewritten(case: Case, name: Untrusted, heard: _Heard, changes: tuple[Change, ...]) -> Finding:
    keys = (_hash(name, change) for change in changes)
    lines = (e for machine_id, signals in heard.items() for e in proof.line(machine_id, *signals))
    returns = _returns(changes) >= RETURNS
    # Reloads alone may be a developer who deploys one version after another.
    confidence = Confidence.LIKELY if returns else Confidence.HINTED
    if returns and heard:
        confidence = Confidence.PROVEN
    machine_id = next(iter(heard)) if len(heard) == 1 else None
    where = f" on {case.named(machine_id)}" if machine_id else ""
    return FAULT.found(
        f"{name} is rewritten again and again, and restarts{where} each time.",
        Grounds((*keys, *lines), confidence, case.unasked()),
        unit=name,
        machine_id=machine_id,
    )


def _hash(name: Untrusted, change: Change) -> Evidence:
    what = f"UnitHash {change.value.raw} at {change.at:%H:%M:%S} UTC"
    return proof.key(f"job/{name.raw}/object", Untrusted(what))


def _left_behind(case: Case, unit: Unit, state: UnitState) -> Finding:
    machine_id = state.machine_id
    evidence = (
        proof.job_key(unit, "object", Untrusted(f"UnitHash {unit.unit_hash}")),
        proof.key(
            f"states/{unit.name.raw}/{machine_id.raw}",
            Untrusted(f"unitHash {state.unit_hash.raw}"),
        ),
    )
    return FAULT.found(
        f"{case.named(machine_id)} runs another version of {unit.name} than the registry holds, "
        "and does not load the present one.",
        Grounds(evidence, Confidence.LIKELY, case.gaps(machine_id, Source.JOURNAL)),
        unit=unit.name,
        machine_id=machine_id,
    )
