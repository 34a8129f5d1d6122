"""The reader and the writer that are made from a registry's settings.

What writes is imported with the first writer: an observer's process never loads it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from fleettui.access import Dial
from fleettui.registry.endpoints import checked_endpoints
from fleettui.registry.follow import RegistryFollower
from fleettui.registry.keys import keys_under
from fleettui.registry.pace import Pace
from fleettui.registry.settings import RegistrySettings
from fleettui.registry.way import STRAIGHT, Login, Way

if TYPE_CHECKING:
    from fleettui.registry.write import EtcdWriter


def reader_for(settings: RegistrySettings, dial: Dial | None = None) -> RegistryFollower:
    """A reader; connects to nothing yet. Raises ValueError for a bad endpoint or prefix."""
    way, pace = way_of(settings, dial), pace_of(settings)
    return connect_reader(settings.endpoints, settings.prefix, way, pace)


def writer_for(
    settings: RegistrySettings, reader: RegistryFollower, dial: Dial | None = None
) -> "EtcdWriter":
    """A writer to the cluster that `reader` reads; connects to nothing yet. Raises ValueError."""
    way, pace = way_of(settings, dial), pace_of(settings)
    return connect_writer(settings.endpoints, settings.prefix, reader, way, pace)


def way_of(settings: RegistrySettings, dial: Dial | None = None) -> Way:
    """How these settings reach etcd; with `dial`, through a tunnel. Raises ValueError."""
    login = None
    if settings.username is not None and settings.password is not None:
        login = Login(settings.username, settings.password)
    return Way(settings.ca_file, settings.cert_file, settings.key_file, login, dial)


def pace_of(settings: RegistrySettings) -> Pace:
    """The usual timings, but for how long one request may take.

    Whatever needs the quorum is given the time that etcd itself takes to find that it has none.
    """
    pace, seconds = Pace(), settings.request_timeout
    if seconds is None:
        return pace
    return msgspec.structs.replace(
        pace,
        find_within=seconds,
        answer_within=seconds,
        read_within=seconds,
        quorum_within=max(pace.quorum_within, seconds),
        write_within=max(pace.write_within, seconds),
    )


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
