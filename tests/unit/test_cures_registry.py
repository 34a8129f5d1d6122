"""The cures that change the registry alone, and their near misses."""

from dataclasses import replace

import pytest
from diagnosis_cases import (
    GLOBAL,
    HASH,
    TEMPLATE,
    A,
    B,
    U,
    facts,
    line,
    not_checked,
    service,
    snapshot,
    state,
    unit,
    unread,
)
from plan_cases import (
    BATCH,
    EXPORT,
    FLEET,
    LOOP,
    REPORTS,
    TOKEN,
    finding,
    ghost_plan,
    job_key,
    look,
    orphan_plan,
    word_plan,
)

from fleettui.access import FleetKey, KeyValue
from fleettui.model.cluster import Machine, TargetState, Unit, UnitState
from fleettui.model.host import HostReport
from fleettui.repair.planning.action import (
    CreateKey,
    DeleteFolder,
    DeleteKey,
    SetTargetState,
    Stage,
    host_commands,
    literal,
)
from fleettui.repair.planning.look import NothingToRepair, NotRepairable, Unread
from fleettui.repair.planning.plan import Plan, plan_repair

STATE_KEY: FleetKey = (U("states"), REPORTS, A.id)
PREFIX = "/_coreos.com/fleet/"


@pytest.mark.parametrize("plan", [ghost_plan(), word_plan(), orphan_plan()])
def test_a_repair_of_the_registry_touches_no_machine(plan: Plan) -> None:
    assert plan.stages == (Stage.REGISTRY, Stage.VERIFY)
    assert plan.machine is None
    assert plan.machine_id == U("")
    assert plan.way is None
    assert not plan.at_stake
    actions = plan.step(Stage.REGISTRY).actions
    assert actions
    assert not [command for a in actions for command in host_commands(a, plan.token)]


# --- ghost-state --------------------------------------------------------------------------------


def ghost(
    *reports: HostReport, machines: tuple[Machine, ...] = (A, B), key: bool = True, **job: object
) -> Plan:
    """Planned for a state of a unit without a job; `job` gives it one."""
    seen = snapshot(
        unit(REPORTS, **{"unit_hash": None, "target_state": None, "target": None, **job}),
        machines=machines,
    )
    keys = {STATE_KEY: KeyValue(U("{}"), 41)} if key else {}
    where = A if A in machines else None
    return plan_repair(
        finding("ghost-state", REPORTS), look(seen, *reports, machine=where, keys=keys), TOKEN
    )


def test_the_ghost_of_a_unit_without_a_job_is_deleted_as_it_was_read() -> None:
    (action,) = ghost(facts(A, FLEET)).step(Stage.REGISTRY).actions
    assert action == DeleteKey(STATE_KEY, 41, U("{}"))
    (words,) = literal(action, TOKEN, PREFIX)
    assert words.startswith(f"etcd DELETE {PREFIX}states/reports.service/{A.id}?prevIndex=41")
    assert "renewal" in words


def test_the_ghost_on_a_machine_that_is_gone_needs_nobody_to_be_asked() -> None:
    assert ghost(machines=(B,)).step(Stage.REGISTRY).actions


def test_the_ghost_of_a_unit_that_was_moved_is_deleted() -> None:
    plan = ghost(facts(A, FLEET), unit_hash=HASH, target_state=U("launched"), target=B.id)
    assert plan.step(Stage.REGISTRY).actions


def test_a_state_that_is_gone_by_now_leaves_nothing_to_repair() -> None:
    with pytest.raises(NothingToRepair):
        ghost(facts(A, FLEET), key=False)
    with pytest.raises(NothingToRepair):
        ghost(states=())


@pytest.mark.parametrize("file", [None, GLOBAL])
def test_a_state_where_its_unit_is_due_is_no_ghost(file: object) -> None:
    target = None if file is GLOBAL else A.id
    with pytest.raises(NothingToRepair, match="is scheduled to"):
        ghost(facts(A, FLEET), unit_hash=HASH, target=target, file=file)


def test_a_state_of_a_machine_that_could_not_be_asked_is_left_alone() -> None:
    for reports in ((), (not_checked(A),)):
        with pytest.raises(Unread, match="could not be asked"):
            ghost(*reports)


NO_GHOSTS = [
    (facts(A, FLEET, files=[REPORTS]), "its file is on"),
    (facts(A, FLEET, service(REPORTS)), "it is active running"),
    (facts(A, FLEET, service(REPORTS, "loaded deactivating stop")), "deactivating"),
    (facts(A, FLEET, journal=[line(LOOP, 1)]), "broken by the template foo@.service"),
    (unread(facts(A, FLEET)), "could not be listed"),
]


@pytest.mark.parametrize(("report", "why"), NO_GHOSTS)
def test_a_state_of_a_unit_that_may_run_is_left_alone(report: HostReport, why: str) -> None:
    with pytest.raises(NotRepairable, match=why) as refused:
        ghost(report)
    assert not isinstance(refused.value, NothingToRepair)


def test_a_machine_that_left_the_registry_and_answers_is_believed() -> None:
    with pytest.raises(NotRepairable, match="its file is on"):
        ghost(facts(A, FLEET, files=[REPORTS]), machines=(B,))


def test_a_key_that_etcd_could_read_otherwise_is_refused() -> None:
    strange = Machine(U("a/../b"), U("10.0.0.1"))
    other = finding("ghost-state", REPORTS, strange)
    with pytest.raises(NotRepairable, match="more than a name"):
        plan_repair(other, look(snapshot(unit(REPORTS)), facts(A, FLEET)), TOKEN)


