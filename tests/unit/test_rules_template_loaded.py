"""template-loaded: registry, files and journal each give it away; what was not seen is a gap."""

from datetime import timedelta

import pytest
from diagnosis_cases import (
    FILE,
    HELLO,
    LOOP,
    NOW,
    TEMPLATE,
    A,
    B,
    U,
    ago,
    facts,
    file,
    found,
    line,
    link,
    not_checked,
    one,
    service,
    snapshot,
    state,
    unit,
    unread,
    where,
)
from msgspec.structs import replace

from fleettui.diagnosis.finding import Confidence, Severity, Source
from fleettui.diagnosis.history import EMPTY
from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.cluster import Snapshot, Unit
from fleettui.model.host import SYSTEMD_UNITS, Folder, HostReport

WANTED = Unit(TEMPLATE, "11" * 20, U("loaded"), A.id, file=FILE)
SUBMITTED = Unit(TEMPLATE, "11" * 20, U("inactive"), file=FILE)
LINKED = "link to /run/fleet/units/foo@.service"
LOOPING = tuple(line(LOOP, seconds) for seconds in (3, 2, 1))


@pytest.mark.parametrize(
    ("seen", "report", "sources", "confidence"),
    [
        (snapshot(WANTED), facts(A, files=[TEMPLATE], journal=LOOPING), "rffj", "proven"),
        (snapshot(WANTED), facts(A, files=[TEMPLATE]), "rff", "proven"),
        (snapshot(WANTED), None, "r", "likely"),
        (snapshot(WANTED), not_checked(A), "r", "likely"),
        (snapshot(), facts(A, files=[TEMPLATE], journal=LOOPING), "ffj", "proven"),
        (snapshot(SUBMITTED), facts(A, journal=LOOPING), "j", "proven"),
        (snapshot(), facts(A, files=[TEMPLATE]), "ff", "likely"),
        (snapshot(), facts(A, links=[link(TEMPLATE)]), "f", "likely"),
        (None, facts(A, journal=LOOPING), "j", "proven"),
    ],
)
def test_each_place_gives_the_machine_away(
    seen: Snapshot | None, report: HostReport | None, sources: str, confidence: str
) -> None:
    finding = one(found(seen, *([report] if report else [])), "template-loaded")
    assert (finding.unit, finding.machine_id) == (TEMPLATE, A.id)
    assert finding.severity is Severity.CRITICAL
    assert finding.confidence == confidence
    kinds = {Source.REGISTRY: "r", Source.FILE: "f", Source.JOURNAL: "j"}
    told = "".join(kinds[piece.source] for piece in finding.evidence)
    assert told.replace("rr", "r") == sources


@pytest.mark.parametrize(
    ("seen", "report"),
    [
        (snapshot(SUBMITTED), facts(A, service(), files=[HELLO])),
        (snapshot(unit(U("foo@1.service"))), facts(A, files=[U("foo@1.service")])),
        (snapshot(), facts(A, journal=[line(LOOP, 13), line(LOOP, 14)])),
        (snapshot(), facts(A, journal=[*LOOPING, line("Starting fleetd version 0.11.8", 0.5)])),
        (snapshot(), facts(A, links=[link(TEMPLATE, "/etc/systemd/system/foo@.service")])),
        (snapshot(), facts(A, journal=[line(LOOP.replace("foo@.", "foo."), 1)])),
    ],
    ids=["submitted", "an instance", "over", "a new fleetd", "not fleet's", "no template"],
)
def test_what_only_looks_like_it_is_silent(seen: Snapshot, report: HostReport) -> None:
    assert found(seen, report) == ()


def test_a_template_in_systemds_folder_that_is_no_link_is_not_fleets() -> None:
    own = Folder(SYSTEMD_UNITS, {TEMPLATE: file(TEMPLATE)})
    asked = facts(A)
    assert found(snapshot(), replace(asked, folders={**asked.folders, SYSTEMD_UNITS: own})) == ()


def test_a_name_that_only_looks_like_a_templates_is_none() -> None:
    assert found(snapshot(), facts(A, files=[U("foo@.conf"), U("a@b@.service")])) == ()


def test_a_machine_whose_folders_were_not_looked_at_is_found_by_its_journal() -> None:
    one(found(snapshot(), facts(A, journal=LOOPING, folders={})), "template-loaded")


def test_a_machines_facts_alone_show_what_goes_on_and_not_what_is_over() -> None:
    asked = facts(A, files=[TEMPLATE], journal=LOOPING)
    shown = list(machine_evidence(asked))
    assert {name for name, _ in shown} == {TEMPLATE}
    assert [e.what.raw for _, e in shown] == ["file, 10 bytes", LINKED, LOOP]
    over = machine_evidence(replace(asked, clock=NOW + timedelta(seconds=30)))
    assert [e.what.raw for _, e in over] == ["file, 10 bytes", LINKED]


def test_a_template_without_a_target_is_found_before_any_machine_holds_it() -> None:
    waiting = Unit(TEMPLATE, "11" * 20, U("launched"), file=FILE)
    finding = one(found(snapshot(waiting)), "template-loaded")
    assert finding.machine_id is None
    assert finding.gaps == ("the registry names no machine yet",)
    assert where(finding) == ["job/foo@.service/target-state"]
    asked = found(snapshot(waiting), facts(B, files=[TEMPLATE]))
    assert one(asked, "template-loaded").machine_id == B.id


