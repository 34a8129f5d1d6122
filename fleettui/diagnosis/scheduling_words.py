"""A placement in two sentences: how many machines are left, and what would have to change."""

from collections.abc import Iterator

import msgspec

from fleettui.diagnosis.scheduling import MachineVerdict, Placement, Verdict
from fleettui.diagnosis.scheduling_obstacles import Obstacle, Rule
from fleettui.diagnosis.scheduling_places import is_inactive
from fleettui.model.cluster import Snapshot
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted

MAX_CHANGES = 3
"""Changes told of one machine: more of them are no way out that anybody would take."""
_CROWDED = {Rule.CONFLICTS, Rule.REPLACES}
"""The rules about what else is there; the others are about the machine."""


def summary(placement: Placement) -> str:
    """How many machines are left after each rule that excludes one.

    Such as `2 of 5 machines qualify for MachineMetadata, 0 of 5 after Conflicts`.
    """
    if placement.problem is not None:
        return f"not checked: {placement.problem}"
    total = len(placement.machines)
    if not total:
        return "the registry knows no machine"
    unsure = len(placement.of(Verdict.UNSURE))
    parts = list(_funnel(placement.machines)) or [_all_of(total, unsure)]
    if unsure:
        parts.append(f"{unsure} of them unsure")
    return ("global: " if placement.is_global else "") + ", ".join(parts)


def what_to_change(placement: Placement, snapshot: Snapshot) -> str:
    """The smallest change after which a machine could take the unit, in one line."""
    if placement.problem is not None:
        return _unread(placement, snapshot)
    if not placement.machines:
        return "start fleet on a machine: none is in the registry"
    target = _target(placement, snapshot)
    if target is not None:
        return f"nothing: it is scheduled to {snapshot.machine_name(target)}"
    if placement.of(Verdict.QUALIFIES):
        return _nothing(placement, snapshot)
    unsure = placement.of(Verdict.UNSURE)
    if unsure:
        machine = snapshot.machine_name(unsure[0].machine.id)
        return f"it cannot be told whether {machine} would take it: {unsure[0].doubt}"
    ways = [list(_changes(judged, snapshot)) for judged in placement.machines]
    return _way(min(ways, key=lambda way: sum(change.cost for change in way)), placement)


def _unread(placement: Placement, snapshot: Snapshot) -> str:
    unit = snapshot.units.get(placement.unit)
    if unit is not None and unit.wanted is None:
        return "load or start it again: fleet passes over it as long as its target state is unknown"
    return "submit the unit again: fleet's engine passes over it as it is"


def _target(placement: Placement, snapshot: Snapshot) -> Untrusted | None:
    unit = snapshot.units.get(placement.unit)
    return unit.target if unit is not None and unit.target in snapshot.machines else None


def _way(changes: list["_Change"], placement: Placement) -> str:
    said = [_said(change, placement, len(changes) == 1) for change in changes[:MAX_CHANGES]]
    more = len(changes) - len(said)
    return "; and ".join([*said, f"{more} more changes there"] if more else said)


def _funnel(machines: tuple[MachineVerdict, ...]) -> Iterator[str]:
    total, left = len(machines), list(machines)
    for rule in Rule:
        after = [judged for judged in left if not _excluded_by(judged, rule)]
        if len(after) < len(left):
            if len(left) < total:
                yield f"{len(after)} of {total} after {rule}"
            elif rule in _CROWDED:
                yield f"{len(after)} of {_machines(total)} left after {rule}"
            else:
                yield f"{len(after)} of {_machines(total)} {_verb(len(after))} for {rule}"
        left = after


def _excluded_by(judged: MachineVerdict, rule: Rule) -> bool:
    return judged.verdict is Verdict.EXCLUDED and any(o.rule is rule for o in judged.obstacles)


def _machines(number: int) -> str:
    return f"{number} machine" if number == 1 else f"{number} machines"


def _verb(number: int) -> str:
    return "qualifies" if number == 1 else "qualify"


