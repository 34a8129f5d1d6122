"""Registries made of keys and values, for tests: etcd's answers without an etcd."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from fleettui.registry.answers import Answer, Event, Node, event_of
from fleettui.registry.keys import keys_under

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
VERSIONS = ("0.9.2", "0.10.2", "0.11.8", "1.0.0")
STAGES = ("healthy", "faulted", "repaired")
KEYS = keys_under("/_coreos.com/fleet/")
HASH = "0123456789abcdef0123456789abcdef01234567"


def recorded(version: str, stage: str) -> Node:
    """A recorded registry, read as if etcd had just sent it."""
    body = (RECORDINGS / version / f"{stage}.registry.json").read_bytes()
    return event_of(Answer("recording", 200, {}, body)).node


def node_of(values: Mapping[str, tuple[str, int]]) -> Node:
    """What a recursive read finds where these keys have these values and indexes."""
    root: dict[str, object] = {}
    for key, leaf in values.items():
        *way, last = key.split("/")
        folder = root
        for name in way:
            inner = folder.setdefault(name, {})
            assert isinstance(inner, dict)
            folder = inner
        folder[last] = leaf
    return _node(KEYS.prefix, root)


def _node(key: str, entry: object) -> Node:
    if isinstance(entry, dict):
        children = tuple(_node(f"{key}/{name}", inner) for name, inner in entry.items())
        return Node(key=key, dir=True, nodes=children)
    assert isinstance(entry, tuple)
    value, index = entry
    return Node(key=key, value=value, modified_index=index)


def json(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def machine(machine_id: str, address: str = "10.0.0.1", **more: object) -> str:
    return json({"ID": machine_id, "PublicIP": address, "Metadata": None, "Version": "", **more})


def job(name: str, unit_hash: str = HASH) -> str:
    return json({"Name": name, "UnitHash": list(bytes.fromhex(unit_hash))})


def state(machine_id: str, active: str = "active", sub: str = "running") -> str:
    return json(
        {
            "loadState": "loaded",
            "activeState": active,
            "subState": sub,
            "machineState": {"ID": machine_id, "PublicIP": "", "Metadata": None, "Version": ""},
            "unitHash": HASH,
        }
    )


def put(key: str, value: str, index: int, action: str = "set") -> Event:
    """An event of a key below the prefix."""
    return Event(action, Node(key=f"{KEYS.prefix}/{key}", value=value, modified_index=index))


def gone(key: str, index: int, action: str = "delete", *, folder: bool = False) -> Event:
    """The removal of a key, or of a folder with all that it holds, below the prefix."""
    where = f"{KEYS.prefix}/{key}".rstrip("/")
    return Event(action, Node(key=where, dir=folder, modified_index=index))
