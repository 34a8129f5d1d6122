"""The repair lock as others see it: told at once, whatever happens to it or to etcd meanwhile."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from faults.etcd_servers import Member, RealEtcd
from faults.fake_etcd import FakeEtcd, Reply, forward
from lock_key import remove, write

from fleettui.access import KeyValue, RegistryUnavailable
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.registry.follow import RegistryFollower
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.pace import Pace
from fleettui.registry.write import EtcdWriter

U = Untrusted
TTL = 30
WATCHED = Pace(watch_for=60, held_lock_every=60)
"""Nothing but the watch tells in time."""
SINCE = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
OURS = LockHolder(U("t1"), U("ann@desk"), U("ab" * 16), U("zk@.service"), SINCE, U("delete"))
LATER = LockHolder(U("t1"), U("ann@desk"), U("ab" * 16), U("zk@.service"), SINCE, U("reload"))


class Told:
    """What a sink was told, in order, and from another thread."""

    def __init__(self) -> None:
        self.all: list[LockHolder | None] = []
        self._came = threading.Condition()

    def __call__(self, holder: LockHolder | None) -> None:
        with self._came:
            self.all.append(holder)
            self._came.notify_all()

    def wait(self, count: int) -> list[LockHolder | None]:
        """All that was told, as soon as it is so much; fails after 20 s."""
        with self._came:
            assert self._came.wait_for(lambda: len(self.all) >= count, 20), self.all
            return list(self.all)


FollowLock = Callable[..., Told]


@pytest.fixture
def follow_lock() -> Iterator[FollowLock]:
    """Starts readers that follow the lock alone, and ends them with the test."""
    readers = []

    def start(*endpoints: str, pace: Pace = WATCHED) -> Told:
        reader = RegistryFollower(endpoints, keys_under(DEFAULT_PREFIX), pace)
        readers.append(reader)
        told = Told()
        reader.follow_lock(told)
        return told

    yield start
    for reader in readers:
        asyncio.run(reader.close())


def writer(etcd: RealEtcd) -> EtcdWriter:
    return EtcdWriter((etcd.endpoint,), keys_under(DEFAULT_PREFIX))


def test_a_lock_is_told_from_its_taking_to_its_giving_back(
    etcd: RealEtcd, follow_lock: FollowLock
) -> None:
    told = follow_lock(etcd.endpoint)
    assert told.wait(1) == [None]
    ours = writer(etcd)
    index = asyncio.run(ours.take_lock(OURS, TTL))
    assert told.wait(2) == [None, OURS]
    index = asyncio.run(ours.keep_lock(OURS, index, TTL))
    index = asyncio.run(ours.keep_lock(LATER, index, TTL))
    assert told.wait(3) == [None, OURS, LATER], "to hold on is no news"
    asyncio.run(ours.drop_lock(index))
    assert told.wait(4) == [None, OURS, LATER, None]


def test_a_lock_that_expires_is_told(etcd: RealEtcd, follow_lock: FollowLock) -> None:
    asyncio.run(writer(etcd).take_lock(OURS, 1))
    told = follow_lock(etcd.endpoint)
    assert told.wait(2) == [OURS, None]


def test_a_lock_that_cannot_be_read_is_told_as_held(
    etcd: RealEtcd, follow_lock: FollowLock
) -> None:
    told = follow_lock(etcd.endpoint)
    told.wait(1)
    write(etcd, value="\x1b[2J")
    held = told.wait(2)[1]
    assert held is not None
    assert held.problem == "its value is \u241b[2J"
    remove(etcd)
    assert told.wait(3)[2] is None


def test_a_change_is_told_within_a_second_or_so(etcd: RealEtcd, follow_lock: FollowLock) -> None:
    told = follow_lock(etcd.endpoint)
    told.wait(1)
    delays = []
    for number in range(10):
        begun = time.monotonic()
        write(etcd, value=f"{number}")
        told.wait(number + 2)
        delays.append(time.monotonic() - begun)
    assert sorted(delays)[5] < 1


def test_a_lock_is_told_after_more_writes_than_etcd_remembers(
    etcd: RealEtcd, follow_lock: FollowLock
) -> None:
    for number in range(1200):
        etcd.put("states/a.service/m1", f"{number}")
    reads = forward(etcd.endpoint)
    cleared = []

    def behind(method: str, path: str) -> Reply:
        """The first answer is of long ago, so that the watch asks for what is forgotten."""
        reply = reads(method, path)
        if "waitIndex=2&" in f"{path}&":
            cleared.append(reply.status)
        if not cleared:
            return Reply(reply.status, reply.body, {**reply.headers, "X-Etcd-Index": "1"})
        return reply

    with FakeEtcd(behind) as server:
        told = follow_lock(server.url)
        server.wait_for(5)
        asyncio.run(writer(etcd).take_lock(OURS, TTL))
        assert told.wait(2) == [None, OURS]
    assert cleared == [400], "etcd's error 401 comes with that status"


def test_a_lock_is_told_again_after_etcd_was_away(etcd: RealEtcd, follow_lock: FollowLock) -> None:
    told = follow_lock(etcd.endpoint)
    told.wait(1)
    etcd.kill()
    etcd.start()
    asyncio.run(writer(etcd).take_lock(OURS, TTL))
    assert told.wait(2) == [None, OURS]


def test_while_etcd_cannot_be_read_nothing_is_told(etcd: RealEtcd, follow_lock: FollowLock) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        asyncio.run(writer(etcd).take_lock(OURS, TTL))
        hasty = Pace(watch_for=0.2, held_lock_every=0.2, first_retry=0.1, last_retry=0.1)
        told = follow_lock(server.url, pace=hasty)
        told.wait(1)
        server.answering = lambda method, path: Reply(503, b"")
        server.wait_for(len(server.asked) + 5)
        remove(etcd)
        assert told.all == [OURS]
        server.answering = forward(etcd.endpoint)
        assert told.wait(2) == [OURS, None]


def test_a_member_without_a_quorum_is_not_believed(
    members: tuple[Member, ...], follow_lock: FollowLock
) -> None:
    asyncio.run(writer(members[0]).take_lock(OURS, TTL))
    members[1].kill()
    members[2].kill()
    told = follow_lock(members[0].endpoint)
    members[1].start()
    assert told.wait(1) == [OURS]


def test_an_idle_lock_costs_next_to_nothing(etcd: RealEtcd, follow_lock: FollowLock) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        told = follow_lock(server.url, pace=Pace())
        told.wait(1)
        server.wait_for(3)  # is etcd there, how does the lock stand, tell me when that changes
        for number in range(50):
            etcd.put("states/a.service/m1", f"{number}")
        asyncio.run(writer(etcd).take_lock(OURS, TTL))
        told.wait(2)
        assert len(server.asked) <= 5


def test_only_reads_are_sent(etcd: RealEtcd, follow_lock: FollowLock) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        follow_lock(server.url).wait(1)
        server.wait_for(3)
        assert {method for method, _ in server.asked} == {"GET"}


def test_after_closing_nothing_is_told_and_the_thread_ends(etcd: RealEtcd) -> None:
    pace = Pace(watch_for=0.2, held_lock_every=0.2)
    reader = RegistryFollower((etcd.endpoint,), keys_under(DEFAULT_PREFIX), pace)
    told = Told()
    reader.follow_lock(told)
    told.wait(1)
    threads = [t for t in threading.enumerate() if t.name == "etcd lock"]
    asyncio.run(reader.close())
    write(etcd, value="x")
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert told.all == [None]


# --- single keys -----------------------------------------------------------------------------


def reader_of(etcd: RealEtcd) -> RegistryFollower:
    return RegistryFollower((etcd.endpoint,), keys_under(DEFAULT_PREFIX))


async def test_a_key_is_read_with_its_index(etcd: RealEtcd) -> None:
    index = etcd.put("states/a.service/m1", '{"\x1b": "\u00e9"}')
    found = await reader_of(etcd).key((U("states"), U("a.service"), U("m1")))
    assert found == KeyValue(U('{"\x1b": "\u00e9"}'), index)


async def test_no_key_and_a_folder_are_none(etcd: RealEtcd) -> None:
    etcd.put("job/a.service/object", "{}")
    reader = reader_of(etcd)
    assert await reader.key((U("job"), U("a.service"))) is None
    assert await reader.key((U("job"), U("b.service"), U("object"))) is None


@pytest.mark.parametrize("segment", ["", "..", "a/b", "a?recursive=true", "\x1b", "a b"])
async def test_what_cannot_be_part_of_a_key_is_not_asked(segment: str) -> None:
    with FakeEtcd(lambda method, path: Reply()) as server:
        reader = RegistryFollower((server.url,), keys_under(DEFAULT_PREFIX))
        with pytest.raises(RegistryUnavailable, match="etcd was not asked"):
            await reader.key((U("job"), U(segment), U("object")))
        assert server.asked == []
