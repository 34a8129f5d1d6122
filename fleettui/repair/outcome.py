"""What became of a step, as it was read back, and what is being watched meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleettui.model.untrusted import Untrusted
from fleettui.repair.plan import Step


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


@dataclass(frozen=True, slots=True)
class Progress:
    """All conditions of a stage as they stand now; replaces the one before."""

    checks: tuple[Check, ...]


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
    who: str
    at: datetime
