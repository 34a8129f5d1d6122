"""Faults that machines tell of: needs-daemon-reload, etcd-unreachable, duplicate-machine-id,
machine-flapping, watch-noise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from diagnosis_cases import (
    HELLO,
    NOW,
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

from fleettui.diagnosis.finding import Confidence, Finding, Severity, Source
from fleettui.diagnosis.history import EMPTY, History
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, JournalEntry

# --- needs-daemon-reload ----------------------------------------------------------------------

FAILED = (
    "ERROR manager.go:136: Failed to trigger systemd unit hello.service start: Unit hello.service "
    "failed to load: No such file or directory."
)
UNKNOWN = service(words="not-found inactive dead", since=None)
LOST = snapshot(unit(HELLO, state(words="not-found inactive dead")))


def test_a_file_that_systemd_does_not_know_is_proven_by_the_two_of_them() -> None:
    asked = facts(A, UNKNOWN, files=[HELLO], journal=[line(FAILED, 30)])
    finding = one(found(LOST, asked), "needs-daemon-reload")
    assert (finding.unit, finding.machine_id) == (HELLO, A.id)
    assert finding.confidence is Confidence.PROVEN
    assert [e.source for e in finding.evidence] == [
        Source.FILE,
        Source.SYSTEMD,
        Source.REGISTRY,
        Source.JOURNAL,
    ]


def test_an_older_file_in_systemds_memory_is_found() -> None:
    asked = facts(A, service(needs_reload=True), files=[HELLO])
    finding = one(found(snapshot(unit()), asked), "needs-daemon-reload")
    assert finding.confidence is Confidence.LIKELY
    assert finding.evidence[1].what == U("LoadState=loaded, NeedDaemonReload=yes")
    assert "from an older file" in finding.summary


def test_a_unit_that_the_registry_does_not_know_is_found_by_the_machine_alone() -> None:
    asked = facts(A, UNKNOWN, files=[HELLO])
    for seen in (None, snapshot(unit(HELLO, state(B))), snapshot()):
        findings = [f for f in found(seen, asked) if f.fault == "needs-daemon-reload"]
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
    finding = one(found(LOST, asked), "needs-daemon-reload")
    assert finding.evidence[-1].source is Source.JOURNAL


def test_a_failed_start_of_a_dependency_or_before_a_good_one_is_not_added() -> None:
    dependency = FAILED.replace("Unit hello.service", "Unit other.service")
    good = "INFO manager.go:145: Triggered systemd unit hello.service start: job=89"
    asked = facts(
        A, UNKNOWN, files=[HELLO], journal=[line(FAILED, 40), line(good, 30), line(dependency, 20)]
    )
    finding = one(found(LOST, asked), "needs-daemon-reload")
    assert Source.JOURNAL not in {e.source for e in finding.evidence}


WRITING = "INFO manager.go:246: Writing systemd unit hello.service (66b)"


@pytest.mark.parametrize(
    "asked",
    [
        facts(A, service(), files=[HELLO], journal=[line(FAILED, 30)]),
        facts(A, UNKNOWN, files=[HELLO], journal=[line(WRITING, 1)]),
        facts(A, UNKNOWN),
        facts(A, service(needs_reload=True)),
        facts(A, service(U("etcd.service"), needs_reload=True), service(), files=[HELLO]),
    ],
    ids=["known by now", "being loaded", "no file", "no file either", "not fleet's"],
)
def test_what_needs_no_reload_is_silent(asked: HostFacts) -> None:
    faults = {f.fault for f in found(snapshot(unit()), asked)}
    assert "needs-daemon-reload" not in faults


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
    finding = one(found(LOST, asked), "needs-daemon-reload")
    assert finding.confidence is confidence
    assert gap in finding.gaps


def test_a_unit_that_was_lost_a_moment_ago_is_not_told_by_somebody_who_watches() -> None:
    assert found(LOST, history=lasting(LOST, 3)) == ()
    one(found(LOST, history=lasting(LOST, 8)), "needs-daemon-reload")


# --- etcd-unreachable -------------------------------------------------------------------------

DESIRED = "ERROR reconcile.go:73: Unable to determine agent's desired state: timeout reached"
UNITS = "ERROR engine.go:232: Failed fetching Units from Registry: timeout reached"
REFUSED = (
    "INFO client.go:292: Failed getting response from http://localhost:4001/: dial tcp "
    "127.0.0.1:4001: connection refused"
)


@pytest.mark.parametrize(
    "message",
    [
        DESIRED,
        UNITS,
        "Failed fetching Units from Registry: x",
        "E0822 21:25:12.070474 00603 reconcile.go:139] Failed fetching Jobs from Registry: timeout",
        (
            "ERROR client.go:213: Unable to get result for {Get /_coreos.com/fleet/machines}, "
            "retrying in 100ms"
        ),
        REFUSED,
    ],
)
def test_a_host_that_cannot_read_the_registry_until_now_is_found(message: str) -> None:
    asked = facts(A, journal=[line(message, s) for s in (20, 15, 10, 5)])
    finding = one(found(snapshot(), asked), "etcd-unreachable")
    assert (finding.machine_id, finding.severity) == (A.id, Severity.CRITICAL)
    assert finding.confidence is Confidence.PROVEN
    assert finding.evidence[0].where == U("fleet.service, 4 lines since 11:59:40")


@pytest.mark.parametrize(
    "seconds", [(8,), (30, 20, 8), (4, 3, 2, 1), (5,), (20, 5)],
    ids=["once", "over", "a few seconds", "once, just now", "twice"],
)  # fmt: skip
def test_one_bad_moment_of_etcd_is_silent(seconds: Sequence[float]) -> None:
    asked = facts(A, journal=[line(DESIRED, s) for s in seconds])
    assert found(snapshot(), asked) == ()


def test_a_flood_that_fills_what_was_read_is_likely_and_says_how_far_it_reaches() -> None:
    asked = facts(A, journal=[line(REFUSED, n / 10) for n in range(60, 0, -1)])
    finding = one(found(snapshot(), asked), "etcd-unreachable")
    assert finding.confidence is Confidence.LIKELY
    assert finding.gaps == ("its journal was read from 11:59:54 on only",)


def test_a_machine_that_the_registry_has_lost_already_is_told_all_the_same() -> None:
    asked = facts(A, journal=[line(DESIRED, s) for s in (20, 15, 10, 5)])
    one(found(snapshot(machines=[B, C], leader=B), asked), "etcd-unreachable")
    one(found(None, asked), "etcd-unreachable")


# --- duplicate-machine-id ---------------------------------------------------------------------

TAKEN = (
    "WARN server.go:223: Server register machine failed: 105: Key already exists "
    "(/_coreos.com/fleet/machines/a/object) [129], retrying in 1000000000 sec."
)
BEGAN = "INFO fleetd.go:75: Starting fleetd version 1.0.0"
RELOADING = "INFO fleetd.go:126: Restarting server components"
REGISTERED = "INFO server.go:219: hrt.Register() success"
COMPARED = (
    "ERROR engine.go:218: Engine leadership lost, renewal failed: 101: Compare failed "
    "([260 != 261]) [261]"
)


def addresses(*values: str, every: float = 60) -> list[Snapshot]:
    first = NOW - timedelta(seconds=every * (len(values) - 1))
    return [
        snapshot(
            machines=[replace(A, public_ip=U(ip)), B],
            at=first + timedelta(seconds=every * number),
        )
        for number, ip in enumerate(values)
    ]


def test_an_address_that_goes_to_and_fro_is_found() -> None:
    seen = addresses("10.0.0.1", "10.0.0.9", "10.0.0.1")
    finding = one(found(seen[-1], history=watched(*seen)), "duplicate-machine-id")
    assert (finding.machine_id, finding.severity) == (A.id, Severity.CRITICAL)
    assert finding.confidence is Confidence.LIKELY
    assert [e.what.raw[:17] for e in finding.evidence] == [
        "PublicIP 10.0.0.1",
        "PublicIP 10.0.0.9",
        "PublicIP 10.0.0.1",
    ]


def test_an_address_that_returns_after_the_machine_was_away_is_found_too() -> None:
    there, other, back = addresses("10.0.0.1", "10.0.0.9", "10.0.0.1")
    gone = replace(there, machines={B.id: B}, read_at=ago(90))
    again = replace(gone, read_at=ago(30))
    history = watched(there, gone, other, again, back)
    faults = [f.fault for f in found(back, history=history)]
    assert "duplicate-machine-id" in faults


@pytest.mark.parametrize(
    ("values", "every"),
    [
        (("10.0.0.1", "10.0.0.9"), 60),
        (("10.0.0.1", "10.0.0.9", "10.0.0.8"), 60),
        (("10.0.0.1", "10.0.0.9", "10.0.0.1"), 1000),
    ],
    ids=["a move", "two moves", "over half an hour"],
)
def test_a_move_to_another_address_is_silent(values: Sequence[str], every: float) -> None:
    seen = addresses(*values, every=every)
    assert found(seen[-1], history=watched(*seen)) == ()


def test_two_hosts_that_name_the_same_id_prove_it() -> None:
    findings = found(snapshot(), facts(A), facts(B, reported_id=A.id))
    finding = one(findings, "duplicate-machine-id")
    assert (finding.machine_id, finding.confidence) == (A.id, Confidence.PROVEN)
    assert where(finding) == ["/etc/machine-id", "/etc/machine-id"]


def test_one_host_under_two_entries_is_no_two_hosts() -> None:
    renamed = replace(B, public_ip=A.public_ip)
    seen = snapshot(machines=[A, renamed])
    assert found(seen, facts(A), facts(renamed, reported_id=A.id)) == ()


def test_hosts_that_name_no_id_are_not_the_same() -> None:
    nameless = (facts(machine, reported_id=U("")) for machine in (A, B))
    assert found(snapshot(), *nameless) == ()


def test_a_fleetd_that_cannot_register_for_long_hints_at_it() -> None:
    journal = [line(BEGAN, 100), *(line(TAKEN, s) for s in (99, 80, 60, 30, 2))]
    finding = one(found(snapshot(), facts(A, journal=journal)), "duplicate-machine-id")
    assert (finding.confidence, finding.gaps) == (Confidence.HINTED, ())


def test_where_the_start_was_not_read_a_reload_may_be_the_reason_and_is_named() -> None:
    journal = [line(TAKEN, s) for s in (90, 30, 2)]
    finding = one(found(snapshot(), facts(A, journal=journal)), "duplicate-machine-id")
    assert finding.gaps == (
        "its journal was not read back to the start of fleetd; a SIGHUP may be the reason",
    )


@pytest.mark.parametrize(
    "journal",
    [
        [line(BEGAN, 40), *(line(TAKEN, s) for s in (39, 30, 20, 11))],
        [line(BEGAN, 90), line(TAKEN, 89), line(TAKEN, 55), line(REGISTERED, 50)],
        [line(RELOADING, 300), *(line(TAKEN, s) for s in (299, 200, 100, 2))],
        [line(BEGAN, 900), *(line(TAKEN, s) for s in (899, 800, 700))],
    ],
    ids=["an unclean stop", "registered at last", "after SIGHUP", "over"],
)
def test_a_key_that_is_taken_for_a_known_reason_is_silent(journal: list[JournalEntry]) -> None:
    assert found(snapshot(), facts(A, journal=journal)) == ()


def test_a_leader_that_loses_its_lease_to_itself_hints_at_it() -> None:
    asked = facts(A, journal=[line(COMPARED, s) for s in (9, 5, 1)])
    finding = one(found(snapshot(leader=A), asked), "duplicate-machine-id")
    assert finding.confidence is Confidence.HINTED


def test_flips_and_lines_together_prove_it() -> None:
    seen = addresses("10.0.0.1", "10.0.0.9", "10.0.0.1")
    asked = facts(A, journal=[line(COMPARED, s) for s in (9, 5, 1)])
    history = watched(*seen, reports=[asked])
    finding = one(found(seen[-1], asked, history=history), "duplicate-machine-id")
    assert finding.confidence is Confidence.PROVEN


@pytest.mark.parametrize(
    "journal",
    [
        [line(COMPARED, s) for s in (5, 1)],
        [line(COMPARED, s) for s in (130, 70, 1)],
        [line(COMPARED.partition(": 101")[0] + ": timeout reached", s) for s in (9, 5)],
    ],
    ids=["twice", "minutes apart", "timeouts"],
)
def test_a_lease_lost_in_another_way_is_silent(journal: list[JournalEntry]) -> None:
    faults = {f.fault for f in found(snapshot(leader=A), facts(A, journal=journal))}
    assert "duplicate-machine-id" not in faults


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
    assert finding.confidence is Confidence.HINTED
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
        (
            200,
            Confidence.HINTED,
            ("whether its fleetd was restarted before 11:56:40 UTC is not known",),
        ),
    ],
)
def test_how_far_back_its_journal_was_read_decides_how_sure_it_is(
    reaches: float, confidence: Confidence, gaps: tuple[str, ...]
) -> None:
    asked = facts(B, journal=[line("INFO x.go:1: fine", reaches)])
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
    ],
    ids=["its own", "the engine's"],
)
def test_one_reading_says_what_the_journals_tell(asked: HostFacts, confidence: Confidence) -> None:
    assert told_of(B, found(snapshot(), asked)).confidence is confidence


@pytest.mark.parametrize(
    "asked",
    [
        facts(B, journal=[line(TIMED_OUT, 20)]),
        facts(B, journal=[line(TIMED_OUT, s) for s in (1800, 1000, 20)]),
        facts(A, journal=[line(MOVED, s) for s in (22, 21, 20)]),
        facts(B, journal=[line("Server monitor triggered: told to shut down", s) for s in (9, 5)]),
    ],
    ids=["once", "half an hour apart", "many units at once", "told to"],
)
def test_one_bad_moment_is_silent(asked: HostFacts) -> None:
    assert found(snapshot(), asked) == ()


def test_a_reboot_is_silent_and_so_are_restarts_of_fleetd() -> None:
    assert found(snapshot(), history=flapping(100)) == ()
    began = "INFO fleetd.go:64: Starting fleetd version 0.11.8"
    restarted = facts(B, journal=[line(began, 290), line(began, 95)])
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
    began = line("INFO fleetd.go:64: Starting fleetd version 0.11.8", 600)
    asked = facts(B, journal=[began])
    assert told_of(B, found(snapshot(), asked, history=flapping(300, 100).told(asked)))


def test_a_restart_by_a_clock_that_is_wrong_is_recognised_too() -> None:
    began = "INFO fleetd.go:64: Starting fleetd version 0.11.8"
    entries = [replace(line(began, s), at=ago(s + 3600)) for s in (290, 95)]
    restarted = facts(B, journal=entries, clock=ago(3600))
    assert found(snapshot(), restarted, history=flapping(300, 100).told(restarted)) == ()


# --- watch-noise ------------------------------------------------------------------------------

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