def test_a_target_that_is_left_without_a_target_state_is_found() -> None:
    left = Unit(TEMPLATE, "11" * 20, None, A.id, file=FILE)
    assert where(one(found(snapshot(left)), "template-loaded")) == ["job/foo@.service/target"]


@pytest.mark.parametrize(
    ("report", "gap"),
    [
        (None, "the machine has not been asked yet"),
        (not_checked(A), "the machine could not be asked: no route to host"),
        (
            facts(A, journal_problem=U("No journal files were found.")),
            "its journal could not be read: No journal files were found.",
        ),
        (unread(facts(A)), "/run/fleet/units could not be listed: Permission denied"),
        (
            unread(facts(A), SYSTEMD_UNITS),
            "/run/systemd/system could not be listed: Permission denied",
        ),
        (
            facts(A, reported_id=B.id),
            f"the host that answered says that it is machine {B.id}",
        ),
        (
            facts(A, taken_at=NOW - timedelta(seconds=301)),
            "the machine was last asked at 11:54:59 UTC",
        ),
    ],
)
def test_what_was_not_checked_is_part_of_the_finding(report: HostReport | None, gap: str) -> None:
    finding = one(found(snapshot(WANTED), *([report] if report else [])), "template-loaded")
    assert gap in finding.gaps


def test_nothing_is_missing_where_everything_was_read() -> None:
    for asked in (facts(A), facts(A, taken_at=NOW - timedelta(seconds=300))):
        assert one(found(snapshot(WANTED), asked), "template-loaded").gaps == ()
    assert one(found(None, facts(A, files=[TEMPLATE])), "template-loaded").gaps == (
        "the registry has not been read",
    )


def test_a_template_on_two_machines_is_two_findings() -> None:
    findings = found(snapshot(WANTED), facts(A), facts(B, files=[TEMPLATE]))
    assert [(f.fault, f.machine_id) for f in findings] == [
        ("template-loaded", A.id),
        ("template-loaded", B.id),
    ]


def test_states_that_are_already_untrue_are_evidence_and_no_finding_of_their_own() -> None:
    dead = service(words="loaded failed failed")
    asked = facts(A, dead, files=[TEMPLATE, HELLO], journal=LOOPING)
    finding = one(found(snapshot(WANTED, unit()), asked), "template-loaded")
    last = finding.evidence[-1]
    assert (last.source, last.where) == (Source.SYSTEMD, HELLO)
    assert last.what == U("failed failed; the registry says active running")


def test_untrue_states_are_told_with_the_template_whose_loop_froze_them() -> None:
    other = U("bar@.service")
    fleet, dead = service(U("fleet.service")), service(words="loaded failed failed")
    asked = facts(A, fleet, dead, files=[TEMPLATE, other, HELLO], journal=LOOPING)
    first, second = found(snapshot(unit()), asked)
    assert (first.unit, second.unit) == (other, TEMPLATE)
    assert Source.SYSTEMD not in {e.source for e in first.evidence}
    assert [e.where for e in second.evidence if e.source is Source.SYSTEMD] == [HELLO]


def test_of_many_untrue_states_a_few_are_shown_and_the_rest_counted() -> None:
    for count, shown, last in ((9, 6, "4 more units differ from the registry"), (5, 5, "")):
        names = [U(f"s{n}.service") for n in range(count)]
        dead = (service(name, "loaded inactive dead") for name in names)
        asked = facts(A, *dead, files=[TEMPLATE], journal=LOOPING)
        finding = one(found(snapshot(*(unit(name) for name in names)), asked), "template-loaded")
        told = [piece for piece in finding.evidence if piece.source is Source.SYSTEMD]
        assert len(told) == shown
        assert told[-1].what.raw.startswith(last or "inactive dead; the registry says ")


def test_evidence_says_where_to_look() -> None:
    asked = facts(A, files=[TEMPLATE], journal=LOOPING)
    finding = one(found(snapshot(WANTED), asked), "template-loaded")
    assert where(finding) == [
        "job/foo@.service/target-state",
        "job/foo@.service/target",
        "/run/fleet/units/foo@.service",
        "/run/systemd/system/foo@.service",
        "fleet.service, 3 lines since before 11:59:57",
    ]
    loop = finding.evidence[-1]
    assert (loop.machine_id, loop.cursor, loop.at) == (A.id, "c1", LOOPING[-1].at)


def test_evidence_remembers_the_beginning_that_a_later_probe_no_longer_reaches() -> None:
    began = line("Starting fleetd version 0.11.8", 301)
    early = facts(A, journal=[began, line(LOOP, 300)], clock=ago(299), taken_at=ago(299))
    late = facts(A, journal=LOOPING)
    finding = one(found(None, late, history=EMPTY.told(early).told(late)), "template-loaded")
    assert where(finding) == ["fleet.service, 3 lines since 11:55:00"]


def test_a_ghost_of_a_dead_agent_is_not_told_twice() -> None:
    gone = Unit(HELLO, states=(state(),))
    asked = facts(A, files=[HELLO], journal=LOOPING)
    finding = one(found(snapshot(gone), asked), "template-loaded")
    assert finding.confidence is Confidence.PROVEN
