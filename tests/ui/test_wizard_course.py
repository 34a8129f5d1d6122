"""Where the wizard is and what its buttons do there, without a screen."""

from dataclasses import replace

import pytest
from fakes import TEMPLATE, U
from wizard_plans import registry_plan, template_plan

from fleettui.model.cluster import TargetState
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.records.outcome import Check, Result
from fleettui.ui.wizard.confirm import named, typing_for
from fleettui.ui.wizard.course import Course, Deed, Offer, Phase, main_offer, other_offer

MET = (Check("the machine answers", met=True, detail=U("core-01")),)
UNMET = (*MET, Check("nobody else repairs", met=False, detail=U("bob@desk")))
PLANNED = Course().planned(template_plan(), MET, ())


def at(stage: Stage, *, version: str = "0.11.8") -> Course:
    """A stage that waits for its confirmation, everything before it read back."""
    plan = template_plan(version)
    done = plan.stages[: plan.stages.index(stage)]
    return Course().planned(plan, MET, done).entered(stage)


def test_a_check_that_is_not_met_keeps_the_first_change_closed() -> None:
    course = Course().planned(template_plan(), UNMET, ())
    assert course.phase is Phase.UNFIT
    assert main_offer(course) == Offer(Deed.LOCATE, "Check again")
    assert [check.name for check in course.unmet] == ["nobody else repairs"]


def test_with_every_check_met_the_first_stage_of_the_plan_is_next() -> None:
    assert main_offer(PLANNED) == Offer(Deed.GO_ON, "Go on to delete")
    registry = Course().planned(registry_plan(), MET, ())
    assert main_offer(registry) == Offer(Deed.GO_ON, "Go on to registry")
    assert registry.stages == (Stage.LOCATE, Stage.REGISTRY, Stage.VERIFY)


def test_a_lock_of_somebody_else_can_be_watched() -> None:
    course = Course().planned(template_plan(), UNMET, ())
    assert other_offer(course, is_locked_out=True) == Offer(Deed.WATCH, "Watch it")
    assert other_offer(course) is None


def test_a_resumed_repair_goes_on_where_it_was() -> None:
    course = Course().planned(template_plan(), MET, (Stage.DELETE, Stage.RELOAD))
    assert course.next_stage is Stage.RESTART
    assert main_offer(course).label == "Go on to restart"
    assert course.behind == (Stage.LOCATE, Stage.DELETE, Stage.RELOAD)


@pytest.mark.parametrize(
    ("stage", "label"),
    [
        (Stage.DELETE, "Delete"),
        (Stage.RELOAD, "Reload"),
        (Stage.RESTART, "Restart gently"),
        (Stage.VERIFY, "Verify"),
    ],
)
def test_each_stage_is_confirmed_in_its_own_words(stage: Stage, label: str) -> None:
    assert main_offer(at(stage)) == Offer(Deed.ACT, label)


@pytest.mark.parametrize("phase", [Phase.LOOKING, Phase.ACTING])
def test_nothing_can_be_pressed_while_something_is_under_way(phase: Phase) -> None:
    for stage in (Stage.DELETE, Stage.VERIFY):
        offer = main_offer(replace(at(stage), phase=phase))
        assert offer.deed is Deed.NONE
        assert not offer.is_ready


def test_verifying_only_reads_so_it_may_be_left() -> None:
    assert at(Stage.DELETE).acting().is_acting
    assert not at(Stage.VERIFY).acting().is_acting


def test_the_other_restart_is_offered_where_the_version_takes_both() -> None:
    course = at(Stage.RESTART)
    assert other_offer(course) == Offer(Deed.OTHER_WAY, "Full restart instead")
    full = replace(course, plan=template_plan().with_way(Way.FULL))
    assert other_offer(full) == Offer(Deed.OTHER_WAY, "Gentle way instead")
    assert main_offer(full).label == "Stop all units and restart"
    assert other_offer(at(Stage.RESTART, version="1.0.0")) is None
    assert other_offer(at(Stage.RELOAD)) is None


