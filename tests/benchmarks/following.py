"""A follower of a registry: in this process, or in one of its own whose cost can be told apart."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from views import Views

from fleettui.registry.follow import RegistryFollower
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under

from .measure import say


@contextmanager
def following(endpoint: str) -> Iterator[Views]:
    follower = RegistryFollower((endpoint,), keys_under(DEFAULT_PREFIX))
    views = Views()
    follower.follow(views)
    try:
        yield views
    finally:
        asyncio.run(follower.close())


@contextmanager
def following_apart(endpoint: str) -> Iterator[int]:
    """The process ID of a program that does nothing but follow, once it is live."""
    argv = (sys.executable, "-m", "tests.benchmarks.following", endpoint)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


if __name__ == "__main__":
    with following(sys.argv[1]) as seen:
        seen.live(60)
        say("live")
        sys.stdin.read()
