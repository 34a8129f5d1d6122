"""Units that wait: explained once a layout, and not all of them where too many wait."""

from typing import Any

import pytest
from diagnosis_cases import (
    HASH,
    HELLO,
    NOW,
    A,
    B,
    C,
    U,
    ago,
    found,
    lasting,
    snapshot,
    state,
    unit,
    watched,
)
from msgspec import structs
from msgspec.structs import replace

from fleettui.diagnosis.finding import Confidence
from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.waiting import ENGINE, MOST, placements_of
from fleettui.model.cluster import BadRecord, Leader, Snapshot, Unit
from fleettui.model.unitfile import UnitFile

NOWHERE = UnitFile(U("[Service]\nExecStart=/bin/true\n[X-Fleet]\nMachineMetadata=disk=ssd\n"))
STUCK = Unit(U("stuck.service"), HASH, U("launched"), file=NOWHERE)
SEEN = snapshot(unit(), STUCK)


def later(seen: Snapshot, *changed: Unit, **fields: Any) -> Snapshot:
    """The same cluster at NOW, but for some units or fields."""
    units = {**seen.units, **{u.name: u for u in changed}}
    return replace(seen, units=units, read_at=NOW, **fields)


def before() -> History:
    """Somebody who knows why the unit waits."""
    return lasting(replace(SEEN, read_at=ago(5)), 60)


def test_a_unit_is_explained_once_it_waited_longer_than_an_engine_needs() -> None:
    seconds = ENGINE.total_seconds()
    assert lasting(SEEN, seconds - 1).placements == {}
    assert list(lasting(SEEN, seconds).placements) == [STUCK.name]


@pytest.mark.parametrize(
    "seen",
    [
        later(SEEN),
        later(SEEN, unit(HELLO, structs.replace(state(), index=99))),
        later(SEEN, unit(HELLO, state(words="loaded failed failed"), heartbeat=None)),
    ],
    ids=["confirmed", "written anew", "another state"],
)
def test_what_no_scheduler_looks_at_leaves_the_explanation_as_it_is(seen: Snapshot) -> None:
    known = before()
    assert known.seen(seen).placements[STUCK.name] is known.placements[STUCK.name]


@pytest.mark.parametrize(
    "seen",
    [
        later(SEEN, unit(target=B.id)),
        later(SEEN, unit(target_state=U("inactive"))),
        later(SEEN, unit(file=NOWHERE)),
        later(SEEN, unit(U("new.service"))),
        later(replace(SEEN, units={STUCK.name: STUCK})),
        later(SEEN, machines={A.id: A, B.id: B}),
        later(SEEN, machines={m.id: m for m in (A, B, replace(C, version=U("1.0.0")))}),
        later(SEEN, leader=Leader(B.id)),
        later(SEEN, bad=(BadRecord(U("machines/x/object"), "no JSON", U("{")),)),
    ],
    ids=["moved", "unloaded", "another file", "a new unit", "a unit gone", "a machine gone",
         "another version", "another leader", "a broken machine"],
)  # fmt: skip # one a line reads worse
def test_whatever_a_scheduler_looks_at_has_it_worked_out_anew(seen: Snapshot) -> None:
    known = before()
    again = known.seen(seen).placements[STUCK.name]
    assert again is not known.placements[STUCK.name]
    assert again == placements_of([STUCK.name], seen, {})[STUCK.name]


def test_a_unit_that_waits_no_more_is_forgotten() -> None:
    placed = later(SEEN, structs.replace(STUCK, target=A.id))
    assert before().seen(placed).placements == {}


def test_the_explanation_of_another_picture_is_not_used() -> None:
    fits = later(SEEN, machines={A.id: replace(A, metadata=((U("disk"), U("ssd")),))})
    (finding,) = found(fits, history=before())
    assert finding.confidence is Confidence.HINTED
    assert "qualifies" in finding.summary


def test_where_too_many_wait_the_rest_is_told_in_one() -> None:
    waiting = [structs.replace(STUCK, name=U(f"stuck{n:03}.service")) for n in range(MOST + 5)]
    seen = snapshot(*waiting)
    findings = found(seen, history=lasting(seen, 60))
    assert len(findings) == MOST + 1
    assert [f.unit.raw for f in findings if f.unit] == [u.name.raw for u in waiting[:MOST]]
    rest = next(f for f in findings if f.unit is None)
    words = "5 more units wait for a machine, from stuck020.service to stuck024.service."
    assert (rest.summary, rest.confidence) == (words, Confidence.HINTED)
    assert [e.where.raw for e in rest.evidence] == ["job/stuck020.service/target-state"]
    assert rest.gaps


def test_what_the_history_has_worked_out_is_not_worked_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explained(*_: object) -> None:
        raise AssertionError("it was known")

    known = lasting(SEEN, 60)
    monkeypatch.setattr("fleettui.diagnosis.waiting.explain_each", explained)
    (finding,) = found(SEEN, history=known)
    assert finding.unit == STUCK.name


def test_of_too_many_that_were_seen_once_the_rest_may_be_placed_any_moment() -> None:
    waiting = [structs.replace(STUCK, name=U(f"stuck{n:03}.service")) for n in range(MOST + 5)]
    assert len(found(snapshot(*waiting))) == MOST


def test_nobody_is_asked_where_nobody_waits() -> None:
    assert watched(snapshot(unit())).placements == {}
    assert placements_of([], SEEN, EMPTY.placements) == {}
