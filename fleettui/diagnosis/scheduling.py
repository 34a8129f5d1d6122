"""Why a unit is not scheduled: machine by machine, which rule of fleet's scheduler excludes it.

fleet says nothing about it at its default verbosity (its issue #912). The rules are those of the
engine leader's release (`AgentState.AbleToRun` in fleet agent/state.go); where the release is not
known all that may be in force are applied, and where they differ the verdict is unsure. That a
machine is more loaded than others never excludes it. A global unit is no business of the engine:
its verdicts are those of each machine's own agent.

Metadata is taken as merged with its dynamic keys, as fleet 1.0 does; an older leader would not see
those.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from fleettui.diagnosis.scheduling_obstacles import (
    Obstacle,
    agent_obstacles,
    engine_obstacles,
)
from fleettui.diagnosis.scheduling_places import Residents, residents
from fleettui.diagnosis.scheduling_rules import (
    MAX_LINE,
    MAX_VALUES,
    RULES,
    Rules,
    has_long_line,
    rules_in_force,
    rules_of,
    wishes_of,
)
from fleettui.model.cluster import Machine, Snapshot, TargetState, Unit
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted
from fleettui.model.version import parse_version


class Verdict(StrEnum):
    """Whether fleet would put a unit on a machine, or run a global one there."""

    QUALIFIES = "qualifies"
    EXCLUDED = "excluded"
    UNSURE = "unsure"
    """It depends on what cannot be seen from here; `doubt` says on what."""
    NOT_CHECKED = "not checked"


class MachineVerdict(msgspec.Struct, frozen=True):
    """One machine and all that stands against it, in the order in which fleet asks."""

    machine: Machine
    verdict: Verdict
    obstacles: tuple[Obstacle, ...] = ()
    doubt: str | None = None


class Placement(msgspec.Struct, frozen=True):
    """Where a unit may go and where not."""

    unit: Untrusted
    machines: tuple[MachineVerdict, ...]
    is_global: bool = False
    problem: str | None = None
    """Why no machine was checked; fleet's engine passes over such a unit as well."""
    gaps: tuple[str, ...] = ()
    """What is not known, so that nothing follows from silence about it."""

    def of(self, verdict: Verdict) -> tuple[MachineVerdict, ...]:
        """The machines with this verdict, in the order of `machines`."""
        return tuple(m for m in self.machines if m.verdict is verdict)

    @property
    def templates_in_the_way(self) -> tuple[tuple[Untrusted, Untrusted], ...]:
        """Each template that was loaded without its instance and keeps the unit off a machine."""
        return tuple(
            dict.fromkeys(
                (obstacle.blocking, judged.machine.id)
                for judged in self.machines
                for obstacle in judged.obstacles
                if obstacle.blocking is not None and is_template(obstacle.blocking.raw)
            )
        )


def is_waiting(unit: Unit) -> bool:
    """Whether somebody wants a unit that no machine has been chosen for; never a global one."""
    wanted = unit.wanted in {TargetState.LOADED, TargetState.LAUNCHED}
    return wanted and unit.target is None and not unit.is_global


def explain(unit: Unit, snapshot: Snapshot) -> Placement:
    """The verdict of every machine in the snapshot on one unit."""
    return next(explain_each((unit,), snapshot))


def explain_each(units: Iterable[Unit], snapshot: Snapshot) -> Iterator[Placement]:
    """As `explain`; who counts on which machine is worked out once."""
    stages = tuple(_Stage(r, residents(snapshot, r)) for r in rules_in_force(snapshot))
    for unit in units:
        yield _explain(unit, snapshot, stages)


class _Stage(msgspec.Struct, frozen=True):
    """One set of rules that may be in force, and who counts on which machine under it."""

    rules: Rules
    residents: Residents


def _explain(unit: Unit, snapshot: Snapshot, stages: tuple[_Stage, ...]) -> Placement:
    machines = tuple(snapshot.machines.values())
    problem = _problem(unit)
    if problem is not None:
        unchecked = tuple(MachineVerdict(m, Verdict.NOT_CHECKED) for m in machines)
        return Placement(unit.name, unchecked, problem=problem)
    judged = tuple(_judge(unit, machine, snapshot, stages) for machine in machines)
    is_global = all(_is_global(unit, stage.rules) for stage in stages)
    gaps = tuple(dict.fromkeys(_gaps(unit, snapshot, stages)))
    return Placement(unit.name, judged, is_global, gaps=gaps)


def _problem(unit: Unit) -> str | None:
    if unit.file is None:
        return "its unit file is missing or could not be read"
    if unit.file.problem is not None:
        return f"fleet cannot read its unit file: {unit.file.problem}"
    if unit.wanted is None:
        return f"fleet does not know its target state {unit.target_state}"
    return None


