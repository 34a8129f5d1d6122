"""Machines that left: remembered where they were, for a while, and until they are back."""

from datetime import timedelta

import pytest
from diagnosis_cases import (
    NOW,
    A,
    B,
    C,
    U,
    ago,
    facts,
    found,
    line,
    not_checked,
    one,
    snapshot,
    watched,
)
from msgspec.structs import replace

from fleettui.diagnosis.case import case_of
from fleettui.diagnosis.departed import NOWHERE, place_of
from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.reading import Reading
from fleettui.model.cluster import Machine

AWAY = snapshot(machines=[A, C])
MOVED = replace(B, public_ip=U("10.0.0.9"))


def left(seconds: float = 60) -> History:
    """B was listed, and was first missed so long ago."""
    gone = replace(AWAY, read_at=ago(seconds))
    return watched(snapshot(at=ago(seconds + 30)), gone)


def machines(history: History) -> list[Machine]:
    return [departed.machine for departed in history.away.departed.values()]


def former(history: History) -> list[Machine]:
    return [departed.machine for departed in history.away.former.values()]


def test_a_machine_that_leaves_is_remembered_as_it_was_since_it_was_missed() -> None:
    history = left().seen(AWAY)
    assert [(d.machine, d.at) for d in history.away.departed.values()] == [(B, ago(60))]
    assert former(history) == []


def test_a_machine_that_nobody_saw_is_not_missed() -> None:
    assert watched(AWAY, AWAY).away == NOWHERE


def test_a_machine_that_is_back_is_forgotten() -> None:
    assert left().seen(snapshot()).away == NOWHERE


def test_a_machine_that_stays_away_is_forgotten_after_an_hour() -> None:
    away = left(0)
    assert machines(away.seen(AWAY, NOW + timedelta(hours=1))) == [B]
    late = NOW + timedelta(hours=1, seconds=1)
    assert away.seen(AWAY, late).away == NOWHERE


def test_of_too_many_the_first_to_leave_are_forgotten() -> None:
    crowd = [Machine(U(f"{n:032}"), U(f"10.1.{n >> 8}.{n & 255}")) for n in range(1000)]
    history = left().seen(snapshot(machines=[A, C, *crowd], at=ago(30))).seen(AWAY)
    assert machines(history) == crowd


def test_an_address_that_a_machine_left_for_another_is_a_former_one() -> None:
    history = watched(snapshot(at=ago(60)), snapshot(machines=[A, MOVED, C]))
    assert (machines(history), former(history)) == ([], [B])


def test_a_machine_that_came_back_elsewhere_left_its_former_address() -> None:
    history = left().seen(snapshot(machines=[A, MOVED, C]))
    assert (machines(history), former(history)) == ([], [B])


def test_a_machine_that_left_after_a_move_departed_from_where_it_was_last() -> None:
    history = watched(snapshot(at=ago(60)), snapshot(machines=[A, MOVED, C], at=ago(30)), AWAY)
    assert (machines(history), former(history)) == ([MOVED], [B])


def test_an_address_that_goes_to_and_fro_is_former_where_it_is_not_now() -> None:
    there, other = snapshot(at=ago(60)), snapshot(machines=[A, MOVED, C], at=ago(30))
    assert former(watched(there, other, snapshot())) == [MOVED]


# --- what they say ----------------------------------------------------------------------------


def test_a_departed_machine_is_read_as_any_other() -> None:
    asked = facts(B)
    history = left().told(asked, B)
    assert history.readings[B.id].facts is asked
    assert history.elsewhere == {}


@pytest.mark.parametrize("answer", [facts(B), not_checked(B)])
def test_who_answers_at_a_former_address_is_not_taken_for_the_machine(
    answer: object,
) -> None:
    own = facts(B)
    history = watched(snapshot(at=ago(60)), snapshot(machines=[A, MOVED, C]))
    history = history.told(own, MOVED).told(answer, B)  # type: ignore[arg-type]  # either kind
    assert history.readings[B.id].facts is own
    heard = history.elsewhere[place_of(B)]
    assert (heard.facts if isinstance(heard, Reading) else heard) is answer


def test_what_was_heard_at_an_address_is_dropped_once_it_is_the_present_one() -> None:
    history = watched(snapshot(at=ago(60)), snapshot(machines=[A, MOVED, C], at=ago(30)))
    history = history.told(facts(B), B)
    assert history.seen(snapshot(machines=[A, MOVED, C])).elsewhere.keys() == {place_of(B)}
    assert history.seen(snapshot()).elsewhere == {}


# --- what rules make of them ------------------------------------------------------------------


def test_a_finding_names_a_departed_machine_by_its_address() -> None:
    loop = "ERROR generator.go:65: Failed fetching current unit states: Unit name f@.service is x"
    asked = facts(B, journal=[line(loop, 1)])
    finding = one(found(AWAY, asked, history=left().told(asked)), "template-loaded")
    assert f"the agent on {B.short_id}/10.0.0.2 " in finding.summary


def test_a_departed_machine_that_was_not_asked_is_a_gap() -> None:
    leaderless = replace(AWAY, leader=None)
    failed = "ERROR engine.go:185: Engine leadership acquisition failed: timeout reached"
    asked = [facts(A, journal=[line(failed, 4)]), facts(C)]
    alone = one(found(leaderless, *asked), "no-engine-leader")
    assert alone.gaps == ()
    remembering = one(
        found(leaderless, *asked, history=left().seen(leaderless)), "no-engine-leader"
    )
    assert remembering.gaps == ("1 of 3 machines were not asked",)


def test_a_listed_machine_is_named_as_it_is_listed() -> None:
    history = left().seen(snapshot(machines=[A, MOVED, C]))
    case = case_of(snapshot(machines=[A, MOVED, C]), {}, history)
    assert case.machine(B.id) == MOVED
    assert case_of(None, {}, left()).machine(B.id) == B
    assert case_of(None, {}, EMPTY).machine(B.id) is None
    assert case_of(None, {}, EMPTY).named(B.id) == B.short_id
