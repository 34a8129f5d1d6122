"""The recorded clusters as the rules see them: registry and machines at one stage's moment.

The recordings hold the registries and the journals. The machines' folders and systemd's words were
not recorded; they are made up as the registry and the stage have them.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from registry_keys import RECORDINGS, recorded

from fleettui.hosts.entries import decode_entry
from fleettui.model.cluster import Machine, Snapshot, UnitState
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    SYSTEMD_UNITS,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    JournalEntry,
    ServiceFacts,
)
from fleettui.model.untrusted import Untrusted
from fleettui.registry.decode import decode
from fleettui.registry.tree import tree_of

U = Untrusted
TEMPLATE = U("zookeeper@.service")
LINES = 60
"""What a probe reads of a journal."""


def snapshot(version: str, stage: str) -> Snapshot:
    return decode(tree_of(recorded(version, stage)), 7, moment(version, stage))


def moment(version: str, stage: str) -> datetime:
    """When a registry was recorded: etcd tells of a key when it expires and the seconds left,
    rounded up, so the latest of all the keys' times is right within a second.
    """
    answer = json.loads((RECORDINGS / version / f"{stage}.registry.json").read_text())
    leaves = (leaf for leaf in _leaves(answer["node"]) if "ttl" in leaf)
    return max(_expires(leaf) - timedelta(seconds=leaf["ttl"]) for leaf in leaves)


def reports(seen: Snapshot, version: str) -> dict[U, HostFacts]:
    """Every machine asked at the moment of the snapshot."""
    return {machine.id: _facts(seen, machine, version) for machine in seen.machines.values()}


def whole_journal(machine: Machine, version: str) -> tuple[JournalEntry, ...]:
    """core-0N has the address that ends in 10N."""
    number = machine.public_ip.raw[-1]
    lines = (RECORDINGS / version / f"core-0{number}.fleet.journal.jsonl").read_bytes()
    return tuple(decode_entry(line) for line in lines.splitlines())


def _facts(seen: Snapshot, machine: Machine, version: str) -> HostFacts:
    journal = [e for e in whole_journal(machine, version) if e.at <= seen.read_at]
    states = {unit.name: unit.state_on(machine.id) for unit in seen.units.values()}
    services = [_service(n, s, seen.read_at) for n, s in states.items() if s is not None]
    template = seen.units.get(TEMPLATE)
    is_target = template is not None and template.target == machine.id
    names = [service.name for service in services] + ([TEMPLATE] if is_target else [])
    return HostFacts(
        machine_id=machine.id,
        taken_at=seen.read_at,
        clock=seen.read_at,
        reported_id=machine.id,
        hostname=U(f"core-0{machine.public_ip.raw[-1]}"),
        folders={
            FLEET_UNITS: Folder(FLEET_UNITS, {name: _file(name) for name in names}),
            SYSTEMD_UNITS: Folder(SYSTEMD_UNITS, {name: _link(name) for name in names}),
        },
        services={service.name: service for service in (*services, _fleet(seen.read_at))},
        journal=tuple(journal[-LINES:]),
    )


def _service(name: U, state: UnitState, at: datetime) -> ServiceFacts:
    since = at - timedelta(seconds=5)
    return ServiceFacts(name, state.load, state.active, state.sub, 200, since=since)


def _fleet(at: datetime) -> ServiceFacts:
    since = at - timedelta(seconds=60)
    words = (U("loaded"), U("active"), U("running"))
    return ServiceFacts(U(FLEET_SERVICE), *words, 32, since=since)


def _file(name: U) -> FolderEntry:
    return FolderEntry(name, EntryKind.FILE, 100, 0o644, 1, None, "ee" * 32)


def _link(name: U) -> FolderEntry:
    target = U(f"{FLEET_UNITS}/{name.raw}")
    return FolderEntry(name, EntryKind.LINK, 0, 0o777, 1, target)


def _leaves(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for inner in node.get("nodes", []):
        yield from _leaves(inner)
    yield node


def _expires(leaf: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(f"{leaf['expiration'][:26].rstrip('Z')}+00:00")
