"""Several machines with one fault: one after the other, each proven before the next is touched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted
from fleettui.repair.records.outcome import Outcome, Result


@dataclass(frozen=True, slots=True)
class Campaign:
    """Machines in the order in which they are repaired; pure, and every turn is a new one."""

    machines: tuple[Machine, ...]
    verified: tuple[Untrusted, ...] = ()
    """IDs of the machines whose repair was proven, in that order."""
    stopped: Outcome | None = None
    """How the repair of the next machine ended, if it did not verify: nothing is done after it."""

    @property
    def current(self) -> Machine | None:
        """The machine whose turn it is; None after the last, and once the campaign has stopped."""
        return None if self.stopped else next(iter(self.left), None)

    @property
    def left(self) -> tuple[Machine, ...]:
        """The machines that are not proven healthy, the one whose turn it is first."""
        return tuple(m for m in self.machines if m.id not in self.verified)

    def after(self, machine_id: Untrusted, outcome: Outcome) -> "Campaign":
        """The campaign after a machine's verify ended. Raises ValueError out of its turn."""
        if self.current is None or machine_id != self.current.id:
            raise ValueError(f"it is not the turn of {machine_id}")
        if outcome.result is Result.DONE:
            return replace(self, verified=(*self.verified, machine_id))
        return replace(self, stopped=outcome)

    def again(self) -> "Campaign":
        """The same campaign, gone on with at the machine where it stopped."""
        return replace(self, stopped=None)


def campaign_over(machines: Sequence[Machine]) -> Campaign:
    """Each machine once, in the order given."""
    return Campaign(tuple({machine.id: machine for machine in machines}.values()))
