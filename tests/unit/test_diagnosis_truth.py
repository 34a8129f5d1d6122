"""True or frozen: a state in the registry beside systemd's word, and state-disagrees."""

from datetime import datetime, timedelta

import pytest
from diagnosis_cases import (
    HELLO,
    LOOP,
    NOW,
    A,
    B,
    U,
    ago,
    facts,
    found,
    line,
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

from fleettui.diagnosis.finding import Confidence
from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.truth import Agrees, Disagrees, Frozen, Truth, Unchecked, truth
from fleettui.model.host import HostReport, JournalEntry, ServiceFacts

RUNNING = state()
SEEN = snapshot(unit())
WRITTEN = "INFO manager.go:246: Writing systemd unit foo@.service (202b)"


def judged(report: HostReport | None, history: History = EMPTY) -> Truth:
    return truth(HELLO, RUNNING, SEEN, report, history)


def failed(seconds: float) -> ServiceFacts:
    """A unit that failed so long before NOW."""
    return service(words="loaded failed failed", since=ago(seconds))


def test_the_same_words_agree() -> None:
    assert judged(facts(A, service())) == Agrees()


def test_other_words_disagree_since_systemd_says() -> None:
    for seconds in (60, 20):
        told = Disagrees(U("failed"), U("failed"), ago(seconds))
        assert judged(facts(A, failed(seconds))) == told


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (None, "the machine has not been asked yet"),
        (not_checked(A), "the machine could not be asked: no route to host"),
        (facts(A), "systemd was not asked about it"),
        (
            facts(A, failed(19)),
            "systemd says failed failed since 11:59:41: too fresh for the registry",
        ),
        (
            facts(A, service(words="loaded activating start-pre", since=None)),
            "systemd says activating start-pre, which does not last",
        ),
        (
            facts(A, service(words="loaded active exited")),
            "systemd says active exited since 12:00:00: too fresh for the registry",
        ),
        (
            facts(A, failed(60), taken_at=ago(1), clock=ago(1)),
            "systemd says failed failed, but the machine was asked before the registry said this",
        ),
    ],
)
def test_what_cannot_be_told_is_not_checked_and_says_why(
    report: HostReport | None, reason: str
) -> None:
    assert judged(report) == Unchecked(reason)


def fleetd(words: str, seconds: float) -> ServiceFacts:
    return service(U("fleet.service"), words, since=ago(seconds))


@pytest.mark.parametrize(
    ("fleet", "reason"),
    [
        (
            fleetd("loaded active running", 44),
            "systemd says failed failed, but fleetd began at 11:59:16 and may not have told yet",
        ),
        (
            fleetd("loaded activating auto-restart", 100),
            "systemd says failed failed, but fleetd is not there to tell: activating auto-restart",
        ),
    ],
)
def test_a_fleetd_that_cannot_have_told_is_no_liar(fleet: ServiceFacts, reason: str) -> None:
    assert judged(facts(A, failed(60), fleet)) == Unchecked(reason)


def test_a_fleetd_that_had_its_time_is_taken_at_its_word() -> None:
    asked = facts(A, failed(60), fleetd("loaded active running", 45))
    assert isinstance(judged(asked), Disagrees)


def test_where_systemd_does_not_say_since_when_the_first_probe_that_saw_it_counts() -> None:
    undated = service(words="loaded failed failed", since=None)
    fleet = service(U("fleet.service"), since=None)
    first = facts(A, undated, fleet, taken_at=ago(25), clock=ago(25))
    second = facts(A, undated, fleet)
    told = Disagrees(U("failed"), U("failed"), ago(25))
    assert judged(second, EMPTY.told(first).told(second)) == told


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_whose_clock_is_off_is_judged_by_the_age_of_the_change(hours: int) -> None:
    off = timedelta(hours=hours)
    young = replace(failed(10), since=ago(10) + off)
    old = replace(failed(60), since=ago(60) + off)
    assert isinstance(judged(facts(A, young, clock=NOW + off)), Unchecked)
    assert judged(facts(A, old, clock=NOW + off)) == Disagrees(
        U("failed"), U("failed"), ago(60) + off
    )


def test_an_older_probe_counts_where_the_registry_said_the_same_at_the_time() -> None:
    asked = facts(A, failed(120), taken_at=ago(30), clock=ago(30))
    then = replace(SEEN, read_at=ago(31))
    history = EMPTY.seen(then).told(asked).seen(SEEN)
    assert isinstance(judged(asked, history), Disagrees)


def test_an_older_probe_does_not_count_where_the_registry_has_changed_since() -> None:
    asked = facts(A, failed(120), taken_at=ago(30), clock=ago(30))
    was = unit(HELLO, state(words="loaded failed failed"))
    then = replace(snapshot(was), read_at=ago(31))
    history = EMPTY.seen(then).told(asked).seen(SEEN)
    assert isinstance(judged(asked, history), Unchecked)


def test_a_picture_that_was_old_when_the_machine_was_asked_is_no_measure() -> None:
    asked = facts(A, failed(25), taken_at=ago(1), clock=ago(1))
    lost = replace(SEEN, read_at=ago(20))
    history = EMPTY.seen(lost).told(asked).seen(SEEN)
    assert isinstance(judged(asked, history), Unchecked)


def test_a_sub_state_counts_from_the_first_probe_that_saw_it() -> None:
    exited = service(words="loaded active exited")
    first = facts(A, exited, taken_at=ago(25), clock=ago(25))
    second = facts(A, exited)
    history = EMPTY.told(first).told(second)
    assert judged(second, history) == Disagrees(U("active"), U("exited"), ago(25))
    finding = one(found(SEEN, second, history=history), "state-disagrees")
    assert finding.confidence is Confidence.LIKELY


