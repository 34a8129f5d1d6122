"""Faults that machines tell of: needs-daemon-reload, machine-flapping, watch-noise."""

import pytest
from diagnosis_cases import (
    HELLO,
    TEMPLATE,
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
from msgspec.structs import replace

from fleettui.diagnosis.finding import Confidence, Finding, Severity, Source
from fleettui.diagnosis.history import EMPTY, History
from fleettui.model.cluster import Machine
from fleettui.model.host import HostFacts, JournalEntry

# --- needs-daemon-reload ----------------------------------------------------------------------

FAULT = "needs-daemon-reload"
FAILED = (
    "ERROR manager.go:136: Failed to trigger systemd unit hello.service start: Unit hello.service "
    "failed to load: No such file or directory."
)
UNKNOWN = service(words="not-found inactive dead", since=None)
LOST = snapshot(unit(HELLO, state(words="not-found inactive dead")))


def test_a_file_that_systemd_does_not_know_is_proven_by_the_two_of_them() -> None:
    asked = facts(A, UNKNOWN, files=[HELLO], journal=[line(FAILED, 30)])
    finding = one(found(LOST, asked), FAULT)
    assert (finding.unit, finding.machine_id) == (HELLO, A.id)
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.PROVEN)
    assert [e.source for e in finding.evidence] == [
        Source.FILE,
        Source.SYSTEMD,
        Source.REGISTRY,
        Source.JOURNAL,
    ]


def test_an_older_file_in_systemds_memory_is_found() -> None:
    asked = facts(A, service(needs_reload=True), files=[HELLO])
    finding = one(found(snapshot(unit()), asked), FAULT)
    assert finding.confidence is Confidence.LIKELY
    assert finding.evidence[0].what == U("file, 10 bytes")
    assert finding.evidence[1].what == U("LoadState=loaded, NeedDaemonReload=yes")
    assert "from an older file" in finding.summary


def test_a_unit_that_the_registry_does_not_know_is_found_by_the_machine_alone() -> None:
    asked = facts(A, UNKNOWN, files=[HELLO])
    for seen in (None, snapshot(unit(HELLO, state(B))), snapshot()):
        findings = [f for f in found(seen, asked) if f.fault == FAULT]
        (finding,) = findings
        assert "cannot start" in finding.summary
        assert [e.source for e in finding.evidence] == [Source.FILE, Source.SYSTEMD]
        assert finding.evidence[1].what == U("LoadState=not-found")


@pytest.mark.parametrize(
    "wording",
    [
        FAILED,
        FAILED.removesuffix("."),
        FAILED.removeprefix("ERROR manager.go:136: "),
        FAILED.replace("trigger systemd unit", "start systemd unit").replace(" start:", ":"),
        FAILED.replace("failed to load: No such file or directory", "not found"),
        FAILED.replace("ERROR manager.go:136:", "E0828 23:59:27.310391 00600 manager.go:113]"),
    ],
)
def test_every_wording_of_the_failed_start_is_added(wording: str) -> None:
    asked = facts(A, UNKNOWN, files=[HELLO], journal=[line(wording, 30)])
    finding = one(found(LOST, asked), FAULT)
    assert finding.evidence[-1].source is Source.JOURNAL


GOOD = "INFO manager.go:145: Triggered systemd unit hello.service start: job=89"


@pytest.mark.parametrize(
    ("journal", "said"),
    [
        ([line(GOOD, 40), line(FAILED, 30)], [Source.JOURNAL]),
        ([line(FAILED, 50), line(GOOD, 40), line(FAILED, 30)], [Source.JOURNAL]),
        ([line(GOOD, 30), line(FAILED, 30)], []),
        ([line(GOOD, 30)], []),
    ],
)
def test_only_a_failed_start_after_the_last_good_one_is_added(
    journal: list[JournalEntry], said: list[Source]
) -> None:
    finding = one(found(LOST, facts(A, UNKNOWN, files=[HELLO], journal=journal)), FAULT)
    assert [e.source for e in finding.evidence[3:]] == said


