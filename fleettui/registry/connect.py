"""The reader and the writer that are made from a registry's settings.

What writes is imported with the first writer: an observer's process never loads it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleettui.access import Dial
from fleettui.registry.endpoints import checked_endpoints
from fleettui.registry.follow import RegistryFollower
from fleettui.registry.forerunner import Begun
from fleettui.registry.keys import keys_under
from fleettui.registry.pace import Pace, pace_of
from fleettui.registry.settings import RegistrySettings
from fleettui.registry.way import STRAIGHT, Way, way_of

if TYPE_CHECKING:
    from fleettui.registry.write import EtcdWriter


def reader_for(
    settings: RegistrySettings, dial: Dial | None = None, begun: Begun | None = None
) -> RegistryFollower:
    """A reader; connects to nothing yet. `begun` is its first read, where that was sent already.

    Raises ValueError for a bad endpoint or prefix.
    """
    way, pace = way_of(settings, dial), pace_of(settings)
    reader = connect_reader(settings.endpoints, settings.prefix, way, pace)
    if begun is not None:
        reader.take_over(begun)
    return reader


def writer_for(
    settings: RegistrySettings, reader: RegistryFollower, dial: Dial | None = None
) -> "EtcdWriter":
    """A writer to the cluster that `reader` reads; connects to nothing yet. Raises ValueError."""
    way, pace = way_of(settings, dial), pace_of(settings)
    return connect_writer(settings.endpoints, settings.prefix, reader, way, pace)


def connect_reader(
    endpoints: Iterable[str], prefix: str, way: Way = STRAIGHT, pace: Pace | None = None
) -> RegistryFollower:
    """A reader; connects to nothing yet. Raises ValueError for a bad endpoint or prefix."""
    return RegistryFollower(checked_endpoints(endpoints), keys_under(prefix), pace, way)


def connect_writer(
    endpoints: Iterable[str],
    prefix: str,
    reader: RegistryFollower | None = None,
    way: Way = STRAIGHT,
    pace: Pace | None = None,
) -> "EtcdWriter":
    """A writer; connects to nothing yet. Raises ValueError for a bad endpoint or prefix.

    With the session's reader it refuses to write to any other cluster than the one being read.
    """
    from fleettui.registry.write import EtcdWriter

    cluster = reader.cluster if reader is not None else None
    return EtcdWriter(checked_endpoints(endpoints), keys_under(prefix), cluster, pace, way)