@pytest.mark.parametrize("fault", ["ghost-state", "bad-target-state", "orphan-job"])
@pytest.mark.parametrize("name", [None, U("../x.service"), U("a b.service"), U("noend")])
def test_a_name_that_nobody_gives_a_unit_is_refused(fault: str, name: U | None) -> None:
    with pytest.raises(NotRepairable, match=r"no unit|does not act on"):
        plan_repair(finding(fault, name), look(snapshot()), TOKEN)


# --- bad-target-state ---------------------------------------------------------------------------


def words(**job: object) -> Plan:
    seen = snapshot(unit(BATCH, **{"target_state": U("started"), "states": (), **job}))
    return plan_repair(finding("bad-target-state", BATCH, None), look(seen, machine=None), TOKEN)


def chosen(plan: Plan) -> SetTargetState:
    (action,) = plan.step(Stage.REGISTRY).actions
    assert isinstance(action, SetTargetState)
    return action


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ((), "inactive"),
        ((state(words="loaded inactive dead"),), "loaded"),
        ((state(words="not-found inactive dead"),), "inactive"),
        ((state(),), "launched"),
        ((state(words="loaded activating start-pre"),), "launched"),
        ((state(words="loaded failed failed"), state(B)), "launched"),
    ],
)
def test_the_word_that_says_what_the_unit_does_now_is_the_default(
    states: tuple[UnitState, ...], word: str
) -> None:
    plan = words(states=states)
    assert chosen(plan) == SetTargetState(BATCH, "started", TargetState(word))
    assert plan.word == plan.words[0] == word
    assert sorted(plan.words) == sorted(TargetState)


def test_another_word_is_choosable_and_says_what_it_does() -> None:
    plan = words().with_word(TargetState.LAUNCHED)
    assert chosen(plan) == SetTargetState(BATCH, "started", TargetState.LAUNCHED)
    assert "fleetctl start" in " ".join(plan.step(Stage.REGISTRY).changes)
    assert plan.words[0] is TargetState.INACTIVE


def test_a_template_may_only_be_set_inactive() -> None:
    seen = snapshot(Unit(TEMPLATE, HASH, U("strated"), file=unit().file))
    plan = plan_repair(finding("bad-target-state", TEMPLATE, None), look(seen, machine=None), TOKEN)
    assert plan.words == (TargetState.INACTIVE,)
    with pytest.raises(ValueError, match="not on offer"):
        plan.with_word(TargetState.LAUNCHED)


@pytest.mark.parametrize("target_state", [None, U("launched"), U("")])
def test_a_target_state_that_fleet_can_read_is_left_alone(target_state: U | None) -> None:
    with pytest.raises(NothingToRepair):
        words(target_state=target_state)


def test_a_unit_that_is_gone_has_no_target_state_to_repair() -> None:
    with pytest.raises(NothingToRepair, match="no job"):
        plan_repair(finding("bad-target-state", BATCH, None), look(snapshot()), TOKEN)


def test_a_target_state_of_a_job_without_its_file_is_the_other_faults() -> None:
    with pytest.raises(NotRepairable, match="orphan-job"):
        words(file=None)


# --- orphan-job ---------------------------------------------------------------------------------


def orphan(*leaves: str, **job: object) -> Plan:
    fields: dict[str, object] = {"unit_hash": None, "file": None, "states": (), "target": None}
    seen = snapshot(unit(EXPORT, **{**fields, "heartbeat": None, **job}))
    keys = {job_key(EXPORT, leaf): KeyValue(U(leaf), n) for n, leaf in enumerate(leaves, 7)}
    return plan_repair(
        finding("orphan-job", EXPORT, None), look(seen, machine=None, keys=keys), TOKEN
    )


def test_each_key_is_deleted_as_it_stands_and_then_the_empty_folder() -> None:
    step = orphan("object", "target", "target-state").step(Stage.REGISTRY)
    deleted = [action for action in step.actions if isinstance(action, DeleteKey)]
    assert [(key.key[2].raw, key.index) for key in deleted] == [
        ("target-state", 9),
        ("target", 8),
        ("object", 7),
    ]
    assert step.actions[-1] == DeleteFolder((U("job"), EXPORT))


def test_undo_writes_the_same_keys_again_the_object_first() -> None:
    undo = orphan("object", "target-state").step(Stage.REGISTRY).undo
    assert undo == (
        CreateKey(job_key(EXPORT, "object"), U("object")),
        CreateKey(job_key(EXPORT, "target-state"), U("target-state")),
    )


def test_keys_that_are_not_there_are_not_deleted() -> None:
    actions = orphan("target-state").step(Stage.REGISTRY).actions
    assert [type(action) for action in actions] == [DeleteKey, DeleteFolder]


def test_a_job_that_is_whole_again_is_left_alone() -> None:
    with pytest.raises(NothingToRepair, match="has its unit file again"):
        orphan("object", unit_hash=HASH, file=unit().file)


def test_a_job_that_is_gone_is_left_alone() -> None:
    with pytest.raises(NothingToRepair, match="no job"):
        orphan(target_state=None)
    with pytest.raises(NothingToRepair, match="no job"):
        plan_repair(finding("orphan-job", EXPORT, None), look(snapshot()), TOKEN)


@pytest.mark.parametrize("sign", [{"heartbeat": A.id}, {"states": (state(),)}])
def test_a_job_that_a_machine_still_reports_is_left_alone(sign: dict[str, object]) -> None:
    with pytest.raises(NotRepairable, match="still reports"):
        orphan("object", **sign)


def test_the_plan_of_one_word_differs_from_that_of_another_in_nothing_else() -> None:
    plan = words()
    other = plan.with_word(TargetState.LOADED)
    assert replace(other, steps=plan.steps) == plan
