"""The repair lock: one key of fleettui's own, taken, held and given back by comparisons of etcd."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from fleettui.access import LockLost, LockTaken, RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.model.lock import LockHolder
from fleettui.registry.answers import Node
from fleettui.registry.errors import STOOD_OTHERWISE
from fleettui.registry.lock_value import Mark, encode, holder_of, mark_of
from fleettui.registry.send import Sender


class Lock:
    """The lock's key as this process writes it; all of it blocks.

    Every value bears a mark of this process, so that a write which was never answered can be told
    from somebody else's by looking. One that arrives late does no harm: it still compares.
    """

    def __init__(self, sender: Sender, path: str) -> None:
        self._sender = sender
        self._path = path
        self._process = secrets.token_hex(8)

    def take(self, holder: LockHolder, ttl: int) -> int:
        """See `fleettui.access.RegistryWriter.take_lock`."""
        try:
            return self._put(holder, ttl, prevExist="false")
        except STOOD_OTHERWISE:
            node = self._look()
        except WriteUnknown as unknown:
            node = self._look_after(unknown)
            if node is None:
                raise
            if node.value == self._value(holder):
                return node.modified_index
        return self._take_over(node, holder, ttl)

    def keep(self, holder: LockHolder, index: int, ttl: int) -> int:
        """See `fleettui.access.RegistryWriter.keep_lock`."""
        try:
            return self._put(holder, ttl, prevIndex=_index(index))
        except STOOD_OTHERWISE as other:
            try:
                node = self._insist(self._look())
            except RegistryUnavailable as lost:
                raise LockLost(f"somebody wrote the repair lock, and who: {lost}") from other
        except WriteUnknown as unknown:
            node = self._insist(self._look_after(unknown))
            if node.modified_index <= index:
                raise
            if node.value == self._value(holder):
                return node.modified_index
        # An earlier write of ours, which was never answered, has come to etcd since.
        with _lost():
            return self._put(holder, ttl, prevIndex=_index(node.modified_index))

    def drop(self, index: int) -> None:
        """See `fleettui.access.RegistryWriter.drop_lock`."""
        try:
            self._sender.delete(self._path, prevIndex=_index(index))
        except STOOD_OTHERWISE:
            node = self._insist(self._look())
            with _lost():
                self._sender.delete(self._path, prevIndex=_index(node.modified_index))
        except WriteUnknown as unknown:
            if self._is_ours(self._look_after(unknown)):
                raise

    def _put(self, holder: LockHolder, ttl: int, **condition: str) -> int:
        value = self._value(holder)
        event = self._sender.put(self._path, value=value, ttl=str(ttl), **condition)
        return event.node.modified_index

    def _take_over(self, node: Node | None, holder: LockHolder, ttl: int) -> int:
        """Take what this very repair held already; somebody else's raises LockTaken."""
        if node is None:
            raise WriteRefused("the repair lock was held a moment ago and is free now: try again.")
        mark = mark_of(node)
        if mark is None or mark.token != holder.token.raw:
            raise LockTaken(holder_of(node))
        try:
            return self._put(holder, ttl, prevIndex=_index(node.modified_index))
        except STOOD_OTHERWISE as other:
            raise WriteRefused("the repair lock changed while it was taken: try again.") from other

    def _look(self) -> Node | None:
        return self._sender.look(self._path).node

    def _look_after(self, unknown: WriteUnknown) -> Node | None:
        """What stands there after a write without an answer; without this one it stays unknown."""
        try:
            return self._look()
        except RegistryUnavailable:
            raise unknown from None

    def _insist(self, node: Node | None) -> Node:
        """The lock where it is ours. Raises LockLost."""
        if node is None:
            raise LockLost("the repair lock is not ours any more: it expired, or was removed")
        if not self._is_ours(node):
            holder = holder_of(node)
            who = str(holder.who) if holder.problem is None else "somebody"
            raise LockLost(f"the repair lock is not ours any more: {who} holds it now")
        return node

    def _is_ours(self, node: Node | None) -> bool:
        mark = mark_of(node) if node is not None else None
        return mark is not None and mark.process == self._process

    def _value(self, holder: LockHolder) -> str:
        return encode(holder, Mark(holder.token.raw, self._process))


@contextmanager
def _lost() -> Iterator[None]:
    """Whoever wrote the lock after we looked holds it."""
    try:
        yield
    except STOOD_OTHERWISE as other:
        raise LockLost("the repair lock is not ours any more") from other


def _index(index: int) -> str:
    """An index to compare with. Raises WriteRefused for one that etcd takes for none."""
    if index < 1:
        raise WriteRefused(f"{index} is no index of etcd. Nothing was sent.")
    return str(index)
