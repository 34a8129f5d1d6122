"""Fleet's keys as etcd holds them, undecoded: folders of folders of values."""

from collections.abc import Sequence
from typing import Union

import msgspec

from fleettui.model.cluster import UnitState
from fleettui.registry.answers import Node

JOB, STATES, MACHINES, UNIT, LEASE = "job", "states", "machines", "unit", "lease"
PARTS = (JOB, STATES, MACHINES, UNIT, LEASE)
"""Folders below the prefix that are read; the legacy `state` and `engine` are not."""
DEEPEST = 4
"""Segments of the longest key that fleet writes: `machines/ID/metadata/KEY`."""


class Leaf(msgspec.Struct, gc=False):
    """One key's value. Not frozen: most events change nothing of it but its index."""

    value: str
    index: int
    """etcd's modifiedIndex."""
    state: UnitState | str | None = None
    """Below `states/`: the value decoded, or why it cannot be. Kept while the value stays, at the
    index that it was last asked for."""


Folder = dict[str, Union[Leaf, "Folder"]]
Entry = Leaf | Folder


def folder_at(folder: Folder, name: str) -> Folder:
    """The folder of that name, an empty one where there is none."""
    entry = folder.get(name)
    return entry if isinstance(entry, dict) else {}


def leaf_at(folder: Folder, name: str) -> Leaf | None:
    """The value of that name; a folder is none, as fleet sees it."""
    entry = folder.get(name)
    return entry if isinstance(entry, Leaf) else None


def tree_of(node: Node | None) -> Folder:
    """What a recursive read of the prefix found; None = the prefix does not exist."""
    children = node.nodes if node is not None else ()
    found = {name_of(child): child for child in children}
    return {name: merged(None, found[name], DEEPEST - 1)[0] for name in PARTS if name in found}


def merged(old: Entry | None, node: Node, depth: int) -> tuple[Entry, bool]:
    """What was read in place of `old`, which is kept where it says the same; whether it changed.

    `depth` is the number of levels below that are looked at: fleet writes nothing deeper.
    """
    if not node.dir:
        if isinstance(old, Leaf) and old.value == node.value:
            changed = old.index != node.modified_index
            old.index = node.modified_index
            return old, changed
        return Leaf(node.value, node.modified_index), True
    folder = old if isinstance(old, dict) else {}
    changes = merge(folder, node.nodes if depth else (), depth)
    return folder, bool(changes) or folder is not old


def merge(folder: Folder, nodes: Sequence[Node], depth: int) -> set[str]:
    """Make a folder hold what was read, keeping what says the same; the names that changed.

    The loop over every key there is: what did not change takes the shortest way.
    """
    if not folder:
        folder.update(_made(nodes, depth))
        return set(folder)
    changed: set[str] = set()
    for node in nodes:
        name = node.key.rpartition("/")[2]
        old = folder.get(name)
        if node.dir:
            if type(old) is not dict:
                old = folder[name] = {}
                changed.add(name)
            if merge(old, node.nodes if depth > 1 else (), depth - 1):
                changed.add(name)
        elif type(old) is not Leaf or old.value != node.value:
            folder[name] = Leaf(node.value, node.modified_index)
            changed.add(name)
        elif old.index != node.modified_index:
            old.index = node.modified_index
            changed.add(name)
    if len(folder) > len(nodes):
        for name in folder.keys() - set(map(name_of, nodes)):
            del folder[name]
            changed.add(name)
    return changed


def _made(nodes: Sequence[Node], depth: int) -> Folder:
    """A folder of what was read, where there was none."""
    return {
        node.key.rpartition("/")[2]: _made(node.nodes if depth > 1 else (), depth - 1)
        if node.dir
        else Leaf(node.value, node.modified_index)
        for node in nodes
    }


def name_of(node: Node) -> str:
    """The last segment of a node's key."""
    return node.key.rpartition("/")[2]
