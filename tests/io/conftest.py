"""Real servers and followers that a test may use up."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faults.etcd_servers import Member, RealEtcd
from ssh_machine import Home, make_home
from views import Views

from fleettui.registry.follow import RegistryFollower
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.pace import Pace


@pytest.fixture
def etcd() -> Iterator[RealEtcd]:
    server = RealEtcd()
    try:
        server.start()
        yield server
    finally:
        server.thaw()
        server.close()


@pytest.fixture
def members() -> Iterator[tuple[Member, ...]]:
    """Three members with a leader."""
    servers = Member.three()
    try:
        for server in servers:
            server.begin()
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An operator's home with a key pair, and no SSH agent."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return make_home(tmp_path)


Follow = Callable[..., tuple[RegistryFollower, Views]]


@pytest.fixture
def follow() -> Iterator[Follow]:
    """Starts followers, and ends them with the test."""
    followers = []

    def start(*endpoints: str, pace: Pace | None = None) -> tuple[RegistryFollower, Views]:
        follower = RegistryFollower(endpoints, keys_under(DEFAULT_PREFIX), pace)
        followers.append(follower)
        views = Views()
        follower.follow(views)
        return follower, views

    yield start
    for follower in followers:
        asyncio.run(follower.close())
