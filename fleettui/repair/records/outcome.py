"""What became of a step, as it was read back, and what is being watched meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Step


class Result(StrEnum):
    """How an act ended. Only DONE was read back from the cluster."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It was sent and no answer came, and looking did not settle it."""
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an action or of a step."""

    result: Result
    said: Untrusted
    """What was read back, or the host's own words."""


@dataclass(frozen=True, slots=True)
class Check:
    """One condition that is being watched."""

    name: str
    met: bool
    detail: Untrusted
    required: bool = True
    """Whether the stage fails without it; another one is waited for a while, and then reported."""


class Return(StrEnum):
    """Where a unit stands that a new fleetd may have stopped."""

    UNCHANGED = "unchanged"
    STOPPING = "stopping"
    AWAY = "away"
    BACK = "back"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class UnitReturn:
    """One unit of the machine while its fleetd is replaced."""

    unit: Untrusted
    state: Return
    away: float | None = None
    """Seconds it was away, so far or in all; None where nothing tells, and while it never was."""
    place: str = ""
    """The machine it moved to, safe to show."""


@dataclass(frozen=True, slots=True)
class Absence:
    """How long a unit that ran before a restart did not run."""

    unit: Untrusted
    since: datetime | None
    """UTC, by the machine's clock: when systemd began to stop it; None where nothing tells."""
    seconds: float | None
    """None while it is away, and where the machine's journal does not tell."""
    place: str = ""
    """The machine it moved to, safe to show; empty where it came back."""
    is_over: bool = True
    """Whether it runs again, here or there."""


@dataclass(frozen=True, slots=True)
class Progress:
    """All conditions of a stage as they stand now; replaces the one before."""

    checks: tuple[Check, ...]
    returns: tuple[UnitReturn, ...] = ()
    """The machine's units, by name, while its fleetd is replaced."""


@dataclass(frozen=True, slots=True)
class Acted:
    """One action of a step came to its end."""

    title: str
    """What was done, safe to show."""
    outcome: Outcome


Told = Progress | Acted
"""What the driver of a repair tells while it runs."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An operator's yes to one step, on one machine."""

    step: Step
    machine_id: Untrusted
    """Empty for a repair of the registry alone."""
    who: str
    at: datetime