def test_a_failed_start_of_a_dependency_or_before_a_good_one_is_not_added() -> None:
    dependency = FAILED.replace("Unit hello.service", "Unit other.service")
    asked = facts(
        A, UNKNOWN, files=[HELLO], journal=[line(FAILED, 40), line(GOOD, 30), line(dependency, 20)]
    )
    finding = one(found(LOST, asked), FAULT)
    assert Source.JOURNAL not in {e.source for e in finding.evidence}


WRITING = "INFO manager.go:246: Writing systemd unit hello.service (66b)"


@pytest.mark.parametrize(
    "asked",
    [
        facts(A, service(), files=[HELLO], journal=[line(FAILED, 30)]),
        facts(A, UNKNOWN, files=[HELLO], journal=[line(WRITING, 1)]),
        facts(A, UNKNOWN, files=[HELLO], journal=[line(WRITING, 5)]),
        facts(A, UNKNOWN),
        facts(A, service(needs_reload=True)),
        facts(A, service(TEMPLATE, needs_reload=True), files=[TEMPLATE]),
        facts(A, service(U("etcd.service"), needs_reload=True), service(), files=[HELLO]),
    ],
    ids=["known by now", "being loaded", "loaded five seconds ago", "no file", "no file either",
         "a template", "not fleet's"],
)  # fmt: skip # one a line reads worse
def test_what_needs_no_reload_is_silent(asked: HostFacts) -> None:
    faults = {f.fault for f in found(snapshot(unit()), asked)}
    assert FAULT not in faults


def test_a_file_that_was_written_longer_ago_needs_it() -> None:
    one(found(LOST, facts(A, UNKNOWN, files=[HELLO], journal=[line(WRITING, 6)])), FAULT)


def test_the_agents_word_is_nothing_where_there_is_no_file() -> None:
    assert found(LOST, facts(A)) == ()


@pytest.mark.parametrize(
    ("asked", "confidence", "gap"),
    [
        (not_checked(A), Confidence.HINTED, "the machine could not be asked: no route to host"),
        (
            facts(A, files=[HELLO], services_problem=U("Failed to connect to bus")),
            Confidence.HINTED,
            "systemctl said: Failed to connect to bus",
        ),
        (
            unread(facts(A, journal=[line(FAILED, 30)])),
            Confidence.LIKELY,
            "/run/fleet/units could not be listed: Permission denied",
        ),
    ],
)
def test_where_systemd_could_not_be_asked_the_agents_word_is_a_hint(
    asked: HostFacts, confidence: Confidence, gap: str
) -> None:
    finding = one(found(LOST, asked), FAULT)
    assert finding.confidence is confidence
    assert gap in finding.gaps


def test_a_unit_that_was_lost_a_moment_ago_is_not_told_by_somebody_who_watches() -> None:
    assert found(LOST, history=lasting(LOST, 4)) == ()
    one(found(LOST, history=lasting(LOST, 5)), FAULT)


# --- machine-flapping -------------------------------------------------------------------------

TIMED_OUT = (
    "ERROR server.go:192: Server monitor triggered: Monitor timed out before successful heartbeat"
)
MOVED = (
    "INFO reconciler.go:161: EngineReconciler completed task: {Type: UnscheduleUnit, JobName: "
    f'hello.service, MachineID: {B.id.raw}, Reason: "target Machine({B.id.raw}) went away"}}'
)


def flapping(*seconds: float) -> History:
    """B is gone at each of these seconds before NOW, and back after ten more."""
    moments = sorted(
        [(s, (A, C)) for s in seconds] + [(s - 10, (A, B, C)) for s in seconds], reverse=True
    )
    first = snapshot(at=ago(seconds[0] + 10))
    return watched(first, *(snapshot(machines=m, at=ago(s)) for s, m in moments), snapshot())


def told_of(machine: Machine, findings: tuple[Finding, ...]) -> Finding:
    finding = one(findings, "machine-flapping")
    assert finding.machine_id == machine.id
    return finding


