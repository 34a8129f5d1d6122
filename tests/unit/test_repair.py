"""The repair: its order, its proof, and that nothing is called done that was not read back."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cluster_model import HELLO, MACHINE, SHA256, TEMPLATE, World

from fleettui.access import CommandResult, Ending, FileCopy
from fleettui.model.host import FLEET_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair import run as run_module
from fleettui.repair.outcome import Confirmed, Result, Told
from fleettui.repair.plan import (
    NothingToRepair,
    NotRepairable,
    Plan,
    RemoveFile,
    RemoveLink,
    Stage,
    TrySudo,
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
    for name in ("CLEAN_WITHIN", "STARTED_WITHIN", "VERIFIED_WITHIN"):
        monkeypatch.setattr(run_module, name, timedelta(seconds=0.3))


async def planned(world: World) -> Plan:
    snapshot, facts = await world.read(), await world.probe(world.machine)
    return plan_repair(world.machine, snapshot, facts, token="t")


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
    assert world.calls == ["sudo", "unload", "file", "link", "reload", "kill", "start"]
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


async def test_a_repair_that_leaves_the_registry_alone_never_comes_to_its_restart(
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
    outcome = await repair.perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "still wanted: zookeeper@.service" in outcome.said.raw
    assert repair.next_stage is Stage.DELETE
    assert not {"kill", "restart"} & set(world.calls)


async def test_the_plan_always_begins_with_the_registry() -> None:
    for state in ("loaded", "launched"):
        actions = (await planned(World(target_state=state))).steps[0].actions
        assert actions[:2] == (TrySudo(), Unload(TEMPLATE, state))
        assert [type(a) for a in actions[2:]] == [RemoveFile, RemoveLink]


async def test_what_is_gone_already_is_not_planned() -> None:
    actions = (await planned(World(target_state=None, link=False))).steps[0].actions
    assert [type(a) for a in actions] == [TrySudo, RemoveFile]


FAILURES = [
    (CommandResult(Ending.EXITED, 1, b"", b"sudo: a password is required\n"), Result.FAILED),
    (CommandResult(Ending.NOT_STARTED, reason=Untrusted("connection refused")), Result.NOT_STARTED),
    (CommandResult(Ending.EXITED, 0, b"refused\nnot a regular file\n"), Result.FAILED),
]


@pytest.mark.parametrize("call", ["sudo", "file", "link", "reload", "kill", "start"])
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
    assert outcomes[-1].result is (Result.NOT_STARTED if call == "sudo" else result)
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


@pytest.mark.parametrize("call", ["file", "link", "restart"])
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
    assert world.calls == ["sudo", "unload"]
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
    names = ["TrySudo", "Unload", "RemoveFile", "RemoveLink", "Reload", "Restart"]
    assert acts == [pair for n in names for pair in (("intent", n), ("outcome", n))]
    assert (path.with_suffix(f".{TEMPLATE.raw}")).read_bytes().startswith(b"[Service]")


def versions() -> Iterator[tuple[str, tuple[Way, ...]]]:
    gentle, full = (Way.GENTLE, Way.FULL), (Way.FULL,)
    yield from ((v, gentle) for v in ("0.8.3", "0.9.2", "0.10.2", "0.11.8", "0.12.0", "0.11.8+git"))
    yield from (
        (v, full)
        for v in (
            "0.13.0",
            "1.0.0+wasnotbuiltproperly",
            "0.7.1",
            "0.0.0+wasnotbuiltproperly",
            "",
            "what",
        )
    )


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
    _, unload, file, _ = plan.step(Stage.DELETE).actions
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
        plan_repair(MACHINE, snapshot, facts, token="t")


async def test_a_folder_that_cannot_be_read_is_not_taken_for_clean() -> None:
    world = World()
    snapshot, facts = await world.read(), await world.probe(MACHINE)
    broken = replace(facts.folders[FLEET_UNITS], entries={}, problem=Untrusted("Permission denied"))
    facts = replace(facts, folders={**facts.folders, FLEET_UNITS: broken})
    with pytest.raises(NotRepairable, match="Permission denied"):
        plan_repair(MACHINE, snapshot, facts, token="t")


# --- what nobody looked at is never taken for clean ----------------------------------------------


async def test_a_template_loaded_again_after_locate_stops_before_the_restart(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World(target_state="inactive", file=False, link=False)
    plan = await planned(world)
    assert plan.step(Stage.DELETE).actions == ()
    world.target_state = "loaded"
    repair = begun(world, plan, tmp_path, told)
    outcome = await repair.perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "still sent" in outcome.said.raw


@pytest.mark.parametrize("back", ["loaded", "launched"])
async def test_a_template_loaded_again_after_the_delete_stops_the_restart(
    back: str, tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    for stage in (Stage.DELETE, Stage.RELOAD):
        assert (await repair.perform(yes(plan, stage))).result is Result.DONE
    world.target_state = back
    outcome = await repair.perform(yes(plan, Stage.RESTART))
    assert outcome.result is Result.FAILED
    assert not {"kill", "start", "restart"} & set(world.calls)


async def test_only_the_steps_of_the_plan_are_performed(tmp_path: Path, told: list[Told]) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    empty = replace(yes(plan, Stage.DELETE), step=replace(plan.step(Stage.DELETE), actions=()))
    with pytest.raises(OutOfOrder):
        await repair.perform(empty)
    assert world.calls == []


@pytest.mark.parametrize("trouble", ["unreadable", "systemd", "silent"])
async def test_a_proof_that_read_nothing_is_no_proof(
    trouble: str, tmp_path: Path, told: list[Told]
) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    for stage in STAGES:
        assert (await repair.perform(yes(plan, stage))).result is Result.DONE
    world.unreadable = "Permission denied" if trouble == "unreadable" else ""
    world.systemd_answers = trouble != "systemd"
    world.silent = trouble == "silent"
    assert (await repair.verify()).result is Result.FAILED


async def test_folders_that_cannot_be_read_back_are_not_clean(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World()

    def lose(name: str) -> CommandResult | None:
        if name == "file":
            world.unreadable = "Permission denied"
            return CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))
        return None

    world.sabotage = lose
    plan = await planned(world)
    outcome = await begun(world, plan, tmp_path, told).perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.UNKNOWN
    assert "Permission denied" in outcome.said.raw


async def test_a_reload_that_never_answered_is_tried_once_more_and_not_called_done(
    tmp_path: Path, told: list[Told]
) -> None:
    lost = CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))
    world = World(sabotage=lambda name: lost if name == "reload" else None)
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    await repair.perform(yes(plan, Stage.DELETE))
    outcome = await repair.perform(yes(plan, Stage.RELOAD))
    assert outcome.result is Result.UNKNOWN
    assert world.calls.count("reload") == 2


async def test_a_file_of_which_no_copy_can_be_taken_is_not_removed(
    tmp_path: Path, told: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    plan = await planned(world)

    async def no_copy(*_: object) -> FileCopy:
        raise FileNotFoundError("exit 3")

    monkeypatch.setattr(world, "copy", no_copy)
    outcome = await begun(world, plan, tmp_path, told).perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "no copy" in outcome.said.raw
    assert "file" not in world.calls


async def test_a_login_shell_that_greets_does_not_hide_the_answer(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World()

    def greet(name: str) -> CommandResult | None:
        if name not in {"file", "link"}:
            return None
        return CommandResult(Ending.EXITED, 0, b"Welcome to core-01\n" + world._change(name))

    world.sabotage = greet
    plan = await planned(world)
    outcome = await begun(world, plan, tmp_path, told).perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.DONE


async def test_a_fleetd_that_is_down_already_is_started_without_a_kill(
    tmp_path: Path, told: list[Told]
) -> None:
    world = World(fleet_pid=0, target_state="inactive", link=False)
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    outcomes = [await repair.perform(yes(plan, stage)) for stage in STAGES]
    assert outcomes[-1].result is Result.DONE, outcomes[-1]
    assert "kill" not in world.calls


async def test_a_full_disk_before_an_act_keeps_the_act_from_being_sent(
    tmp_path: Path, told: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    monkeypatch.setattr(Record, "write", full_after(2))
    outcome = await repair.perform(yes(plan, Stage.DELETE))
    assert outcome.result is Result.NOT_STARTED
    assert "No space left" in outcome.said.raw
    assert world.calls == ["sudo"]


async def test_a_full_disk_after_an_act_does_not_change_what_is_true(
    tmp_path: Path, told: list[Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    plan = await planned(world)
    repair = begun(world, plan, tmp_path, told)
    await repair.perform(yes(plan, Stage.DELETE))
    monkeypatch.setattr(Record, "write", full_after(2))
    outcome = await repair.perform(yes(plan, Stage.RELOAD))
    assert outcome.result is Result.DONE
    assert "the record could not be written" in outcome.said.raw


def full_after(lines: int) -> Callable[..., None]:
    """A disk with room for so many more lines."""
    left = [lines]

    def write(_: Record, event: str, **facts: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")

    return write


async def test_every_template_of_the_machine_is_repaired_together() -> None:
    world = World()
    snapshot, facts = await world.read(), await world.probe(MACHINE)
    other = Untrusted("web@.service")
    job = replace(snapshot.units[TEMPLATE], name=other)
    snapshot = replace(snapshot, units={**snapshot.units, other: job})
    plan = plan_repair(MACHINE, snapshot, facts, token="t")
    assert plan.units == (other, TEMPLATE)
    unloads = [a for a in plan.step(Stage.DELETE).actions if isinstance(a, Unload)]
    assert [unload.unit for unload in unloads] == [other, TEMPLATE]


async def test_a_clean_machine_is_not_offered_a_repair() -> None:
    with pytest.raises(NothingToRepair):
        await planned(World(target_state="inactive", file=False, link=False, in_memory=False))


@pytest.mark.parametrize("hostname", ["", "localhost", "core\u202e-01", " core-01"])
async def test_a_host_name_that_stands_for_no_machine_is_not_what_is_typed(hostname: str) -> None:
    assert (await planned(World(hostname=hostname))).host == MACHINE.id.raw[:8]
