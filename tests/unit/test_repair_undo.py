"""Undo: what was removed comes back byte for byte, with mode and owner, and never over anything."""

from pathlib import Path

import pytest
from cluster_model import CONTENT, SHA256, TEMPLATE, World
from repair_cases import STAGES, events, opened, past_of, performed, resumed, yes

from fleettui.access import CommandResult, Ending
from fleettui.commands import ChangeCommand
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.driver import Repair
from fleettui.repair.driving.run import OutOfOrder
from fleettui.repair.planning.action import RestoreFile, RestoreLink, Stage
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import Closed, PastState

OWNED = (0o640, 7, 8)


async def deleted(world: World, folder: Path) -> Repair:
    repair = await opened(world, folder)
    await performed(repair, Stage.DELETE)
    world.calls.clear()
    return repair


async def test_the_file_and_the_link_come_back_as_they_were(tmp_path: Path) -> None:
    world = World(owned=OWNED)
    repair = await deleted(world, tmp_path)
    world.owned = (0, 0, 0)
    assert repair.can_undo(Stage.DELETE) == (
        RestoreFile(TEMPLATE, SHA256),
        RestoreLink(TEMPLATE),
    )
    outcome = await repair.undo(Stage.DELETE)
    assert outcome.result is Result.DONE, outcome
    assert (world.file, world.link, world.owned) == (True, True, OWNED)
    assert world.calls == ["restore file", "restore link"]
    assert repair.done == ()
    assert "undone" in events(repair)
    await repair.close(Closed.UNDONE)
    assert past_of(repair).state is PastState.FINISHED


async def test_what_was_not_done_is_not_undone(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    lost = CommandResult(Ending.EXITED, 1, b"", b"no\n")
    world.sabotage = lambda name: lost if name == "link" else None
    await performed(repair, Stage.DELETE)
    assert repair.can_undo(Stage.DELETE) == (RestoreFile(TEMPLATE, SHA256),)
    assert repair.can_undo(Stage.RESTART) == ()
    with pytest.raises(OutOfOrder, match="nothing to undo"):
        await repair.undo(Stage.RESTART)


async def test_a_repair_of_another_day_is_undone_from_its_record(tmp_path: Path) -> None:
    world = World(owned=OWNED)
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    await repair.verify()
    await repair.close(Closed.REPAIRED)
    again = await resumed(world, repair.record.path)
    assert again.next_stage is None
    assert (await again.undo(Stage.DELETE)).result is Result.DONE
    assert (world.file, world.owned) == (True, OWNED)


async def test_a_file_that_is_not_as_it_was_is_not_called_restored(tmp_path: Path) -> None:
    world = World(owned=OWNED)
    repair = await deleted(world, tmp_path)

    def spoil(name: str) -> None:
        if name == "restore file":
            world.owned = (0o777, 0, 0)

    world.after = spoil
    outcome = await repair.undo(Stage.DELETE)
    assert outcome.result is Result.FAILED
    assert "mode 777, not 640" in outcome.said.raw
    assert repair.done == past_of(repair).stages_done == ()


async def test_a_refusal_of_the_machine_is_told_in_its_words(tmp_path: Path) -> None:
    no = CommandResult(Ending.EXITED, 0, b"refused\nanother foo@.service is there\n")
    world = World()
    repair = await deleted(world, tmp_path)
    world.sabotage = lambda name: no if name == "restore file" else None
    outcome = await repair.undo(Stage.DELETE)
    assert outcome.result is Result.FAILED
    assert "another foo@.service is there" in outcome.said.raw
    assert world.calls == ["restore file"]


@pytest.mark.parametrize("times", [1, 2])
async def test_an_undo_without_an_answer_is_tried_once_more(times: int, tmp_path: Path) -> None:
    world, lost = World(), CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))
    repair = await deleted(world, tmp_path)
    left = [lost] * times
    world.sabotage = lambda name: left.pop() if name == "restore file" and left else None
    outcome = await repair.undo(Stage.DELETE)
    assert outcome.result is (Result.DONE if times == 1 else Result.UNKNOWN)


async def test_without_the_local_copy_the_quarantine_gives_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, sent = World(), list[bytes]()
    repair = await deleted(world, tmp_path)
    carry_out = world.carry_out

    def seen(name: str, command: ChangeCommand | None = None) -> CommandResult:
        sent.append(command.stdin if command else b"")
        return carry_out(name, command)

    monkeypatch.setattr(world, "carry_out", seen)
    (kept,) = past_of(repair).kept
    await repair.undo(Stage.DELETE)
    assert sent[0] == CONTENT
    await repair.perform(yes(repair.plan, Stage.DELETE))
    kept.path.write_bytes(b"spoiled")
    sent.clear()
    await repair.undo(Stage.DELETE)
    assert sent[0] == b""
