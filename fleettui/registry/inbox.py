"""What the follower's thread is told: orders from outside, reports from its own threads.

Whoever gives an order has not loaded what an event is, and nothing here is decoded.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from queue import SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from fleettui.access import RegistryUnavailable

if TYPE_CHECKING:
    from fleettui.registry.answers import Event


class Order(Enum):
    """From outside."""

    REFRESH = "refresh"
    STOP = "stop"


class Stopped(Exception):
    """The follower was told to stop."""


class Happened(msgspec.Struct, frozen=True):
    """Events of a stream or of the watch, in order."""

    events: "Sequence[Event]"


class WatchEnded(msgspec.Struct, frozen=True):
    """The watch has to be begun again: from a full read where `cleared`, else where it was."""

    cleared: bool


class StreamOpened(msgspec.Struct, frozen=True):
    """A stream stands, and brings what comes after an index."""

    index: int


class StreamEnded(msgspec.Struct, frozen=True):
    """A stream ended, or never came about."""

    is_refused: bool
    """Where there is etcd, but something on the way, or etcd itself, does not stream."""


class Ahead(msgspec.Struct, frozen=True):
    """etcd has an event of this index, which a living stream brings as well."""

    index: int


class Unknowable(msgspec.Struct, frozen=True):
    """etcd no longer knows what happened since the last event that was seen."""


class Alive(msgspec.Struct, frozen=True):
    """etcd answered, through its quorum."""

    asked_at: datetime
    """UTC."""
    took: float
    """Seconds, for two answers one after the other."""
    store_index: int
    """How far etcd had come then."""
    lease_index: int


class Dead(msgspec.Struct, frozen=True):
    """etcd did not answer, or not as it should."""

    problem: RegistryUnavailable


Report = Happened | WatchEnded | StreamOpened | StreamEnded | Ahead | Unknowable | Alive | Dead
Message = Order | tuple[object, Report]
"""A report comes with who sent it: one that was replaced is no longer listened to."""
Inbox = SimpleQueue[Message]
