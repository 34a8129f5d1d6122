"""The repair lock while a repair is driven: held in time, and its loss stops everything."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cluster_model import World
from msgspec import structs
from repair_cases import QUICK, STAGES, files_in, opened, past_of, performed, planned, yes

from fleettui.access import LockLost, LockTaken, RegistryUnavailable, WriteUnknown
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.lock import RepairLock
from fleettui.repair.driving.run import CannotBegin
from fleettui.repair.planning.action import Stage
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import Closed

U = Untrusted
HOLDER = LockHolder(
    U("t"), U("ann@desk"), U("a" * 32), U("foo@.service"), datetime.now(UTC), U("locate")
)
OTHER = structs.replace(HOLDER, token=U("other"), who=U("bob@lap"))
PATIENCE = 5


async def until_written(world: World, index: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while world.lock is None or world.lock[1] <= index:  # noqa: ASYNC110 - World tells nobody
            await asyncio.sleep(0.001)


async def test_it_is_kept_for_as_long_as_it_is_held() -> None:
    world = World()
    async with RepairLock(world, HOLDER, ttl=30, every=0.001) as lock:
        for _ in range(3):
            await until_written(world, lock.index)
        assert world.lock is not None
    assert world.lock is None


async def test_everybody_is_told_which_stage_is_at_hand() -> None:
    world = World()
    async with RepairLock(world, HOLDER) as lock:
        await lock.stage(Stage.DELETE)
        assert world.lock is not None
        assert world.lock[0].stage.raw == "delete"


async def test_somebody_elses_lock_is_not_taken() -> None:
    world = World(lock=(OTHER, 7))
    with pytest.raises(LockTaken, match="bob@lap"):
        async with RepairLock(world, HOLDER):
            pass
    assert world.lock == (OTHER, 7)


async def test_a_lost_lock_stays_lost() -> None:
    world = World()
    async with RepairLock(world, HOLDER) as lock:
        mine = world.lock
        world.lock = (OTHER, 99)
        for taken in ((OTHER, 99), mine):
            world.lock = taken
            with pytest.raises(LockLost):
                await lock.ensure()
        assert lock.is_lost


@pytest.mark.parametrize("silence", [RegistryUnavailable("no member"), WriteUnknown("no answer")])
async def test_without_an_answer_it_is_ours_until_it_would_expire(silence: Exception) -> None:
    world = World()

    def silent(_: str) -> None:
        raise silence

    async with RepairLock(world, HOLDER, ttl=30, every=60) as lock:
        world.trouble = silent
        await lock.ensure()
        assert not lock.is_lost
    async with RepairLock(World(), HOLDER, ttl=0, every=60) as lock:
        with pytest.raises(LockLost):
            await lock.ensure()


async def test_a_cancelled_request_gives_back_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    world, asked, answer = World(), asyncio.Event(), asyncio.Event()
    take = world.take_lock

    async def slow(holder: LockHolder, ttl: int) -> int:
        asked.set()
        await answer.wait()
        return await take(holder, ttl)

    monkeypatch.setattr(world, "take_lock", slow)
    taking = asyncio.create_task(RepairLock(world, HOLDER).take())
    await asked.wait()
    taking.cancel()
    await asyncio.sleep(0)
    answer.set()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert world.lock is None


# --- in a repair ---------------------------------------------------------------------------------


async def test_the_lock_names_who_repairs_what_where(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    assert world.lock is not None
    holder = world.lock[0]
    assert (holder.token.raw, holder.who.raw) == (repair.plan.token, "ann@desk")
    assert (holder.machine_id, holder.subject.raw) == (world.machine.id, "zookeeper@.service")
    await performed(repair, *STAGES)
    assert world.lock[0].stage.raw == "restart"
    await repair.close(Closed.GIVEN_UP)
    assert world.lock is None


async def test_a_second_operator_is_told_who_and_changes_nothing(tmp_path: Path) -> None:
    world = World(lock=(OTHER, 7))
    with pytest.raises(CannotBegin, match="bob@lap"):
        await opened(world, tmp_path)
    assert files_in(tmp_path) == []


CALLS = ("unload", "file", "link", "reload", "kill")


@pytest.mark.parametrize("last", ["sudo", *CALLS])
async def test_a_lock_that_is_lost_stops_before_the_next_act(last: str, tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)

    def lose(name: str) -> None:
        if name == last:
            world.lock = (OTHER, 99)

    world.after = lose
    outcomes = await performed(repair, *STAGES)
    if last == "kill":  # what was killed is started again: that is one act
        assert world.calls[-1] == "start"
        assert (await repair.verify()).result is Result.NOT_STARTED
    else:
        assert world.calls[-1] == last
        assert outcomes[-1].result is Result.NOT_STARTED
        assert "not ours any more" in outcomes[-1].said.raw
    assert repair.lock_is_lost
    assert "lock lost" in [event.name for event in past_of(repair).events]
    assert world.lock == (OTHER, 99)


async def test_a_lock_that_is_lost_between_two_steps_stops_before_the_next(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, Stage.DELETE)
    world.lock = None
    outcome = await repair.perform(yes(repair.plan, Stage.RELOAD))
    assert outcome.result is Result.NOT_STARTED
    assert "reload" not in world.calls
    assert repair.next_stage is Stage.RELOAD


async def test_a_loss_is_noticed_while_nothing_happens(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path, pace=replace(QUICK, lock_every=0.001))
    world.lock = (OTHER, 99)
    async with asyncio.timeout(PATIENCE):
        while not repair.lock_is_lost:  # noqa: ASYNC110 - it is noticed by a timer
            await asyncio.sleep(0.001)


async def test_a_repair_that_cannot_be_recorded_gives_the_lock_back(tmp_path: Path) -> None:
    world = World()
    plan = await planned(world)
    (tmp_path / f"{plan.token}.jsonl").write_text("somebody was here\n")
    with pytest.raises(CannotBegin, match="record cannot be written"):
        await opened(world, tmp_path, plan)
    assert world.lock is None
