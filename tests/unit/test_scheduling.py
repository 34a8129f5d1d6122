"""Why a unit is not scheduled: whom it points at, how sure it is, and what it does not know."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_keys import STAGES, VERSIONS, recorded

from fleettui.diagnosis.scheduling import (
    MachineVerdict,
    Placement,
    Verdict,
    explain,
    explain_each,
    is_waiting,
)
from fleettui.diagnosis.scheduling_obstacles import Rule
from fleettui.diagnosis.scheduling_rules import RULES, rules_in_force, wishes_of
from fleettui.model.cluster import BadRecord, Leader, Machine, Snapshot, Unit
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.registry.decode import decode
from fleettui.registry.tree import tree_of

U = Untrusted
NOW = datetime(2026, 1, 1, tzinfo=UTC)
IDS = [U(f"{digit}" * 32) for digit in "abcdef"]
A, B, C, D, E, _ = IDS
ZOOKEEPER = "Conflicts=zookeeper@*.service"


def machine(machine_id: Untrusted, version: str = "0.11.8", **metadata: str) -> Machine:
    pairs = tuple((U(key), U(value)) for key, value in metadata.items())
    address = U(f"10.0.0.{IDS.index(machine_id) + 1}")
    return Machine(machine_id, address, pairs, U(version))


def unit(
    name: str, fleet: str = "", target: Untrusted | None = None, state: str | None = "launched"
) -> Unit:
    """A unit whose `[X-Fleet]` section holds these lines."""
    file = UnitFile(U(f"[Service]\nExecStart=/bin/true\n[X-Fleet]\n{fleet}\n"))
    return Unit(U(name), "ab" * 20, U(state) if state is not None else None, target, file=file)


def cluster(
    machines: Iterable[Machine], units: Iterable[Unit], leader: Untrusted | None = A
) -> Snapshot:
    return Snapshot(
        7,
        NOW,
        {m.id: m for m in machines},
        {u.name: u for u in sorted(units, key=lambda u: u.name)},
        Leader(leader) if leader is not None else None,
    )


def placed(seeker: Unit, machines: Iterable[Machine], *units: Unit) -> Placement:
    return explain(seeker, cluster(machines, (seeker, *units)))


def verdicts(placement: Placement) -> list[Verdict]:
    return [judged.verdict for judged in placement.machines]


def only(placement: Placement) -> MachineVerdict:
    (judged,) = placement.machines
    return judged


# --- what is in the way --------------------------------------------------------------------------


def test_a_blocked_instance_points_at_the_loaded_template_that_blocks_it() -> None:
    template = unit("zookeeper@.service", ZOOKEEPER, A, "loaded")
    seeker = unit("zookeeper@3.service")
    placement = placed(seeker, [machine(A), machine(B)], template)
    assert placement.templates_in_the_way == ((template.name, A),)
    (obstacle,) = placement.machines[0].obstacles
    assert obstacle.rule is Rule.CONFLICTS
    assert obstacle.blocking == obstacle.owner == template.name
    assert obstacle.option == U(ZOOKEEPER)
    assert obstacle.words == (
        "zookeeper@.service, a template without its instance, is scheduled here, "
        "and its Conflicts=zookeeper@*.service names this unit"
    )
    assert placement.machines[1].verdict is Verdict.QUALIFIES


def test_a_template_that_was_unloaded_blocks_nothing_even_while_its_target_is_there() -> None:
    template = unit("zookeeper@.service", ZOOKEEPER, A, "inactive")
    placement = placed(unit("zookeeper@3.service", ZOOKEEPER), [machine(A)], template)
    assert only(placement).verdict is Verdict.QUALIFIES
    assert placement.templates_in_the_way == ()


def test_conflicts_are_told_each_way_with_the_option_and_whose_it_is() -> None:
    other = unit("b@1.service", "X-Conflicts=%p@*\nX-Conflicts=a*", A)
    judged = only(placed(unit("a@1.service", "Conflicts=b@%i.service"), [machine(A)], other))
    assert [(o.owner.raw, o.option.raw) for o in judged.obstacles] == [
        ("a@1.service", "Conflicts=b@1.service"),
        ("b@1.service", "X-Conflicts=a*"),
    ]
    assert {o.blocking for o in judged.obstacles} == {other.name}


def test_a_unit_is_never_in_its_own_way() -> None:
    seeker = unit("a.service", "Conflicts=*", A)
    placement = placed(seeker, [machine(A), machine(B)], unit("b.service", "", B))
    assert verdicts(placement) == [Verdict.QUALIFIES, Verdict.EXCLUDED]


def test_all_that_stands_against_a_machine_is_told_in_fleets_order() -> None:
    seeker = unit(
        "a.service",
        f"Conflicts=b*\nMachineOf=c.service\nMachineMetadata=role=db\nMachineID={B.raw}",
    )
    judged = only(placed(seeker, [machine(A, role="web")], unit("b.service", "", A)))
    rules = [obstacle.rule for obstacle in judged.obstacles]
    assert rules == [Rule.MACHINE_ID, Rule.METADATA, Rule.MACHINE_OF, Rule.CONFLICTS]


@pytest.mark.parametrize(
    ("own", "theirs", "owners"),
    [
        ("", "Replaces=a*", ["b.service"]),
        ("Replaces=b*", "", ["a.service"]),
        ("Replaces=b*", "Replaces=a*", []),
    ],
)
def test_in_0_13_replaces_excludes_this_way_or_that_but_not_in_a_circle(
    own: str, theirs: str, owners: list[str]
) -> None:
    other = unit("b.service", theirs, A)
    judged = only(placed(unit("a.service", own), [machine(A, "0.13.0")], other))
    assert [o.owner.raw for o in judged.obstacles] == owners
    assert {o.rule for o in judged.obstacles} <= {Rule.REPLACES}
    later = only(placed(unit("a.service", own), [machine(A, "1.0.0")], other))
    assert later.verdict is Verdict.QUALIFIES


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"role": "web"}, "role=db or role=app is asked for, and this machine has role=web"),
        ({"az": "a"}, "role=db or role=app is asked for, and this machine has no role"),
    ],
)
def test_missing_metadata_is_told_beside_what_the_machine_has(
    metadata: dict[str, str], words: str
) -> None:
    seeker = unit("a.service", 'MachineMetadata="role=db" "role=app" "role=db"')
    (obstacle,) = only(placed(seeker, [machine(A, **metadata)])).obstacles
    assert obstacle.words == words
    assert obstacle.missing == U("role=db")


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ("there.service", "there.service is not scheduled here, but to bbbbbbbb.../10.0.0.2"),
        ("idle.service", "idle.service is not scheduled here, nor anywhere else"),
        ("never.service", "never.service is not scheduled here, nor known to the registry"),
        ("a.service", "a.service is not scheduled here: the unit asks for itself"),
    ],
)
def test_a_missing_peer_is_told_with_where_it_is(peer: str, words: str) -> None:
    others = (unit("there.service", "", B), unit("idle.service", "", None, "inactive"))
    placement = placed(unit("a.service", f"MachineOf={peer}"), [machine(A), machine(B)], *others)
    (obstacle,) = placement.machines[0].obstacles
    assert obstacle.words == words
    assert obstacle.missing == U(peer)
    assert obstacle.blocking is None


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (f"MachineID={B.raw}", "names another machine"),
        ("MachineID=bbbbbbbb", "names another machine"),
        ("MachineID=bbbbbbb", "names no machine of this cluster"),
        ("X-ConditionMachineBootID=1", "which no boot ID equals"),
    ],
)
def test_a_machine_id_is_told_with_whether_any_machine_has_it(option: str, words: str) -> None:
    placement = placed(unit("a.service", option), [machine(A), machine(B)])
    (obstacle,) = placement.machines[0].obstacles
    assert obstacle.words.startswith(option)
    assert words in obstacle.words


# --- which release's rules, and how sure ---------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "since"),
    [
        ("0.8.0", (0, 8, 0)),
        ("0.11.8", (0, 8, 0)),
        ("0.12.0", (0, 12, 0)),
        ("0.13.0-rc.1", (0, 13, 0)),
        ("1.0.0", (1, 0, 0)),
        ("v1.0.0+git", (1, 0, 0)),
        ("2.1.0", (1, 0, 0)),
        ("0.7.1", (0, 8, 0)),
    ],
)
def test_the_leaders_release_decides(version: str, since: tuple[int, int, int]) -> None:
    snapshot = cluster([machine(A, version), machine(B, "0.9.2"), machine(C, "1.0.0")], [])
    assert [rules.since for rules in rules_in_force(snapshot)] == [since]


@pytest.mark.parametrize("version", ["", "0.0.0+wasnotbuiltproperly", "unknown"])
def test_a_leader_of_unknown_release_may_go_by_any_rules_and_that_is_said(version: str) -> None:
    snapshot = cluster([machine(A, version)], [seeker := unit("a.service")])
    assert rules_in_force(snapshot) == RULES
    placement = explain(seeker, snapshot)
    assert only(placement).verdict is Verdict.QUALIFIES
    said = version or "nothing"
    assert placement.gaps == (f"the version of fleet is not known: aaaaaaaa... says {said}",)


def test_where_releases_differ_and_the_leaders_is_unknown_the_verdict_is_unsure() -> None:
    other = unit("b.service", "Conflicts=a.service c.service", A)
    sure = unit("d.service", "Conflicts=a.service", B)
    machines = [machine(A, "?"), machine(B, "?"), machine(C, "?")]
    placement = placed(unit("a.service"), machines, other, sure)
    assert verdicts(placement) == [Verdict.UNSURE, Verdict.EXCLUDED, Verdict.QUALIFIES]
    judged = placement.machines[0]
    assert [(o.blocking, o.sure) for o in judged.obstacles] == [(other.name, False)]
    assert judged.doubt is not None
    assert "fleet 0.8 to 0.11 would take this machine" in judged.doubt
    assert "fleet 1.0 would not" in judged.doubt


def test_without_a_leader_every_machine_may_become_one() -> None:
    machines = [machine(A, "0.11.8"), machine(B, "1.0.0")]
    snapshot = cluster(machines, [seeker := unit("a.service")], None)
    assert [rules.words for rules in rules_in_force(snapshot)] == ["0.8 to 0.11", "1.0"]
    (gap,) = explain(seeker, snapshot).gaps
    assert gap.startswith("there is no leader")
    gone = cluster(machines, [seeker], E)
    assert rules_in_force(gone) == rules_in_force(snapshot)
    (gap,) = explain(seeker, gone).gaps
    assert gap.startswith("the engine leader eeeeeeee... is not in the registry")


def test_a_release_older_than_the_rules_is_told() -> None:
    placement = placed(unit("a.service"), [machine(A, "0.7.1")])
    assert placement.gaps == (
        "the rules of fleet before 0.8 are not known here: aaaaaaaa... says 0.7.1",
    )


RIVALS = (
    unit("one.service", "Global=true\nConflicts=two.service"),
    unit("two.service", "Global=true\nConflicts=a.service"),
)


def test_of_two_global_units_that_conflict_neither_surely_counts_from_1_0_on() -> None:
    seeker = unit("a.service")
    judged = only(placed(seeker, [machine(A, "1.0.0")], *RIVALS))
    assert judged.verdict is Verdict.UNSURE
    assert judged.doubt is not None
    assert "two.service counts there changes from round to round" in judged.doubt
    assert only(placed(seeker, [machine(A, "0.13.0")], *RIVALS)).verdict is Verdict.EXCLUDED
    alone = placed(seeker, [machine(A, "1.0.0")], RIVALS[1])
    assert only(alone).verdict is Verdict.EXCLUDED


def test_a_global_unit_whose_conflicts_name_itself_counts_all_the_same() -> None:
    alone = unit("one.service", "Global=true\nConflicts=one*")
    judged = only(placed(unit("b.service", "MachineOf=one.service"), [machine(A, "1.0.0")], alone))
    assert judged.verdict is Verdict.QUALIFIES


def test_a_peer_that_may_count_or_not_makes_the_verdict_unsure() -> None:
    judged = only(
        placed(unit("b.service", "MachineOf=two.service"), [machine(A, "1.0.0")], *RIVALS)
    )
    assert judged.verdict is Verdict.UNSURE


# --- global units --------------------------------------------------------------------------------


def test_a_global_unit_is_judged_by_the_agent_of_each_machine() -> None:
    everywhere = unit("shy.service", f"Global=true\nConflicts=a.service\nMachineID={B.raw}")
    machines = [machine(A, "1.0.0"), machine(B, "0.11.8"), machine(C, "1.0.0")]
    others = (unit("a.service", "", A), unit("a@1.service", "", B), unit("b.service", "", C))
    placement = placed(everywhere, machines, *others)
    assert placement.is_global
    assert verdicts(placement) == [Verdict.EXCLUDED, Verdict.QUALIFIES, Verdict.QUALIFIES]


def test_an_old_agent_does_not_take_yes_for_global() -> None:
    everywhere = unit("a.service", "Global=yes")
    placement = placed(everywhere, [machine(A, "1.0.0"), machine(B, "0.12.0")])
    assert verdicts(placement) == [Verdict.QUALIFIES, Verdict.EXCLUDED]
    (obstacle,) = placement.machines[1].obstacles
    assert obstacle.rule is Rule.GLOBAL


def test_for_an_old_engine_it_is_an_ordinary_unit() -> None:
    placement = placed(unit("a.service", f"Global=yes\nMachineID={B.raw}"), [machine(A, "0.12.0")])
    assert not placement.is_global
    assert only(placement).verdict is Verdict.EXCLUDED


def test_global_can_come_from_a_specifier() -> None:
    assert placed(unit("a@true.service", "Global=%i"), [machine(A)]).is_global


def test_the_last_value_of_global_counts() -> None:
    assert placed(unit("a.service", "Global=false\nGlobal=true"), [machine(A)]).is_global
    assert not placed(unit("a.service", "Global=true\nGlobal=false"), [machine(A)]).is_global


def test_for_an_agent_a_unit_that_comes_after_it_by_name_is_not_in_its_way() -> None:
    everywhere = unit("b.service", "Global=true\nConflicts=*")
    machines = [machine(A, "1.0.0"), machine(B, "1.0.0")]
    others = (unit("a.service", "", A), unit("c.service", "Conflicts=*", B))
    assert verdicts(placed(everywhere, machines, *others)) == [Verdict.EXCLUDED, Verdict.QUALIFIES]


def test_an_agents_unit_before_it_by_name_must_have_been_accepted_itself() -> None:
    """b gives way to a, so that c need not give way to b."""
    units = (
        unit("a.service", "", A),
        unit("b.service", "Global=true\nConflicts=a.service"),
        unit("c.service", "Global=true\nConflicts=b.service"),
    )
    snapshot = cluster([machine(A, "1.0.0")], units)
    found = [only(placement).verdict for placement in explain_each(units[1:], snapshot)]
    assert found == [Verdict.EXCLUDED, Verdict.QUALIFIES]


# --- what is not known ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeker", "problem"),
    [
        (Unit(U("a.service"), None, U("launched")), "missing or could not be read"),
        (unit("a.service", "no option"), "fleet cannot read its unit file"),
        (unit("a.service", "", None, "Launched"), "does not know its target state Launched"),
    ],
)
def test_what_cannot_be_judged_is_not_checked(seeker: Unit, problem: str) -> None:
    placement = placed(seeker, [machine(A), machine(B)])
    assert verdicts(placement) == [Verdict.NOT_CHECKED, Verdict.NOT_CHECKED]
    assert placement.problem is not None
    assert problem in placement.problem


def test_a_machine_whose_record_is_broken_is_a_gap() -> None:
    seeker = unit("a.service")
    bad = (
        BadRecord(U("machines/x/object"), "not JSON", U("{")),
        BadRecord(U("states/a.service/x"), "not JSON", U("{")),
    )
    snapshot = Snapshot(7, NOW, {A: machine(A)}, {seeker.name: seeker}, Leader(A), bad)
    assert explain(seeker, snapshot).gaps == (
        "machines/x/object could not be read: that machine was not judged",
    )


def test_a_line_that_newer_fleet_may_refuse_is_a_gap_for_newer_fleet_only() -> None:
    seeker = unit("a.service", "#" + "x" * 2048)
    assert placed(seeker, [machine(A, "0.11.8")]).gaps == ()
    (gap,) = placed(seeker, [machine(A, "0.12.0")]).gaps
    assert "2048 bytes" in gap
    assert placed(unit("a.service", "#" + "x" * 2046), [machine(A, "0.12.0")]).gaps == ()


@pytest.mark.parametrize(
    "fleet",
    [
        "\n".join(f"Conflicts=x{number}" for number in range(201)),
        "MachineMetadata=" + " ".join(f'"k{number}=v"' for number in range(201)),
        "Conflicts=" + "x" * 4097,
        "Replaces=" + "x" * 4097,
    ],
)
def test_values_that_were_not_looked_at_are_a_gap(fleet: str) -> None:
    gaps = placed(unit("a.service", fleet), [machine(A)]).gaps
    assert gaps == ("an option is too long or has over 200 values: not all was looked at",)


def test_no_machine_at_all_is_a_placement_without_verdicts() -> None:
    seeker = unit("a.service")
    assert explain(seeker, cluster([], [seeker], None)).machines == ()


# --- reading -------------------------------------------------------------------------------------


def test_a_continued_line_is_read_as_the_release_reads_it() -> None:
    seeker = unit("a.service", 'MachineMetadata="role=db" \\\n  "az=a"\nConflicts=b \\\n c')
    old, _, _, new = (wishes_of(seeker, rules) for rules in RULES)
    assert old is not None
    assert new is not None
    assert [key for key, _ in old.metadata] == [key for key, _ in new.metadata] == ["role", "az"]
    assert [wish.value for wish in old.conflicts] == ["b   c"]
    assert [wish.value for wish in new.conflicts] == ["b", "\\", "c"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=x \\\n  y\nB=1\n", "x \\\n  y"),
        ("A=x\\\n\nB=1\n", "x\\\n"),
        ("A=x\\\n   \nB=1\n", "x\\\n"),
        ("A=x\\\ny\\\n\n", "x\\\ny\\\n"),
        ("A=x \\", "x \\"),
        ("A=\nB=1\n", ""),
        ("A=x\\\r\nB=1\n", "x\\"),
    ],
)
def test_newer_fleet_keeps_backslash_and_line_end(text: str, value: str) -> None:
    file = UnitFile(U(f"[X-Fleet]\n{text}"), keeps_line_ends=True)
    assert file.values("X-Fleet", "A") == (value,)


def test_specifiers_are_filled_in_by_the_name_and_cannot_be_made_to_explode() -> None:
    seeker = unit("a@b@c.service", "MachineOf=%n %N %p %i")
    wishes = wishes_of(seeker, RULES[0])
    assert wishes is not None
    assert [wish.value for wish in wishes.peers] == ["a@b@c.service a@b@c a b@c"]
    hostile = wishes_of(unit("x" * 250 + ".service", "MachineOf=" + "%n" * 50_000), RULES[0])
    assert hostile is not None
    assert sum(len(wish.value) for wish in hostile.peers) <= 100_000


# --- real clusters, and any text -----------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_where_real_fleet_has_put_a_unit_it_qualifies(version: str, stage: str) -> None:
    snapshot = decode(tree_of(recorded(version, stage)), 7, NOW)
    scheduled = [u for u in snapshot.units.values() if u.target is not None]
    assert len(scheduled) >= 3
    for seeker in scheduled:
        judged = {j.machine.id: j for j in explain(seeker, snapshot).machines}
        assert judged[seeker.target or U("")].verdict is Verdict.QUALIFIES
    assert not [u for u in snapshot.units.values() if is_waiting(u)]


@pytest.mark.parametrize("version", VERSIONS)
def test_in_a_real_faulted_cluster_a_third_instance_is_kept_off_every_machine(version: str) -> None:
    """As was seen live: zookeeper@3.service stayed launched, inactive and without a target."""
    snapshot = decode(tree_of(recorded(version, "faulted")), 7, NOW)
    template = snapshot.units[U("zookeeper@.service")]
    instance = snapshot.units[U("zookeeper@1.service")]
    seeker = Unit(U("zookeeper@3.service"), "ab" * 20, U("launched"), file=instance.file)
    placement = explain(seeker, snapshot)
    assert verdicts(placement) == [Verdict.EXCLUDED] * 3
    assert placement.templates_in_the_way == ((template.name, template.target),)


OPTIONS = ("MachineID", "MachineMetadata", "MachineOf", "Conflicts", "Replaces", "Global", "X-")
ANY_LINE = st.builds(
    "{}={}".format, st.sampled_from(OPTIONS), st.text('ab*?[]^-\\%nNpi="\x1b \n', max_size=12)
)
ANY_UNIT = st.builds(
    unit,
    st.sampled_from(["a.service", "a@.service", "a@b.service", "b.timer", "nodot", "\x1b[2J.x"]),
    st.lists(ANY_LINE, max_size=4).map("\n".join) | st.text(max_size=20),
    st.sampled_from([None, A, B, E]),
    st.sampled_from([None, "", "inactive", "loaded", "launched", "\x1b"]),
)


@settings(deadline=None)
@given(
    ANY_UNIT,
    st.lists(ANY_UNIT, max_size=4),
    st.lists(st.sampled_from(["0.9.2", "0.12.0", "0.13.0", "1.0.0", "?"]), min_size=1, max_size=3),
    st.sampled_from([A, B, E, None]),
)
def test_no_unit_file_makes_it_fail_or_lets_an_escape_through(
    seeker: Unit, others: list[Unit], versions: list[str], leader: Untrusted | None
) -> None:
    machines = [machine(i, version, a="b") for i, version in zip(IDS, versions, strict=False)]
    units = {u.name: u for u in (*others, seeker)}
    placement = explain(seeker, cluster(machines, units.values(), leader))
    assert len(placement.machines) == len(machines)
    for judged in placement.machines:
        assert bool(judged.obstacles) == (judged.verdict in {Verdict.EXCLUDED, Verdict.UNSURE})
        assert (judged.doubt is not None) == (judged.verdict is Verdict.UNSURE)
        for obstacle in judged.obstacles:
            assert "\x1b" not in obstacle.words
    assert "\x1b" not in (placement.problem or "") + "".join(placement.gaps)
