"""Plans as data: their restart, their choices, their order, and their way through JSON."""

import json

import pytest
from diagnosis_cases import TEMPLATE, A, B, U, facts, snapshot, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_cases import (
    BROKEN,
    FLEET,
    PREFIX,
    TOKEN,
    all_plans,
    broken_cluster,
    finding,
    look,
    reload_plan,
    template_plan,
    word_plan,
)

from fleettui.model.cluster import Machine, TargetState
from fleettui.model.host import ImageFacts
from fleettui.repair.planning.action import (
    Action,
    CreateKey,
    DeleteFolder,
    DeleteKey,
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    Stage,
    StartUnit,
    Step,
    TrySudo,
    Way,
    host_commands,
    literal,
    summary,
)
from fleettui.repair.planning.plan import Plan, plan_repair
from fleettui.repair.planning.plan_json import as_json, from_json
from fleettui.repair.planning.restart import GENTLE_MEASURED, restart_step, ways_for, why_gentle
from fleettui.repair.planning.stake import PulledImage, Twin, UnitAtStake

PLANS = all_plans()


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_step_says_all_that_an_operator_is_asked_to_confirm(plan: Plan) -> None:
    assert plan.stages[-1] is Stage.VERIFY
    assert list(plan.stages) == sorted(plan.stages, key=list(Stage).index)
    for step in plan.steps:
        assert step.why
        assert step.needs
        assert step.changes
        assert step.keeps
        assert step.reads_back
        assert step.undo_note
        assert step.actions
        for action in (*step.actions, *step.undo):
            assert summary(action)
            assert literal(action, TOKEN, PREFIX)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_that_touches_a_machine_tries_sudo_before_its_first_change(plan: Plan) -> None:
    actions = [action for step in plan.steps for action in step.actions]
    if any(host_commands(action, TOKEN) for action in actions):
        assert actions[0] == TrySudo()


# --- the restart --------------------------------------------------------------------------------


def test_with_way_changes_the_restart_alone() -> None:
    plan = template_plan()
    full = plan.with_way(Way.FULL)
    assert plan.way is Way.GENTLE
    assert full.way is Way.FULL
    assert full.step(Stage.DELETE) == plan.step(Stage.DELETE)
    assert full.with_way(Way.GENTLE) == plan


def test_a_way_that_is_not_on_offer_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="gentle restart is not on offer"):
        template_plan("full").with_way(Way.GENTLE)
    with pytest.raises(ValueError, match="not on offer"):
        reload_plan().with_way(Way.FULL)
    with pytest.raises(ValueError, match="not on offer"):
        template_plan().with_word(TargetState.LOADED)


GENTLE_WORDS = [
    ("0.8.0", "not measured on 0.8.0, but on 0.8.3, the nearest to it"),
    ("0.8.3", "measured on fleetd 0.8.3 itself"),
    ("0.9.0", "not measured on 0.9.0, but on 0.8.3 and 0.9.2, between which it lies"),
    ("0.11.0", "not measured on 0.11.0, but on 0.10.2 and 0.11.8, between which it lies"),
    ("0.11.8+git", "measured on fleetd 0.11.8 itself"),
    ("0.12.0", "measured on fleetd 0.12.0 itself"),
    ("0.12.4", "not measured on 0.12.4, but on 0.12.0, the nearest to it"),
]


@pytest.mark.parametrize(("version", "words"), GENTLE_WORDS)
def test_the_gentle_way_says_on_which_versions_it_was_measured(version: str, words: str) -> None:
    keeps = " ".join(restart_step(Way.GENTLE, (), U(version)).keeps)
    assert "Stops nothing" in keeps
    assert words in keeps


def test_only_versions_of_the_measured_span_have_a_reason() -> None:
    assert all(why_gentle(U(".".join(map(str, version)))) for version in GENTLE_MEASURED)
    for version in ("0.7.1", "0.13.0", "1.0.0", "", "what"):
        assert ways_for(U(version)) == (Way.FULL,)
        with pytest.raises(ValueError, match="not restarted gently"):
            why_gentle(U(version))


@pytest.mark.parametrize(
    ("on_disk", "ways"),
    [
        ("", (Way.GENTLE, Way.FULL)),
        ("fleetd version 0.11.8", (Way.GENTLE, Way.FULL)),
        ("fleetd version 0.13.0", (Way.FULL,)),
        ("fleetd version 1.0.0+wasnotbuiltproperly", (Way.FULL,)),
        ("no number here", (Way.GENTLE, Way.FULL)),
    ],
)
def test_a_newer_fleetd_that_waits_on_the_disk_takes_the_gentle_way_away(
    on_disk: str, ways: tuple[Way, ...]
) -> None:
    assert ways_for(U("0.11.8"), U(on_disk)) == ways


def test_the_plan_asks_the_disk_for_the_version_that_would_come_up() -> None:
    report = facts(BROKEN, FLEET, files=[TEMPLATE], fleetd_version=U("fleetd version 0.13.0"))
    plan = plan_repair(finding("template-loaded"), look(broken_cluster(), report), TOKEN)
    assert plan.ways == (Way.FULL,)


@pytest.mark.parametrize(
    ("version", "words"), [("1.0.0", "no gentle way"), ("0.7.1", "0.8 to 0.12 only")]
)
def test_the_full_restart_says_why_there_is_no_other(version: str, words: str) -> None:
    assert words in restart_step(Way.FULL, (), U(version)).why
    assert words not in restart_step(Way.FULL, (), U("0.11.8")).why


# --- commands -----------------------------------------------------------------------------------


