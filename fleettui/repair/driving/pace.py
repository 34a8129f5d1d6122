"""How long a repair looks, and how often; all in seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from fleettui.diagnosis.lines import QUIET


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits of a repair; the defaults are those of real machines."""

    look_every: float = 1.0
    clean_within: float = 20.0
    """The engine takes a target away within 1 to 2 s."""
    gone_within: float = 20.0
    """What was killed is gone at once."""
    started_within: float = 180.0
    returned_within: float = 300.0
    """Units may pull images before they start; then what is still away is reported."""
    verified_within: float = 120.0
    """From 0.13 on a machine may be off the registry for 30 s."""
    blocked_within: float = 30.0
    """What an instance that was blocked gets to come up before it is reported as it stands."""
    settled: float = 10.0
    """A new fleetd must stay active for so long before it counts as started."""
    quiet: float = QUIET.total_seconds()
    """More than two periods of the slower loop of a template that was loaded."""
    gone_for: float = 17.0
    """More than half a TTL: by then an agent would have written a deleted state again."""
    in_doubt: float = 15.0
    """What was sent and shows no effect for so long has had none."""
    clock: Callable[[], float] = monotonic
    """What these are measured by."""
    lock_ttl: int = 30
    lock_every: float = 8.0
    """Between two refreshes of the lock: three may fail before it expires."""
