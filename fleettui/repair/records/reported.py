"""What a repair's record tells, put together for a reader; pure, and fails on nothing in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fleettui.diagnosis.finding import Finding
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage, summary
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_json import action_from_json
from fleettui.repair.records.past import Event, Kept, PastRepair, PastState


@dataclass(frozen=True, slots=True)
class Act:
    """One act, from its intent to what was read back."""

    number: int
    stage: str
    title: str
    """Safe to show."""
    commands: tuple[str, ...]
    """Word for word."""
    at: datetime
    """UTC, by the operator's clock: when it was about to be sent."""
    ended_at: datetime | None = None
    result: str = "in doubt"
    said: Untrusted = Untrusted("")
    """What was read back, or the host's own words."""
    is_undo: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A check as it stood when it was written down."""

    name: Untrusted
    met: bool
    detail: Untrusted


@dataclass(frozen=True, slots=True)
class Away:
    """How long a unit did not run."""

    unit: Untrusted
    since: Untrusted
    """By the machine's clock; empty where nothing tells."""
    seconds: float | None
    """None while it is away, and where the machine's journal does not tell."""
    place: Untrusted
    """Where it moved to; empty where it came back."""
    is_over: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Something else that was written down."""

    at: datetime
    words: Untrusted


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that another engineer has to know of one repair."""

    token: str
    record: str
    """Where it is on the operator's disk."""
    state: PastState
    outcome: str
    """`repaired`, `undone`, `given up`, or how it stands."""
    problem: str
    """Why the record is unreadable; empty where it is not."""
    begun_at: datetime
    ended_at: datetime
    """UTC, by the operator's clock: the first and the last thing that was written down."""
    who: tuple[Untrusted, ...]
    """Everybody who took a hand in it, in their order."""
    cluster: tuple[Untrusted, ...]
    prefix: Untrusted
    finding: Finding | None
    plan: Plan | None
    """The one that was followed last."""
    checks: tuple[Told, ...] = ()
    """Before the first change."""
    acts: tuple[Act, ...] = ()
    confirmed: tuple[Moment, ...] = ()
    """Who said yes to which step."""
    units: int = 0
    """How many units ran on the machine before its fleetd was replaced."""
    replaced: tuple[Untrusted, ...] | None = None
    """Units whose main process was another one afterwards; None where nothing was restarted."""
    away: tuple[Away, ...] = ()
    proof: tuple[Told, ...] = ()
    """The checks of the last verify."""
    proven: Untrusted = Untrusted("")
    """What the last verify came to."""
    kept: tuple[Kept, ...] = ()
    moments: tuple[Moment, ...] = ()
    """Whatever else happened: taken up again, left, the lock lost, a step undone."""


def report_of(past: PastRepair) -> Report:
    """The report of one repair, however far it came."""
    begun = past.begun_at
    report = Report(
        token=past.token or past.path.stem,
        record=str(past.path),
        state=past.state,
        outcome=past.closed.value if past.closed else _stands(past),
        problem=past.problem,
        begun_at=begun,
        ended_at=past.events[-1].at if past.events else begun,
        who=(past.who,),
        cluster=past.cluster,
        prefix=past.prefix,
        finding=past.finding,
        plan=past.plan,
        kept=past.kept,
    )
    for event in past.events:
        report = _after(report, event)
    return report


def _stands(past: PastRepair) -> str:
    is_proven = Stage.VERIFY in past.stages_done
    return "repaired" if is_proven and past.state is PastState.FINISHED else past.state.value


