"""The few writes of a repair, each compared by etcd, over connections that only write.

What sends them is loaded with the first: every operator's console begins by making a writer.
"""

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from fleettui.access import FleetKey, RegistryUnavailable, WriteRefused
from fleettui.model.cluster import TargetState
from fleettui.model.lock import LockHolder
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import (
    STOOD_OTHERWISE,
    ComparisonFailed,
    FolderNotEmpty,
    KeyMissing,
    quote,
)
from fleettui.registry.keys import JOB, STATES, Keys
from fleettui.registry.pace import Pace
from fleettui.registry.threads import in_daemon_thread
from fleettui.registry.way import STRAIGHT, Way

if TYPE_CHECKING:
    from fleettui.registry.lock import Lock
    from fleettui.registry.send import Sender


class EtcdWriter:
    """A `RegistryWriter` over etcd. Cancelling the wait for a write does not recall it."""

    def __init__(
        self,
        endpoints: tuple[str, ...],
        keys: Keys,
        cluster: ClusterId | None = None,
        pace: Pace | None = None,
        way: Way = STRAIGHT,
    ) -> None:
        self._endpoints, self._keys = endpoints, keys
        self._cluster = cluster or ClusterId()
        self._pace, self._way = pace or Pace(), way

    @cached_property
    def _sender(self) -> "Sender":
        from fleettui.registry.send import Sender

        return Sender(self._endpoints, self._keys, self._cluster, self._pace, self._way)

    @cached_property
    def _lock(self) -> "Lock":
        """Of this process; asked for by the loop's thread alone, so that there is one."""
        from fleettui.registry.lock import Lock

        return Lock(self._sender, self._keys.lock)

    async def set_target_state(self, unit: Untrusted, expected: str, wanted: TargetState) -> None:
        """Set `job/UNIT/target-state` to `wanted` if it is `expected`, as fleetctl does."""
        path = self._path((Untrusted(JOB), unit, Untrusted("target-state")), (JOB,), 3)
        put = partial(self._sender.put, path, value=wanted.value, prevValue=expected)
        await _sent(put, lambda other: _other_state(unit, expected, other))

    async def delete_key(self, key: FleetKey, index: int) -> None:
        """Delete a key under `job/` or `states/` if its modifiedIndex is still `index`."""
        path = self._path(key, (JOB, STATES), 3)
        if index < 1:  # etcd takes a prevIndex of 0 for none, and compares nothing
            raise WriteRefused(f"{_named(key)} is not deleted: {index} is no index of etcd.")
        delete = partial(self._sender.delete, path, prevIndex=str(index))
        await _sent(delete, lambda other: f"{_named(key)} was not deleted: {_why(other)}")

    async def delete_empty_folder(self, key: FleetKey) -> None:
        """Delete a folder under `job/` or `states/` that holds nothing any more.

        It is looked at first, because etcd would delete a key of that name just as well.
        """
        path = self._path(key, (JOB, STATES), 2)
        await _sent(
            partial(self._delete_folder, path),
            lambda other: f"{_named(key)} was not deleted: {_why(other)}",
        )

    async def create_key(self, key: FleetKey, value: str) -> None:
        """Write a key under `job/` that is not there: what undoes its deletion."""
        path = self._path(key, (JOB,), 3)
        put = partial(self._sender.put, path, value=value, prevExist="false")
        await _sent(put, lambda other: f"{_named(key)} was not written: {_why(other)}")

    async def take_lock(self, holder: LockHolder, ttl: int) -> int:
        """Take the repair lock for `ttl` seconds; its modifiedIndex. Raises LockTaken besides.

        A lock that bears the holder's own token is taken over: whoever wrote it drove this very
        repair, and finds out before its next step.
        """
        return await in_daemon_thread(partial(self._lock.take, holder, ttl))

    async def keep_lock(self, holder: LockHolder, index: int, ttl: int) -> int:
        """Hold it for `ttl` seconds more, with what the holder says now; the new modifiedIndex.

        Raises LockLost besides, where it is not the one of `index` any more.
        """
        return await in_daemon_thread(partial(self._lock.keep, holder, index, ttl))

    async def drop_lock(self, index: int) -> None:
        """Give it back; raises LockLost besides, where it is not ours any more."""
        await in_daemon_thread(partial(self._lock.drop, index))

    def _delete_folder(self, path: str) -> None:
        node = self._sender.look(path).node
        if node is None:
            raise KeyMissing("100 Key not found")
        if not node.dir:
            raise WriteRefused("a value stands where a folder was: look at it by hand.")
        self._sender.delete(path, dir="true")

    def _path(self, key: FleetKey, parts: tuple[str, ...], least: int) -> str:
        """The request path. Raises WriteRefused for a key that is not a repair's to write."""
        names = [segment.raw for segment in key]
        why = None
        if len(names) < least or names[0] not in parts:
            why = f"a repair writes under {' and '.join(parts)} only"
        else:
            why = refusal(names[1])
        try:
            path = self._keys.path(*names)
        except ValueError as error:
            why = why or str(error)
        if why is not None:
            raise WriteRefused(f"{_named(key)} is not written: {why}. Nothing was sent to etcd.")
        return path


async def _sent(send: Callable[[], object], say: Callable[[RegistryUnavailable], str]) -> None:
    """Send, and say in our words that the registry stands otherwise than expected."""
    try:
        await in_daemon_thread(send)
    except STOOD_OTHERWISE as other:
        raise WriteRefused(say(other)) from other


def _other_state(unit: Untrusted, expected: str, other: RegistryUnavailable) -> str:
    if isinstance(other, KeyMissing):
        return (
            f"{unit} was not changed: it has no target state in the registry any more. Look again."
        )
    if isinstance(other, ComparisonFailed):
        found = quote(str(other).removeprefix(f"[{expected} != ").removesuffix("]"))
        return (
            f"{unit} was not changed: its target state was to be {quote(expected)} and is {found}. "
            "Somebody else changed it meanwhile: look again."
        )
    return f"{unit} was not changed: {_why(other)}"


def _why(other: RegistryUnavailable) -> str:
    match other:
        case KeyMissing():
            return "it is gone already. Look again."
        case ComparisonFailed():
            return "somebody else wrote it since it was looked at. Look again."
        case FolderNotEmpty():
            return "something is in it. Look again."
        case _:
            return f"etcd says {other}. Look again."


def _named(key: FleetKey) -> str:
    return "/".join(str(segment) for segment in key) or "no key"
