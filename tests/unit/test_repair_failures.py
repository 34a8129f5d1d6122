"""A repair in which something fails: each failure in its own words, and nothing done after it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_model import TEMPLATE, World
from repair_cases import STAGES, opened, performed, planned, yes

from fleettui.access import CommandResult, Ending, FileCopy, RegistryUnavailable, WriteUnknown
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.record import Record

LOST = CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))
FAILURES = [
    (CommandResult(Ending.EXITED, 1, b"", b"sudo: a password is required\n"), Result.FAILED),
    (CommandResult(Ending.NOT_STARTED, reason=Untrusted("connection refused")), Result.NOT_STARTED),
]
REFUSED = CommandResult(Ending.EXITED, 0, b"refused\nnot a regular file\n")


@pytest.mark.parametrize("call", ["sudo", "file", "link", "reload", "kill", "start"])
@pytest.mark.parametrize(("instead", "result"), FAILURES)
async def test_a_command_that_fails_stops_the_repair_in_its_own_words(
    call: str, instead: CommandResult, result: Result, tmp_path: Path
) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    world.sabotage = lambda name: instead if name == call else None
    outcomes = await performed(repair, *STAGES)
    assert outcomes[-1].result is (Result.NOT_STARTED if call == "sudo" else result)
    words = (instead.stderr.decode() or instead.reason.raw).strip()
    assert words in outcomes[-1].said.raw
    assert world.calls[-1] == call


async def test_a_refusal_of_the_machine_is_a_failure(tmp_path: Path) -> None:
    world = World(sabotage=lambda name: REFUSED if name == "file" else None)
    repair = await opened(world, tmp_path)
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "not a regular file" in outcome.said.raw
    assert world.file


@pytest.mark.parametrize("call", ["file", "link", "kill", "start", "restart"])
@pytest.mark.parametrize("ran", [True, False])
async def test_a_lost_connection_is_settled_by_looking(
    call: str, ran: bool, tmp_path: Path
) -> None:
    world = World()

    def lose(name: str) -> CommandResult | None:
        if name == call and ran:
            world.carry_out(name)
        return LOST if name == call else None

    repair = await opened(world, tmp_path)
    repair.choose(Way.FULL if call == "restart" else Way.GENTLE)
    world.sabotage = lose
    outcomes = await performed(repair, *STAGES)
    comes_back = call == "start"  # systemd starts a killed fleetd by itself
    assert (outcomes[-1].result is Result.DONE) is (ran or comes_back)
    assert world.calls.count(call) == 1


@pytest.mark.parametrize("ran", [True, False])
async def test_a_write_without_an_answer_is_settled_by_looking(ran: bool, tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)

    def lose(name: str) -> None:
        if name == "unload":
            raise WriteUnknown("no answer in 9 s")

    world.after, world.trouble = (lose, world.trouble) if ran else (world.after, lose)
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is (Result.DONE if ran else Result.UNKNOWN)
    assert world.calls.count("unload") == (1 if ran else 0)
    assert world.file is not ran


async def test_a_registry_that_cannot_be_asked_starts_nothing(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)

    def lose(name: str) -> None:
        if name == "key":
            raise RegistryUnavailable("no member answers")

    world.trouble = lose
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.NOT_STARTED
    assert "no member answers" in outcome.said.raw
    assert world.calls == ["sudo"]


async def test_folders_that_cannot_be_read_back_are_not_clean(tmp_path: Path) -> None:
    world = World()

    def lose(name: str) -> CommandResult | None:
        if name != "file":
            return None
        world.unreadable = "Permission denied"
        return LOST

    repair = await opened(world, tmp_path)
    world.sabotage = lose
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.UNKNOWN
    assert "Permission denied" in outcome.said.raw


async def test_a_reload_that_never_answered_is_tried_once_more_and_not_called_done(
    tmp_path: Path,
) -> None:
    world = World(sabotage=lambda name: LOST if name == "reload" else None)
    repair = await opened(world, tmp_path)
    outcomes = await performed(repair, Stage.DELETE, Stage.RELOAD)
    assert outcomes[-1].result is Result.UNKNOWN
    assert world.calls.count("reload") == 2


async def test_a_file_of_which_no_copy_can_be_taken_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    repair = await opened(world, tmp_path)

    async def no_copy(*_: object) -> FileCopy:
        raise FileNotFoundError("exit 3")

    monkeypatch.setattr(world, "copy", no_copy)
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.FAILED
    assert "no copy" in outcome.said.raw
    assert "file" not in world.calls


async def test_a_login_shell_that_greets_does_not_hide_the_answer(tmp_path: Path) -> None:
    world = World()

    def greet(name: str) -> CommandResult | None:
        if name not in {"file", "link"}:
            return None
        answer = world.carry_out(name).stdout
        return CommandResult(Ending.EXITED, 0, b"Welcome to core-01\n" + answer)

    world.sabotage = greet
    repair = await opened(world, tmp_path)
    assert (await repair.perform(yes(repair.plan, Stage.DELETE))).result is Result.DONE


# --- the restart ---------------------------------------------------------------------------------


async def test_a_fleetd_that_is_down_already_is_started_without_a_kill(tmp_path: Path) -> None:
    world = World(fleet_pid=0, target_state="inactive", link=False)
    repair = await opened(world, tmp_path, await planned(world))
    outcomes = await performed(repair, *STAGES)
    assert outcomes[-1].result is Result.DONE, outcomes[-1]
    assert "kill" not in world.calls


@pytest.mark.parametrize("call", ["kill", "restart"])
async def test_a_restart_that_happened_is_not_sent_again_when_it_is_asked_for_again(
    call: str, tmp_path: Path
) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    repair.choose(Way.FULL if call == "restart" else Way.GENTLE)
    await performed(repair, Stage.DELETE, Stage.RELOAD)

    def gone(name: str) -> CommandResult | None:
        if name == call:
            world.carry_out(name)
            world.trouble = lambda _: _raise(RegistryUnavailable("gone with it"))
        return LOST if name == call else None

    world.sabotage = gone
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.UNKNOWN
    assert repair.next_stage is Stage.RESTART
    world.trouble, world.sabotage = (lambda _: None), (lambda _: None)
    again = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert again.result is Result.DONE, again
    assert world.calls.count(call) == 1
    assert world.needless == 0


async def test_a_restart_without_any_effect_is_sent_again_when_it_is_asked_for_again(
    tmp_path: Path,
) -> None:
    world = World(sabotage=lambda name: LOST if name == "kill" else None)
    repair = await opened(world, tmp_path)
    outcomes = await performed(repair, *STAGES)
    assert outcomes[-1].result is Result.UNKNOWN
    world.sabotage = lambda _: None
    assert (await repair.perform(yes(repair.plan, Stage.RESTART))).result is Result.DONE
    assert world.calls.count("kill") == 2


async def test_a_restart_that_systemd_is_still_about_is_waited_for(tmp_path: Path) -> None:
    world = World(sabotage=lambda name: LOST if name == "kill" else None)
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    world.job = 4711
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert outcome.result is Result.UNKNOWN
    assert world.calls.count("kill") == 1


# --- the record ----------------------------------------------------------------------------------


async def test_the_record_has_each_intent_before_its_outcome(tmp_path: Path) -> None:
    repair = await opened(World(), tmp_path)
    await performed(repair, *STAGES)
    path = repair.record.path
    assert path.stat().st_mode & 0o777 == 0o600
    events = [json.loads(line) for line in path.read_text().splitlines()]
    acts = [(e["event"], e["action"]) for e in events if e["event"] in {"intent", "outcome"}]
    names = ["TrySudo", "SetTargetState", "RemoveFile", "RemoveLink", "Reload", "Restart"]
    assert acts == [pair for n in names for pair in (("intent", n), ("outcome", n))]
    assert (path.with_suffix(f".{TEMPLATE.raw}")).read_bytes().startswith(b"[Service]")


async def test_a_full_disk_before_an_act_keeps_the_act_from_being_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    monkeypatch.setattr(Record, "write", full_after(2))
    outcome = await repair.perform(yes(repair.plan, Stage.DELETE))
    assert outcome.result is Result.NOT_STARTED
    assert "No space left" in outcome.said.raw
    assert world.calls == ["sudo"]


async def test_a_full_disk_after_an_act_does_not_change_what_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await repair.perform(yes(repair.plan, Stage.DELETE))
    monkeypatch.setattr(Record, "write", full_after(2))
    outcome = await repair.perform(yes(repair.plan, Stage.RELOAD))
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


def _raise(error: Exception) -> None:
    raise error