def test_a_machine_that_left_twice_is_found_and_its_journal_is_the_gap() -> None:
    finding = told_of(B, found(snapshot(), history=flapping(300, 100)))
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.HINTED)
    assert [e.what for e in finding.evidence] == [
        U("gone at 11:55:00 UTC"),
        U("gone at 11:58:20 UTC"),
    ]
    assert finding.gaps == (
        "the machine has not been asked yet",
        "whether its fleetd was restarted is not known",
    )


@pytest.mark.parametrize(
    ("reaches", "confidence", "gaps"),
    [
        (400, Confidence.LIKELY, ()),
        (360, Confidence.LIKELY, ()),
        (
            359,
            Confidence.HINTED,
            ("whether its fleetd was restarted before 11:54:01 UTC is not known",),
        ),
        (None, Confidence.HINTED, ("whether its fleetd was restarted is not known",)),
    ],
)
def test_how_far_back_its_journal_was_read_decides_how_sure_it_is(
    reaches: float | None, confidence: Confidence, gaps: tuple[str, ...]
) -> None:
    asked = facts(B, journal=[line("INFO x.go:1: fine", reaches)] if reaches else [])
    finding = told_of(B, found(snapshot(), asked, history=flapping(300, 100).told(asked)))
    assert (finding.confidence, finding.gaps) == (confidence, gaps)


def test_its_own_journal_proves_it() -> None:
    late = facts(B, journal=[line(TIMED_OUT, 300)])
    history = flapping(300, 100).told(late)
    finding = told_of(B, found(snapshot(), late, history=history))
    assert finding.confidence is Confidence.PROVEN


@pytest.mark.parametrize(
    ("asked", "confidence"),
    [
        (facts(B, journal=[line(TIMED_OUT, s) for s in (600, 20)]), Confidence.LIKELY),
        (facts(A, journal=[line(MOVED, s) for s in (600, 599, 20)]), Confidence.HINTED),
        (facts(A, journal=[line(MOVED, s) for s in (51, 20)]), Confidence.HINTED),
    ],
    ids=["its own", "the engine's", "the engine's, half a minute apart"],
)
def test_one_reading_says_what_the_journals_tell(asked: HostFacts, confidence: Confidence) -> None:
    assert told_of(B, found(snapshot(), asked)).confidence is confidence
    assert told_of(B, found(None, asked)).confidence is confidence


@pytest.mark.parametrize("older", [[], [facts(C, journal=[line(MOVED, 500)])]])
def test_of_the_engines_lines_the_newest_is_shown(older: list[HostFacts]) -> None:
    asked = facts(A, journal=[line(MOVED, s) for s in (600, 300, 20)])
    (last,) = told_of(B, found(snapshot(), asked, *older)).evidence
    assert (last.machine_id, last.at, last.where) == (A.id, ago(20), U("fleet.service"))


@pytest.mark.parametrize(
    "asked",
    [
        facts(B, journal=[line(TIMED_OUT, 20)]),
        facts(B, journal=[line(TIMED_OUT, s) for s in (1800, 1000, 20)]),
        facts(A, journal=[line(MOVED, s) for s in (22, 21, 20)]),
        facts(A, journal=[line(MOVED, s) for s in (50, 20)]),
        facts(B, journal=[line("Server monitor triggered: told to shut down", s) for s in (9, 5)]),
    ],
    ids=["once", "half an hour apart", "many units at once", "within half a minute", "told to"],
)
def test_one_bad_moment_is_silent(asked: HostFacts) -> None:
    assert found(snapshot(), asked) == ()


def test_a_reboot_is_silent_and_so_are_restarts_of_fleetd() -> None:
    assert found(snapshot(), history=flapping(100)) == ()
    began = "INFO fleetd.go:64: Starting fleetd version 0.11.8"
    for before, after in ((290, 95), (240, 160)):
        restarted = facts(B, journal=[line(began, before), line(began, after)])
        assert found(snapshot(), restarted, history=flapping(300, 100).told(restarted)) == ()


