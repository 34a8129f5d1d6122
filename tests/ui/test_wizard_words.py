"""What the wizard says, line by line, without a screen."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import fakes
import pytest
from fakes import MACHINES, TEMPLATE, U
from hostile_world import PAYLOADS
from textual.content import Content
from wizard_plans import all_facts, registry_plan, template_plan, the_finding

from fleettui.access import CommandResult, Ending
from fleettui.diagnosis.finding import Finding, Severity
from fleettui.hosts.settings import SUDO_ASKS
from fleettui.model.clock import now
from fleettui.model.host import ImageFacts, NotChecked
from fleettui.model.untrusted import Untrusted, visible
from fleettui.repair.driving.ledger import Failure
from fleettui.repair.driving.words import complaint
from fleettui.repair.planning.action import CreateKey, DeleteKey, Stage, TrySudo, Way
from fleettui.repair.planning.cures.by_hand import BY_HAND
from fleettui.repair.planning.locate import Located
from fleettui.repair.planning.stake import PulledImage, Twin, UnitAtStake, told
from fleettui.repair.records.outcome import (
    Absence,
    Check,
    Outcome,
    Progress,
    Result,
    Return,
    UnitReturn,
)
from fleettui.ui.hanging import Hanging
from fleettui.ui.paint import _STYLES, paint
from fleettui.ui.wizard.confirm import named
from fleettui.ui.wizard.course import Course, Phase
from fleettui.ui.wizard.words.beside import contrast_lines, contrasts
from fleettui.ui.wizard.words.ending import campaign_lines, repaired_lines
from fleettui.ui.wizard.words.frame import Target, stepper, target_lines
from fleettui.ui.wizard.words.locate import by_hand_lines, located_lines, preflight_lines
from fleettui.ui.wizard.words.plan import plan_lines
from fleettui.ui.wizard.words.step import asked, choice_lines, stake_lines, step_lines, undo_lines
from fleettui.ui.wizard.words.watch import outcome_lines, progress_lines

PREFIX = "/_coreos.com/fleet/"


def shown(lines: Iterable[Content]) -> list[str]:
    return [line.plain for line in lines]


def test_the_rest_of_a_long_line_stays_below_its_own_beginning() -> None:
    long = "the quick brown fox jumps over the lazy dog again"
    lines = Hanging([paint(f"  ✔ {long}"), paint(f"  12. {long}"), paint(long), paint("")]).at(30)
    assert lines.plain.splitlines() == [
        "  ✔ the quick brown fox jumps",
        "    over the lazy dog again",
        "  12. the quick brown fox",
        "      jumps over the lazy dog",
        "      again",
        "the quick brown fox jumps over",
        "the lazy dog again",
    ]
    assert Hanging([paint(f"{' ' * 20}{long}")]).at(30).plain.splitlines()[1][:7].strip() != ""


@pytest.mark.parametrize("version", ["0.11.8", "1.0.0"])
def test_each_step_lays_what_it_finds_beside_what_it_leaves(version: str) -> None:
    plan = template_plan(version)
    off = UnitAtStake(U("off.service"), "inactive dead", stops=False)
    stake = (UnitAtStake(U("web@1.service"), "active running"), off)
    told = {step.stage: shown(contrast_lines(step.actions, stake)) for step in plan.steps}
    assert told[Stage.DELETE][:3] == [
        "Now, and after this step", f"  target state of {TEMPLATE}", "    loaded → inactive",
    ]  # fmt: skip # one a line reads worse
    assert told[Stage.RESTART][2] == "    the process that is there → a new one"
    gentle = version == "0.11.8"
    after = "run on, untouched" if gentle else "STOPPED, and started anew"
    assert told[Stage.RESTART][3:] == ["  its unit", f"    web@1.service → {after}"]
    for step in plan.steps:
        for action in (*step.actions, *step.undo):
            assert isinstance(action, TrySudo) is not bool(contrasts(action, stake))


# --- above every stage --------------------------------------------------------------------------


def test_the_stepper_shows_the_stages_of_the_plan_at_hand() -> None:
    course = Course().planned(template_plan(), (), (Stage.DELETE,)).entered(Stage.RELOAD)
    text = stepper(course).plain
    assert "✔ 1 Locate" in text
    assert "✔ 2 Delete" in text
    assert "▶ 3 Reload" in text
    assert "○ 5 Verify" in text
    timed = stepper(course, {Stage.DELETE: 3.4, Stage.RELOAD: 12.0}).plain
    assert "✔ 2 Delete 3 s" in timed
    assert "▶ 3 Reload 12 s" in timed
    registry = stepper(Course().planned(registry_plan(), (), ())).plain
    assert "2 Registry" in registry
    assert "Delete" not in registry


def test_the_stepper_marks_what_failed_and_what_is_taken_back() -> None:
    plan = template_plan()
    course = Course().planned(plan, (), ()).entered(Stage.DELETE)
    assert "✖ 2 Delete" in stepper(course.acted(Result.FAILED, plan, ())).plain
    undo = plan.step(Stage.DELETE).undo
    assert "↶ 2 Delete" in stepper(course.undoing(Stage.DELETE, undo)).plain


def test_before_there_is_a_plan_the_stepper_promises_no_stage() -> None:
    assert "Verify" not in stepper(Course()).plain


def test_nothing_of_the_target_is_cut_at_80_columns() -> None:
    cluster = "http://172.17.8.101:2379/_coreos.com/fleet/"
    machine, place = MACHINES[0], "machine 1 of 2"
    target = Target((TEMPLATE,), "template-loaded", machine, "core-01", cluster, place)
    lines = shown(target_lines(target))
    assert len(lines) == 3
    assert all(len(line) <= 78 for line in lines), lines
    text = "\n".join(lines)
    for words in (TEMPLATE.raw, MACHINES[0].id.raw, "core-01", "172.17.8.101", cluster, "1 of 2"):
        assert words in text
    unknown = "\n".join(shown(target_lines(replace(target, machine=None))))
    assert "no machine is known yet" in unknown
    alone = "\n".join(shown(target_lines(replace(target, only_registry=True))))
    assert "in the registry alone" in alone
    assert "172.17.8.101 " not in alone


# --- locate -------------------------------------------------------------------------------------


def located(*silent: int) -> Located:
    """What locate saw; the machines of these numbers could not be asked."""
    facts = all_facts()
    reports = [
        NotChecked(m.id, now(), U("connection refused")) if n in silent else facts[m.id]
        for n, m in enumerate(MACHINES)
    ]
    return Located(fakes.faulted(), tuple(reports), MACHINES[0], template_plan())


def row_of(lines: list[str], ip: str) -> str:
    return next(line for line in lines if ip in line and "target state" not in line)


def test_every_machine_is_affected_clean_or_not_checked() -> None:
    lines = shown(located_lines(the_finding(), located(2), []))
    assert "AFFECTED" in row_of(lines, MACHINES[0].public_ip.raw)
    assert "clean" in row_of(lines, MACHINES[1].public_ip.raw)
    silent = row_of(lines, MACHINES[2].public_ip.raw)
    assert "NOT CHECKED" in silent
    assert "connection refused" in silent
    assert "clean" not in silent
    assert any("/run/fleet/units/zookeeper@.service" in line for line in lines)


def test_of_several_affected_machines_it_is_said_which_is_first_and_which_follows() -> None:
    order = [MACHINES[1].id, MACHINES[0].id]
    lines = shown(located_lines(the_finding(), located(), order))
    assert "this one first" in row_of(lines, MACHINES[1].public_ip.raw)
    assert "number 2" in row_of(lines, MACHINES[0].public_ip.raw)
    alone = shown(located_lines(the_finding(), located(), order[1:]))
    assert "first" not in row_of(alone, MACHINES[0].public_ip.raw)


def test_checks_that_are_not_met_stand_all_at_once_and_first() -> None:
    checks = [
        Check("the machine answers", met=True, detail=U("core-01")),
        Check("root may be had", met=False, detail=U("a password is required")),
        Check("nobody else repairs", met=False, detail=U("bob@desk repairs web@.service")),
    ]
    lines = shown(preflight_lines(checks))
    assert "2 checks before the first change not met" in lines[0]
    assert "a password is required" in lines[1]
    assert "bob@desk" in lines[2]
    met = shown(preflight_lines(checks[:1]))
    assert "All checks before the first change are met" in met[0]


def test_a_fault_without_a_cure_says_what_to_do_by_hand_and_why() -> None:
    finding = Finding("no-engine-leader", Severity.CRITICAL, None, None, "nobody leads", ())
    text = "\n".join(shown(by_hand_lines(finding, Located(problem="no"))))
    by_hand = BY_HAND["no-engine-leader"]
    assert by_hand.why_not in text
    assert all(line in text for line in by_hand.do)
    unread = Located(problem="etcd does not answer", is_unread=True)
    assert "etcd does not answer" in "\n".join(shown(by_hand_lines(finding, unread)))


# --- a step -------------------------------------------------------------------------------------

UNITS = (
    UnitAtStake(
        U("b.service"), "active running", pulls=("docker pull busybox",),
        images=(PulledImage(U("busybox"), ImageFacts(present=False)),), order=2,
    ),
    UnitAtStake(U("a.service"), "active running", twin=Twin(U("a@2.service"), "1.../10.0.0.2")),
    UnitAtStake(U("c.service"), "inactive dead", stops=False, order=3),
)  # fmt: skip # one a line reads worse


def test_a_step_shows_why_what_it_changes_and_what_runs_word_for_word() -> None:
    plan = template_plan()
    step = plan.step(Stage.DELETE)
    text = "\n".join(shown(step_lines(step, plan, PREFIX)))
    for words in (step.why, *step.changes, *step.keeps, step.reads_back, step.undo_note):
        assert words in text
    assert f"etcd PUT {PREFIX}job/zookeeper@.service/target-state?prevValue=loaded" in text
    assert "sudo -n sh -c" in text


def test_where_sudo_asks_it_is_said_beside_the_commands_what_is_sent_for_theirs() -> None:
    plan = template_plan()
    step = plan.step(Stage.DELETE)
    for lines in (
        step_lines(step, plan, PREFIX, SUDO_ASKS),
        undo_lines(step, step.undo, plan, PREFIX, SUDO_ASKS),
        plan_lines(plan, (), PREFIX, SUDO_ASKS),
    ):
        (title, *_) = (line for line in shown(lines) if "word for word" in line)
        assert "`sudo -S -k -p PROMPT` for `sudo -n`" in title


def test_a_full_restart_shows_first_what_it_stops_and_how_it_comes_back() -> None:
    plan = replace(template_plan(), at_stake=UNITS).with_way(Way.FULL)
    lines = shown(step_lines(plan.step(Stage.RESTART), plan, PREFIX))
    text = "\n".join(lines)
    assert lines.index(next(line for line in lines if "STOPS EVERY UNIT" in line)) < lines.index(
        "What will run, word for word"
    )
    rows = [line for line in lines if ".service  " in line]
    assert [row.split()[1] for row in rows] == ["a.service", "b.service", "c.service"]
    assert "meanwhile a@2.service runs on 1.../10.0.0.2" in rows[0]
    assert "NO healthy twin elsewhere" in rows[1]
    assert "does not run now" in rows[2]
    assert "pulls an image before it starts: docker pull busybox" in text
    assert "busybox is not on the machine: a real pull" in text
    assert text.count("b.service") == 1, "each unit stands there once"


def test_the_gentle_way_says_that_it_stops_nothing_and_how_that_is_known() -> None:
    plan = replace(template_plan(), at_stake=UNITS).with_way(Way.GENTLE)
    text = "\n".join(shown(step_lines(plan.step(Stage.RESTART), plan, PREFIX)))
    assert "Stops nothing" in text
    assert "measured on fleetd 0.11.8 itself" in text
    assert "b.service, a.service, c.service" in text


def test_taking_a_step_back_shows_its_commands_and_that_the_fault_returns() -> None:
    plan = template_plan()
    step = plan.step(Stage.DELETE)
    text = "\n".join(shown(undo_lines(step, step.undo, plan, PREFIX)))
    assert step.undo_note in text
    assert "put /run/fleet/units/zookeeper@.service back" in text
    assert "What will run, word for word" in text


def test_a_name_that_cannot_be_typed_is_asked_for_by_its_number() -> None:
    typing = named(U("evil\u202e.service"), "to delete it", (U("a.service"),))
    assert asked(typing).plain == "Type the number of the name to delete it: "
    assert shown(choice_lines(typing)) == ["    1 a.service", "    2 evil\\u202e.service"]


def test_the_whole_plan_ticks_what_was_read_back() -> None:
    lines = shown(plan_lines(template_plan(), (Stage.DELETE,), PREFIX))
    assert any(line.startswith("✔ 1. DELETE") for line in lines)
    assert any(line.startswith("○ 2. RELOAD") for line in lines)
    assert any(line.startswith("○ 4. VERIFY") for line in lines)


# --- while it runs, and after it ----------------------------------------------------------------


def test_units_coming_back_stand_with_whoever_is_away_first() -> None:
    returns = (
        UnitReturn(U("a.service"), Return.BACK, 3.25),
        UnitReturn(U("b.service"), Return.AWAY, 4.0),
        UnitReturn(U("c.service"), Return.MOVED, 2.0, "10.0.0.2"),
        UnitReturn(U("d.service"), Return.UNCHANGED),
    )
    check = Check("fleetd runs as a new process", met=True, detail=U("main PID 1 -> 2"))
    lines = shown(progress_lines(Progress((check,), returns)))
    assert "✔ fleetd runs as a new process" in lines[0]
    assert "3 of 4 units run" in lines[1]
    assert "b.service  away 4.0 s" in lines[2]
    assert "c.service  away 2.0 s  10.0.0.2" in lines[3]
    assert "a.service  away 3.2 s" in lines[4]
    assert "d.service" in lines[5]
    calm = tuple(UnitReturn(U(f"{n}.service"), Return.UNCHANGED) for n in range(20))
    assert shown(progress_lines(Progress((), calm))) == ["● all 20 units run on"]


def test_an_outcome_that_is_not_done_says_so_in_capitals_with_the_hosts_words() -> None:
    lines = shown(outcome_lines("reload", Outcome(Result.UNKNOWN, U("no answer\x1b[2J"))))
    assert "✖ UNKNOWN reload" in lines[0]
    assert "no answer␛[2J" in lines[1]


def test_the_end_says_what_it_cost_and_what_proves_it() -> None:
    at = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    absences = (
        Absence(U("a.service"), at, 3.0),
        Absence(U("b.service"), at, None, is_over=False),
    )
    proof = (
        Check("the finding is gone", met=True, detail=U("diagnosed afresh")),
        Check("web@3.service comes up", met=False, detail=U("no target"), required=False),
    )
    report = Outcome(Result.DONE, U("/home/ann/reports/t.md"))
    text = "\n".join(shown(repaired_lines(absences, proof, report)))
    assert "Repaired, and read back from the cluster.\n  2 services interrupted.\n" in text
    assert "Report: /home/ann/reports/t.md" in text
    assert "a.service  away 3.0 s from 12:00:00 UTC" in text
    assert "still away b.service" in text
    assert "✔ the finding is gone  diagnosed afresh" in text
    assert "not yet: web@3.service comes up" in text
    assert "0 services interrupted" in "\n".join(shown(repaired_lines((), proof, report)))


def test_several_machines_end_with_what_was_not_touched() -> None:
    text = "\n".join(shown(campaign_lines(["10.0.0.1"], "10.0.0.2", ["10.0.0.3"])))
    assert "STOPPED HERE: 10.0.0.2 is not proven healthy" in text
    assert "Proven healthy: 10.0.0.1" in text
    assert "Not touched: 10.0.0.3" in text
    assert "Still to come: 10.0.0.3" in "\n".join(shown(campaign_lines([], "", ["10.0.0.3"])))


def test_a_stage_that_is_unfit_is_marked() -> None:
    assert "✖ 1 Locate" in stepper(Course().ended(Phase.STUCK)).plain


def _of_a_broken_connection(bad: Untrusted) -> Iterable[Content]:
    """CommandResult.reason"""
    said = complaint(CommandResult(Ending.UNKNOWN, reason=bad))
    return outcome_lines("reload", Failure(Result.UNKNOWN, said).outcome)


def _of_an_image(bad: Untrusted) -> Iterable[Content]:
    """ImageFacts.why"""
    image = PulledImage(U("nginx:1.9"), ImageFacts(None, bad))
    at_stake = UnitAtStake(U("web@1.service"), "active running", images=(image,))
    return [*stake_lines((at_stake,)), paint(told(at_stake))]


def _of_a_key(bad: Untrusted) -> Iterable[Content]:
    """KeyValue.value"""
    key = (U("states"), U("a.service"), U("m1"))
    return contrast_lines([DeleteKey(key, 5, bad), CreateKey(key, bad)], ())


def _of_a_change(bad: Untrusted) -> Iterable[Content]:
    """UnitChange.unit"""
    return progress_lines(Progress((), (UnitReturn(bad, Return.AWAY, 4.0),)))


@pytest.mark.parametrize("lines", [_of_a_broken_connection, _of_an_image, _of_a_key, _of_a_change])
def test_what_only_a_repair_shows_is_literal_and_inert_whatever_it_holds(
    lines: Callable[[Untrusted], Iterable[Content]],
) -> None:
    """Figures 3 and 4: the fields that no screen of `test_hostile_text.py` comes to."""
    for payload in PAYLOADS:
        made = list(lines(U(payload)))
        text = "\n".join(line.plain for line in made)
        assert visible(payload) in text, ascii(payload)
        assert text.replace("\n", "").isprintable(), ascii(payload)
        for span in (span for line in made for span in line.spans):
            assert str(span.style) in _STYLES.values(), "a style that is not ours"
