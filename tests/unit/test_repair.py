"""The repair: its order, its proof, and that nothing is called done that was not read back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cluster_model import HELLO, MACHINE, SHA256, TEMPLATE, World

from fleettui.access import CommandResult, Ending
from fleettui.model.host import FLEET_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair import run as run_module
from fleettui.repair.outcome import Confirmed, Result, Told
from fleettui.repair.plan import (
    NotRepairable,
    Plan,
    RemoveFile,
    RemoveLink,
    Stage,
    Unload,
    Way,
    literal,
    plan_repair,
    ways_for,
)
from fleettui.repair.record import Record
from fleettui.repair.run import OutOfOrder, Repair

PREFIX = "/_coreos.com/fleet/"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look without waiting: the model's clock advances with each look."""
    monkeypatch.setattr(run_module, "LOOK_EVERY", timedelta(0))
    for name in ("UNLOADED_WITHIN", "STARTED_WITHIN", "VERIFIED_WITHIN"):
        monkeypatch.setattr(run_module, name, timedelta(seconds=0.3))


async def planned(world: World) -> Plan:
    snapshot, facts = await world.read(), await world.probe(world.machine)
    return plan_repair(TEMPLATE, world.machine, snapshot, facts, token="t")


@pytest.fixture
def told() -> list[Told]:
    return []


def begun(world: World, plan: Plan, folder: Path, told: list[Told]) -> Repair:
    return Repair(world.operator(), plan, Record.begin(folder, "t", {}), told.append)


def yes(plan: Plan, stage: Stage) -> Confirmed:
    return Confirmed(plan.step(stage), plan.machine.id, "ann@desk", datetime.now(UTC))


STAGES = (Stage.DELETE, Stage.RELOAD, Stage.RESTART)


async def test_the_whole_repair_in_its_order(tmp_path: Path, told: list[Told]) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    for stage in STAGES:
        outcome = await repair.perform(yes(plan, stage))
        assert outcome.result is Result.DONE, outcome
    outcome = await repair.verify()
    assert outcome.result is Result.DONE, outcome
    assert world.calls == ["unload", "file", "link", "reload", "kill", "start"]
    assert world.hello_pid == 200
    assert repair.next_stage is None


