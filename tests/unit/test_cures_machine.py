"""The cures that act on a machine, and their near misses; and the faults that have none."""

from collections.abc import Sequence

import pytest
from diagnosis_cases import (
    GLOBAL,
    TEMPLATE,
    A,
    B,
    U,
    facts,
    file,
    line,
    link,
    not_checked,
    service,
    snapshot,
    state,
    unit,
    unread,
)
from msgspec.structs import replace
from plan_cases import (
    BROKEN,
    FLEET,
    LOOP,
    SEARCH,
    TOKEN,
    broken_cluster,
    finding,
    look,
    template,
    template_plan,
)

from fleettui.diagnosis.rules import RULES
from fleettui.model.cluster import Unit
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, Folder, FolderEntry, HostFacts
from fleettui.repair.planning.action import (
    Action,
    Reload,
    RemoveFile,
    RemoveLink,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    Stage,
    StartUnit,
    TrySudo,
    host_commands,
    literal,
)
from fleettui.repair.planning.cures.by_hand import BY_HAND
from fleettui.repair.planning.look import NothingToRepair, NotRepairable, Unread
from fleettui.repair.planning.plan import CURES, Plan, plan_repair


def test_every_fault_of_the_catalogue_has_a_cure_or_says_what_to_do_by_hand() -> None:
    named = {rule.__name__.replace("_", "-") for rule in RULES}
    assert CURES.keys() | BY_HAND.keys() == named
    assert not CURES.keys() & BY_HAND.keys()
    assert len(CURES) == 5


@pytest.mark.parametrize("fault", BY_HAND)
def test_a_fault_without_a_cure_says_what_to_do_and_why_fleettui_does_not(fault: str) -> None:
    by_hand = BY_HAND[fault]
    with pytest.raises(NotRepairable) as refused:
        plan_repair(finding(fault), look(snapshot()), TOKEN)
    said = str(refused.value)
    assert by_hand.why_not in said
    assert all(step in said for step in by_hand.do)
    assert not isinstance(refused.value, NothingToRepair)


def test_an_unknown_fault_falls_back_to_what_its_finding_says() -> None:
    odd = replace(finding("of-tomorrow"), remedy="Wait for tomorrow.")
    with pytest.raises(NotRepairable, match="Wait for tomorrow"):
        plan_repair(odd, look(snapshot()), TOKEN)


# --- template-loaded ----------------------------------------------------------------------------


def planned(report: HostFacts, *units: Unit) -> Plan:
    seen = snapshot(*units, machines=(BROKEN, B))
    return plan_repair(finding("template-loaded"), look(seen, report), TOKEN)


def actions_of(plan: Plan) -> Sequence[Action]:
    return plan.step(Stage.DELETE).actions


def test_the_registry_goes_before_the_files_and_undo_brings_back_the_files_alone() -> None:
    step = template_plan().step(Stage.DELETE)
    assert [type(action) for action in step.actions] == [
        TrySudo,
        SetTargetState,
        RemoveFile,
        RemoveLink,
    ]
    assert step.undo == (RestoreFile(TEMPLATE, "ee" * 32), RestoreLink(TEMPLATE))
    assert "The registry is left alone" in step.undo_note


def test_two_templates_of_one_machine_go_to_two_places_in_quarantine() -> None:
    other = U("bar@.service")
    report = facts(BROKEN, FLEET, files=[TEMPLATE, other])
    commands = [c for a in actions_of(planned(report)) for c in host_commands(a, TOKEN)]
    assert len({command.argv[-1] for command in commands[1:]}) == 2
    assert len(commands) == 5


def entry_in(folder: str, entry: FolderEntry) -> HostFacts:
    report = facts(BROKEN, FLEET, journal=[line(LOOP, 1)])
    return replace(report, folders={**report.folders, folder: Folder(folder, {TEMPLATE: entry})})


NEAR_MISSES = [
    (entry_in(FLEET_UNITS, replace(file(TEMPLATE), sha256=None)), "no regular file"),
    (entry_in(FLEET_UNITS, replace(file(TEMPLATE), links=2)), "2 hard links"),
    (entry_in(SYSTEMD_UNITS, link(TEMPLATE, f"{FLEET_UNITS}/bar@.service")), "is a link to"),
    (facts(BROKEN, FLEET, reported_id=B.id), "another machine"),
    (unread(facts(BROKEN, FLEET)), "Permission denied"),
    (unread(facts(BROKEN, FLEET), SYSTEMD_UNITS), "Permission denied"),
    (facts(BROKEN), "does not tell about fleet.service"),
    (facts(BROKEN, FLEET, files=[U("a b@.service")]), "does not act on a b@.service"),
]


@pytest.mark.parametrize(("report", "why"), NEAR_MISSES)
def test_what_is_not_understood_is_not_touched(report: HostFacts, why: str) -> None:
    with pytest.raises(NotRepairable, match=why) as refused:
        planned(report, template())
    assert not isinstance(refused.value, NothingToRepair)


