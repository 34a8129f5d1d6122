"""What the wizard does, without a screen: on a machine in memory, with failures made on purpose."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cluster_model import MACHINE, TEMPLATE, World
from msgspec.structs import replace

from fleettui.access import CommandResult, Ending
from fleettui.diagnosis.finding import Finding, Severity, Source
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.campaign import campaign_over
from fleettui.repair.driving.pace import Pace
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import PastRepair, PastState, past_repairs
from fleettui.ui.wizard.body import following
from fleettui.ui.wizard.course import Deed, Phase, main_offer, other_offer
from fleettui.ui.wizard.errand import Errand, Task

FINDING = Finding("template-loaded", Severity.CRITICAL, TEMPLATE, MACHINE.id, "broken", ())
QUICK = Pace(
    look_every=0.001,
    clean_within=0.2,
    started_within=0.2,
    returned_within=0.2,
    verified_within=0.2,
    blocked_within=0.05,
    in_doubt=0.01,
)


@dataclass
class Seen:
    """Counts what a screen would draw."""

    changes: int = 0
    tellings: int = 0

    def changed(self) -> None:
        self.changes += 1

    def told(self) -> None:
        self.tellings += 1


def errand_on(world: World, folder: Path, past: PastRepair | None = None) -> Errand:
    task = Task(FINDING, world.machine, past)
    errand = Errand(world.operator(), task, folder, Seen())
    errand.pace = QUICK
    return errand


async def go_on(errand: Errand, *stages: Stage) -> None:
    """Enter and confirm stages, each of which must be the one that is next and come to its end."""
    for stage in stages:
        assert errand.course.next_stage is stage
        errand.enter(stage)
        await errand.act()
        assert phase(errand) is Phase.DONE, errand.acts


def phase(errand: Errand) -> Phase:
    """Read anew each time: an errand goes on between two looks."""
    return errand.course.phase


def is_locked(world: World) -> bool:
    return world.lock is not None


def insist_on_report(errand: Errand) -> None:
    """Both forms of it were written, for nobody else's eyes."""
    assert errand.report is not None
    assert errand.report.result is Result.DONE
    report = Path(errand.report.said.raw)
    assert report.stat().st_mode & 0o777 == 0o600
    assert report.with_suffix(".json").stat().st_mode & 0o777 == 0o600


def events(folder: Path) -> list[str]:
    (record,) = folder.glob("*.jsonl")
    return [json.loads(line)["event"] for line in record.read_text().splitlines()]


async def test_from_locate_to_the_proof_with_lock_and_report(tmp_path: Path) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    assert phase(errand) is Phase.READY, errand.course.unmet
    assert not is_locked(world), "looking takes no lock"
    await go_on(errand, Stage.DELETE)
    assert is_locked(world)
    await go_on(errand, Stage.RELOAD, Stage.RESTART, Stage.VERIFY)
    assert errand.course.is_over
    assert not is_locked(world)
    insist_on_report(errand)
    assert events(tmp_path)[-1] == "closed"


async def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    await errand.leave("the wizard was left")
    assert set(world.calls) <= {"sudo", "quarantine"}
    assert not past_repairs(tmp_path)
    assert not is_locked(world)


@pytest.mark.parametrize("what", ["sudo", "quarantine", "lock"])
async def test_what_speaks_against_it_keeps_the_first_change_closed(
    what: str, tmp_path: Path
) -> None:
    world = World()
    match what:
        case "sudo":
            no = CommandResult(Ending.EXITED, 1, b"", b"sudo: a password is required")
            world.sabotage = lambda name: no if name == "sudo" else None
        case "quarantine":
            world.quarantine = "no space left on device"
        case _:
            world.lock = (holder(), 7)
    errand = errand_on(world, tmp_path)
    await errand.locate()
    assert phase(errand) is Phase.UNFIT
    assert len(errand.course.unmet) == 1
    assert main_offer(errand.course).deed is Deed.LOCATE
    world.sabotage, world.quarantine, world.lock = (lambda _: None), "", None
    await errand.locate()
    assert phase(errand) is Phase.READY


def holder() -> LockHolder:
    at = datetime(2026, 1, 1, 12, 3, tzinfo=UTC)
    who, unit = Untrusted("bob@desk"), Untrusted("web@.service")
    return LockHolder(Untrusted("other"), who, MACHINE.id, unit, at, Untrusted("reload"))


