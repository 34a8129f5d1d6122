"""Opens etcd endpoints, each for reading, for writing or for deleting only.

python-etcd is imported with the first of them, in the thread that asks: it takes more than 100 ms,
which the first paint cannot spare.
"""

from typing import TYPE_CHECKING

from fleettui.registry.way import STRAIGHT, Way

if TYPE_CHECKING:
    from fleettui.registry.client import Endpoint

MAX_ANSWER = 64 << 20
"""Bytes of one answer that are read: three times the registry of 10,000 units."""
_MAX_SAID = 1 << 20
"""Bytes of what a write is answered."""


def for_reading(url: str, limit: int = MAX_ANSWER, way: Way = STRAIGHT) -> "Endpoint":
    """An endpoint whose connections carry GET and nothing else."""
    from fleettui.registry import client, transport  # noqa: PLC0415 - see above

    return client.Endpoint(url, transport.GetOnly(limit, way))


def for_writing(url: str, way: Way = STRAIGHT) -> "Endpoint":
    """An endpoint whose connections carry PUT and nothing else."""
    from fleettui.registry import client, transport  # noqa: PLC0415 - see above

    return client.Endpoint(url, transport.PutOnly(_MAX_SAID, way))


def for_deleting(url: str, way: Way = STRAIGHT) -> "Endpoint":
    """An endpoint whose connections carry DELETE and nothing else."""
    from fleettui.registry import client, transport  # noqa: PLC0415 - see above

    return client.Endpoint(url, transport.DeleteOnly(_MAX_SAID, way))
