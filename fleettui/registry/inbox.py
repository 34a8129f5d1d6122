"""What the follower's thread is told: orders from outside, reports from its own two threads."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from queue import SimpleQueue

from fleettui.access import RegistryUnavailable
from fleettui.registry.answers import Event


class Order(Enum):
    """From outside."""

    REFRESH = "refresh"
    STOP = "stop"


class Stopped(Exception):
    """The follower was told to stop."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the watch."""

    event: Event


@dataclass(frozen=True, slots=True)
class WatchEnded:
    """The watch has to be begun again: from a full read where `cleared`, else where it was."""

    cleared: bool


@dataclass(frozen=True, slots=True)
class Alive:
    """etcd answered, through its quorum."""

    asked_at: datetime
    """UTC."""
    lease_index: int


@dataclass(frozen=True, slots=True)
class Dead:
    """etcd did not answer, or not as it should."""

    problem: RegistryUnavailable


Report = Happened | WatchEnded | Alive | Dead
Message = Order | tuple[object, Report]
"""A report comes with who sent it: one that was replaced is no longer listened to."""
Inbox = SimpleQueue[Message]
