"""Python's garbage collector, kept from getting in the way of a large picture."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
