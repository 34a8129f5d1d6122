"""Past repairs, read from their records: what was done, what is in doubt, and how it ended."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from fleettui.diagnosis.finding import Finding
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Action, Restart, Stage, Way
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_json import action_from_json, from_json
from fleettui.repair.records.before import Before, before_from_json
from fleettui.repair.records.finding_json import finding_from_json
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.record import SUFFIX, VERSION, is_held

LARGEST = 32 * 1024 * 1024
"""Bytes read of one record."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class PastState(StrEnum):
    """How a repair stands."""

    RUNNING = "running"
    """Another process drives it right now."""
    FINISHED = "finished"
    UNFINISHED = "unfinished"
    UNREADABLE = "unreadable"
    """The file is no record of ours, or is broken."""


class Closed(StrEnum):
    """How a repair was brought to its end."""

    REPAIRED = "repaired"
    UNDONE = "undone"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a record."""

    at: datetime
    """UTC, by our clock."""
    name: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Intent:
    """An act that was about to be sent."""

    number: int
    """Counted over the whole record; its outcome bears the same."""
    at: datetime
    stage: Stage
    action: Action
    is_undo: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that was removed, as it is kept."""

    unit: Untrusted
    path: Path
    """The copy beside the record."""
    sha256: str
    mode: int
    uid: int
    gid: int
    token: str
    """Names it in quarantine."""
    quarantine: Untrusted = Untrusted("")
    """Its path on the machine; empty where the machine did not tell."""


@dataclass(frozen=True, slots=True)
class PastRepair:
    """One record, read."""

    path: Path
    state: PastState
    token: str = ""
    begun_at: datetime = _NEVER
    """UTC, by our clock; long ago where it is not known."""
    who: Untrusted = Untrusted("")
    cluster: tuple[Untrusted, ...] = ()
    """The endpoints it was begun over."""
    prefix: Untrusted = Untrusted("")
    finding: Finding | None = None
    plan: Plan | None = None
    """The plan that was followed last; None where the record is unreadable."""
    stages_done: tuple[Stage, ...] = ()
    in_doubt: tuple[Intent, ...] = ()
    """Acts that may or may not have happened, oldest first."""
    acts: int = 0
    """How many were begun."""
    kept: tuple[Kept, ...] = ()
    before: Before | None = None
    """The machine before its fleetd was replaced, if that was begun."""
    done: tuple[Intent, ...] = ()
    """Acts that were read back and not undone, oldest first."""
    plans: tuple[Plan, ...] = ()
    """Every plan that was followed, oldest first."""
    closed: Closed | None = None
    events: tuple[Event, ...] = ()
    problem: str = ""
    """Why it is unreadable, safe to show."""

    @property
    def fault(self) -> str:
        """The fault's name in the catalogue; empty where the record is unreadable."""
        return self.plan.fault if self.plan else ""

    @property
    def units(self) -> tuple[Untrusted, ...]:
        """Every unit that the repair took together; none where the record is unreadable."""
        return self.plan.units if self.plan else ()

    @property
    def machine_id(self) -> Untrusted:
        """Empty for a repair of the registry alone, and where the record is unreadable."""
        return self.plan.machine_id if self.plan else Untrusted("")

    @property
    def ip(self) -> Untrusted:
        """As the machine published it then; empty where there is no machine."""
        return self.plan.machine.public_ip if self.plan and self.plan.machine else Untrusted("")

    @property
    def way(self) -> Way | None:
        """The restart of the plan that was followed last; None where it has none."""
        return self.plan.way if self.plan else None


