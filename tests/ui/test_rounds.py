"""Whose turn it is to be asked: a round is spread over its time, whatever began together."""

from datetime import UTC, datetime, timedelta

import pytest
from fakes import MACHINES, U
from msgspec.structs import replace

from fleettui.model.clock import living_by
from fleettui.model.cluster import Machine
from fleettui.ui.picture import about
from fleettui.ui.rounds import Known, Turns

ROUND = timedelta(seconds=10)
START = datetime(2026, 1, 1, tzinfo=UTC)


def known(count: int) -> list[Known]:
    """Machines that were all asked in the same second."""
    made = [replace(MACHINES[0], id=U(f"{n:032x}")) for n in range(count)]
    return [(START + timedelta(milliseconds=n), machine) for n, machine in enumerate(made)]


def rounds(asked: list[Known], seconds: int) -> list[list[Machine]]:
    """Who is asked in each second, and answers at once."""
    clock = 0.0
    turns = Turns(lambda: clock)
    told = []
    for second in range(1, seconds + 1):
        clock = float(second)
        told.append(list(turns.take(asked, ROUND)))
        then = START + timedelta(seconds=second)
        asked = [(then if one in told[-1] else at, one) for at, one in asked]
    return told


def test_machines_that_were_asked_together_are_spread_over_the_round() -> None:
    told = rounds(known(50), 20)
    assert {len(second) for second in told} == {5}
    for begun in range(11):  # whenever ten seconds begin, each machine has one turn in them
        asked = [machine.id for second in told[begun : begun + 10] for machine in second]
        assert len(asked) == len(set(asked)) == 50


def test_of_few_machines_each_has_its_turn_in_time() -> None:
    told = rounds(known(3), 30)
    assert max(len(second) for second in told) == 1
    assert sum(len(second) for second in told) in {8, 9}


def test_after_a_long_pause_nobody_is_asked_twice() -> None:
    clock = 0.0
    turns = Turns(lambda: clock)
    clock = 3600.0
    asked = known(50)
    assert {machine.id for machine in turns.take(asked, ROUND)} == {m.id for _, m in asked}
    clock = 3601.0
    assert len(turns.take(asked, ROUND)) == 5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((early, "<10 s") for early in (-2, 0, 9.9)),
        (10, "10 s"),
        (29.9, "20 s"),
        (99, "90 s"),
        (100, "2 min"),
        (7200, "2 h"),
    ],
)
def test_an_age_that_is_shown_many_times_changes_every_ten_seconds(
    seconds: float, words: str
) -> None:
    with living_by(lambda: START + timedelta(seconds=seconds)):
        assert about(START) == words
