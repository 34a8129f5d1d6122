"""When views are due: changes soon, ever less often in a storm, and never behind a mere proof."""

import pytest

from fleettui.registry.cadence import Cadence
from fleettui.registry.pace import Pace

PACE = Pace(view_every=1.0, storm_view_every=3.0, confirm_every=10.0)


def shown_first(at: float = 100.0) -> Cadence:
    cadence = Cadence(PACE)
    assert cadence.due <= at  # the first view waits for nothing
    cadence.shown(at)
    return cadence


def test_nothing_is_due_until_something_happens() -> None:
    assert shown_first().due == float("inf")


def test_of_changes_after_peace_the_second_waits_for_nothing_and_the_third_for_the_pause() -> None:
    cadence = shown_first(100.0)
    cadence.changed()
    assert cadence.due <= 100.0
    cadence.shown(100.1)
    cadence.changed()
    assert cadence.due == 101.0


def test_a_storm_is_shown_no_more_often_than_a_view_a_pause() -> None:
    cadence, at, views = shown_first(100.0), 100.0, 1
    while at < 200.0:
        cadence.changed()
        at = max(at, cadence.due)
        cadence.shown(at)
        views += 1
    assert views <= 100 / PACE.storm_view_every + 5  # the pause grows, and two came at once
    cadence.changed()
    assert cadence.due == pytest.approx(at + PACE.storm_view_every)


def test_a_change_just_after_views_that_only_confirm_waits_for_nothing() -> None:
    cadence = shown_first(100.0)
    for second in (120.0, 120.1, 120.2):
        cadence.confirmed(second, at_once=True)
        assert cadence.due <= second
        cadence.shown(second)
    cadence.changed()
    assert cadence.due <= 120.2


@pytest.mark.parametrize(("after", "at_once", "is_due"), [(9, 0, 0), (10, 0, 1), (1, 1, 1)])
def test_a_picture_is_confirmed_as_seldom_as_told_or_at_once(
    after: int, at_once: int, is_due: int
) -> None:
    cadence = shown_first(100.0)
    cadence.confirmed(100.0 + after, at_once=bool(at_once))
    assert (cadence.due <= 100.0 + after) is bool(is_due)


def test_confirming_views_make_no_storm_and_end_none() -> None:
    alone, between = shown_first(100.0), shown_first(100.0)
    for second in range(1, 6):
        for cadence in (alone, between):
            cadence.changed()
            cadence.shown(100.0 + second)
        between.confirmed(100.5 + second, at_once=True)
        between.shown(100.5 + second)
    alone.changed()
    between.changed()
    assert alone.due == between.due


def in_a_storm(at: float) -> tuple[Cadence, float]:
    """One that has shown changes again and again, and when it did last."""
    cadence = shown_first(at)
    for _ in range(20):
        cadence.changed()
        at = max(at, cadence.due)
        cadence.shown(at)
    return cadence, at


def test_nobody_rests_in_peace() -> None:
    cadence, at = shown_first(100.0), 100.0
    for after in (0.0, 0.01, 5.0):
        assert cadence.rest(at + after) == cadence.rest_of_stream(at + after) == 0.0
    cadence.changed()
    cadence.shown(at + 5.0)
    assert cadence.rest(at + 5.0) == 0.0, "the next change is shown at once"
    assert cadence.rest_of_stream(at + 5.0) == 0.0


def test_in_a_storm_the_follower_rests_until_the_next_view_and_not_beyond() -> None:
    cadence, at = in_a_storm(100.0)
    assert cadence.rest(at) == pytest.approx(PACE.storm_view_every)
    cadence.changed()
    for left in (2.0, 0.3, 0.01):
        assert cadence.rest(cadence.due - left) == pytest.approx(left)
    assert cadence.rest(cadence.due) == cadence.rest(cadence.due + 9.0) == 0.0


def test_in_a_storm_a_stream_rests_until_just_before_a_view_and_then_before_the_one_behind() -> (
    None
):
    cadence, at = in_a_storm(100.0)
    due, pause = at + PACE.storm_view_every, PACE.storm_view_every
    for left in (2.0, 0.3, 0.01):
        assert cadence.rest_of_stream(due - left) == pytest.approx(left - 0.004)
    for late in (0.0, 0.01, 0.5):
        assert pause - 0.01 - late <= cadence.rest_of_stream(due + late) < pause - late
    assert cadence.rest_of_stream(at + 2 * pause) == 0.0, "the storm is over"


def test_only_a_view_that_confirms_is_whole_and_it_comes_however_often_changes_are_shown() -> None:
    cadence = Cadence(PACE)
    assert cadence.is_whole, "the first view leaves nothing out"
    cadence.shown(100.0)
    wholes: list[int] = []
    for second in range(101, 151):
        cadence.changed()
        hurried = not cadence.is_whole
        cadence.confirmed(float(second))
        wholes += [second] if cadence.is_whole else []
        cadence.shown(float(second))
        assert hurried
    assert wholes == [110, 120, 130, 140, 150]
