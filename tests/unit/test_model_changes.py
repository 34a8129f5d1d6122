"""What differs between two snapshots: each changed unit once, whatever came, went or moved."""

from types import MappingProxyType

import pytest
from msgspec.structs import replace

from fleettui.model.changes import UnitChange, changed_units, tell_changes, units_by_machine
from fleettui.model.clock import now
from fleettui.model.cluster import Snapshot, Unit, UnitState
from fleettui.model.untrusted import Untrusted

A, B, C = (Unit(Untrusted(f"{letter}.service")) for letter in "abc")
NEW_B = Unit(B.name, target=Untrusted("m"))


def _snapshot(*units: Unit) -> Snapshot:
    return Snapshot(1, now(), units=MappingProxyType({unit.name: unit for unit in units}))


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ((A, B, C), (A, B, C), ()),
        ((A, B, C), (A, NEW_B, C), ((B, NEW_B),)),
        ((A, C), (A, B, C), ((None, B),)),
        ((A, B, C), (A, C), ((B, None),)),
        ((A, B), (NEW_B, C), ((A, None), (B, NEW_B), (None, C))),
        ((), (A,), ((None, A),)),
    ],
)
def test_the_units_that_changed_are_found_alone(
    before: tuple[Unit, ...],
    after: tuple[Unit, ...],
    changed: tuple[UnitChange, ...],
) -> None:
    old, new = _snapshot(*before), _snapshot(*after)
    assert changed_units(old, new) == changed
    newer = _snapshot(*after)
    names = sorted({*old.units, *newer.units})
    pairs = [(old.units.get(name), newer.units.get(name)) for name in names]
    tell_changes(old.units, newer.units, tuple(p for p in pairs if p[0] is not p[1]))
    assert changed_units(old, newer) == changed
    newest = _snapshot(*after)
    tell_changes(old.units, newest.units, ())
    assert changed_units(old, newest) == (), "what was told is believed"


HERE, THERE = Untrusted("here"), Untrusted("there")
WORD = Untrusted("running")


def _runs(unit: Unit, *machines: Untrusted, target: Untrusted | None = None) -> Unit:
    states = tuple(UnitState(machine, WORD, WORD, WORD, WORD, 1) for machine in machines)
    return replace(unit, target=target, states=states)


@pytest.mark.parametrize(
    "after",
    [
        (_runs(A, HERE, target=HERE), _runs(B, HERE, THERE)),
        (_runs(A, THERE, target=HERE), _runs(B, HERE, THERE)),
        (_runs(A, HERE, target=HERE), _runs(B, THERE)),
        (_runs(A, HERE, target=THERE), C),
        (_runs(A, HERE, target=HERE), _runs(B, HERE, THERE), _runs(C, THERE)),
        (_runs(B, HERE, THERE),),
        (),
    ],
)
def test_units_by_machine_are_the_same_with_an_earlier_answer(after: tuple[Unit, ...]) -> None:
    old = _snapshot(_runs(A, HERE, target=HERE), _runs(B, HERE, THERE))
    known = units_by_machine(old)
    assert known == {HERE: [A.name, B.name], THERE: [B.name]}
    new = _snapshot(*after)
    assert units_by_machine(new, (old, known)) == units_by_machine(new)


def test_an_answer_holds_while_no_unit_changes_places() -> None:
    old, new = (_snapshot(_runs(A, HERE), B) for _ in range(2))
    known = units_by_machine(old)
    assert units_by_machine(new, (old, known)) is known
    assert units_by_machine(_snapshot(_runs(A, THERE), B), (old, known)) is not known
    assert units_by_machine(None) == {}
