"""What changed between the look and the act: nothing is sent on what is no longer true."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_model import HELLO, MACHINE, U, World
from msgspec import structs
from msgspec.structs import replace
from repair_cases import QUICK, nobody, opened, past_of, performed, yes

from fleettui.access import CommandResult, KeyValue
from fleettui.commands import ChangeCommand
from fleettui.diagnosis.finding import Finding, Severity
from fleettui.model.cluster import Machine, Unit
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.run import Repair, open_repair
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.planning.locate import locate
from fleettui.repair.records.outcome import Result

OTHER = U("b" * 32)
SEARCH = U("search.service")


async def reloaded(world: World, folder: Path) -> Repair:
    """A repair with only the restart left."""
    repair = await opened(world, folder)
    await performed(repair, Stage.DELETE, Stage.RELOAD)
    world.calls.clear()
    return repair


async def opened_against(world: World, fault: str, unit: Untrusted, folder: Path) -> Repair:
    """A repair of another fault, on a machine without a template."""
    world.file = world.link = world.in_memory = False
    world.target_state = None
    machine_id = MACHINE.id if fault == "needs-daemon-reload" else None
    finding = Finding(fault, Severity.WARNING, unit, machine_id, "seen", ())
    located = await locate(world.operator(), finding, world.machine if machine_id else None)
    assert located.plan, located.problem
    return await open_repair(world.operator(), finding, located.plan, folder, nobody, QUICK)


def with_units(world: World, change: Callable[[dict[Untrusted, Unit]], None]) -> None:
    """Have the registry show its units otherwise than they were."""
    shown = world._units

    def changed() -> dict[Untrusted, Unit]:
        units = shown()
        change(units)
        return units

    world._units = changed  # type: ignore[method-assign]  # what somebody else did meanwhile


async def test_a_lock_that_is_lost_while_a_restart_waits_stops_it(tmp_path: Path) -> None:
    world = World()
    repair = await reloaded(world, tmp_path)

    def trouble(name: str) -> None:
        if name == "read" and world.lock is not None:
            world.lock = (replace(world.lock[0], token=U("other")), 99_999)

    world.trouble = trouble
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.NOT_STARTED
    assert world.calls == []
    assert repair.lock_is_lost


async def test_another_machine_at_the_address_gets_nothing(tmp_path: Path) -> None:
    world = World()
    repair = await reloaded(world, tmp_path)
    own = world.facts
    world.facts = lambda since: replace(own(since), reported_id=OTHER)  # type: ignore[method-assign]  # a host that took over the address
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.NOT_STARTED
    assert OTHER.raw in outcome.said.raw
    assert world.calls == []


async def test_the_gentle_way_is_not_taken_on_a_fleetd_that_was_updated(tmp_path: Path) -> None:
    world = World()
    repair = await reloaded(world, tmp_path)
    assert repair.plan.way is Way.GENTLE
    world.machine = replace(world.machine, version=U("0.13.0"))
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.NOT_STARTED
    assert "0.13.0" in outcome.said.raw
    assert world.calls == []


async def test_nothing_is_restarted_while_another_template_is_on_its_way(tmp_path: Path) -> None:
    world = World()
    repair = await reloaded(world, tmp_path)
    other = U("etcd@.service")
    sent = Unit(other, "ab" * 20, U("launched"), MACHINE.id)
    with_units(world, lambda units: units.update({other: sent}))
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.FAILED
    assert other.raw in outcome.said.raw
    assert world.calls == []


async def test_a_machine_key_of_the_fleetd_that_was_killed_does_not_count(tmp_path: Path) -> None:
    world = World()
    repair = await reloaded(world, tmp_path)
    own_key = (U("machines"), MACHINE.id, U("object"))
    asked = world.key

    async def old(key: tuple[Untrusted, ...]) -> KeyValue | None:
        return KeyValue(U("{}"), 1) if key == own_key else await asked(key)

    world.key = old  # type: ignore[method-assign]  # a key that nobody writes again
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.FAILED
    assert "not written by it yet" in outcome.said.raw


async def test_a_unit_that_was_sent_elsewhere_is_not_started_here(tmp_path: Path) -> None:
    world = World()
    world.hello = ("not-found", "inactive", "dead")
    repair = await opened_against(world, "needs-daemon-reload", HELLO, tmp_path)
    await performed(repair, Stage.RELOAD)
    world.calls.clear()
    with_units(
        world, lambda units: units.update({HELLO: structs.replace(units[HELLO], target=OTHER)})
    )
    outcome = await repair.perform(yes(repair.plan, Stage.START))
    assert outcome.result is Result.FAILED
    assert OTHER.raw in outcome.said.raw
    assert world.calls == []


@pytest.mark.parametrize("sign", ["file", "state"])
async def test_a_job_that_came_to_life_again_is_not_deleted(sign: str, tmp_path: Path) -> None:
    world = World()
    world.put((U("job"), SEARCH, U("target-state")), "launched")
    repair = await opened_against(world, "orphan-job", SEARCH, tmp_path)
    alive = (U("unit"), SEARCH) if sign == "file" else (U("states"), SEARCH, MACHINE.id)
    world.put(alive, "x")
    world.calls.clear()
    outcome = await repair.perform(yes(repair.plan, Stage.REGISTRY))
    assert outcome.result is Result.FAILED
    assert "nothing more was deleted" in outcome.said.raw
    assert world.calls == []


async def test_leaving_during_an_act_keeps_others_out_until_it_can_no_longer_take_effect(
    tmp_path: Path,
) -> None:
    world = World()
    repair = await reloaded(world, tmp_path)
    begun, hold = asyncio.Event(), asyncio.Event()

    async def slow(machine: Machine, command: ChangeCommand) -> CommandResult:
        begun.set()
        await hold.wait()
        raise AssertionError("nobody waits for it")

    world.perform = slow  # type: ignore[method-assign]  # a command under way
    act = asyncio.create_task(repair.perform(yes(repair.plan, Stage.RESTART)))
    await begun.wait()
    await repair.leave("quit")
    assert world.lock is not None
    act.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act


async def test_what_a_restart_puts_at_stake_by_now_is_on_record(tmp_path: Path) -> None:
    repair = await reloaded(World(), tmp_path)
    repair.weigh(repair.plan.at_stake[:0])
    recorded = past_of(repair).plan
    assert recorded is not None
    assert recorded.at_stake == repair.plan.at_stake == ()