async def test_a_lock_taken_between_preflight_and_the_first_yes_stops_it(tmp_path: Path) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    errand.enter(Stage.DELETE)
    world.lock = (holder(), 7)
    await errand.act()
    assert phase(errand) is Phase.UNFIT
    assert "bob@desk" in errand.course.unmet[0].detail.raw
    assert other_offer(errand.course, is_locked_out=True) is not None
    assert world.file
    assert world.target_state == "loaded"


async def test_a_lost_lock_stops_it_in_words_and_offers_nothing_but_leaving(
    tmp_path: Path,
) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    await go_on(errand, Stage.DELETE)
    world.lock = (holder(), 999)
    errand.enter(Stage.RELOAD)
    await errand.act()
    assert phase(errand) is Phase.LOST
    assert "lock" in errand.acts[-1][1].said.raw
    assert "reload" not in world.calls
    assert main_offer(errand.course).deed is Deed.CLOSE
    await errand.leave("the wizard was left")
    (past,) = past_repairs(tmp_path)
    assert past.state is PastState.UNFINISHED


async def test_a_failed_step_is_located_again_and_goes_on_in_the_same_record(
    tmp_path: Path,
) -> None:
    world = World()
    no = CommandResult(Ending.EXITED, 1, b"", b"Failed to reload")
    world.sabotage = lambda name: no if name == "reload" else None
    errand = errand_on(world, tmp_path)
    await errand.locate()
    await go_on(errand, Stage.DELETE)
    errand.enter(Stage.RELOAD)
    await errand.act()
    assert phase(errand) is Phase.FAILED
    assert main_offer(errand.course).deed is Deed.LOCATE
    world.sabotage = lambda _: None
    await errand.locate()
    assert phase(errand) is Phase.READY, errand.course.unmet
    assert errand.course.done == (Stage.DELETE,)
    await go_on(errand, Stage.RELOAD, Stage.RESTART, Stage.VERIFY)
    assert world.calls.count("file") == 1
    assert {"left", "resumed", "closed"} <= set(events(tmp_path))


async def test_a_repair_that_was_left_is_gone_on_with_on_another_terminal(tmp_path: Path) -> None:
    world = World()
    first = errand_on(world, tmp_path)
    await first.locate()
    await go_on(first, Stage.DELETE, Stage.RELOAD)
    await first.leave("fleettui was quit")
    (past,) = past_repairs(tmp_path)
    assert past.state is PastState.UNFINISHED
    second = errand_on(world, tmp_path, past=past)
    await second.locate()
    assert second.course.done == (Stage.DELETE, Stage.RELOAD)
    await go_on(second, Stage.RESTART, Stage.VERIFY)
    assert world.calls.count("file") == 1
    (past,) = past_repairs(tmp_path)
    assert past.state is PastState.FINISHED


async def test_a_gentle_way_that_did_not_do_it_is_said_and_the_full_restart_reopened(
    tmp_path: Path,
) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    await go_on(errand, Stage.DELETE, Stage.RELOAD, Stage.RESTART)
    world.in_memory = True
    errand.enter(Stage.VERIFY)
    await errand.act()
    assert phase(errand) is Phase.FAILED
    assert "the gentle way did not do it" in errand.acts[-1][1].said.raw
    insist_on_report(errand)
    assert errand.is_open
    offer = other_offer(errand.course)
    assert offer is not None
    assert offer.deed is Deed.REOPEN
    await errand.reopen()
    assert errand.course.stage is Stage.RESTART
    assert errand.course.plan is not None
    assert errand.course.plan.way is Way.FULL
    await errand.act()
    await go_on(errand, Stage.VERIFY)
    assert errand.repair is not None
    assert [a.unit.raw for a in errand.repair.absences] == ["hello.service"]


async def test_undo_puts_the_files_back_and_closes_the_repair_as_undone(tmp_path: Path) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    assert not errand.undo(), "nothing was done yet"
    await go_on(errand, Stage.DELETE, Stage.RELOAD)
    assert errand.undo()
    assert errand.course.stage is Stage.DELETE
    assert phase(errand) is Phase.ASKING
    await errand.act()
    assert phase(errand) is Phase.DONE, errand.acts
    assert world.calls.count("restore file") == 1
    assert world.file
    assert world.link
    assert not is_locked(world)
    (past,) = past_repairs(tmp_path)
    assert past.closed == "undone"


async def test_a_machine_with_nothing_wrong_is_said_to_be_clean(tmp_path: Path) -> None:
    errand = errand_on(World(target_state=None, file=False, link=False, in_memory=False), tmp_path)
    await errand.locate()
    assert phase(errand) is Phase.CLEAN
    assert main_offer(errand.course).deed is Deed.CLOSE


