"""The other cures, driven: each proven by fresh facts that no longer yield its finding."""

from itertools import count
from pathlib import Path

import pytest
from cluster_model import HELLO, U, World
from repair_cases import QUICK, SEEN, finished, nobody, past_of, yes

from fleettui.access import CommandResult, Ending, FleetKey, WriteUnknown
from fleettui.diagnosis.finding import Finding, Severity
from fleettui.model.cluster import TargetState
from fleettui.repair.driving.driver import Repair
from fleettui.repair.driving.run import open_repair, resume_repair
from fleettui.repair.planning.action import CreateKey, Stage
from fleettui.repair.planning.locate import locate
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import Closed

GONE = U("b" * 32)
GHOST: FleetKey = (U("states"), U("ghost.service"), GONE)
ODD: FleetKey = (U("job"), U("odd.service"), U("target-state"))
ORPHAN: FleetKey = (U("job"), U("orphan.service"), U("target-state"))


def healthy(**changed: object) -> World:
    """A cluster without a template that was loaded."""
    calm: dict[str, object] = {"target_state": None, "file": False, "link": False}
    return World(**calm | {"in_memory": False} | changed)  # type: ignore[arg-type]  # passed through


def found(fault: str, unit: U, machine: U | None = None) -> Finding:
    return Finding(fault, Severity.WARNING, unit, machine, "something is wrong", (SEEN,))


async def opened(world: World, finding: Finding, folder: Path) -> Repair:
    machine = world.machine if finding.machine_id == world.machine.id else None
    located = await locate(world.operator(), finding, machine)
    assert located.plan is not None, located.problem
    repair = await open_repair(world.operator(), finding, located.plan, folder, nobody, QUICK)
    world.calls.clear()
    return repair


# --- a ghost -------------------------------------------------------------------------------------


def haunted() -> World:
    world = healthy()
    world.put(GHOST, "{}")
    return world


async def test_a_ghosts_state_is_deleted_and_stays_away(tmp_path: Path) -> None:
    world = haunted()
    repair = await opened(world, found("ghost-state", U("ghost.service"), GONE), tmp_path)
    assert (await finished(repair)).result is Result.DONE
    assert world.calls == ["delete key"]
    assert GHOST not in world.keys
    await repair.close(Closed.REPAIRED)


async def test_a_state_that_is_renewed_as_it_was_is_deleted_all_the_same(tmp_path: Path) -> None:
    world = haunted()
    repair = await opened(world, found("ghost-state", U("ghost.service"), GONE), tmp_path)
    world.put(GHOST, "{}")
    assert (await repair.perform(yes(repair.plan, Stage.REGISTRY))).result is Result.DONE
    assert GHOST not in world.keys


async def test_a_state_that_says_something_new_is_left_alone(tmp_path: Path) -> None:
    world = haunted()
    repair = await opened(world, found("ghost-state", U("ghost.service"), GONE), tmp_path)
    world.put(GHOST, '{"activeState": "active"}')
    outcome = await repair.perform(yes(repair.plan, Stage.REGISTRY))
    assert outcome.result is Result.FAILED
    assert "written again" in outcome.said.raw
    assert world.calls == []


async def test_a_ghost_that_comes_back_is_not_called_repaired(tmp_path: Path) -> None:
    world = haunted()
    repair = await opened(world, found("ghost-state", U("ghost.service"), GONE), tmp_path)
    await repair.perform(yes(repair.plan, Stage.REGISTRY))
    looks = count()

    def renew(name: str) -> None:
        if name == "read" and next(looks) % 3 == 0:
            world.put(GHOST, "{}")
        elif name == "read":
            world.keys.pop(GHOST, None)

    world.trouble = renew
    outcome = await repair.verify()
    assert outcome.result is Result.FAILED
    assert "nobody writes it again for 17 s" in outcome.said.raw


@pytest.mark.parametrize("ran", [True, False])
async def test_a_deletion_without_an_answer_is_settled_by_looking(
    ran: bool, tmp_path: Path
) -> None:
    world = haunted()
    repair = await opened(world, found("ghost-state", U("ghost.service"), GONE), tmp_path)

    def lose(name: str) -> None:
        if name == "delete key":
            raise WriteUnknown("no answer")

    world.after, world.trouble = (lose, world.trouble) if ran else (world.after, lose)
    outcome = await repair.perform(yes(repair.plan, Stage.REGISTRY))
    assert outcome.result is (Result.DONE if ran else Result.UNKNOWN)


# --- a bad target state --------------------------------------------------------------------------