def test_a_template_link_of_another_program_is_left_alone() -> None:
    report = entry_in(SYSTEMD_UNITS, link(TEMPLATE, "/etc/systemd/system/foo@.service"))
    actions = actions_of(planned(report, template()))
    assert [type(action) for action in actions] == [TrySudo, SetTargetState]


def test_a_target_state_that_fleet_cannot_read_is_set_all_the_same() -> None:
    report = facts(BROKEN, FLEET, files=[TEMPLATE])
    swap = next(
        a for a in actions_of(planned(report, template("strated"))) if isinstance(a, SetTargetState)
    )
    assert swap.expected == "strated"


def test_a_machine_that_cannot_be_reached_has_no_plan() -> None:
    for reports in ((), (not_checked(BROKEN),)):
        with pytest.raises(Unread, match="cannot be reached"):
            plan_repair(finding("template-loaded"), look(broken_cluster(), *reports), TOKEN)
    with pytest.raises(NotRepairable, match="No machine is known"):
        plan_repair(finding("template-loaded"), look(broken_cluster(), machine=None), TOKEN)


def test_nothing_is_planned_where_nothing_shows_the_template() -> None:
    with pytest.raises(NothingToRepair):
        planned(facts(BROKEN, FLEET), template("inactive"))


# --- needs-daemon-reload ------------------------------------------------------------------------


def reloading(report: HostFacts, target: U | None = A.id, **changed: object) -> Plan:
    made = unit(SEARCH, state(words="not-found inactive dead"), target=target, **changed)
    return plan_repair(
        finding("needs-daemon-reload", SEARCH),
        look(snapshot(made), report, machine=A),
        TOKEN,
    )


UNKNOWN = service(SEARCH, "not-found inactive dead")
OLDER = service(SEARCH, needs_reload=True)
REPORT = facts(A, FLEET, UNKNOWN, files=[SEARCH])


def test_a_unit_that_systemd_does_not_know_is_reloaded_and_started() -> None:
    plan = reloading(REPORT)
    assert plan.stages == (Stage.RELOAD, Stage.START, Stage.VERIFY)
    assert plan.step(Stage.RELOAD).actions == (TrySudo(), Reload())
    assert plan.step(Stage.START).actions == (StartUnit(SEARCH),)
    assert plan.host == "core-1"
    (words,) = literal(StartUnit(SEARCH), TOKEN, "/p/")
    assert words == "sudo -n systemctl start --no-block -- search.service"


def test_a_global_unit_is_started_wherever_it_should_run() -> None:
    assert Stage.START in reloading(REPORT, file=GLOBAL, target=None).stages


@pytest.mark.parametrize(
    ("target_state", "target"), [("loaded", A.id), ("launched", B.id), ("inactive", None)]
)
def test_a_unit_that_is_not_wanted_there_is_not_started(
    target_state: str, target: U | None
) -> None:
    plan = reloading(REPORT, target=target, target_state=U(target_state))
    assert plan.stages == (Stage.RELOAD, Stage.VERIFY)


def test_a_unit_that_runs_from_an_older_file_is_not_started_again() -> None:
    plan = reloading(facts(A, FLEET, OLDER, files=[SEARCH]))
    assert plan.stages == (Stage.RELOAD, Stage.VERIFY)
    assert any("goes on as it is" in line for line in plan.step(Stage.RELOAD).keeps)


def test_a_start_that_pulls_an_image_says_so() -> None:
    pull = unit(SEARCH).file
    assert pull is not None
    slow = replace(pull, raw=U("[Service]\nExecStartPre=docker pull es:1\n"))
    changes = reloading(REPORT, file=slow).step(Stage.START).changes
    assert any("docker pull es:1" in line for line in changes)


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (facts(A, FLEET, UNKNOWN), "holds no file of search.service"),
        (facts(A, FLEET, files=[SEARCH]), "was not asked about"),
        (facts(A, FLEET, UNKNOWN, files=[SEARCH, TEMPLATE]), "broken by the template"),
        (facts(A, FLEET, UNKNOWN, files=[SEARCH], journal=[line(LOOP, 1)]), "broken by"),
        (unread(facts(A, FLEET, UNKNOWN, files=[SEARCH])), "Permission denied"),
    ],
)
def test_a_reload_that_would_not_help_is_refused(report: HostFacts, why: str) -> None:
    with pytest.raises(NotRepairable, match=why) as refused:
        reloading(report)
    assert not isinstance(refused.value, NothingToRepair)


def test_a_unit_that_systemd_knows_by_now_needs_nothing() -> None:
    with pytest.raises(NothingToRepair, match="as its file says"):
        reloading(facts(A, FLEET, service(SEARCH), files=[SEARCH]))
