"""Taking up a repair that was left or killed: it looks first, and goes on from what is true."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cluster_model import World
from msgspec import structs
from repair_cases import (
    QUICK,
    STAGES,
    bury,
    events,
    finished,
    nobody,
    opened,
    past_of,
    performed,
    planned,
    resumed,
    yes,
)

from fleettui.access import ClusterAddress, CommandResult, Ending, HostUnreachable
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.driver import Repair
from fleettui.repair.driving.run import CannotBegin, resume_repair
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import Closed, PastState, read_past


class Killed(BaseException):
    """The process ended here: nothing of ours runs after it."""


async def killed_at(world: World, folder: Path, call: str, *, after: bool, way: Way) -> Repair:
    """A repair whose process is killed right before or after one call."""
    repair = await opened(world, folder)
    repair.choose(way)

    def kill(name: str) -> None:
        if name == call:
            raise Killed

    world.trouble, world.after = (world.trouble, kill) if after else (kill, world.after)
    with pytest.raises(Killed):
        await performed(repair, *STAGES)
    world.trouble = world.after = lambda _: None
    bury(repair)
    return repair


CALLS = ("sudo", "unload", "file", "link", "reload", "kill", "start", "restart")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("after", [False, True])
async def test_a_repair_killed_at_any_act_is_finished_without_repeating_what_happened(
    call: str, after: bool, tmp_path: Path
) -> None:
    world = World()
    way = Way.FULL if call == "restart" else Way.GENTLE
    killed = await killed_at(world, tmp_path, call, after=after, way=way)
    past = past_of(killed)
    assert past.state is PastState.UNFINISHED
    assert len(past.in_doubt) == 1
    repair = await resumed(world, past.path)
    assert past_of(repair).in_doubt == ()
    assert (await finished(repair)).result is Result.DONE
    for once in ("file", "link", "kill", "restart", "unload"):
        assert world.calls.count(once) <= (2 if once == call and not after else 1)
    assert world.needless == 0
    await repair.close(Closed.REPAIRED)


async def test_a_kill_that_happened_is_never_sent_again_and_fleetd_is_started(
    tmp_path: Path,
) -> None:
    world = World(restart_delay=timedelta(days=1))
    killed = await killed_at(world, tmp_path, "kill", after=True, way=Way.GENTLE)
    assert world.fleet_pid == 0
    repair = await resumed(world, killed.record.path)
    assert repair.next_stage is Stage.RESTART
    world.calls.clear()
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.DONE, outcome
    assert world.calls == ["start"]


async def test_a_restart_that_was_read_back_is_not_asked_for_again(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    bury(repair)
    again = await resumed(world, repair.record.path)
    assert again.next_stage is Stage.VERIFY
    world.calls.clear()
    assert (await again.verify()).result is Result.DONE
    assert world.calls == []


async def test_a_template_that_came_back_after_the_restart_needs_a_new_one(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    bury(repair)
    world.target_state, world.file, world.link, world.in_memory = "loaded", True, True, True
    again = await resumed(world, repair.record.path)
    assert again.next_stage is Stage.DELETE
    world.calls.clear()
    assert (await finished(again)).result is Result.DONE
    assert world.calls.count("kill") == 1
    assert world.needless == 0


async def test_a_step_that_was_done_is_true_no_more_when_somebody_undid_it(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, Stage.DELETE, Stage.RELOAD)
    bury(repair)
    world.target_state = "loaded"
    again = await resumed(world, repair.record.path)
    assert again.done == ()
    assert [type(act) for act in again.plan.step(Stage.DELETE).actions] != []


async def test_the_way_that_was_begun_is_gone_on_with(tmp_path: Path) -> None:
    world = World()
    lost = CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))
    repair = await opened(world, tmp_path)
    repair.choose(Way.FULL)
    world.sabotage = lambda name: lost if name == "restart" else None
    await performed(repair, *STAGES)
    bury(repair)
    again = await resumed(world, repair.record.path)
    assert again.plan.way is Way.FULL
    assert past_of(repair).in_doubt == ()


async def test_what_is_in_doubt_is_settled_in_the_record(tmp_path: Path) -> None:
    world = World()
    killed = await killed_at(world, tmp_path, "file", after=True, way=Way.GENTLE)
    repair = await resumed(world, killed.record.path)
    settled = [e.facts for e in past_of(repair).events if e.facts.get("settled")]
    (outcome,) = settled
    assert (outcome["action"], outcome["result"]) == ("RemoveFile", "done")
    assert "settled by looking" in outcome["said"]
    assert events(repair)[-1] == "resumed"


async def test_left_and_taken_up_in_one_session_is_one_story(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, Stage.DELETE)
    await repair.leave("to locate again")
    again = await resumed(world, repair.record.path)
    assert again.done == (Stage.DELETE,)
    assert (await finished(again)).result is Result.DONE
    assert [name for name in events(again) if name in {"begun", "left", "resumed"}] == [
        "begun",
        "left",
        "resumed",
    ]


# --- what is not taken up ------------------------------------------------------------------------


async def left(world: World, folder: Path) -> Path:
    repair = await opened(world, folder)
    await repair.leave("later")
    return repair.record.path


async def test_a_repair_that_another_process_drives_is_not_taken_up(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    with pytest.raises(CannotBegin, match="another fleettui"):
        await resumed(world, repair.record.path)
    assert (await finished(repair)).result is Result.DONE


async def test_a_repair_of_another_cluster_is_not_taken_up(tmp_path: Path) -> None:
    world = World()
    path = await left(world, tmp_path)
    for cluster in (
        ClusterAddress(("http://10.9.9.9:2379",), "/_coreos.com/fleet/"),
        ClusterAddress(("http://127.0.0.1:2379",), "/other/"),
    ):
        operator = structs.replace(world.operator(), cluster=cluster)
        with pytest.raises(CannotBegin, match="another cluster"):
            await resume_repair(operator, read_past(path), None, nobody, QUICK)


async def test_a_plan_for_another_machine_is_not_followed(tmp_path: Path) -> None:
    world = World()
    path = await left(world, tmp_path)
    other = replace(
        await planned(world), machine=structs.replace(world.machine, id=Untrusted("b" * 32))
    )
    with pytest.raises(CannotBegin, match="another machine"):
        await resume_repair(world.operator(), read_past(path), other, nobody, QUICK)


async def test_a_machine_that_cannot_be_looked_at_is_not_gone_on_with(tmp_path: Path) -> None:
    world = World()
    path = await left(world, tmp_path)

    def lose(name: str) -> None:
        if name == "probe":
            raise HostUnreachable("no route to host")

    world.trouble = lose
    with pytest.raises(CannotBegin, match="no route to host"):
        await resume_repair(world.operator(), read_past(path), None, nobody, QUICK)
    assert world.lock is None
    assert read_past(path).state is PastState.UNFINISHED


async def test_an_unreadable_record_is_not_taken_up(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("hello\n")
    with pytest.raises(CannotBegin, match="cannot be read"):
        await resume_repair(
            World().operator(), read_past(tmp_path / "x.jsonl"), None, nobody, QUICK
        )