def _after(report: Report, event: Event) -> Report:
    facts = event.facts
    match event.name:
        case "preflight" if not report.checks:
            return replace(report, checks=_checks(facts))
        case "intent":
            return replace(report, acts=(*report.acts, _act(event)))
        case "outcome":
            return replace(report, acts=tuple(_settled(report.acts, event)))
        case "confirmed":
            words = Untrusted(f"{_text(facts, 'stage')}: {_text(facts, 'who')}")
            return replace(report, confirmed=(*report.confirmed, Moment(event.at, words)))
        case "before":
            return replace(report, units=sum(1 for _, pid in _pids(facts) if pid))
        case "after":
            return replace(report, replaced=tuple(_names(facts.get("replaced"))))
        case "absences":
            return replace(report, away=tuple(_away(facts)))
        case "verified":
            said = Untrusted(f"{_text(facts, 'result')}: {_text(facts, 'said')}")
            return replace(report, proof=_checks(facts), proven=said)
        case _:
            return _moved(report, event)


def _moved(report: Report, event: Event) -> Report:
    """A repair that went on otherwise than straight ahead."""
    facts = event.facts
    words = {
        "chose": f"the {_text(facts, 'way')} restart was chosen",
        "weighed": "what the restart puts at stake was read again",
        "resumed": f"taken up again by {_text(facts, 'who')}",
        "left": f"left: {_text(facts, 'why')}",
        "lock lost": f"the lock was lost: {_text(facts, 'said')}",
        "in doubt": f"in doubt: {_text(facts, 'said')}",
        "undone": f"undo of {_text(facts, 'stage')}, {_text(facts, 'result')}: "
        f"{_text(facts, 'said')}",
        "stage done": f"{_text(facts, 'stage')} was read back as done",
        "closed": f"closed: {_text(facts, 'how')}",
    }.get(event.name)
    if words is None:
        return report
    who = report.who
    if "who" in facts and Untrusted(_text(facts, "who")) not in who:
        who = (*who, Untrusted(_text(facts, "who")))
    return replace(report, who=who, moments=(*report.moments, Moment(event.at, Untrusted(words))))


def _act(event: Event) -> Act:
    facts = event.facts
    try:
        title = summary(action_from_json(facts.get("what")))
    except ValueError:
        title = str(Untrusted(_text(facts, "action")))
    return Act(
        _number(facts),
        str(Untrusted(_text(facts, "stage"))),
        title,
        tuple(name.raw for name in _names(facts.get("commands"))),
        event.at,
        is_undo=facts.get("undo") is True,
    )


def _settled(acts: Sequence[Act], event: Event) -> Iterator[Act]:
    """The acts, the one of an outcome with what it came to."""
    facts = event.facts
    for act in acts:
        if act.number != _number(facts):
            yield act
            continue
        settled = facts.get("settled") is True
        said = f"{'settled by looking: ' if settled else ''}{_text(facts, 'said')}"
        result = str(Untrusted(_text(facts, "result")))
        yield replace(act, ended_at=event.at, result=result, said=Untrusted(said))


def _checks(facts: Mapping[str, Any]) -> tuple[Told, ...]:
    checks = facts.get("checks")
    return tuple(
        Told(
            Untrusted(_text(check, "name")),
            check.get("met") is True,
            Untrusted(_text(check, "detail")),
        )
        for check in (checks if isinstance(checks, list) else ())
        if isinstance(check, dict)
    )


def _away(facts: Mapping[str, Any]) -> Iterator[Away]:
    units = facts.get("units")
    for unit in units if isinstance(units, list) else ():
        if isinstance(unit, dict):
            seconds = unit.get("seconds")
            yield Away(
                Untrusted(_text(unit, "unit")),
                Untrusted(_text(unit, "since")),
                float(seconds) if isinstance(seconds, int | float) else None,
                Untrusted(_text(unit, "place")),
                unit.get("is_over") is True,
            )


def _pids(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    pids = facts.get("pids")
    return iter(pids.items() if isinstance(pids, dict) else ())


def _names(value: object) -> Iterator[Untrusted]:
    return (Untrusted(str(name)) for name in (value if isinstance(value, list) else ()))


def _number(facts: Mapping[str, Any]) -> int:
    number = facts.get("n")
    return number if isinstance(number, int) else 0


def _text(facts: Mapping[str, Any], name: str) -> str:
    """A field as text; empty where there is none."""
    value = facts.get(name)
    return "" if value is None else str(value)