def test_departures_that_an_engine_tells_of_are_explained_by_restarts_too() -> None:
    began = "INFO fleetd.go:75: Starting fleetd version 1.0.0"
    restarted = facts(B, journal=[line(began, 620), line(began, 40)])
    engine = facts(A, journal=[line(MOVED, s) for s in (600, 20)])
    assert found(snapshot(), restarted, engine) == ()
    away = snapshot(machines=[A, C])
    history = watched(snapshot(at=ago(30)), reports=[restarted]).seen(away)
    assert found(away, engine, history=history) == ()


def test_restarts_that_a_later_probe_no_longer_reaches_are_remembered() -> None:
    began = "INFO fleetd.go:64: Starting fleetd version 0.11.8"
    early = facts(
        B,
        journal=[line("x", 500), line(began, 290), line(began, 95)],
        clock=ago(90),
        taken_at=ago(90),
    )
    late = facts(B, journal=[line("INFO x.go:1: fine", s) for s in (95, 1)])
    remembering = flapping(300, 100).told(early).told(late)
    assert found(snapshot(), late, history=remembering) == ()
    assert told_of(B, found(snapshot(), late, history=flapping(300, 100).told(late)))


def test_a_restart_at_another_time_explains_nothing() -> None:
    began = "INFO fleetd.go:64: Starting fleetd version 0.11.8"
    for seconds in ((600,), (239, 161)):
        asked = facts(B, journal=[line(began, s) for s in seconds])
        assert told_of(B, found(snapshot(), asked, history=flapping(300, 100).told(asked)))


def test_a_restart_by_a_clock_that_is_wrong_is_recognised_too() -> None:
    began = "INFO fleetd.go:64: Starting fleetd version 0.11.8"
    entries = [replace(line(began, s), at=ago(s + 3600)) for s in (290, 95)]
    restarted = facts(B, journal=entries, clock=ago(3600))
    assert found(snapshot(), restarted, history=flapping(300, 100).told(restarted)) == ()


# --- watch-noise ------------------------------------------------------------------------------

BEGAN = "INFO fleetd.go:75: Starting fleetd version 1.0.0"
ENDED = "ERROR event.go:106: etcd watcher {Watch /_coreos.com/fleet/job} returned error: {}"
EOF = ENDED.replace("{}", "unexpected end of JSON input")
CANCELLED = ENDED.replace("{}", "cancelled")
THREE = (
    "INFO client.go:292: Failed getting response from http://localhost:4001/: unexpected EOF",
    (
        "ERROR client.go:214: Unable to get result for {Watch /_coreos.com/fleet/job}, retrying in "
        "100ms"
    ),
    EOF,
)


def test_watches_that_end_all_the_time_are_a_note() -> None:
    asked = facts(A, journal=[line(EOF, s) for s in range(220, 0, -20)])
    finding = one(found(snapshot(), asked), "watch-noise")
    assert (finding.machine_id, finding.severity) == (A.id, Severity.NOTE)
    assert finding.confidence is Confidence.LIKELY
    assert "11 times" in finding.summary
    assert where(finding) == ["fleet.service, 11 harmless lines, densest from 11:56:20"]


@pytest.mark.parametrize(
    "journal",
    [
        [line(EOF, s) for s in range(200, 0, -20)],
        [line(message, s) for s in range(200, 0, -20) for message in THREE],
        [line(EOF, s) for s in range(1500, 0, -50)],
        [line(CANCELLED, 5) for _ in range(30)] + [line(BEGAN, 1)],
        [line(ENDED.replace("{}", "connection refused"), 200 - s) for s in range(30)],
    ],
    ids=["ten", "three lines each", "many, but slowly", "cancelled at a restart", "another error"],
)
def test_harmless_lines_are_silent(journal: list[JournalEntry]) -> None:
    assert found(snapshot(), facts(A, journal=journal)) == ()


def test_watches_cancelled_without_a_reason_count() -> None:
    one(found(snapshot(), facts(A, journal=[line(CANCELLED, 5)] * 11)), "watch-noise")


def test_nothing_is_said_of_a_machine_whose_journal_was_not_read() -> None:
    unheard = facts(A, service(), files=[HELLO], journal_problem=U("No journal files were found."))
    assert found(snapshot(unit()), unheard, history=EMPTY) == ()