# --- frozen -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "since", "words"),
    [
        ([], ago(9), "frozen since before 11:59:51"),
        ([line("INFO x.go:1: a line", 12)], ago(9), "frozen since before 11:59:51"),
        ([line("INFO x.go:1: a line", 16)], ago(9), "frozen since 11:59:51"),
        ([line(WRITTEN, 10)], ago(9), "frozen since 11:59:51"),
        ([line("Starting fleetd version 0.9.2", 10)], ago(9), "frozen since 11:59:51"),
        ([line(LOOP, 30, pid=99)], ago(9), "frozen since 11:59:51"),
    ],
    ids=["nothing", "too close", "quiet", "the file written", "fleetd began", "another fleetd"],
)
def test_frozen_since_the_first_line_of_this_fleetds_loop(
    before: list[JournalEntry], since: datetime, words: str
) -> None:
    loop = [line(LOOP, s) for s in (9, 8, 7, 3, 2, 1)]
    frozen = judged(facts(A, service(), journal=[*before, *loop]))
    assert isinstance(frozen, Frozen)
    assert (frozen.since, frozen.words, frozen.agrees) == (since, words, True)


def test_a_frozen_state_carries_systemds_own_words() -> None:
    loop = [line(LOOP, s) for s in (2, 1)]
    frozen = judged(facts(A, failed(1), journal=loop))
    assert isinstance(frozen, Frozen)
    assert (frozen.active, frozen.sub, frozen.agrees) == (U("failed"), U("failed"), False)
    unasked = judged(facts(A, journal=loop))
    assert unasked == Frozen(ago(2), whole=False)


def test_the_beginning_of_a_loop_is_remembered_from_an_earlier_probe() -> None:
    early = facts(
        A,
        service(),
        journal=[line(WRITTEN, 301), line(LOOP, 300)],
        clock=ago(299),
        taken_at=ago(299),
    )
    late = facts(A, service(), journal=[line(LOOP, s) for s in (2, 1)])
    frozen = judged(late, EMPTY.told(early).told(late))
    assert isinstance(frozen, Frozen)
    assert frozen.words == "frozen since 11:55:00"


def test_the_loop_of_an_earlier_fleetd_is_not_carried_on() -> None:
    early = facts(A, service(), journal=[line(LOOP, 300, pid=99)], clock=ago(299))
    late = facts(A, service(), journal=[line(LOOP, s) for s in (2, 1)])
    frozen = judged(late, EMPTY.told(early).told(late))
    assert isinstance(frozen, Frozen)
    assert frozen.since == ago(2)


def test_a_machine_whose_loop_ended_is_not_frozen() -> None:
    assert judged(facts(A, service(), journal=[line(LOOP, 13)])) == Agrees()


def test_a_machine_in_the_loop_that_cannot_be_asked_any_more_is_frozen_still() -> None:
    loop = facts(A, service(), journal=[line(LOOP, s) for s in (2, 1)])
    history = EMPTY.seen(SEEN).told(loop).told(not_checked(A))
    assert judged(not_checked(A), history) == Frozen(ago(2), whole=False)
    other = state(words="loaded failed failed")
    assert isinstance(truth(HELLO, other, SEEN, not_checked(A), history), Unchecked)
    over = facts(A, service(), journal=[line(LOOP, 13)])
    assert isinstance(judged(not_checked(A), history.told(over)), Unchecked)


# --- state-disagrees --------------------------------------------------------------------------


def test_a_state_that_is_untrue_is_found_with_both_words() -> None:
    finding = one(found(SEEN, facts(A, failed(60))), "state-disagrees")
    assert (finding.unit, finding.machine_id) == (HELLO, A.id)
    assert finding.confidence is Confidence.PROVEN
    assert where(finding) == [f"states/hello.service/{A.id.raw}", "hello.service"]
    assert [e.what for e in finding.evidence] == [
        U("loaded active running"),
        U("failed failed since 11:59:00, asked at 12:00:00 UTC"),
    ]


@pytest.mark.parametrize(
    "report",
    [
        facts(A, service()),
        facts(A, failed(5)),
        facts(A, service(words="loaded activating start", since=None)),
        facts(A, service(words="loaded active exited")),
        facts(A, service(words="not-found inactive dead", since=ago(60))),
        facts(A),
        facts(B, failed(60)),
        not_checked(A),
    ],
    ids=["agrees", "fresh", "starting", "sub state", "unknown unit", "not asked about",
         "another machine", "not checked"],
)  # fmt: skip # one a line reads worse
def test_what_is_no_disagreement_is_silent(report: HostReport) -> None:
    assert found(SEEN, report) == ()


def test_a_state_of_a_unit_that_systemd_did_not_know_is_another_rules_to_tell() -> None:
    unknown = snapshot(unit(HELLO, state(words="not-found inactive dead")))
    assert found(unknown, facts(A, service(since=ago(60)), files=[HELLO])) == ()


def test_a_gap_beside_a_disagreement_is_named() -> None:
    deaf = facts(A, failed(60), journal_problem=U("No journal files were found."))
    finding = one(found(SEEN, deaf), "state-disagrees")
    assert finding.gaps == ("its journal could not be read: No journal files were found.",)


def test_a_gap_that_could_not_have_told_more_is_not_named() -> None:
    partly = unread(facts(A, failed(60), services_problem=U("a unit could not be shown")))
    assert one(found(SEEN, partly), "state-disagrees").gaps == ()
