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


def test_a_change_waits_for_the_pause_after_the_change_before() -> None:
    cadence = shown_first(100.0)
    cadence.changed()
    assert cadence.due == 101.0
    cadence.shown(101.0)
    cadence.changed()
    assert cadence.due > 102.0  # not the first in a row: a storm begins


def test_a_change_just_after_a_view_that_only_confirms_waits_for_nothing() -> None:
    cadence = shown_first(100.0)
    cadence.confirmed(120.0)
    assert cadence.due <= 120.0
    cadence.shown(120.0)
    cadence.changed()
    assert cadence.due <= 120.0


@pytest.mark.parametrize(("after", "at_once", "is_due"), [(9, 0, 0), (10, 0, 1), (1, 1, 1)])
def test_a_picture_is_confirmed_as_seldom_as_told_or_at_once(
    after: int, at_once: int, is_due: int
) -> None:
    cadence = shown_first(100.0)
    cadence.confirmed(100.0 + after, at_once=bool(at_once))
    assert (cadence.due == 101.0) is bool(is_due)


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