def past_repairs(folder: Path) -> tuple[PastRepair, ...]:
    """Every record in a folder, newest first; what cannot be read is told as such."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix == SUFFIX]
    except FileNotFoundError:
        return ()
    except OSError as error:
        return (_unreadable(folder, str(error)),)
    return tuple(sorted(map(read_past, paths), key=lambda p: (p.begun_at, p.path), reverse=True))


def read_past(path: Path) -> PastRepair:
    """One record as it stands. Never raises for what is in it."""
    try:
        held = is_held(path)
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        return _unreadable(path, str(error))
    if len(data) > LARGEST:
        return _unreadable(path, f"it is larger than {LARGEST} bytes")
    try:
        past = _folded(path, tuple(_events(data)))
    except ValueError as problem:
        return _unreadable(path, str(problem))
    return replace(past, state=PastState.RUNNING) if held else past


def _unreadable(path: Path, problem: str) -> PastRepair:
    return PastRepair(path, PastState.UNREADABLE, problem=str(Untrusted(problem)))


def _events(data: bytes) -> Iterator[Event]:
    """The lines that are whole: the last one, and any before a resumption, may have been cut."""
    for line in data.split(b"\n"):
        try:
            facts = json.loads(line)
            yield Event(_time(facts.pop("at")), str(facts.pop("event")), facts)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            continue


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _folded(path: Path, events: tuple[Event, ...]) -> PastRepair:
    """What the events come to. Raises ValueError where they are no repair of ours."""
    if not events or events[0].name != "begun":
        raise ValueError("it does not begin like the record of a repair")
    if events[0].facts.get("v") != VERSION:
        raise ValueError("another version of fleettui wrote it")
    past = replace(_begun(path, events[0]), events=events)
    for event in events[1:]:
        try:
            past = _after(past, event)
        except (KeyError, TypeError, AttributeError) as lacking:
            raise ValueError(f"its event '{event.name}' is not whole: {lacking}") from lacking
    over = past.closed is not None or Stage.VERIFY in past.stages_done
    return replace(past, state=PastState.FINISHED if over else PastState.UNFINISHED)


def _begun(path: Path, event: Event) -> PastRepair:
    facts = event.facts
    try:
        return PastRepair(
            path,
            PastState.UNFINISHED,
            token=str(facts["token"]),
            begun_at=event.at,
            who=Untrusted(str(facts["who"])),
            cluster=tuple(Untrusted(str(url)) for url in facts["cluster"]),
            prefix=Untrusted(str(facts["prefix"])),
            finding=finding_from_json(facts["finding"]),
            plan=(plan := from_json(facts["plan"])),
            plans=(plan,),
        )
    except (KeyError, TypeError) as lacking:
        raise ValueError(f"its first line is not whole: {lacking}") from lacking


def _after(past: PastRepair, event: Event) -> PastRepair:
    """A repair after one more event; the names are those of the record."""
    facts = event.facts
    match event.name:
        case "intent":
            action = action_from_json(facts["what"])
            undo = facts.get("undo") is True
            stage = Stage(facts["stage"])
            intent = Intent(int(facts["n"]), event.at, stage, action, undo)
            done = stages_before(stage, past.stages_done) if undo else past.stages_done
            in_doubt = (*past.in_doubt, intent)
            return replace(past, in_doubt=in_doubt, acts=intent.number, stages_done=done)
        case "outcome":
            return _settled(past, int(facts["n"]), Result(facts["result"]))
        case "before":
            return replace(past, before=before_from_json(facts))
        case "kept":
            return replace(past, kept=(*past.kept, _kept(past.path, facts)))
        case "quarantined":
            return _quarantined(past, _text(facts, "unit"), _text(facts, "path"))
        case "stage done":
            return replace(past, stages_done=_with(past.stages_done, Stage(facts["stage"])))
        case "verified" if facts["result"] == Result.DONE:
            return replace(past, stages_done=_with(past.stages_done, Stage.VERIFY))
        case "closed":
            return replace(past, closed=Closed(facts["how"]))
        case _:
            return _turned(past, event)


def _turned(past: PastRepair, event: Event) -> PastRepair:
    """A repair that went on otherwise than straight ahead."""
    facts = event.facts
    match event.name:
        case "chose" if past.plan:
            done = stages_before(Stage.RESTART, past.stages_done)
            plan = past.plan.with_way(Way(facts["way"]))
            return replace(_on(past, plan), before=None, stages_done=done)
        case "weighed":
            return _on(past, from_json(facts["plan"]))
        case "resumed":
            done = tuple(Stage(stage) for stage in facts["done"])
            return replace(_on(past, from_json(facts["plan"])), stages_done=done, closed=None)
        case "undone" if facts["result"] == Result.DONE:
            stage = Stage(facts["stage"])
            return replace(past, done=tuple(i for i in past.done if i.stage is not stage))
        case _:
            return past


def _on(past: PastRepair, plan: Plan) -> PastRepair:
    return replace(past, plan=plan, plans=(*past.plans, plan))


def _settled(past: PastRepair, number: int, result: Result) -> PastRepair:
    """A repair after one of its acts was settled, by its outcome or by looking."""
    if result is Result.UNKNOWN:
        return past
    settled = next((i for i in past.in_doubt if i.number == number), None)
    if settled is None:
        return past
    is_done = result is Result.DONE
    over = {number} | {i.number for i in past.in_doubt if is_done and _is_same(i, settled)}
    in_doubt = tuple(i for i in past.in_doubt if i.number not in over)
    done = (settled,) if is_done and not settled.is_undo else ()
    return replace(past, in_doubt=in_doubt, done=(*past.done, *done))


def _is_same(earlier: Intent, later: Intent) -> bool:
    """Whether one act was another try of the same: what the later brought about settles both."""
    both = {type(earlier.action), type(later.action)}
    return earlier.action == later.action or both == {Restart}


def _kept(record: Path, facts: Mapping[str, Any]) -> Kept:
    return Kept(
        _text(facts, "unit"),
        record.with_name(Path(facts["path"]).name),
        str(facts["sha256"]),
        int(facts["mode"], 8),
        int(facts["uid"]),
        int(facts["gid"]),
        str(facts["token"]),
    )


def _text(facts: Mapping[str, Any], name: str) -> Untrusted:
    """A field that is text. Raises KeyError or TypeError where it is not."""
    text = facts[name]
    if not isinstance(text, str):
        raise TypeError(f"{name} is no text")
    return Untrusted(text)


def _quarantined(past: PastRepair, unit: Untrusted, path: Untrusted) -> PastRepair:
    """The newest copy of the unit's file, with the place that the machine told."""
    newest = max((n for n, kept in enumerate(past.kept) if kept.unit == unit), default=None)
    if newest is None:
        return past
    kept = [replace(k, quarantine=path) if n == newest else k for n, k in enumerate(past.kept)]
    return replace(past, kept=tuple(kept))


def _with(stages: tuple[Stage, ...], stage: Stage) -> tuple[Stage, ...]:
    return stages if stage in stages else (*stages, stage)


def stages_before(stage: Stage, stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages before one of them; all of them, where it is not among them."""
    return stages[: stages.index(stage)] if stage in stages else stages