def test_a_gentle_way_that_did_not_do_it_offers_the_full_restart() -> None:
    course = at(Stage.VERIFY)
    plan = template_plan()
    failed = course.acted(Result.FAILED, plan, course.done)
    assert main_offer(failed) == Offer(Deed.ACT, "Verify again")
    assert other_offer(failed) == Offer(Deed.REOPEN, "Full restart")
    full = course.acted(Result.FAILED, plan.with_way(Way.FULL), course.done)
    assert other_offer(full) is None
    unknown = course.acted(Result.UNKNOWN, plan, course.done)
    assert other_offer(unknown) is None, "what could not be read says nothing about the way"


def test_after_the_proof_the_next_machine_is_offered_or_the_end() -> None:
    course = at(Stage.VERIFY)
    over = course.acted(Result.DONE, template_plan(), (*course.done, Stage.VERIFY))
    assert over.is_over
    assert main_offer(over) == Offer(Deed.CLOSE, "Close")
    assert main_offer(over, following="core-02") == Offer(Deed.NEXT_MACHINE, "Go on to core-02")
    though = main_offer(over, following="core-02", away=2)
    assert though.label == "Go on to core-02 although 2 units are away"


def test_a_step_that_failed_is_looked_at_again_and_never_just_repeated() -> None:
    course = at(Stage.DELETE)
    failed = course.acted(Result.UNKNOWN, template_plan(), ())
    assert main_offer(failed) == Offer(Deed.LOCATE, "Locate again")


def test_a_lost_lock_leaves_nothing_but_leaving() -> None:
    course = at(Stage.RELOAD).ended(Phase.LOST)
    assert main_offer(course) == Offer(Deed.CLOSE, "Close")
    assert other_offer(course) is None


def test_taking_back_is_confirmed_like_a_deletion_and_ends_the_errand() -> None:
    plan = template_plan()
    course = at(Stage.RELOAD).undoing(Stage.DELETE, plan.step(Stage.DELETE).undo)
    assert main_offer(course) == Offer(Deed.ACT, "Undo delete")
    typing = typing_for(course)
    assert typing is not None
    assert typing.words == TEMPLATE.raw
    assert course.acting().is_acting
    undone = course.acting().acted(Result.DONE, plan, ())
    assert not undone.is_over
    assert main_offer(undone) == Offer(Deed.CLOSE, "Close")


def test_the_other_target_states_are_offered_one_after_the_other() -> None:
    plan = registry_plan()
    course = Course().planned(plan, MET, ()).entered(Stage.REGISTRY)
    assert other_offer(course) == Offer(Deed.OTHER_WORD, "Set inactive instead")
    last = replace(course, plan=plan.with_word(TargetState.LOADED))
    assert other_offer(last) == Offer(Deed.OTHER_WORD, "Set launched instead")


# --- what has to be typed ---------------------------------------------------------------------


def test_deleting_asks_for_the_units_name_and_a_full_restart_for_the_machines() -> None:
    typing = typing_for(at(Stage.DELETE))
    assert typing is not None
    assert (typing.words, typing.purpose) == (TEMPLATE.raw, "to delete it on core-01")
    assert typing_for(at(Stage.RESTART)) is None
    typing = typing_for(at(Stage.RESTART, version="1.0.0"))
    assert typing is not None
    assert typing.words == "core-01"
    for stage in (Stage.RELOAD, Stage.VERIFY):
        assert typing_for(at(stage)) is None


def test_a_write_to_the_registry_asks_for_the_units_name() -> None:
    typing = typing_for(Course().planned(registry_plan(), MET, ()).entered(Stage.REGISTRY))
    assert typing is not None
    assert typing.words == "web@1.service"
    assert "in the registry" in typing.purpose


def test_nothing_has_to_be_typed_where_nothing_is_left_to_delete() -> None:
    course = at(Stage.DELETE)
    assert course.plan is not None
    bare = replace(course.plan.step(Stage.DELETE), actions=())
    plan = replace(course.plan, steps=(bare, *course.plan.steps[1:]))
    assert typing_for(replace(course, plan=plan)) is None


@pytest.mark.parametrize("raw", ["evil\u202e.service", "a\x1bb.service", " padded.service", ""])
def test_a_name_that_needed_escaping_is_chosen_by_its_number(raw: str) -> None:
    known = (U("a.service"), U(raw), U("z.service"))
    typing = named(U(raw), "to delete it", known)
    assert typing.words == "2"
    assert typing.choices == known
    alone = named(U(raw), "to delete it", (U("a.service"),))
    assert alone.words == "2"
    assert alone.choices[1] == Untrusted(raw)
