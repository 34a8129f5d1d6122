"""The reader and the writer that are made from a registry's settings."""

from collections.abc import Iterable

from fleettui.registry.endpoints import checked_endpoints
from fleettui.registry.follow import RegistryFollower
from fleettui.registry.keys import keys_under
from fleettui.registry.settings import RegistrySettings
from fleettui.registry.write import EtcdWriter


def reader_for(settings: RegistrySettings) -> RegistryFollower:
    """A reader; connects to nothing yet. Raises ValueError for a bad endpoint or prefix."""
    return connect_reader(settings.endpoints, settings.prefix)


def writer_for(settings: RegistrySettings, reader: RegistryFollower) -> EtcdWriter:
    """A writer to the cluster that `reader` reads; connects to nothing yet. Raises ValueError."""
    return connect_writer(settings.endpoints, settings.prefix, reader)


def connect_reader(endpoints: Iterable[str], prefix: str) -> RegistryFollower:
    """A reader; connects to nothing yet. Raises ValueError for a bad endpoint or prefix."""
    return RegistryFollower(checked_endpoints(endpoints), keys_under(prefix))


def connect_writer(
    endpoints: Iterable[str], prefix: str, reader: RegistryFollower | None = None
) -> EtcdWriter:
    """A writer; connects to nothing yet. Raises ValueError for a bad endpoint or prefix.

    With the session's reader it refuses to write to any other cluster than the one being read.
    """
    cluster = reader.cluster if reader is not None else None
    return EtcdWriter(checked_endpoints(endpoints), keys_under(prefix), cluster)
