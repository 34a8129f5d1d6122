"""Python's garbage collector, kept from getting in the way of a large picture."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 1000
"""Units of a picture that is worth it."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing meanwhile: what is being built stays, and looking through it again and again
    takes as long as building it. Where several threads pause, the first to end resumes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def set_apart(objects: int) -> None:
    """Never look through what is held now again, where it is a lot: it stays, or goes by itself.

    A circle that is garbage would stay for ever with it, so garbage is collected first; not while
    the collector is off, as it is while the program starts: nothing is garbage yet.
    """
    if objects < _MANY:
        return
    if gc.isenabled():
        gc.collect()
    gc.freeze()
