"""Who counts on which machine when fleet looks for a place, whatever runs there."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from fleettui.diagnosis.scheduling_rules import Rules, Wishes, wishes_of
from fleettui.model.cluster import Machine, Snapshot, TargetState, Unit
from fleettui.model.untrusted import Untrusted


class Resident(msgspec.Struct, frozen=True):
    """A unit that counts on a machine."""

    wishes: Wishes
    sure: bool = True
    """False where it changes from round to round whether it counts."""

    @property
    def name(self) -> Untrusted:
        """The unit's."""
        return self.wishes.unit


Residents = Mapping[Untrusted, tuple[Resident, ...]]
"""By machine ID."""


def residents(snapshot: Snapshot, rules: Rules) -> Residents:
    """Who counts for the engine (fleet engine/state.go newClusterState and agents).

    A unit counts where its target is, loaded or not, dead or alive, unless its target state is
    inactive. A global unit counts wherever its metadata fits, even one that was only submitted.
    """
    known = list(_readable(snapshot, rules))
    global_units = [wishes for _, wishes in known if wishes.is_global]
    placed: dict[Untrusted, list[Wishes]] = {machine: [] for machine in snapshot.machines}
    for unit, wishes in known:
        if not wishes.is_global and unit.target in placed and not is_inactive(unit):
            placed[unit.target].append(wishes)
    return {
        machine_id: (
            *(Resident(wishes) for wishes in placed[machine_id]),
            *_global_residents(global_units, machine, placed[machine_id], rules),
        )
        for machine_id, machine in snapshot.machines.items()
    }


def before_by_name(
    unit: Unit, machine: Machine, snapshot: Snapshot, rules: Rules
) -> tuple[Resident, ...]:
    """Whom a machine's agent has accepted when it comes to a unit, going by name.

    From 1.0 on an agent drops what conflicts with a unit before it, the scheduled ones too
    (fleet agent/reconcile.go desiredAgentState).
    """
    accepted: list[Wishes] = []
    earlier = ((u, w) for u, w in _readable(snapshot, rules) if u.name.raw < unit.name.raw)
    for other, wishes in earlier:
        here = is_met(wishes, machine) if wishes.is_global else other.target == machine.id
        if here and not _clashes(wishes, accepted):
            accepted.append(wishes)
    return tuple(Resident(wishes) for wishes in accepted)


def is_inactive(unit: Unit) -> bool:
    """Whether the word is there: a unit without a target state counts as wanted for the engine."""
    return unit.target_state is not None and unit.target_state.raw == TargetState.INACTIVE


def is_met(wishes: Wishes, machine: Machine) -> bool:
    """Whether a machine has the metadata that a unit asks for."""
    return not any(wishes.unmet_metadata(machine))


def _readable(snapshot: Snapshot, rules: Rules) -> Iterator[tuple[Unit, Wishes]]:
    """fleet passes over units whose file or target state it cannot read (registry/job.go)."""
    for unit in sorted(snapshot.units.values(), key=lambda unit: unit.name.raw):
        wishes = wishes_of(unit, rules)
        if wishes is not None and unit.wanted is not None:
            yield unit, wishes


def _global_residents(
    candidates: Iterable[Wishes], machine: Machine, placed: list[Wishes], rules: Rules
) -> Iterator[Resident]:
    """The global units on one machine.

    From 1.0 on one gives way to what is scheduled there, and of two global units that conflict the
    one that Go's map happens to yield first counts: so both may, and neither surely does.
    """
    fitting = [wishes for wishes in candidates if is_met(wishes, machine)]
    if rules.globals_give_way:
        fitting = [wishes for wishes in fitting if not _clashes(wishes, placed)]
    for wishes in fitting:
        yield Resident(wishes, not (rules.globals_give_way and _clashes(wishes, fitting)))


def _clashes(wishes: Wishes, others: Iterable[Wishes]) -> bool:
    return any(
        other.unit != wishes.unit
        and (wishes.conflict_with(other.unit) or other.conflict_with(wishes.unit))
        for other in others
    )
