"""Fleet's keys as etcd holds them, undecoded: folders of folders of values."""

from collections.abc import Iterator, Sequence
from typing import Union

import msgspec

from fleettui.model.cluster import UnitState
from fleettui.registry.answers import Node
from fleettui.registry.keys import PARTS

DEEPEST = 4
"""Segments of the longest key that fleet writes: `machines/ID/metadata/KEY`."""
_BELOW_UNOPENED = DEEPEST - 2
"""Levels below a folder that is kept unopened: `job/UNIT`, `states/UNIT`."""


class Leaf(msgspec.Struct, gc=False):
    """One key's value. Not frozen: most events change nothing of it but its index."""

    value: str
    index: int
    """etcd's modifiedIndex."""
    state: UnitState | str | None = None
    """Below `states/`: the value decoded, or why it cannot be. Kept while the value stays, at the
    index that it was last asked for."""


Folder = dict[str, Union[Leaf, "Folder", Node]]
"""A node in it is a folder that was read, and that nobody has looked into yet."""
Entry = Leaf | Folder


def entry_at(folder: Folder, name: str) -> Entry | None:
    """What is at that name, for whoever looks into it."""
    entry = folder.get(name)
    if isinstance(entry, Node):
        entry = folder[name] = _made(entry.nodes, _BELOW_UNOPENED)
    return entry


def entries_of(folder: Folder) -> Iterator[tuple[str, Entry]]:
    """All that is in it, for whoever looks into it."""
    for name in tuple(folder):
        entry = entry_at(folder, name)
        if entry is not None:
            yield name, entry


def folder_at(folder: Folder, name: str) -> Folder:
    """The folder of that name, an empty one where there is none."""
    entry = entry_at(folder, name)
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


def unopened(nodes: Sequence[Node]) -> Folder:
    """A folder of what was read, where there was none; folders in it stay the nodes that they are.

    Of a large registry most are looked into late, or never: most of what is written to it says
    what it said before.
    """
    return {
        name_of(node): node if node.dir else Leaf(node.value, node.modified_index) for node in nodes
    }


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
            if type(old) is Node:
                if old == node:
                    continue
                old = entry_at(folder, name)
            if type(old) is not dict:
                old = folder[name] = {}
                changed.add(name)
            elif _holds(old, node):
                continue
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


def _holds(folder: Folder, read: Node) -> bool:
    """Whether it holds what was read and nothing else: of values alone, as almost all folders are.

    Asked of each unit in each read. A key is cut at a length: to look for its last segment takes
    twice as long.
    """
    if len(folder) != len(read.nodes):
        return False
    begin, entry = len(read.key) + 1, folder.get
    for node in read.nodes:
        old = entry(node.key[begin:])
        if (
            type(old) is not Leaf
            or old.index != node.modified_index
            or old.value != node.value
            or node.dir
        ):
            return False
    return True


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