def _judge(
    unit: Unit, machine: Machine, snapshot: Snapshot, stages: tuple[_Stage, ...]
) -> MachineVerdict:
    cases = [
        (rules, obstacles)
        for stage in stages
        for rules, obstacles in _cases(unit, machine, snapshot, stage)
    ]
    verdicts = {_verdict(obstacles) for _, obstacles in cases}
    found = tuple(dict.fromkeys(o for _, obstacles in cases for o in obstacles))
    if len(verdicts) == 1 and Verdict.UNSURE not in verdicts:
        return MachineVerdict(machine, verdicts.pop(), found)
    unsure = tuple(msgspec.structs.replace(obstacle, sure=False) for obstacle in found)
    doubt = "; ".join(dict.fromkeys(_doubt(rules, obstacles) for rules, obstacles in cases))
    return MachineVerdict(machine, Verdict.UNSURE, tuple(dict.fromkeys(unsure)), doubt)


def _cases(
    unit: Unit, machine: Machine, snapshot: Snapshot, stage: _Stage
) -> Iterator[tuple[Rules, tuple[Obstacle, ...]]]:
    if _is_global(unit, stage.rules):
        for rules in rules_of(machine):
            yield rules, tuple(agent_obstacles(unit, machine, snapshot, rules))
    else:
        here = stage.residents[machine.id]
        yield stage.rules, tuple(engine_obstacles(unit, machine, snapshot, stage.rules, here))


def _verdict(obstacles: tuple[Obstacle, ...]) -> Verdict:
    if not obstacles:
        return Verdict.QUALIFIES
    return Verdict.EXCLUDED if any(o.sure for o in obstacles) else Verdict.UNSURE


def _doubt(rules: Rules, obstacles: tuple[Obstacle, ...]) -> str:
    match _verdict(obstacles):
        case Verdict.QUALIFIES:
            return f"fleet {rules.words} would take this machine"
        case Verdict.EXCLUDED:
            return f"fleet {rules.words} would not"
        case _:
            blocking = next((o.blocking for o in obstacles if o.blocking), None)
            return (
                f"fleet {rules.words} would, or would not, take this machine: whether "
                f"{blocking or 'a global unit'} counts there changes from round to round, because "
                "it conflicts with another global unit"
            )


def _gaps(unit: Unit, snapshot: Snapshot, stages: tuple[_Stage, ...]) -> Iterator[str]:
    yield from _version_gaps(snapshot, any(_is_global(unit, s.rules) for s in stages))
    for record in snapshot.bad:
        if record.key.raw.startswith("machines/"):
            yield f"{record.key} could not be read: that machine was not judged"
    refusing = any(stage.rules.long_lines_refused for stage in stages)
    if refusing and unit.file is not None and has_long_line(unit.file):
        yield f"it has a line of {MAX_LINE} bytes or more: fleet from 0.12 on may refuse the file"
    for stage in stages:
        wishes = wishes_of(unit, stage.rules)
        if wishes is not None and wishes.left_out:
            yield f"an option is too long or has over {MAX_VALUES} values: not all was looked at"


def _version_gaps(snapshot: Snapshot, all_machines: bool) -> Iterator[str]:
    leader = snapshot.leader and snapshot.machines.get(snapshot.leader.machine_id)
    if leader is None:
        who = snapshot.machine_name(snapshot.leader.machine_id) if snapshot.leader else None
        said = f"the engine leader {who} is not in the registry" if who else "there is no leader"
        yield f"{said}: judged by the rules of every machine that may become one"
    machines = (leader,) if leader and not all_machines else tuple(snapshot.machines.values())
    unknown = [m for m in machines if len(rules_of(m)) > 1]
    if unknown:
        yield f"the version of fleet is not known: {_said(unknown)}"
    old = [m for m in machines if m not in unknown and _is_old(m)]
    if old:
        yield f"the rules of fleet before 0.8 are not known here: {_said(old)}"


def _is_old(machine: Machine) -> bool:
    version = parse_version(machine.version.raw)
    return version is not None and version < RULES[0].since


def _said(machines: list[Machine]) -> str:
    shown = ", ".join(
        f"{m.short_id} says {m.version if m.version.raw else 'nothing'}" for m in machines[:3]
    )
    return shown + (f" and {len(machines) - 3} more" if len(machines) > 3 else "")


def _is_global(unit: Unit, rules: Rules) -> bool:
    wishes = wishes_of(unit, rules)
    return wishes is not None and wishes.is_global