async def test_a_fault_without_a_cure_comes_to_no_plan(tmp_path: Path) -> None:
    world = World()
    finding = replace(FINDING, fault="no-engine-leader", unit=None, machine_id=None)
    errand = Errand(world.operator(), Task(finding, None), tmp_path, Seen())
    await errand.locate()
    assert phase(errand) is Phase.STUCK
    assert "etcd" in errand.located.problem
    assert not world.calls


async def test_a_record_that_cannot_be_written_stops_it_before_the_first_change(
    tmp_path: Path,
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    world = World()
    errand = errand_on(world, blocked / "repairs")
    await errand.locate()
    assert phase(errand) is Phase.UNFIT
    assert "record" in errand.course.unmet[0].name
    assert world.file


async def test_nothing_can_be_taken_back_while_something_runs(tmp_path: Path) -> None:
    """Or the proof would end a course that was meanwhile turned round."""
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    await go_on(errand, Stage.DELETE, Stage.RELOAD, Stage.RESTART)
    pressed: list[bool] = []

    class Meddling(Seen):
        def told(self) -> None:
            pressed.append(errand.undo())

    errand._view = Meddling()
    await go_on(errand, Stage.VERIFY)
    assert pressed
    assert not any(pressed)
    (past,) = past_repairs(tmp_path)
    assert past.closed == "repaired"


async def test_a_machine_that_verifies_at_the_second_try_counts_as_proven(tmp_path: Path) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    other = replace(MACHINE, id=Untrusted("b" * 32), public_ip=Untrusted("10.0.0.2"))
    errand.campaign = campaign_over((MACHINE, other))
    await go_on(errand, Stage.DELETE, Stage.RELOAD, Stage.RESTART)
    errand.enter(Stage.VERIFY)
    world.silent = True
    await errand.act()
    assert errand.campaign.stopped is not None
    assert following(errand) == ""
    world.silent = False
    await errand.act()
    assert errand.course.is_over
    assert errand.campaign.verified == (MACHINE.id,)
    assert following(errand) == "10.0.0.2"


async def test_a_machine_that_is_clean_by_its_turn_keeps_none_of_the_others_waiting(
    tmp_path: Path,
) -> None:
    errand = errand_on(World(target_state=None, file=False, link=False, in_memory=False), tmp_path)
    other = replace(MACHINE, id=Untrusted("b" * 32), public_ip=Untrusted("10.0.0.2"))
    errand.campaign = campaign_over((MACHINE, other))
    await errand.locate()
    assert phase(errand) is Phase.CLEAN
    assert main_offer(errand.course, following(errand)).label == "Go on to 10.0.0.2"


async def test_a_machine_that_is_taken_up_clean_still_has_its_turn(tmp_path: Path) -> None:
    errand = errand_on(World(), tmp_path)
    await errand.locate()
    other = replace(MACHINE, id=Untrusted("b" * 32), public_ip=Untrusted("10.0.0.2"))
    errand.campaign = campaign_over((MACHINE, other))
    await go_on(errand, Stage.DELETE, Stage.RELOAD, Stage.RESTART)
    await errand.locate()
    errand.enter(Stage.VERIFY)
    await errand.act()
    assert errand.course.is_over
    assert errand.campaign.verified == (MACHINE.id,)
    assert following(errand) == "10.0.0.2"


async def test_before_a_restart_what_it_stops_is_looked_at_anew(tmp_path: Path) -> None:
    world = World()
    errand = errand_on(world, tmp_path)
    await errand.locate()
    await go_on(errand, Stage.DELETE, Stage.RELOAD)
    assert errand.repair is not None
    errand.repair.plan = errand.repair.plan.with_stake(())
    await errand.go_on(Stage.RESTART)
    assert phase(errand) is Phase.ASKING
    assert errand.course.plan is not None
    assert [unit.name.raw for unit in errand.course.plan.at_stake] == ["hello.service"]
    await errand.act()
    assert phase(errand) is Phase.DONE, errand.acts


async def test_the_record_holds_what_proves_the_finding_at_the_time_of_locate(
    tmp_path: Path,
) -> None:
    errand = errand_on(World(), tmp_path)
    assert not errand.finding.evidence
    await errand.locate()
    await go_on(errand, Stage.DELETE)
    (past,) = past_repairs(tmp_path)
    assert past.finding is not None
    assert {e.source for e in past.finding.evidence} >= {Source.REGISTRY, Source.FILE}
    assert past.finding.machine_id == MACHINE.id