def _all_of(total: int, unsure: int) -> str:
    if unsure:
        return f"none of {_machines(total)} is excluded"
    return "the only machine qualifies" if total == 1 else f"all {total} machines qualify"


def _nothing(placement: Placement, snapshot: Snapshot) -> str:
    fit = len(placement.of(Verdict.QUALIFIES))
    takers = f"{_machines(fit)} {'is' if fit == 1 else 'are'} free to take it"
    unit = snapshot.units.get(placement.unit)
    if placement.is_global:
        return f"nothing: it is global, and {takers} without the engine"
    if unit is not None and is_inactive(unit):
        return f"load or start it: {takers}, but nobody asked for it"
    return _no_leader(takers, snapshot) or (
        f"nothing in the unit: {takers}, and the engine on {_leader(snapshot)} has not acted yet"
    )


def _no_leader(takers: str, snapshot: Snapshot) -> str | None:
    if snapshot.leader is None:
        return f"get an engine elected: {takers}, but nothing is scheduled without a leader"
    if snapshot.leader.machine_id not in snapshot.machines:
        gone = f"the leader {_leader(snapshot)} is not in the registry"
        return f"get an engine elected: {takers}, but {gone}"
    return None


def _leader(snapshot: Snapshot) -> str:
    return snapshot.machine_name(snapshot.leader.machine_id) if snapshot.leader else "no machine"


class _Change(msgspec.Struct, frozen=True):
    """One thing to do about one machine; the cost only puts the ways in order."""

    cost: int
    text: str
    reason: str
    blocking: Untrusted | None = None


def _changes(judged: MachineVerdict, snapshot: Snapshot) -> Iterator[_Change]:
    machine = snapshot.machine_name(judged.machine.id)
    in_the_way: dict[Untrusted, Obstacle] = {}
    for obstacle in judged.obstacles:
        if obstacle.blocking is None:
            yield _for_machine(obstacle, machine)
        elif obstacle.owner == obstacle.blocking or obstacle.blocking not in in_the_way:
            in_the_way[obstacle.blocking] = obstacle
    for blocking, obstacle in in_the_way.items():
        yield _for_unit_in_the_way(blocking, obstacle, machine, snapshot)


def _for_machine(obstacle: Obstacle, machine: str) -> _Change:
    option, missing = obstacle.option, obstacle.missing
    match obstacle.rule:
        case Rule.METADATA:
            text = f"give {machine} {missing}, or drop {option} from the unit"
            return _Change(4, text, obstacle.words)
        case Rule.MACHINE_OF if missing != obstacle.owner:
            text = f"have {missing} scheduled to {machine}, or drop {option} from the unit"
            return _Change(5, text, obstacle.words)
        case Rule.GLOBAL:
            return _Change(10, "write Global=true", obstacle.words)
        case _:
            return _Change(20, f"drop {option} from the unit", obstacle.words)


def _for_unit_in_the_way(
    blocking: Untrusted, obstacle: Obstacle, machine: str, snapshot: Snapshot
) -> _Change:
    whose = "its" if obstacle.owner == blocking else "this unit's"
    reason = f"{whose} {obstacle.option}"
    unit = snapshot.units.get(blocking)
    if unit is not None and unit.target is None:  # a global one counts even when it is unloaded
        return _Change(7, f"destroy the global unit {blocking}", reason, blocking)
    cost = 1 if is_template(blocking.raw) else 3
    return _Change(cost, f"unload {blocking} from {machine}", reason, blocking)


def _said(change: _Change, placement: Placement, is_alone: bool) -> str:
    if change.blocking is None:
        return f"{change.text}: {change.reason}"
    if not is_alone:
        return f"{change.text}: {change.reason} stands against it"
    every = all(
        any(o.blocking == change.blocking for o in judged.obstacles)
        for judged in placement.machines
        if all(o.rule in _CROWDED for o in judged.obstacles)
    )
    where = "every machine that could take it" if every else "that machine"
    return f"{change.text}: {change.reason} keeps this unit off {where}"
