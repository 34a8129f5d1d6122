"""A snapshot carried to another process of the program: it arrives as it was."""

from datetime import UTC, datetime

import msgspec
import pytest
from registry_keys import HASH, STAGES, VERSIONS, job, json, machine, node_of, recorded, state

from fleettui.registry.answers import Node
from fleettui.registry.carried import carried, restored
from fleettui.registry.decode import decode
from fleettui.registry.tree import tree_of

NOW = datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
ODD = {
    "machines/m1/object": machine("m1", Metadata={"az": "1\u202e"}),
    "machines/m2/object": "{",
    "lease/engine-leader": "m1",
    "job/a.service/object": job("a.service"),
    "job/a.service/target": "m1",
    "job/b.service/object": job("b.service", HASH[::-1]),
    "job/c.service/object": "no JSON",
    "states/a.service/m1": state("m1", "failed\x00"),
    "states/a.service/m9": state("m9"),
    "states/d.service/m1": state("m1"),
    f"unit/{HASH}": json({"Raw": "[Service]\nExecStart=/bin/true\n"}),
}


@pytest.mark.parametrize(
    "registry",
    [
        node_of({}),
        node_of({key: (value, at) for at, (key, value) in enumerate(ODD.items())}),
        *(recorded(version, stage) for version in VERSIONS for stage in STAGES),
    ],
)
def test_a_snapshot_arrives_as_it_was(registry: Node) -> None:
    snapshot = decode(tree_of(registry), 77, NOW)
    arrived = restored(carried(snapshot))
    assert arrived == snapshot
    assert [*arrived.units] == [*snapshot.units]
    assert [*arrived.machines] == [*snapshot.machines]


def test_what_is_no_snapshot_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        restored(carried(decode(tree_of(node_of({})), 1, NOW))[:-1])
