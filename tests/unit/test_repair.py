"""The repair: its order, its proof, and that nothing is called done that was not read back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cluster_model import TEMPLATE, World
from msgspec import structs
from repair_cases import (
    STAGES,
    finished,
    opened,
    past_of,
    performed,
    planned,
    yes,
)

from fleettui.access import CommandResult, Ending
from fleettui.model.host import FLEET_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.run import OutOfOrder
from fleettui.repair.planning.action import SetTargetState, Stage, Way
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import Closed, PastState


async def test_the_whole_repair_in_its_order(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    outcomes = await performed(repair, *STAGES)
    assert [outcome.result for outcome in outcomes] == [Result.DONE] * 3
    assert "no unit's main PID changed (0 of 1)" in outcomes[-1].said.raw
    outcome = await repair.verify()
    assert outcome.result is Result.DONE, outcome
    assert world.calls == ["sudo", "unload", "file", "link", "reload", "kill", "start"]
    assert (world.hello_pid, repair.interrupted, repair.absences) == (200, (), ())
    assert repair.next_stage is None


async def test_the_full_restart_replaces_the_units_and_says_for_how_long(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    repair.choose(Way.FULL)
    outcomes = await performed(repair, *STAGES)
    assert world.calls[-1] == "restart"
    assert "hello.service after 2.0 s" in outcomes[-1].said.raw
    assert [absence.seconds for absence in repair.absences] == [2.0]
    assert (await repair.verify()).result is Result.DONE


@pytest.mark.parametrize("stage", [Stage.RELOAD, Stage.RESTART])
async def test_no_stage_runs_before_the_registry_is_clean(stage: Stage, tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    with pytest.raises(OutOfOrder):
        await repair.perform(yes(repair.plan, stage))
    with pytest.raises(OutOfOrder):
        await repair.verify()
    assert world.calls == []


async def test_a_confirmation_for_another_machine_runs_nothing(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    other = replace(yes(repair.plan, Stage.DELETE), machine_id=Untrusted("b" * 32))
    with pytest.raises(OutOfOrder):
        await repair.perform(other)
    assert world.calls == []


async def test_only_the_steps_of_the_plan_are_performed(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    delete = repair.plan.step(Stage.DELETE)
    empty = replace(yes(repair.plan, Stage.DELETE), step=replace(delete, actions=()))
    with pytest.raises(OutOfOrder):
        await repair.perform(empty)
    assert world.calls == []


async def test_a_repair_that_leaves_the_registry_alone_never_comes_to_its_restart(
    tmp_path: Path,
) -> None:
    world = World()
    plan = await planned(world)
    delete = plan.step(Stage.DELETE)
    careless = replace(
        delete, actions=tuple(a for a in delete.actions if not isinstance(a, SetTargetState))
    )
    repair = await opened(world, tmp_path, replace(plan, steps=(careless, *plan.steps[1:])))
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "still wanted: zookeeper@.service" in outcome.said.raw
    assert repair.next_stage is Stage.DELETE
    assert not {"kill", "restart"} & set(world.calls)


async def test_no_file_goes_while_the_registry_still_sends_it(tmp_path: Path) -> None:
    """A fleetd that is at work on what it read before would write it again."""
    world = World(engine_lag=timedelta(seconds=4))
    sent_at: dict[str, bool] = {}

    def note(name: str) -> None:
        sent_at[name] = world.is_targeted

    repair = await opened(world, tmp_path)
    world.sabotage = note
    world.trouble = lambda _: world.live(timedelta(seconds=1))
    (outcome,) = await performed(repair, Stage.DELETE)
    assert outcome.result is Result.DONE, outcome
    assert sent_at == {"sudo": True, "file": False, "link": False}


async def test_an_engine_that_never_follows_leaves_the_files_where_they_are(
    tmp_path: Path,
) -> None:
    world = World(engine_lag=timedelta(days=1))
    repair = await opened(world, tmp_path)
    (outcome,) = await performed(repair, Stage.DELETE)
    assert outcome.result is Result.FAILED
    assert "the engine took its target away: still sent: zookeeper@.service" in outcome.said.raw
    assert (world.calls, world.file) == (["sudo", "unload"], True)


async def test_success_of_a_command_alone_is_not_done(tmp_path: Path) -> None:
    lie = CommandResult(Ending.EXITED, 0, b"removed\n/somewhere\n")
    world = World(sabotage=lambda name: lie if name == "file" else None)
    repair = await opened(world, tmp_path)
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert f"{FLEET_UNITS}/{TEMPLATE.raw}" in outcome.said.raw


async def test_a_registry_that_changed_meanwhile_stops_the_repair(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    world.target_state = "launched"
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert world.calls == ["sudo", "unload"]
    assert world.file


async def test_what_is_as_it_should_be_already_is_not_written_again(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    world.target_state = "inactive"
    assert (await repair.perform(yes(repair.plan, Stage.DELETE))).result is Result.DONE
    assert world.calls == ["sudo", "file", "link"]


# --- what nobody looked at is never taken for clean ----------------------------------------------


async def test_a_template_loaded_again_after_locate_stops_before_the_restart(
    tmp_path: Path,
) -> None:
    world = World(target_state="inactive", file=False, link=False)
    plan = await planned(world)
    assert plan.step(Stage.DELETE).actions == ()
    repair = await opened(world, tmp_path, plan)
    world.target_state = "loaded"
    outcome = await repair.perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "still sent" in outcome.said.raw


@pytest.mark.parametrize("back", ["loaded", "launched"])
async def test_a_template_loaded_again_after_the_delete_stops_the_restart(
    back: str, tmp_path: Path
) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, Stage.DELETE, Stage.RELOAD)
    assert repair.done == (Stage.DELETE, Stage.RELOAD)
    world.target_state = back
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.FAILED
    assert not {"kill", "start", "restart"} & set(world.calls)


@pytest.mark.parametrize("trouble", ["unreadable", "systemd", "silent"])
async def test_a_proof_that_read_nothing_is_no_proof(trouble: str, tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    world.unreadable = "Permission denied" if trouble == "unreadable" else ""
    world.systemd_answers = trouble != "systemd"
    world.silent = trouble == "silent"
    assert (await repair.verify()).result is Result.FAILED


async def test_a_gentle_way_that_did_not_do_it_says_so_and_the_full_one_is_taken(
    tmp_path: Path,
) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    world.in_memory = True
    outcome = await repair.verify()
    assert outcome.result is Result.FAILED
    assert "the gentle way did not do it" in outcome.said.raw
    assert "full restart is on offer" in outcome.said.raw
    repair.choose(Way.FULL)
    assert repair.next_stage is Stage.RESTART
    assert (await finished(repair)).result is Result.DONE
    assert world.calls.count("restart") == 1


async def test_a_way_that_is_not_on_offer_is_refused(tmp_path: Path) -> None:
    world = World(machine=structs.replace(World().machine, version=Untrusted("1.0.0")))
    repair = await opened(world, tmp_path)
    with pytest.raises(OutOfOrder):
        repair.choose(Way.GENTLE)


# --- how it ends ---------------------------------------------------------------------------------


async def test_only_what_was_verified_is_closed_as_repaired(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    with pytest.raises(OutOfOrder):
        await repair.close(Closed.REPAIRED)
    assert (await repair.verify()).result is Result.DONE
    await repair.close(Closed.REPAIRED)
    assert (past_of(repair).state, past_of(repair).closed) == (PastState.FINISHED, Closed.REPAIRED)
    assert world.lock is None


async def test_nothing_runs_after_the_end(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await repair.leave("somebody else goes on")
    for again in (repair.perform(yes(repair.plan, Stage.DELETE)), repair.undo(Stage.DELETE)):
        with pytest.raises(OutOfOrder):
            await again
    assert world.calls == []
    assert past_of(repair).state is PastState.UNFINISHED