async def test_the_full_restart_replaces_the_units_and_says_so(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = (await planned(world)).with_way(Way.FULL)
    repair = begun(world, plan, tmp_path, told)
    outcomes = [await repair.perform(yes(plan, stage)) for stage in STAGES]
    assert world.calls[-1] == "restart"
    assert "hello.service" in outcomes[-1].said.raw
    assert (await repair.verify()).result is Result.DONE


@pytest.mark.parametrize("stage", [Stage.RELOAD, Stage.RESTART])
async def test_no_stage_runs_before_the_registry_is_clean(
    stage: Stage, tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    with pytest.raises(OutOfOrder):
        await repair.perform(yes(plan, stage))
    with pytest.raises(OutOfOrder):
        await repair.verify()
    assert world.calls == []


async def test_a_confirmation_for_another_machine_runs_nothing(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    other = replace(yes(plan, Stage.DELETE), machine_id=Untrusted("b" * 32))
    with pytest.raises(OutOfOrder):
        await repair.perform(other)
    assert world.calls == []


async def test_the_fault_returns_when_the_registry_is_left_alone(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = await planned(world)
    delete = plan.step(Stage.DELETE)
    careless = replace(
        delete, actions=tuple(a for a in delete.actions if not isinstance(a, Unload))
    )
    plan = replace(plan, steps=(careless, *plan.steps[1:]))
    repair = begun(world, plan, tmp_path, told)
    for stage in STAGES:
        await repair.perform(yes(plan, stage))
    assert world.file
    assert world.in_memory
    assert (await repair.verify()).result is Result.FAILED


async def test_the_plan_always_begins_with_the_registry() -> None:
    for state in ("loaded", "launched"):
        actions = (await planned(World(target_state=state))).steps[0].actions
        assert actions[0] == Unload(TEMPLATE, state)
        assert [type(a) for a in actions[1:]] == [RemoveFile, RemoveLink]


async def test_what_is_gone_already_is_not_planned() -> None:
    actions = (await planned(World(target_state=None, link=False))).steps[0].actions
    assert [type(a) for a in actions] == [RemoveFile]


FAILURES = [
    (CommandResult(Ending.EXITED, 1, b"", b"sudo: a password is required\n"), Result.FAILED),
    (CommandResult(Ending.NOT_STARTED, reason=Untrusted("connection refused")), Result.NOT_STARTED),
    (CommandResult(Ending.EXITED, 0, b"refused\nnot a regular file\n"), Result.FAILED),
]


@pytest.mark.parametrize("call", ["file", "link", "reload", "kill", "start"])
@pytest.mark.parametrize(("instead", "result"), FAILURES[:2])
async def test_a_command_that_fails_stops_the_repair_in_its_own_words(
    call: str, instead: CommandResult, result: Result, tmp_path: Path, told: list[Told]
) -> None:
    world = World(sabotage=lambda name: instead if name == call else None)
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    outcomes = []
    for stage in STAGES:
        outcomes.append(await repair.perform(yes(plan, stage)))
        if outcomes[-1].result is not Result.DONE:
            break
    assert outcomes[-1].result is result
    words = (instead.stderr.decode() or instead.reason.raw).strip()
    assert words in outcomes[-1].said.raw
    assert world.calls[-1] == call


async def test_a_refusal_of_the_machine_is_a_failure(tmp_path: Path, told: list[Told]) -> None:
    world = World(sabotage=lambda name: FAILURES[2][0] if name == "file" else None)
    plan = await planned(world)
    outcome = await begun(world, plan, tmp_path, told).perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "not a regular file" in outcome.said.raw
    assert world.file


@pytest.mark.parametrize("call", ["file", "link", "reload", "restart"])
@pytest.mark.parametrize("ran", [True, False])
async def test_a_lost_connection_is_settled_by_looking(
    call: str, ran: bool, tmp_path: Path, told: list[Told]
) -> None:
    world = World()

    def lose(name: str) -> CommandResult | None:
        if name != call:
            return None
        if ran:
            world._change(name)
        return CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))

    world.sabotage = lose
    world.needs_reload = call == "reload"
    plan = (await planned(world)).with_way(Way.FULL)
    repair = begun(world, plan, tmp_path, told)
    outcomes = []
    for stage in STAGES:
        outcomes.append(await repair.perform(yes(plan, stage)))
        if outcomes[-1].result is not Result.DONE:
            break
    assert (outcomes[-1].result is Result.DONE) is ran
    assert world.calls.count(call) == 1


async def test_success_of_a_command_alone_is_not_done(tmp_path: Path, told: list[Told]) -> None:
    lie = CommandResult(Ending.EXITED, 0, b"removed\n/somewhere\n")
    world = World(sabotage=lambda name: lie if name == "file" else None)
    plan = await planned(world)
    outcome = await begun(world, plan, tmp_path, told).perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert f"{FLEET_UNITS}/{TEMPLATE.raw}" in outcome.said.raw


async def test_a_registry_that_changed_meanwhile_stops_the_repair(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = await planned(world)
    world.target_state = "launched"
    outcome = await begun(world, plan, tmp_path, told).perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert world.calls == ["unload"]
    assert world.file


async def test_the_record_has_each_intent_before_its_outcome(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    for stage in STAGES:
        await repair.perform(yes(plan, stage))
    path = repair.record.path
    assert path.stat().st_mode & 0o777 == 0o600
    events = [json.loads(line) for line in path.read_text().splitlines()]
    acts = [(e["event"], e["action"]) for e in events if e["event"] in {"intent", "outcome"}]
    names = ["Unload", "RemoveFile", "RemoveLink", "Reload", "Restart"]
    assert acts == [pair for n in names for pair in (("intent", n), ("outcome", n))]
    assert (path.with_suffix(".unit")).read_bytes().startswith(b"[Service]")


def versions() -> Iterator[tuple[str, tuple[Way, ...]]]:
    gentle, full = (Way.GENTLE, Way.FULL), (Way.FULL,)
    yield from ((v, gentle) for v in ("0.8.3", "0.9.2", "0.10.2", "0.11.8", "0.12.0", "0.11.8+git"))
    yield from ((v, full) for v in ("0.13.0", "1.0.0+wasnotbuiltproperly", "0.7.1", "", "what"))


@pytest.mark.parametrize(("version", "ways"), versions())
def test_the_gentle_way_is_offered_only_where_it_was_measured(
    version: str, ways: tuple[Way, ...]
) -> None:
    assert ways_for(Untrusted(version)) == ways


async def test_the_full_restart_names_every_unit_it_stops() -> None:
    plan = (await planned(World())).with_way(Way.FULL)
    words = "\n".join(plan.step(Stage.RESTART).changes)
    assert "STOPS EVERY UNIT" in words
    assert str(HELLO) in words


async def test_commands_are_shown_word_for_word() -> None:
    plan = await planned(World())
    unload, file, _ = plan.step(Stage.DELETE).actions
    assert literal(unload, plan.token, PREFIX) == (
        f"etcd PUT {PREFIX}job/{TEMPLATE}/target-state?prevValue=loaded  value=inactive",
    )
    (line,) = literal(file, plan.token, PREFIX)
    assert line.startswith("sudo -n sh -c '")
    arguments = f"fleettui-remove {FLEET_UNITS} {TEMPLATE} file {SHA256}"
    assert line.endswith(f"{arguments} /run/fleettui/quarantine t")


async def test_another_machine_behind_the_address_is_not_repaired() -> None:
    world = World()
    snapshot, facts = await world.read(), await world.probe(MACHINE)
    facts = replace(facts, reported_id=Untrusted("f" * 32))
    with pytest.raises(NotRepairable, match="another machine"):
        plan_repair(TEMPLATE, MACHINE, snapshot, facts, token="t")


async def test_a_folder_that_cannot_be_read_is_not_taken_for_clean() -> None:
    world = World()
    snapshot, facts = await world.read(), await world.probe(MACHINE)
    broken = replace(facts.folders[FLEET_UNITS], entries={}, problem=Untrusted("Permission denied"))
    facts = replace(facts, folders={**facts.folders, FLEET_UNITS: broken})
    with pytest.raises(NotRepairable, match="Permission denied"):
        plan_repair(TEMPLATE, MACHINE, snapshot, facts, token="t")
