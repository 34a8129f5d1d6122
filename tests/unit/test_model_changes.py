"""What differs between two snapshots: each changed unit once, whatever came, went or moved."""

from types import MappingProxyType

import pytest

from fleettui.model.changes import changed_units
from fleettui.model.clock import now
from fleettui.model.cluster import Snapshot, Unit
from fleettui.model.untrusted import Untrusted

A, B, C = (Unit(Untrusted(f"{letter}.service")) for letter in "abc")
NEW_B = Unit(B.name, target=Untrusted("m"))


def _snapshot(*units: Unit) -> Snapshot:
    return Snapshot(1, now(), units=MappingProxyType({unit.name: unit for unit in units}))


@pytest.mark.parametrize(
    ("before", "after", "fresh", "past"),
    [
        ((A, B, C), (A, B, C), (), ()),
        ((A, B, C), (A, NEW_B, C), (NEW_B,), (B,)),
        ((A, C), (A, B, C), (B,), ()),
        ((A, B, C), (A, C), (), (B,)),
        ((A, B), (NEW_B, C), (NEW_B, C), (A, B)),
        ((), (A,), (A,), ()),
    ],
)
def test_the_units_that_changed_are_found_alone(
    before: tuple[Unit, ...],
    after: tuple[Unit, ...],
    fresh: tuple[Unit, ...],
    past: tuple[Unit, ...],
) -> None:
    assert changed_units(_snapshot(*before), _snapshot(*after)) == (fresh, past)
