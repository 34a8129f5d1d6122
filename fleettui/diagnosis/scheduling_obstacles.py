"""What keeps a unit off a machine: one obstacle for each condition that is not met."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from fleettui.diagnosis.scheduling_places import Resident, before_by_name
from fleettui.diagnosis.scheduling_rules import Rules, Wish, Wishes, wishes_of
from fleettui.model.cluster import Machine, Snapshot, Unit
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted

_SHORT = 8
"""Characters of a machine ID that fleet takes for the whole (fleet machine/state.go)."""


class Rule(StrEnum):
    """The rules, in the order in which fleet asks them."""

    GLOBAL = "Global"
    MACHINE_ID = "MachineID"
    METADATA = "MachineMetadata"
    MACHINE_OF = "MachineOf"
    CONFLICTS = "Conflicts"
    REPLACES = "Replaces"


class Obstacle(msgspec.Struct, frozen=True):
    """One condition that a machine does not meet."""

    rule: Rule
    owner: Untrusted
    """The unit whose option it is: the one that seeks a place, or one that has found it."""
    option: Untrusted
    """The option as fleet takes it: one value, specifiers filled in."""
    words: str
    """Half a sentence, safe to be shown."""
    blocking: Untrusted | None = None
    """The unit in the way."""
    missing: Untrusted | None = None
    """The unit or the `key=value` that is not there."""
    sure: bool = True


def engine_obstacles(
    unit: Unit, machine: Machine, snapshot: Snapshot, rules: Rules, here: tuple[Resident, ...]
) -> Iterator[Obstacle]:
    """What the engine holds against a machine (fleet agent/state.go AbleToRun)."""
    wishes = wishes_of(unit, rules)
    if wishes is None:
        return
    yield from _other_id(wishes, machine, snapshot)
    yield from _lacking_metadata(wishes, machine)
    yield from _absent_peers(wishes, snapshot, here)
    yield from _conflicts(wishes, here)
    if rules.replaces_excludes:
        yield from _replacements(wishes, here)


def agent_obstacles(
    unit: Unit, machine: Machine, snapshot: Snapshot, rules: Rules
) -> Iterator[Obstacle]:
    """What a machine's agent holds against a global unit (agent/reconcile.go desiredAgentState).

    MachineID and MachineOf do not count for one.
    """
    wishes = wishes_of(unit, rules)
    if wishes is None:
        return
    if not wishes.is_global:
        words = f"fleet {rules.words} on this machine takes no other word than Global=true"
        yield Obstacle(Rule.GLOBAL, unit.name, Untrusted("Global"), words)
        return
    yield from _lacking_metadata(wishes, machine)
    if rules.globals_give_way:
        yield from _conflicts(wishes, before_by_name(unit, machine, snapshot, rules))


def _other_id(wishes: Wishes, machine: Machine, snapshot: Snapshot) -> Iterator[Obstacle]:
    wish = wishes.machine_id
    if wish is None or _has_id(machine, wish.value):
        return
    text = wish.text()
    if wish.option == "X-ConditionMachineBootID":
        words = f"{text} is held against the machine's ID, which no boot ID equals"
    elif any(_has_id(other, wish.value) for other in snapshot.machines.values()):
        words = f"{text} names another machine"
    else:
        words = f"{text} names no machine of this cluster"
    yield Obstacle(Rule.MACHINE_ID, wishes.unit, text, words)


def _has_id(machine: Machine, wanted: str) -> bool:
    return wanted in {machine.id.raw, machine.id.raw[:_SHORT]}


def _lacking_metadata(wishes: Wishes, machine: Machine) -> Iterator[Obstacle]:
    has = {key.raw: value for key, value in machine.metadata}
    for key, wanted in wishes.unmet_metadata(machine):
        asked = " or ".join(str(Untrusted(wish.value)) for wish in wanted[:4])
        asked += " or others" if len(wanted) > 4 else ""
        if key in has:
            words = f"{asked} is asked for, and this machine has {Untrusted(key)}={has[key]}"
        else:
            words = f"{asked} is asked for, and this machine has no {Untrusted(key)}"
        option = Untrusted(" ".join(wish.text().raw for wish in wanted[:4]))
        missing = Untrusted(wanted[0].value)
        yield Obstacle(Rule.METADATA, wishes.unit, option, words, missing=missing)


def _absent_peers(
    wishes: Wishes, snapshot: Snapshot, here: tuple[Resident, ...]
) -> Iterator[Obstacle]:
    counted = {resident.name.raw: resident.sure for resident in here}
    for wish in wishes.peers:
        if counted.get(wish.value) is True:
            continue
        peer = Untrusted(wish.value)
        words = f"{peer} is not scheduled here{_whereabouts(peer, wishes.unit, snapshot)}"
        sure = wish.value not in counted
        yield Obstacle(Rule.MACHINE_OF, wishes.unit, wish.text(), words, None, peer, sure)


def _whereabouts(peer: Untrusted, seeker: Untrusted, snapshot: Snapshot) -> str:
    unit = snapshot.units.get(peer)
    if peer == seeker:
        return ": the unit asks for itself"
    if unit is None:
        return ", nor known to the registry"
    if unit.target is not None:
        return f", but to {snapshot.machine_name(unit.target)}"
    return "" if unit.is_global else ", nor anywhere else"


def _conflicts(wishes: Wishes, here: Iterable[Resident]) -> Iterator[Obstacle]:
    for other in here:
        if other.name != wishes.unit:
            own = wishes.conflict_with(other.name)
            theirs = other.wishes.conflict_with(wishes.unit)
            yield from _in_the_way(Rule.CONFLICTS, wishes.unit, own, other, theirs)


def _replacements(wishes: Wishes, here: Iterable[Resident]) -> Iterator[Obstacle]:
    """In 0.13 one way excludes; both ways at once are a circle, and count for nothing."""
    for other in here:
        if other.name != wishes.unit:
            own = wishes.replacement_of(other.name)
            theirs = other.wishes.replacement_of(wishes.unit)
            if own is None or theirs is None:
                yield from _in_the_way(Rule.REPLACES, wishes.unit, own, other, theirs)


def _in_the_way(
    rule: Rule, unit: Untrusted, own: Wish | None, other: Resident, theirs: Wish | None
) -> Iterator[Obstacle]:
    name, kind = other.name, _kind(other)
    if own is not None:
        text = own.text()
        words = f"{name}{kind} is scheduled here, and this unit's {text} names it"
        yield Obstacle(rule, unit, text, words, name, sure=other.sure)
    if theirs is not None:
        text = theirs.text()
        words = f"{name}{kind} is scheduled here, and its {text} names this unit"
        yield Obstacle(rule, name, text, words, name, sure=other.sure)


def _kind(other: Resident) -> str:
    if is_template(other.name.raw):
        return ", a template without its instance,"
    return ", a global unit," if other.wishes.is_global else ""
