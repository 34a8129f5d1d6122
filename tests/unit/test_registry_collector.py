"""Python's collector is paused while anybody asks for it, and goes on afterwards, whatever came."""

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from fleettui.registry.collector import collector_paused


@pytest.fixture(autouse=True)
def _on() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def test_the_last_of_several_that_pause_resumes() -> None:
    first, second = ExitStack(), ExitStack()
    first.enter_context(collector_paused())
    second.enter_context(collector_paused())
    assert not gc.isenabled()
    first.close()
    assert not gc.isenabled()
    second.close()
    assert gc.isenabled()


def test_it_goes_on_after_an_error_and_where_a_loop_is_left() -> None:
    def paused() -> Iterator[int]:
        with collector_paused():
            yield from range(3)

    with suppress(ValueError):
        for _ in paused():
            assert not gc.isenabled()
            raise ValueError
    assert gc.isenabled()
    for _ in paused():
        break
    assert gc.isenabled()


def test_whoever_switched_it_off_finds_it_off() -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()


def test_threads_that_pause_again_and_again_leave_it_on() -> None:
    def pause(_: int) -> None:
        for _ in range(500):
            with collector_paused():
                assert not gc.isenabled()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(pause, range(4)))
    assert gc.isenabled()
