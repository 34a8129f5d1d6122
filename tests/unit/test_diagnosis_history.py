"""The memory of earlier pictures: what it keeps, what it forgets, and that it stays small."""

from datetime import timedelta
from itertools import product
from unittest.mock import patch

import pytest
from diagnosis_cases import (
    HASH,
    HELLO,
    NOW,
    OTHER_HASH,
    A,
    B,
    C,
    U,
    ago,
    facts,
    lasting,
    line,
    not_checked,
    service,
    snapshot,
    state,
    unit,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fleettui.diagnosis.history import EMPTY, KEPT_FOR
from fleettui.diagnosis.survey import Odd, Oddity, _is_plain, survey
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState
from fleettui.model.host import HostReport

LEADERLESS = Oddity(Odd.NO_LEADER)


def test_an_odd_thing_is_held_for_as_long_as_it_was_seen() -> None:
    seen = snapshot(leader=None)
    assert EMPTY.held(LEADERLESS) == timedelta()
    assert EMPTY.seen(seen).held(LEADERLESS) == timedelta()
    assert lasting(seen, 45).held(LEADERLESS) == timedelta(seconds=45)


def test_what_was_away_in_between_counts_from_anew() -> None:
    odd, sound = snapshot(leader=None), snapshot()
    history = EMPTY.seen(odd, ago(30)).seen(sound, ago(20)).seen(odd, ago(10)).seen(odd, NOW)
    assert history.held(LEADERLESS) == timedelta(seconds=10)


def test_nothing_counts_as_having_lasted_while_nobody_looked() -> None:
    odd = snapshot(leader=None)
    assert EMPTY.seen(odd, ago(61)).seen(odd, NOW).held(LEADERLESS) == timedelta()
    assert EMPTY.seen(odd, ago(60)).seen(odd, NOW).held(LEADERLESS) == timedelta(seconds=60)


def test_a_picture_shown_again_or_out_of_order_does_not_turn_back_the_time() -> None:
    odd = snapshot(leader=None)
    history = EMPTY.seen(odd, ago(20)).seen(odd, NOW).seen(odd, ago(20))
    assert history.at == NOW
    assert history.held(LEADERLESS) == timedelta(seconds=20)


def test_departures_are_kept_for_a_while_and_never_too_many() -> None:
    history = EMPTY.seen(snapshot(), ago(3000))
    for second in range(2900, 0, -20):
        history = history.seen(snapshot(machines=[A, C]), ago(second))
        history = history.seen(snapshot(), ago(second - 10))
    kept = history.departures[B.id]
    assert len(kept) == 8
    assert {c.value for c in kept} == {B.public_ip}
    assert history.seen(snapshot(), NOW + KEPT_FOR).departures == {}


def test_a_departure_is_remembered_for_a_quarter_of_an_hour() -> None:
    history = EMPTY.seen(snapshot(), ago(30)).seen(snapshot(machines=[A, C]), NOW)
    later = NOW + timedelta(minutes=15)
    assert list(history.seen(snapshot(), later).departures) == [B.id]
    assert history.seen(snapshot(), later + timedelta(seconds=1)).departures == {}


def test_a_hash_is_remembered_with_the_one_before_it() -> None:
    def hashed(value: str) -> Snapshot:
        return snapshot(unit(HELLO, state(unit_hash=value), unit_hash=value))

    history = EMPTY.seen(hashed(HASH), ago(50)).seen(hashed(OTHER_HASH), ago(40))
    assert [(c.at, c.value.raw) for c in history.hashes[HELLO]] == [
        (ago(50), HASH),
        (ago(40), OTHER_HASH),
    ]
    assert len(history.seen(hashed(HASH), ago(30)).hashes[HELLO]) == 3


def test_a_job_destroyed_and_submitted_anew_is_no_change_of_its_hash() -> None:
    history = EMPTY.seen(snapshot(unit()), ago(50)).seen(snapshot(), ago(40))
    again = snapshot(unit(unit_hash=OTHER_HASH))
    assert history.seen(again, ago(30)).hashes == {}


def test_an_object_that_is_missing_is_no_change_of_a_hash() -> None:
    history = EMPTY.seen(snapshot(unit()), ago(50)).seen(snapshot(unit(unit_hash=None)), ago(40))
    assert history.hashes == {}
    assert history.seen(snapshot(unit()), ago(30)).hashes == {}


def test_facts_are_read_once_and_later_ones_take_their_place() -> None:
    first, second = facts(A, service()), facts(A, service())
    history = EMPTY.told(first)
    assert history.reading(first) is history.readings[A.id]
    assert history.reading(second) is not history.readings[A.id]
    assert history.told(second).readings[A.id].facts is second


def test_a_machine_that_could_not_be_asked_leaves_the_memory_as_it_is() -> None:
    history = EMPTY.told(facts(A))
    unasked: HostReport = not_checked(A)
    assert history.told(unasked) is history


def test_readings_of_machines_that_left_for_good_are_dropped() -> None:
    history = EMPTY.seen(snapshot(), NOW).told(facts(A)).told(facts(B))
    left = snapshot(machines=[A])
    assert set(history.seen(left, NOW + KEPT_FOR).readings) == {A.id, B.id}
    late = NOW + KEPT_FOR + timedelta(seconds=1)
    assert set(history.seen(left, late).readings) == {A.id}


@pytest.mark.parametrize(("gap", "reach"), [(0, 100), (5, 20)])
def test_a_journal_is_known_as_far_back_as_probes_overlap(gap: float, reach: float) -> None:
    first = facts(A, journal=[line("a", 100), line("b", 20 + gap)])
    second = facts(A, journal=[line("b", 20), line("c", 1)])
    assert EMPTY.told(first).told(second).readings[A.id].reach == ago(reach)


def test_restarts_are_forgotten_in_time() -> None:
    began = line("Starting fleetd version 0.9.2", 0)
    history = EMPTY.told(facts(A, journal=[began]))
    later = NOW + KEPT_FOR
    assert history.told(facts(A, clock=later)).readings[A.id].restarts == (NOW,)
    late = facts(A, clock=later + timedelta(seconds=1))
    assert history.told(late).readings[A.id].restarts == ()


def test_an_older_history_is_never_changed() -> None:
    before = EMPTY.seen(snapshot(leader=None), ago(10))
    before.seen(snapshot(machines=[A]), NOW)
    assert before.at == ago(10)
    assert before.departures == {}
    assert EMPTY.readings == {}


# --- the survey: looking at what changed gives the same as looking at everything ---------------

NAMES = [U(f"{name}.service") for name in ("a", "b@", "b@1", "c")]
MACHINES = [A, B, C]


@st.composite
def states(draw: st.DrawFn, machine: Machine) -> UnitState:
    found = state(machine, unit_hash=draw(st.sampled_from([HASH, OTHER_HASH])))
    words = {word: U(draw(st.sampled_from(["a", "not-found"]))) for word in ("load", "sub")}
    return structs.replace(found, **words)


@st.composite
def units(draw: st.DrawFn) -> Unit:
    machines = draw(st.lists(st.sampled_from(MACHINES), max_size=2, unique_by=lambda m: m.id))
    made = unit(draw(st.sampled_from(NAMES)), *(draw(states(machine)) for machine in machines))
    return structs.replace(
        made,
        unit_hash=draw(st.sampled_from([HASH, None])),
        file=draw(st.sampled_from([made.file, None])),
        target=draw(st.sampled_from([A.id, B.id, None])),
        target_state=draw(st.sampled_from([U("launched"), U("inactive"), U("x"), None])),
    )


@st.composite
def two_snapshots(draw: st.DrawFn) -> tuple[Snapshot, Snapshot]:
    first = {u.name: u for u in draw(st.lists(units(), max_size=4))}
    fresh = {u.name: u for u in draw(st.lists(units(), max_size=2))}
    gone = draw(st.sets(st.sampled_from(NAMES), max_size=2))
    second = {name: u for name, u in {**first, **fresh}.items() if name not in gone}
    members: list[list[Machine]] = [MACHINES, MACHINES, [A, B]]
    machines = draw(st.sampled_from(members))
    leader = draw(st.sampled_from([A, C, None]))
    return (
        snapshot(*first.values(), leader=A),
        snapshot(*second.values(), machines=machines, leader=leader),
    )


def asked(shown: Snapshot) -> object:
    """What a scheduler looks at."""
    wanted = {u.name: (u.target, u.target_state, u.file) for u in shown.units.values()}
    return shown.machines, shown.leader, shown.bad, wanted


@settings(deadline=None)
@given(two_snapshots())
def test_a_survey_of_what_changed_equals_a_survey_of_everything(
    pair: tuple[Snapshot, Snapshot],
) -> None:
    first, second = pair
    found = survey(second, survey(first))
    assert sorted(found.oddities, key=str) == sorted(survey(second).oddities, key=str)
    assert (found.layout is first) == (asked(first) == asked(second))


TOLD = [
    (),
    (state(A),),
    (state(A, unit_hash=OTHER_HASH),),
    (structs.replace(state(A), load=U("not-found")),),
    (state(B),),
    (state(C),),
    (state(A), state(B)),
]
"""States of a unit: of one machine, as it should be, and otherwise. C is not in the registry."""


def test_the_short_way_for_plain_units_misses_nothing_odd() -> None:
    choices = product(
        [U("a.service"), U("b@.service"), U("b@1.service")],
        TOLD,
        [U("launched"), U("loaded"), U("inactive"), U("x"), None],
        [A.id, C.id, None],
        [HASH, None],
        [unit(HELLO).file, None],
    )
    plain = 0
    for name, told, wanted, target, unit_hash, file in choices:
        made = Unit(name, unit_hash, wanted, target, None, told, file)
        shown = snapshot(made, machines=[A, B])
        with patch("fleettui.diagnosis.survey._is_plain", return_value=False):
            everything = survey(shown)
        assert survey(shown) == everything
        plain += _is_plain(made, frozenset({A.id.raw, B.id.raw}))
    assert plain == 4, "two names, launched or loaded"


@pytest.mark.parametrize("machines", [MACHINES, [A, B]])
def test_an_unchanged_unit_is_not_looked_at_again_unless_the_machines_changed(
    machines: list[Machine],
) -> None:
    same = unit(HELLO, state(C))
    first = survey(snapshot(same))
    again = survey(snapshot(same, machines=machines), first)
    kinds = {oddity.kind for oddity in again.oddities}
    assert kinds == ({Odd.ELSEWHERE} if machines is MACHINES else {Odd.NO_MACHINE})
