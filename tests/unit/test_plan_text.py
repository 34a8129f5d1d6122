"""The whole plan as text: nothing that an operator must know is left out."""

from dataclasses import replace

import pytest
from diagnosis_cases import U
from plan_cases import PREFIX, TOKEN, all_plans, template_plan, word_plan

from fleettui.commands import shell_text
from fleettui.model.cluster import TargetState
from fleettui.repair.planning.action import Way, host_commands, literal, summary
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_text import as_text, proof
from fleettui.repair.planning.stake import told

PLANS = all_plans()


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_each_step_tells_everything_that_it_knows(plan: Plan) -> None:
    text = as_text(plan, PREFIX)
    for number, step in enumerate(plan.steps, 1):
        assert f"\n{number}. {step.stage.upper()}\n   Why: {step.why}\n" in text
        lines = (*step.needs, *step.changes, *step.keeps, step.reads_back, step.undo_note)
        assert all(f"     - {line}\n" in text for line in lines)
        assert all(summary(action) in text for action in (*step.actions, *step.undo))
    assert f"\n{len(plan.steps) + 1}. VERIFY\n" in text
    assert all(f"- {line}\n" in text for line in proof(plan))


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_each_command_is_shown_word_for_word_and_each_script_once(plan: Plan) -> None:
    lines = [line.strip() for line in as_text(plan, PREFIX).split("\n")]
    actions = [a for step in plan.steps for a in (*step.actions, *step.undo)]
    short = [text for a in actions for text in literal(a, TOKEN, PREFIX) if "\n" not in text]
    assert all(text in lines for text in short)
    scripts = {
        word for a in actions for c in host_commands(a, TOKEN) for word in c.argv if "\n" in word
    }
    long = [
        shell_text(c) for a in actions for c in host_commands(a, TOKEN) if "\n" in shell_text(c)
    ]
    assert sum(line.startswith("(script ") for line in lines) == len(scripts)
    for command in long:
        assert any(line.endswith(command.rpartition("\n")[2]) for line in lines) or any(
            line.startswith("sudo -n sh -c <the script ") for line in lines
        )


def test_what_the_other_way_would_cost_stands_beside_the_gentle_one() -> None:
    plan = template_plan()
    text = as_text(plan, PREFIX)
    assert "At stake if the full restart is chosen instead" in text
    assert all(told(unit) in text for unit in plan.at_stake)
    full = as_text(plan.with_way(Way.FULL), PREFIX)
    assert "At stake if" not in full
    assert all(f"- {told(unit)}\n" in full for unit in plan.at_stake)
    assert "no unit at all" in as_text(replace(plan, at_stake=()), PREFIX)


def test_the_words_that_may_be_chosen_are_named() -> None:
    text = as_text(word_plan(), PREFIX)
    assert "target state to be set: inactive; instead could be chosen: loaded, launched" in text
    other = as_text(word_plan().with_word(TargetState.LAUNCHED), PREFIX)
    assert "target state to be set: launched" in other


def test_hostile_names_stay_on_their_line() -> None:
    plan = template_plan()
    evil = replace(plan.at_stake[0], name=U("x\n\x1b[2Jy.service"))
    text = as_text(replace(plan, host="a\nb", at_stake=(evil,)), PREFIX)
    assert "\x1b" not in text
    assert "a\nb" not in text
