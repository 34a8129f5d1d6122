"""Answers about what is never changed, kept while the same is asked again."""

from collections.abc import Callable
from functools import wraps
from operator import is_
from typing import TypeVar, TypeVarTuple

_Asked = TypeVarTuple("_Asked")
_T = TypeVar("_T")


def kept_for_same(function: Callable[[*_Asked], _T]) -> Callable[[*_Asked], _T]:
    """A pure function of frozen things that gives its newest answer again for the same objects.

    A view of a cluster renews little of a picture, and what did not change in it is the same
    object as before. What was asked of is held until something else is, so that no new object is
    taken for one that is gone.
    """
    newest: list[tuple[tuple[*_Asked], _T]] = []

    @wraps(function)
    def answer(*asked: *_Asked) -> _T:
        for known, kept in newest:  # by one reading: another thread may replace it
            if len(known) == len(asked) and all(map(is_, known, asked)):
                return kept
        found = function(*asked)
        newest[:] = [(asked, found)]
        return found

    return answer
