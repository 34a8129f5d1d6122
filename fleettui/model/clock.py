"""The clock that the screens live by: our own, or that of a recording."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Tells the time, in UTC."""


def _own() -> datetime:
    return datetime.now(UTC)


_clocks: list[Clock] = [_own]


def now() -> datetime:
    """UTC."""
    return _clocks[-1]()


@contextmanager
def living_by(clock: Clock) -> Iterator[None]:
    """Have this process live by another clock for as long as the context lasts."""
    _clocks.append(clock)
    try:
        yield
    finally:
        _clocks.remove(clock)