def test_keys_that_are_written_are_shown_with_what_they_are_compared_with() -> None:
    (swap,) = word_plan().step(Stage.REGISTRY).actions
    assert literal(swap, TOKEN, PREFIX) == (
        f"etcd PUT {PREFIX}job/batch.service/target-state?prevValue=started  value=inactive",
    )
    key = (U("job"), U("a.service"), U("object"))
    assert literal(DeleteKey(key, 7, U("x")), TOKEN, PREFIX) == (
        f"etcd DELETE {PREFIX}job/a.service/object?prevIndex=7",
    )
    assert literal(DeleteFolder(key[:2]), TOKEN, PREFIX) == (
        f"etcd DELETE {PREFIX}job/a.service?dir=true",
    )
    assert literal(CreateKey(key, U("v")), TOKEN, PREFIX) == (
        f"etcd PUT {PREFIX}job/a.service/object?prevExist=false  value=v",
    )


def test_a_hostile_value_is_shown_safely() -> None:
    swap = SetTargetState(U("a.service"), "x\x1b[31m\n", TargetState.INACTIVE)
    for words in (summary(swap), *literal(swap, TOKEN, PREFIX)):
        assert words.isprintable()


# --- JSON ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_comes_back_from_json_as_it_was(plan: Plan) -> None:
    assert from_json(json.loads(json.dumps(as_json(plan)))) == plan


def test_a_plan_of_an_earlier_program_may_lack_what_has_a_default() -> None:
    data = as_json(template_plan())
    del data["words"]
    assert from_json(data) == template_plan()


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        "plan",
        {**as_json(word_plan()), "units": "batch.service"},
        {**as_json(word_plan()), "steps": [{"stage": "registry"}]},
        {**as_json(word_plan()), "ways": ["sideways"]},
        {**as_json(word_plan()), "token": 7},
        {**as_json(word_plan()), "machine": {"id": "a"}},
    ],
)
def test_what_is_no_plan_is_refused(broken: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words are
        from_json(broken)


def test_an_unknown_action_is_refused() -> None:
    data = as_json(word_plan())
    data["steps"][0]["actions"][0]["do"] = "Explode"
    with pytest.raises(ValueError, match="is no action"):
        from_json(data)


text = st.text(max_size=20)
names = st.builds(U, st.text(max_size=40))
actions = st.one_of(
    st.builds(TrySudo),
    st.builds(SetTargetState, names, text, st.sampled_from(TargetState)),
    st.builds(RemoveFile, names, text),
    st.builds(RemoveLink, names),
    st.builds(Reload),
    st.builds(Restart, st.sampled_from(Way)),
    st.builds(StartUnit, names),
    st.builds(DeleteKey, st.tuples(names, names, names), st.integers(0), names),
    st.builds(DeleteFolder, st.tuples(names, names)),
    st.builds(RestoreFile, names, text),
    st.builds(RestoreLink, names),
    st.builds(CreateKey, st.tuples(names, names), names),
)
several = st.lists(text, max_size=3).map(tuple)
some_actions: st.SearchStrategy[tuple[Action, ...]] = st.lists(actions, max_size=4).map(tuple)
steps = st.builds(
    Step,
    st.sampled_from(Stage),
    some_actions,
    text,
    several,
    several,
    several,
    text,
    some_actions,
    text,
)
images = st.builds(PulledImage, names, st.builds(ImageFacts, st.none() | st.booleans(), names))
stakes = st.builds(
    UnitAtStake,
    names,
    text,
    st.booleans(),
    several,
    st.lists(images, max_size=2).map(tuple),
    st.none() | st.builds(Twin, names, text),
    st.integers(1, 9),
)
machines = st.builds(
    Machine, names, names, st.lists(st.tuples(names, names), max_size=2).map(tuple), names
)
plans = st.builds(
    Plan,
    text,
    st.lists(names, max_size=3).map(tuple),
    st.none() | machines,
    text,
    text,
    st.lists(steps, max_size=3).map(tuple),
    st.lists(st.sampled_from(Way), max_size=2).map(tuple),
    st.lists(stakes, max_size=3).map(tuple),
    st.lists(st.sampled_from(TargetState), max_size=3).map(tuple),
)


@settings(deadline=None)
@given(plans)
def test_any_plan_comes_back_from_json_byte_for_byte(plan: Plan) -> None:
    assert from_json(json.loads(json.dumps(as_json(plan)))) == plan


words = st.sampled_from(["fault", "units", "steps", "do", "machine", "x"])
documents = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(words, inner),
)


@settings(deadline=None)
@given(documents)
def test_no_json_makes_reading_fail_otherwise_than_by_value_error(data: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words are
        from_json(data)


def test_the_name_typed_is_one_machines_alone() -> None:
    plan = template_plan()
    assert plan.host == "core-1"
    assert plan.machine_id == A.id
    nameless = facts(BROKEN, FLEET, files=[TEMPLATE], hostname=U("localhost"))
    made = plan_repair(finding("template-loaded"), look(snapshot(unit()), nameless), TOKEN)
    assert made.host == A.id.raw[:8]


def test_a_host_name_that_another_machine_has_too_is_not_what_is_typed() -> None:
    broken = facts(BROKEN, FLEET, files=[TEMPLATE], hostname=U("core"))
    for other, host in ((U("core"), A.id.raw[:8]), (U("core-2"), "core")):
        seen = look(broken_cluster(), broken, facts(B, FLEET, hostname=other))
        assert plan_repair(finding("template-loaded"), seen, TOKEN).host == host
