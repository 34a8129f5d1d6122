"""A repair as data: its steps in their order, each with its literal commands, effects and proof."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine, TargetState
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Restart, SetTargetState, Stage, Step, Way
from fleettui.repair.planning.cures import (
    bad_target_state,
    ghost_state,
    needs_daemon_reload,
    orphan_job,
    template_loaded,
)
from fleettui.repair.planning.cures.by_hand import BY_HAND
from fleettui.repair.planning.cures.cure import Cure
from fleettui.repair.planning.look import Look, NotRepairable
from fleettui.repair.planning.restart import restart_step
from fleettui.repair.planning.stake import UnitAtStake


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one repair, in the only order in which they are run."""

    fault: str
    """The fault's id in the catalogue."""
    units: tuple[Untrusted, ...]
    """What is repaired; of template-loaded every template that breaks the machine."""
    machine: Machine | None
    """None where only the registry is changed."""
    host: str
    """What is typed to confirm a full restart: the host's name, or the short machine ID. Empty
    without a machine.
    """
    token: str
    """Names this repair in the quarantine folder and the record."""
    steps: tuple[Step, ...]
    ways: tuple[Way, ...]
    """Restarts on offer, the default first; none where nothing is restarted."""
    at_stake: tuple[UnitAtStake, ...]
    """The machine's units, by name; none where nothing is restarted."""
    words: tuple[TargetState, ...] = ()
    """Target states on offer, the default first; only against bad-target-state."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The steps' stages in their order, and the proof at the end."""
        return (*(step.stage for step in self.steps), Stage.VERIFY)

    @property
    def machine_id(self) -> Untrusted:
        """Empty for a repair of the registry alone."""
        return self.machine.id if self.machine else Untrusted("")

    def step(self, stage: Stage) -> Step:
        """The step of a stage. Raises StopIteration for VERIFY, which is none, and for others."""
        return next(step for step in self.steps if step.stage is stage)

    @property
    def way(self) -> Way | None:
        """The restart that its restart step takes; None where it has none."""
        actions = (action for step in self.steps for action in step.actions)
        return next((action.way for action in actions if isinstance(action, Restart)), None)

    @property
    def word(self) -> TargetState | None:
        """The target state that it sets, of those on offer; None where none are."""
        swap = self._swap
        return swap.wanted if swap and self.words else None

    @property
    def _swap(self) -> SetTargetState | None:
        actions = (action for step in self.steps for action in step.actions)
        return next((action for action in actions if isinstance(action, SetTargetState)), None)

    def with_way(self, way: Way) -> "Plan":
        """The same plan with another restart. Raises ValueError for one that is not on offer."""
        if way not in self.ways or self.machine is None:
            raise ValueError(f"the {way} restart is not on offer")
        return self._with(restart_step(way, self.at_stake, self.machine.version))

    def with_stake(self, at_stake: tuple[UnitAtStake, ...]) -> "Plan":
        """The same plan, for a machine that holds other units by now."""
        if self.way is None or self.machine is None:
            return self
        restart = restart_step(self.way, at_stake, self.machine.version)
        return replace(self._with(restart), at_stake=at_stake)

    def with_word(self, word: TargetState) -> "Plan":
        """The same plan with another target state. Raises ValueError for one not on offer."""
        swap = self._swap
        if word not in self.words or swap is None:
            raise ValueError(f"the target state {word} is not on offer")
        return self._with(bad_target_state.registry_step(swap.unit, swap.expected, word))

    def _with(self, other: Step) -> "Plan":
        steps = tuple(other if step.stage is other.stage else step for step in self.steps)
        return replace(self, steps=steps)


CURES: Mapping[str, Callable[[Finding, Look], Cure]] = MappingProxyType(
    {
        template_loaded.FAULT: template_loaded.template_loaded,
        needs_daemon_reload.FAULT: needs_daemon_reload.needs_daemon_reload,
        ghost_state.FAULT: ghost_state.ghost_state,
        bad_target_state.FAULT: bad_target_state.bad_target_state,
        orphan_job.FAULT: orphan_job.orphan_job,
    }
)
"""By the fault's id in the catalogue; every other fault is in BY_HAND."""


def plan_repair(finding: Finding, look: Look, token: str) -> Plan:
    """The plan against a finding, from what was just read.

    Raises NothingToRepair, or NotRepairable with what to do by hand.
    """
    cure = CURES.get(finding.fault)
    if cure is None:
        by_hand = BY_HAND.get(finding.fault)
        raise NotRepairable(str(by_hand) if by_hand else finding.remedy)
    made = cure(finding, look)
    return Plan(
        finding.fault,
        made.units,
        made.machine,
        made.host,
        token,
        made.steps,
        made.ways,
        made.at_stake,
        made.words,
    )
