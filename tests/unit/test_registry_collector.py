"""A large picture is set apart from Python's collector, and nothing else with it."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from fleettui.registry.collector import collector_paused, set_apart


class Circle:
    """What only the collector can find to be garbage."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_is_held_is_looked_through_no_more_where_it_is_a_lot() -> None:
    set_apart(999)
    assert gc.get_freeze_count() == 0
    set_apart(1_000)
    assert gc.get_freeze_count() > 0


def test_garbage_is_not_set_apart_for_ever() -> None:
    gone = weakref.ref(Circle())
    set_apart(1_000)
    assert gone() is None


def test_while_the_collector_is_off_nothing_is_collected() -> None:
    with collector_paused():
        held = weakref.ref(Circle())
        set_apart(1_000)
        assert held() is not None
