"""Faults that the registry decides: bad-target-state, orphan-job, ghost-state, hash-differs."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from diagnosis_cases import (
    FILE,
    GLOBAL,
    HASH,
    HELLO,
    LOOP,
    NOW,
    OTHER_HASH,
    THIRD_HASH,
    A,
    B,
    C,
    U,
    ago,
    facts,
    found,
    lasting,
    line,
    not_checked,
    one,
    service,
    snapshot,
    state,
    unit,
    unread,
    watched,
    where,
)
from msgspec import structs
from msgspec.structs import replace

from fleettui.diagnosis.finding import Confidence, Source
from fleettui.diagnosis.history import EMPTY
from fleettui.model.cluster import BadRecord, Machine, Snapshot, Unit
from fleettui.model.host import HostReport, JournalEntry

# --- bad-target-state -------------------------------------------------------------------------

BAD_STATE = (
    "ERROR job.go:109: Failed to parse Unit from etcd: failed to parse Unit(hello.service) "
    'target-state: invalid value "runing" for JobState'
)


@pytest.mark.parametrize("value", ["runing", "LAUNCHED", " launched", "launched\n", "\x1b[2J"])
def test_a_word_that_is_none_of_fleets_is_found(value: str) -> None:
    finding = one(found(snapshot(unit(target_state=U(value)))), "bad-target-state")
    assert (finding.unit, finding.machine_id) == (HELLO, None)
    assert finding.confidence is Confidence.PROVEN
    assert [e.what for e in finding.evidence] == [U(value)]
    assert where(finding) == ["job/hello.service/target-state"]


@pytest.mark.parametrize("value", ["launched", "loaded"])
def test_fleets_own_words_are_silent(value: str) -> None:
    assert found(snapshot(unit(target_state=U(value)))) == ()


@pytest.mark.parametrize("value", ["inactive", "", None])
def test_an_inactive_unit_is_silent_whichever_way_it_is_written(value: str | None) -> None:
    idle = Unit(HELLO, HASH, None if value is None else U(value), file=FILE)
    assert found(snapshot(idle)) == ()


def test_a_journal_that_names_the_unit_is_added_and_another_is_not() -> None:
    bad = snapshot(unit(target_state=U("runing")))
    heard = facts(A, journal=[line(BAD_STATE, 9), line(BAD_STATE, 4)])
    other = facts(B, journal=[line(BAD_STATE.replace("hello", "other"), 4)])
    finding = one(found(bad, other, heard), "bad-target-state")
    assert where(finding)[1:] == ["fleet.service, 2 lines since 11:59:51"]
    assert finding.evidence[1].machine_id == A.id


# --- orphan-job -------------------------------------------------------------------------------

NO_UNIT = "WARN job.go:268: No Unit found in Registry for Job(hello.service)"
NO_HASH = f"ERROR job.go:116: did not find Unit {HASH} in list of all units"


@pytest.mark.parametrize(
    ("orphan", "keys"),
    [
        (
            unit(unit_hash=None, file=None),
            ["job/hello.service/object", "job/hello.service/target-state",
             "job/hello.service/target"],
        ),
        (
            Unit(HELLO, target_state=U("inactive")),
            ["job/hello.service/object", "job/hello.service/target-state"],
        ),
        (unit(file=None), ["job/hello.service/object", f"unit/{HASH}"]),
    ],
    ids=["no object", "no object, inactive", "no file"],
)  # fmt: skip # one a line reads worse
def test_a_job_with_nothing_to_run_is_found(orphan: Unit, keys: list[str]) -> None:
    finding = one(found(snapshot(orphan)), "orphan-job")
    assert (finding.unit, finding.confidence) == (HELLO, Confidence.PROVEN)
    assert where(finding) == keys
    assert U("absent") in [e.what for e in finding.evidence]


def test_a_job_whose_object_cannot_be_read_says_why() -> None:
    bad = BadRecord(U("job/hello.service/object"), "Expected `object`, got `int`", U("1"))
    other = BadRecord(U("job/other.service/object"), "JSON is malformed", U("{"))
    orphan = unit(unit_hash=None, file=None)
    finding = one(found(snapshot(orphan, bad=(other, bad))), "orphan-job")
    assert finding.evidence[0].what == U("Expected `object`, got `int`")


@pytest.mark.parametrize(
    "sound",
    [
        unit(),
        unit(file=GLOBAL, target=None),
        Unit(HELLO, heartbeat=A.id),
    ],
    ids=["whole", "global", "only a heartbeat that expires by itself"],
)
def test_a_sound_job_is_silent(sound: Unit) -> None:
    assert found(snapshot(sound)) == ()


@pytest.mark.parametrize("said", [NO_UNIT, NO_HASH])
def test_both_wordings_of_an_orphan_are_added(said: str) -> None:
    heard = facts(A, journal=[line(said, 3)])
    finding = one(found(snapshot(unit(file=None)), heard), "orphan-job")
    last = finding.evidence[-1]
    assert (last.source, last.where, last.what) == (Source.JOURNAL, U("fleet.service"), U(said))


def test_a_line_about_another_orphan_is_passed_over() -> None:
    other = facts(A, journal=[line(NO_UNIT.replace("hello", "other"), 3)])
    heard = facts(B, journal=[line(NO_UNIT, 3)])
    finding = one(found(snapshot(unit(file=None)), other, heard), "orphan-job")
    assert finding.evidence[-1].machine_id == B.id


def test_a_line_about_a_missing_file_says_nothing_of_a_job_without_an_object() -> None:
    heard = facts(A, journal=[line(NO_HASH, 3)])
    finding = one(found(snapshot(unit(unit_hash=None, file=None)), heard), "orphan-job")
    assert Source.JOURNAL not in {e.source for e in finding.evidence}


def test_a_line_about_an_orphan_that_is_sound_by_now_is_no_finding() -> None:
    assert found(snapshot(unit()), facts(A, service(), journal=[line(NO_UNIT, 3)])) == ()


# --- ghost-state ------------------------------------------------------------------------------

D_ID = U("d" * 32)
NO_JOB = snapshot(Unit(HELLO, states=(state(),)))
DOUBLED = snapshot(unit(HELLO, state(A), state(B)))
LEFT = snapshot(unit(HELLO, state(A), structs.replace(state(), machine_id=D_ID)))


UNSCHEDULED = snapshot(
    structs.replace(unit(HELLO, state(A)), target=None, target_state=U("inactive"))
)


@pytest.mark.parametrize(
    ("seen", "machine", "other"),
    [
        (NO_JOB, A.id, "job/hello.service/object"),
        (DOUBLED, B.id, "job/hello.service/target"),
        (UNSCHEDULED, A.id, "job/hello.service/target"),
        (LEFT, D_ID, f"machines/{D_ID.raw}/object"),
    ],
    ids=["no job", "two states", "not scheduled", "no machine"],
)
def test_a_state_that_outlives_its_ttl_is_a_ghost(seen: Snapshot, machine: U, other: str) -> None:
    finding = one(found(seen, history=lasting(seen, 40)), "ghost-state")
    assert (finding.unit, finding.machine_id) == (HELLO, machine)
    assert finding.confidence is Confidence.LIKELY
    assert where(finding) == [f"states/hello.service/{machine.raw}", other]
    assert finding.evidence[1].what == (A.id if seen is DOUBLED else U("absent"))


@pytest.mark.parametrize("seen", [NO_JOB, DOUBLED, LEFT])
@pytest.mark.parametrize("seconds", [0, 30, 39])
def test_a_unit_that_moves_or_goes_is_silent(seen: Snapshot, seconds: int) -> None:
    assert found(seen, history=lasting(seen, seconds) if seconds else EMPTY) == ()


@pytest.mark.parametrize(("seen", "machine"), [(NO_JOB, A), (DOUBLED, B)])
def test_a_machine_without_the_unit_proves_the_ghost_at_once(
    seen: Snapshot, machine: Machine
) -> None:
    finding = one(found(seen, facts(machine)), "ghost-state")
    assert finding.confidence is Confidence.PROVEN
    assert finding.evidence[-1].where == U("/run/fleet/units/hello.service")
    assert finding.evidence[-1].what == U("absent")


REMOVED = "INFO manager.go:259: Removing systemd unit hello.service"


@pytest.mark.parametrize(
    "asked",
    [
        facts(A, files=[HELLO]),
        facts(A, journal=[line(REMOVED, 2)]),
        facts(A, journal=[line(REMOVED, 40)]),
        facts(A, journal=[line("INFO fleetd.go:64: Starting fleetd version 0.11.8", 20)]),
        facts(A, taken_at=ago(60), clock=ago(60)),
        facts(A, journal_problem=U("No journal files were found.")),
        unread(facts(A)),
        not_checked(A),
    ],
    ids=["still there", "just unloaded", "unloaded lately", "new fleetd", "asked before",
         "no journal", "folder unread", "not checked"],
)  # fmt: skip # one a line reads worse
def test_a_state_that_may_still_be_going_is_silent(asked: HostReport) -> None:
    assert found(NO_JOB, asked) == ()


def test_a_unit_that_was_unloaded_longer_ago_is_a_ghost() -> None:
    one(found(NO_JOB, facts(A, journal=[line(REMOVED, 41)])), "ghost-state")


@pytest.mark.parametrize(
    ("asked", "confidence", "evidence"),
    [
        (facts(A, files=[HELLO]), Confidence.LIKELY, 3),
        (facts(A, journal_problem=U("No journal files were found.")), Confidence.PROVEN, 3),
        (facts(A, journal=[line(REMOVED, 2)]), Confidence.PROVEN, 3),
        (unread(facts(A)), Confidence.LIKELY, 2),
    ],
    ids=["the file is there", "no journal", "just unloaded", "folder unread"],
)
def test_what_outlived_its_ttl_is_a_ghost_whatever_the_machine_shows(
    asked: HostReport, confidence: Confidence, evidence: int
) -> None:
    finding = one(found(NO_JOB, asked, history=lasting(NO_JOB, 40)), "ghost-state")
    assert (finding.confidence, len(finding.evidence)) == (confidence, evidence)
    assert all("journal" not in gap for gap in finding.gaps)


def test_a_ghost_on_a_machine_with_a_dead_agent_is_the_templates_doing() -> None:
    looping = facts(A, journal=[line(LOOP, 1)])
    history = lasting(NO_JOB, 60, looping)
    one(found(NO_JOB, looping, history=history), "template-loaded")


def test_a_ghost_on_a_machine_that_was_not_asked_names_the_gap() -> None:
    finding = one(found(NO_JOB, not_checked(A), history=lasting(NO_JOB, 50)), "ghost-state")
    assert finding.gaps == ("the machine could not be asked: no route to host",)


@pytest.mark.parametrize(
    "sound",
    [
        unit(HELLO, state(A), state(B), state(C), file=GLOBAL, target=None),
        unit(HELLO, state(A)),
        unit(HELLO, state(A), state(B), file=None),
    ],
    ids=["global", "one state", "file unknown, so it may be global"],
)
def test_states_that_may_be_so_are_never_ghosts(sound: Unit) -> None:
    seen = snapshot(sound)
    faults = [f.fault for f in found(seen, history=lasting(seen, 90))]
    assert "ghost-state" not in faults


# --- hash-differs -----------------------------------------------------------------------------

UNLOADED = (
    "INFO reconcile.go:330: AgentReconciler completed task: type=UnloadUnit job=hello.service "
    'reason="unit loaded but hash differs to expected"'
)


def rewritten(*hashes: str, every: float = 60) -> list[Snapshot]:
    """One snapshot a hash, the last of them at NOW."""
    first = NOW - timedelta(seconds=every * (len(hashes) - 1))
    return [
        snapshot(
            unit(HELLO, state(unit_hash=h), unit_hash=h),
            at=first + timedelta(seconds=every * number),
        )
        for number, h in enumerate(hashes)
    ]


def reloads(*seconds: float, name: str = "hello") -> list[JournalEntry]:
    return [line(UNLOADED.replace("hello", name), s) for s in seconds]


def test_a_hash_that_goes_to_and_fro_is_found() -> None:
    seen = rewritten(HASH, OTHER_HASH, HASH, OTHER_HASH)
    one(found(seen[-1], history=watched(*seen)), "hash-differs")
    seen = rewritten(HASH, OTHER_HASH, HASH, OTHER_HASH, every=200)
    finding = one(found(seen[-1], history=watched(*seen)), "hash-differs")
    assert (finding.unit, finding.machine_id) == (HELLO, None)
    assert "restarts each time" in finding.summary
    assert finding.confidence is Confidence.LIKELY
    assert where(finding) == ["job/hello.service/object"] * 4
    assert finding.gaps == ("3 of 3 machines were not asked",)


@pytest.mark.parametrize(
    ("hashes", "every"),
    [
        ((HASH, OTHER_HASH), 20),
        ((HASH, OTHER_HASH, HASH), 20),
        ((HASH, OTHER_HASH, THIRD_HASH, "44" * 20, "55" * 20), 20),
        ((HASH, OTHER_HASH, HASH, OTHER_HASH), 300),
        ((HASH, OTHER_HASH, HASH, OTHER_HASH), 201),
    ],
    ids=["a deployment", "one taken back", "many versions in a row", "over a quarter of an hour",
         "over ten minutes"],
)  # fmt: skip # one a line reads worse
def test_deployments_are_silent(hashes: Sequence[str], every: float) -> None:
    seen = rewritten(*hashes, every=every)
    assert found(seen[-1], history=watched(*seen)) == ()


def test_reloads_in_a_journal_hint_at_it_and_with_the_hashes_they_prove_it() -> None:
    heard = facts(A, service(), files=[HELLO], journal=reloads(500, 300, 100))
    finding = one(found(snapshot(unit()), heard), "hash-differs")
    assert (finding.machine_id, finding.confidence) == (A.id, Confidence.HINTED)
    assert finding.evidence[0].where == U("fleet.service, 3 lines since 11:51:40")
    assert f"restarts on {A.short_id}/10.0.0.1 each time" in finding.summary
    seen = rewritten(HASH, OTHER_HASH, HASH, OTHER_HASH)
    history = watched(*seen, reports=[heard])
    assert one(found(seen[-1], heard, history=history), "hash-differs").confidence is (
        Confidence.PROVEN
    )


def test_reloads_of_ten_minutes_count_and_on_two_machines_none_of_them_is_named() -> None:
    heard = [facts(m, journal=reloads(600, 300, 100)) for m in (A, B)]
    finding = one(found(snapshot(unit()), *heard), "hash-differs")
    assert (finding.machine_id, len(finding.evidence)) == (None, 2)
    assert finding.gaps == ("1 of 3 machines were not asked",)
    assert one(found(None, *heard), "hash-differs").gaps == ()


def test_a_unit_that_is_rewritten_again_and_again_is_not_told_to_stay_behind_too() -> None:
    seen = [
        replace(
            each,
            units={
                HELLO: structs.replace(each.units[HELLO], states=(state(unit_hash=THIRD_HASH),))
            },
        )
        for each in rewritten(HASH, OTHER_HASH, HASH, OTHER_HASH, every=20)
    ]
    finding = one(found(seen[-1], history=watched(*seen)), "hash-differs")
    assert "again and again" in finding.summary


@pytest.mark.parametrize(
    "journal",
    [
        reloads(300, 100),
        reloads(601, 300, 100),
        reloads(700, 650, 100),
        [*reloads(300, 200), *reloads(100, name="other")],
        [line(UNLOADED.replace("hash differs to expected", "not scheduled here"), s)
         for s in (3, 2, 1)],
    ],
    ids=["twice", "over ten minutes", "long ago", "of two units", "another reason"],
)  # fmt: skip # one a line reads worse
def test_few_reloads_are_silent(journal: list[JournalEntry]) -> None:
    assert found(snapshot(unit()), facts(A, service(), files=[HELLO], journal=journal)) == ()


BEHIND = snapshot(unit(HELLO, state(unit_hash=OTHER_HASH)))


def test_a_machine_that_stays_with_an_old_version_is_found() -> None:
    finding = one(found(BEHIND, history=lasting(BEHIND, 30)), "hash-differs")
    assert (finding.machine_id, finding.confidence) == (A.id, Confidence.LIKELY)
    assert [e.what for e in finding.evidence] == [
        U(f"UnitHash {HASH}"),
        U(f"unitHash {OTHER_HASH}"),
    ]
    assert finding.gaps == ("the machine has not been asked yet",)


def test_a_machine_that_answers_stays_behind_all_the_same() -> None:
    asked = facts(A, service(), files=[HELLO])
    assert one(found(BEHIND, asked, history=lasting(BEHIND, 30)), "hash-differs").gaps == ()


@pytest.mark.parametrize("seconds", [0, 20, 29])
def test_a_machine_that_is_about_to_load_the_new_version_is_silent(seconds: int) -> None:
    assert found(BEHIND, history=lasting(BEHIND, seconds) if seconds else EMPTY) == ()


def test_an_old_version_on_a_machine_with_a_dead_agent_is_the_templates_doing() -> None:
    looping = facts(A, service(), files=[HELLO], journal=[line(LOOP, 1)])
    history = lasting(BEHIND, 60, looping)
    one(found(BEHIND, looping, history=history), "template-loaded")
