"""The repair lock over real etcd: one holder, held on to, lost, and never in doubt for long."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from faults.etcd_servers import Member, RealEtcd
from faults.fake_etcd import FakeEtcd, Reply, forward
from lock_key import Muffled, lock_key, remove, write

from fleettui.access import LockLost, LockTaken, RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_reader
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.pace import Pace
from fleettui.registry.write import EtcdWriter

TTL = 30
RACED = 200
IMPATIENT = Pace(write_within=0.5)

U = Untrusted


def holder(repair: str = "t1", stage: str = "delete", who: str = "ann@desk") -> LockHolder:
    since = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    return LockHolder(U(repair), U(who), U("ab" * 16), U("zk@.service"), since, U(stage))


OURS, OTHERS = holder(), holder("t2", who="bob@desk")


def writer(*endpoints: str, pace: Pace | None = None) -> EtcdWriter:
    return EtcdWriter(endpoints, keys_under(DEFAULT_PREFIX), pace=pace)


async def seen(etcd: RealEtcd) -> LockHolder | None:
    """Who holds the lock, as every other fleettui sees it."""
    return await connect_reader([etcd.endpoint], DEFAULT_PREFIX).lock_holder()


async def until_expired(etcd: RealEtcd) -> None:
    async with asyncio.timeout(20):
        while lock_key(etcd) is not None:  # noqa: ASYNC110 - etcd is asked, it does not tell
            await asyncio.sleep(0.05)


# --- taking ----------------------------------------------------------------------------------


async def test_a_lock_that_is_taken_is_seen_and_refuses_the_next(etcd: RealEtcd) -> None:
    assert await seen(etcd) is None
    index = await writer(etcd.endpoint).take_lock(OURS, TTL)
    key = lock_key(etcd)
    assert key is not None
    assert (key.modified_index, 0 < key.ttl <= TTL) == (index, True)
    assert await seen(etcd) == OURS
    with pytest.raises(LockTaken, match="ann@desk is repairing") as taken:
        await writer(etcd.endpoint).take_lock(OTHERS, TTL)
    assert taken.value.holder == OURS
    assert await seen(etcd) == OURS


async def race(writers: Sequence[EtcdWriter]) -> list[int]:
    """All take the lock at once, each for a repair of its own; the numbers of those who got it."""
    takes = [w.take_lock(holder(f"t{n}"), TTL) for n, w in enumerate(writers)]
    ends = await asyncio.gather(*takes, return_exceptions=True)
    assert all(isinstance(end, int | LockTaken) for end in ends), ends
    return [number for number, end in enumerate(ends) if isinstance(end, int)]


async def test_of_200_who_take_it_at_once_exactly_one_holds_it(etcd: RealEtcd) -> None:
    winners = await race([writer(etcd.endpoint) for _ in range(RACED)])
    assert len(winners) == 1
    held = await seen(etcd)
    assert held is not None
    assert held.token == U(f"t{winners[0]}")


async def test_of_200_on_three_members_exactly_one_holds_it_in_each_of_20_rounds(
    members: tuple[Member, ...],
) -> None:
    urls = [member.endpoint for member in members]
    for _ in range(20):
        winners = await race([writer(urls[n % 3]) for n in range(RACED // 20)])
        assert len(winners) == 1
        remove(members[0])


@pytest.mark.parametrize("value", ["", "not ours", '{"who": 7}', '{"token": "t1"}'])
async def test_a_lock_that_cannot_be_read_is_held_all_the_same(etcd: RealEtcd, value: str) -> None:
    write(etcd, value=value)
    with pytest.raises(LockTaken, match="cannot be read") as taken:
        await writer(etcd.endpoint).take_lock(OURS, TTL)
    assert taken.value.holder.problem
    held = await seen(etcd)
    assert held is not None
    assert held.problem
    key = lock_key(etcd)
    assert key is not None
    assert key.value == value


async def test_a_folder_in_its_place_is_held_too(etcd: RealEtcd) -> None:
    write(etcd, dir="true")
    with pytest.raises(LockTaken, match="a folder stands in its place"):
        await writer(etcd.endpoint).take_lock(OURS, TTL)


async def test_the_same_repair_takes_over_from_the_process_that_died(etcd: RealEtcd) -> None:
    dead, alive = writer(etcd.endpoint), writer(etcd.endpoint)
    old = await dead.take_lock(OURS, TTL)
    new = await alive.take_lock(holder(stage="reload"), TTL)
    assert new > old
    with pytest.raises(LockLost):
        await dead.keep_lock(OURS, old, TTL)
    with pytest.raises(LockLost):
        await dead.drop_lock(old)
    assert await alive.keep_lock(OURS, new, TTL) > new


async def test_of_20_who_resume_one_repair_one_goes_on(etcd: RealEtcd) -> None:
    writers = [writer(etcd.endpoint) for _ in range(20)]
    takes = [w.take_lock(OURS, TTL) for w in writers]
    ends = await asyncio.gather(*takes, return_exceptions=True)
    assert all(isinstance(end, int | WriteRefused) for end in ends), ends
    kept = 0
    for w, end in zip(writers, ends, strict=True):
        if isinstance(end, int):
            try:
                await w.keep_lock(OURS, end, TTL)
            except LockLost:
                continue
            kept += 1
    assert kept == 1


# --- holding and giving back -----------------------------------------------------------------


async def test_holding_on_tells_the_stage_and_begins_its_time_anew(etcd: RealEtcd) -> None:
    ours = writer(etcd.endpoint)
    first = await ours.take_lock(OURS, 5)
    second = await ours.keep_lock(holder(stage="reload"), first, TTL)
    key = lock_key(etcd)
    assert key is not None
    assert first < second == key.modified_index
    assert key.ttl > 5
    assert await seen(etcd) == holder(stage="reload")


async def test_a_lock_that_is_given_back_is_free(etcd: RealEtcd) -> None:
    ours = writer(etcd.endpoint)
    await ours.drop_lock(await ours.take_lock(OURS, TTL))
    assert await seen(etcd) is None
    await writer(etcd.endpoint).take_lock(OTHERS, TTL)


async def test_a_lock_that_expired_is_lost(etcd: RealEtcd) -> None:
    ours = writer(etcd.endpoint)
    index = await ours.take_lock(OURS, 1)
    await until_expired(etcd)
    with pytest.raises(LockLost, match="it expired, or was removed"):
        await ours.keep_lock(OURS, index, TTL)
    with pytest.raises(LockLost, match="it expired, or was removed"):
        await ours.drop_lock(index)
    assert lock_key(etcd) is None


async def test_a_lock_that_somebody_removed_and_took_is_lost_and_stays_theirs(
    etcd: RealEtcd,
) -> None:
    ours = writer(etcd.endpoint)
    index = await ours.take_lock(OURS, TTL)
    remove(etcd)
    await writer(etcd.endpoint).take_lock(OTHERS, TTL)
    with pytest.raises(LockLost, match="bob@desk holds it now"):
        await ours.keep_lock(OURS, index, TTL)
    with pytest.raises(LockLost, match="bob@desk holds it now"):
        await ours.drop_lock(index)
    assert await seen(etcd) == OTHERS


async def test_a_lock_that_somebody_wrote_over_is_lost(etcd: RealEtcd) -> None:
    ours = writer(etcd.endpoint)
    index = await ours.take_lock(OURS, TTL)
    write(etcd, value="\x1b[2J")
    with pytest.raises(LockLost, match="somebody holds it now"):
        await ours.keep_lock(OURS, index, TTL)


@pytest.mark.parametrize("index", [0, -1])
async def test_no_lock_is_touched_without_an_index_to_compare(etcd: RealEtcd, index: int) -> None:
    await writer(etcd.endpoint).take_lock(OTHERS, TTL)
    ours = writer(etcd.endpoint)
    with pytest.raises(WriteRefused, match="no index of etcd"):
        await ours.keep_lock(OURS, index, TTL)
    with pytest.raises(WriteRefused, match="no index of etcd"):
        await ours.drop_lock(index)
    assert await seen(etcd) == OTHERS


# --- without an answer -----------------------------------------------------------------------


async def test_a_lock_that_was_taken_without_an_answer_is_ours(etcd: RealEtcd) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        server.answering = Muffled(etcd).carrying_out(server)
        index = await writer(server.url, pace=IMPATIENT).take_lock(OURS, TTL)
    key = lock_key(etcd)
    assert key is not None
    assert key.modified_index == index


async def test_a_lock_that_was_not_taken_and_not_answered_is_unknown(etcd: RealEtcd) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        muffled = Muffled(etcd)
        server.answering = muffled.holding_back(server)
        with pytest.raises(WriteUnknown, match="may or may not"):
            await writer(server.url, pace=IMPATIENT).take_lock(OURS, TTL)
        assert len(muffled.held) == 1


async def test_a_lock_that_somebody_else_took_meanwhile_is_taken(etcd: RealEtcd) -> None:
    def meanwhile() -> None:
        asyncio.run(writer(etcd.endpoint).take_lock(OTHERS, TTL))

    with FakeEtcd(forward(etcd.endpoint)) as server:
        server.answering = Muffled(etcd, meanwhile).holding_back(server)
        with pytest.raises(LockTaken, match="bob@desk"):
            await writer(server.url, pace=IMPATIENT).take_lock(OURS, TTL)


async def test_a_lock_that_was_kept_without_an_answer_is_ours(etcd: RealEtcd) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        server.answering = Muffled(etcd).carrying_out(server)
        ours = writer(server.url, pace=IMPATIENT)
        index = await ours.take_lock(OURS, TTL)
        assert await ours.keep_lock(holder(stage="reload"), index, TTL) > index
    assert await seen(etcd) == holder(stage="reload")


async def test_a_write_that_comes_to_etcd_late_costs_nobody_the_lock(etcd: RealEtcd) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        server.answering = Muffled(etcd).carrying_out(server)
        ours = writer(server.url, pace=IMPATIENT)
        index = await ours.take_lock(OURS, TTL)
        late = Muffled(etcd)
        server.answering = late.holding_back(server)
        with pytest.raises(WriteUnknown):
            await ours.keep_lock(holder(stage="reload"), index, TTL)
        late.let_go()
        assert await seen(etcd) == holder(stage="reload")
        server.answering = Muffled(etcd).answering(server)
        kept = await ours.keep_lock(holder(stage="restart"), index, TTL)
        assert await seen(etcd) == holder(stage="restart")
        late.let_go()  # it still compares with what was then
        key = lock_key(etcd)
        assert key is not None
        assert key.modified_index == kept


async def test_a_lock_that_was_given_back_without_an_answer_is_free(etcd: RealEtcd) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        server.answering = Muffled(etcd).carrying_out(server)
        ours = writer(server.url, pace=IMPATIENT)
        await ours.drop_lock(await ours.take_lock(OURS, TTL))
    assert lock_key(etcd) is None


async def test_a_lock_that_may_not_have_been_given_back_is_unknown(etcd: RealEtcd) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        muffled = Muffled(etcd)
        server.answering = muffled.carrying_out(server)
        ours = writer(server.url, pace=IMPATIENT)
        index = await ours.take_lock(OURS, TTL)
        server.answering = muffled.holding_back(server)
        with pytest.raises(WriteUnknown):
            await ours.drop_lock(index)
    assert await seen(etcd) == OURS


async def test_what_cannot_be_looked_at_afterwards_stays_unknown(etcd: RealEtcd) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as server:
        reads = forward(etcd.endpoint)

        def answering(method: str, path: str) -> Reply:
            if method == "GET" and all(asked == "GET" for asked, _ in server.asked):
                return reads(method, path)
            return Reply(503, b"")

        server.answering = answering
        with pytest.raises(WriteUnknown, match="may or may not"):
            await writer(server.url).take_lock(OURS, TTL)
        assert sum(method == "PUT" for method, _ in server.asked) == 1


async def test_without_etcd_nothing_is_taken_and_nothing_known(etcd: RealEtcd) -> None:
    etcd.kill()
    with pytest.raises(RegistryUnavailable):
        await writer(etcd.endpoint).take_lock(OURS, TTL)
    with pytest.raises(RegistryUnavailable):
        await seen(etcd)


async def test_without_a_quorum_nobody_holds_on(members: tuple[Member, ...]) -> None:
    ours = writer(members[0].endpoint)
    index = await ours.take_lock(OURS, TTL)
    members[1].kill()
    members[2].kill()
    with pytest.raises(WriteUnknown):
        await ours.keep_lock(OURS, index, TTL)