async def test_a_bad_target_state_is_replaced_by_a_word_of_fleets(tmp_path: Path) -> None:
    world = healthy()
    world.put(ODD, "lunched")
    world.put((U("unit"), ODD[1]), "")
    repair = await opened(world, found("bad-target-state", ODD[1]), tmp_path)
    assert (await finished(repair)).result is Result.DONE
    assert world.keys[ODD].value.raw == TargetState.INACTIVE
    assert world.calls == ["unload"]


# --- an orphan -----------------------------------------------------------------------------------


def orphaned() -> World:
    world = healthy()
    world.put(ORPHAN, "launched")
    world.put((*ORPHAN[:2], U("target")), "a" * 32)
    return world


async def test_an_orphan_is_deleted_key_by_key_and_comes_back_by_undo(tmp_path: Path) -> None:
    world = orphaned()
    before = {key: found.value for key, found in world.keys.items()}
    repair = await opened(world, found("orphan-job", ORPHAN[1]), tmp_path)
    assert (await finished(repair)).result is Result.DONE
    assert world.calls == ["delete key", "delete key", "delete folder"]
    assert {type(action) for action in repair.can_undo(Stage.REGISTRY)} == {CreateKey}
    assert (await repair.undo(Stage.REGISTRY)).result is Result.DONE
    assert {key: found.value for key, found in world.keys.items()} == before
    assert repair.next_stage is Stage.REGISTRY
    assert repair.can_undo(Stage.REGISTRY) == ()


async def test_a_job_that_was_made_anew_is_not_deleted(tmp_path: Path) -> None:
    world = orphaned()
    repair = await opened(world, found("orphan-job", ORPHAN[1]), tmp_path)
    world.put(ORPHAN, "launched")
    outcome = await repair.perform(yes(repair.plan, Stage.REGISTRY))
    assert outcome.result is Result.FAILED
    assert world.calls == []


async def test_half_of_an_orphan_is_gone_on_with(tmp_path: Path) -> None:
    world = orphaned()
    finding = found("orphan-job", ORPHAN[1])
    repair = await opened(world, finding, tmp_path)

    def lose(name: str) -> None:
        if name == "delete folder":
            raise WriteUnknown("no answer")

    world.trouble = lose
    assert (await repair.perform(yes(repair.plan, Stage.REGISTRY))).result is Result.UNKNOWN
    await repair.leave("no answer")
    world.trouble = lambda _: None
    world.calls.clear()
    located = await locate(world.operator(), finding, None)
    assert located.is_clean
    again = await resume_repair(world.operator(), past_of(repair), None, nobody, QUICK)
    assert (await finished(again)).result is Result.DONE
    assert world.calls == ["delete folder"]


# --- a reload that is due ------------------------------------------------------------------------

UNKNOWN = found("needs-daemon-reload", HELLO, U("a" * 32))


def unread() -> World:
    return healthy(hello=("not-found", "inactive", "dead"), needs_reload=True)


async def test_a_unit_that_systemd_does_not_know_is_loaded_and_started(tmp_path: Path) -> None:
    world = unread()
    repair = await opened(world, UNKNOWN, tmp_path)
    assert repair.plan.stages == (Stage.RELOAD, Stage.START, Stage.VERIFY)
    assert (await finished(repair)).result is Result.DONE
    assert world.calls == ["sudo", "reload", "start unit"]
    assert world.hello == ("loaded", "active", "running")


async def test_a_unit_that_is_not_wanted_any_more_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = unread()
    repair = await opened(world, UNKNOWN, tmp_path)
    await repair.perform(yes(repair.plan, Stage.RELOAD))
    monkeypatch.setattr(world, "_units", dict)
    outcome = await repair.perform(yes(repair.plan, Stage.START))
    assert outcome.result is Result.FAILED
    assert "does not want" in outcome.said.raw
    assert "start unit" not in world.calls


async def test_a_start_that_has_no_effect_is_not_done(tmp_path: Path) -> None:
    fine = CommandResult(Ending.EXITED, 0)
    world = unread()
    repair = await opened(world, UNKNOWN, tmp_path)
    world.sabotage = lambda name: fine if name == "start unit" else None
    await repair.perform(yes(repair.plan, Stage.RELOAD))
    outcome = await repair.perform(yes(repair.plan, Stage.START))
    assert outcome.result is Result.FAILED
    assert "loaded inactive dead" in outcome.said.raw


async def test_a_unit_that_dies_after_its_start_is_not_called_repaired(tmp_path: Path) -> None:
    world = unread()
    repair = await opened(world, UNKNOWN, tmp_path)
    for stage in (Stage.RELOAD, Stage.START):
        assert (await repair.perform(yes(repair.plan, stage))).result is Result.DONE
    world.hello = ("loaded", "failed", "failed")
    outcome = await repair.verify()
    assert outcome.result is Result.FAILED
    assert "hello.service is active: loaded failed failed" in outcome.said.raw
