"""etcd-unreachable: a fleetd that fails to read the registry, or waits for it in silence."""

from collections.abc import Sequence

import pytest
from diagnosis_cases import (
    A,
    B,
    C,
    U,
    ago,
    facts,
    found,
    line,
    one,
    service,
    snapshot,
    watched,
    where,
)
from msgspec.structs import replace
from recorded_clusters import snapshot as recorded
from recorded_clusters import whole_journal
from registry_keys import VERSIONS

from fleettui.diagnosis.finding import Confidence, Severity, Source
from fleettui.diagnosis.rules.etcd_unreachable import LASTED
from fleettui.diagnosis.signals import Said, signals_in
from fleettui.model.host import FLEET_SERVICE, JournalEntry

DESIRED = "ERROR reconcile.go:73: Unable to determine agent's desired state: timeout reached"
UNITS = "ERROR engine.go:232: Failed fetching Units from Registry: timeout reached"
REFUSED = (
    "INFO client.go:292: Failed getting response from http://localhost:4001/: dial tcp "
    "127.0.0.1:4001: connection refused"
)
BEGAN = "INFO fleetd.go:64: Starting fleetd version 0.11.8"
CONNECTING = "INFO server.go:160: Establishing etcd connectivity"
UP = "INFO server.go:171: Starting server components"
TIMED_OUT = (
    "ERROR server.go:192: Server monitor triggered: Monitor timed out before successful heartbeat"
)
NOT_REGISTERED = (
    "WARN server.go:223: Server register machine failed: client: etcd cluster is unavailable or "
    "misconfigured, retrying in 1000000000 sec."
)
TAKEN = "WARN server.go:223: Server register machine failed: 105: Key already exists (/x) [129]"
RELOADING = "INFO fleetd.go:126: Restarting server components"
ENDING = "INFO fleetd.go:141: Gracefully shutting down"
STARTED = "Started fleet daemon."
FLEET = U(FLEET_SERVICE)
WITHOUT_A = snapshot(machines=[B, C], leader=B)


def lines(message: str, *seconds: float) -> list[JournalEntry]:
    return [line(message, s) for s in seconds]


def start(seconds: float, *, up: float | None = None) -> list[JournalEntry]:
    """A start of fleetd, and how many seconds ago it was up, if it ever was."""
    begin = [line(STARTED, seconds + 1), line(BEGAN, seconds), line(CONNECTING, seconds)]
    return begin if up is None else [*begin, line(UP, up)]


# --- a fleetd that runs and tells of each failure ---------------------------------------------


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
        NOT_REGISTERED,
    ],
)
def test_a_host_that_cannot_read_the_registry_until_now_is_found(message: str) -> None:
    asked = facts(A, journal=lines(message, 20, 15, 10, 5))
    finding = one(found(snapshot(), asked), "etcd-unreachable")
    assert (finding.machine_id, finding.severity) == (A.id, Severity.CRITICAL)
    assert finding.confidence is Confidence.PROVEN
    assert finding.gaps == ()
    assert where(finding) == ["fleet.service, 4 lines since 11:59:40"]
    (last,) = finding.evidence
    assert (last.what, last.at, last.cursor) == (U(message), ago(5), "c5")
    assert "cannot read the registry" in finding.summary


@pytest.mark.parametrize("seconds", [(15, 10, 5), (17, 12, 7), (14, 7, 0)])
def test_tries_over_ten_seconds_without_a_longer_silence_are_enough(
    seconds: Sequence[float],
) -> None:
    one(found(snapshot(), facts(A, journal=lines(DESIRED, *seconds))), "etcd-unreachable")


@pytest.mark.parametrize(
    "seconds",
    [(8,), (30, 20, 8), (4, 3, 2, 1), (5,), (12, 5), (14, 9, 5), (3600, 1800, 3), (28, 20, 12, 4)],
    ids=["once", "over", "a few seconds", "once, just now", "twice", "nine seconds",
         "now and then", "with silences of eight seconds"],
)  # fmt: skip # one a line reads worse
def test_one_bad_moment_of_etcd_is_silent(seconds: Sequence[float]) -> None:
    assert found(snapshot(), facts(A, journal=lines(DESIRED, *seconds))) == ()


def test_failures_before_a_start_that_succeeded_are_over() -> None:
    failed = lines(DESIRED, 24, 19, 14, 9, 4)
    assert found(snapshot(), facts(A, journal=[*failed, *start(3, up=3)])) == ()
    assert found(snapshot(), facts(A, journal=[*failed, line(CONNECTING, 3), line(UP, 3)])) == ()


@pytest.mark.parametrize("up", [59, 20])
def test_failures_after_a_start_that_succeeded_count(up: float) -> None:
    journal = [*start(60, up=up), *lines(DESIRED, 20, 15, 10, 5)]
    finding = one(found(snapshot(), facts(A, journal=journal)), "etcd-unreachable")
    assert where(finding) == ["fleet.service, 4 lines since 11:59:40"]


# --- up to fleet 0.10 lines come ten times a second -------------------------------------------


def flood(count: int) -> list[JournalEntry]:
    return [line(REFUSED, n / 10) for n in range(count, 0, -1)]


@pytest.mark.parametrize("count", [30, 60])
def test_a_flood_that_fills_what_was_read_is_likely_and_says_how_far_it_reaches(count: int) -> None:
    finding = one(found(snapshot(), facts(A, journal=flood(count))), "etcd-unreachable")
    assert finding.confidence is Confidence.LIKELY
    assert finding.gaps == (f"its journal was read from {ago(count / 10):%H:%M:%S} on only",)


@pytest.mark.parametrize(
    "journal",
    [
        flood(29),
        [line("INFO x.go:1: fine", 11), *flood(30)],
        [*start(4), *flood(35)],
    ],
    ids=["too few", "begun in what was read", "begun with a start"],
)
def test_a_flood_that_is_known_to_be_young_is_silent(journal: list[JournalEntry]) -> None:
    assert found(snapshot(), facts(A, journal=journal)) == ()


def test_a_flood_that_may_have_begun_before_what_was_read_is_told() -> None:
    journal = [line("INFO x.go:1: fine", 10), *flood(30)]
    one(found(snapshot(), facts(A, journal=journal)), "etcd-unreachable")


# --- a fleetd that waits, from 0.11 to 0.12 without a word ------------------------------------


@pytest.mark.parametrize("seconds", [11, 60, 86_000])
def test_a_fleetd_that_set_out_to_connect_and_never_began_is_found(seconds: float) -> None:
    asked = facts(A, service(FLEET), journal=start(seconds))
    finding = one(found(snapshot(), asked), "etcd-unreachable")
    assert (finding.machine_id, finding.severity) == (A.id, Severity.CRITICAL)
    assert (finding.confidence, finding.gaps) == (Confidence.LIKELY, ())
    assert [e.what.raw for e in finding.evidence] == [CONNECTING]
    assert f"has tried to reach etcd since {ago(seconds):%H:%M:%S}" in finding.summary


def test_the_key_that_ended_meanwhile_proves_it() -> None:
    asked = facts(A, service(FLEET), journal=start(60))
    finding = one(found(WITHOUT_A, asked), "etcd-unreachable")
    assert finding.confidence is Confidence.PROVEN
    assert where(finding) == [FLEET_SERVICE, f"machines/{A.id.raw}/object"]
    assert one(found(None, asked), "etcd-unreachable").confidence is Confidence.LIKELY


@pytest.mark.parametrize(
    "journal",
    [
        start(2),
        start(LASTED.total_seconds()),
        start(60, up=58),
        [*start(600), line(ENDING, 300), *start(299, up=298)],
        [*start(600), *start(299, up=298)],
        [*start(600), line(ENDING, 3)],
        [*start(600), line(BEGAN, 300)],
        [line(UP, 300)],
        [line(STARTED, 300)],
        [],
    ],
    ids=["two seconds ago", "ten seconds ago", "it took two seconds", "a later start succeeded",
         "a later start after an unclean stop", "it is told to end", "a new one is not so far",
         "what was read begins after it", "what was read has nothing of it", "nothing was read"],
)  # fmt: skip # one a line reads worse
def test_a_start_that_succeeds_is_silent(journal: list[JournalEntry]) -> None:
    assert found(snapshot(), facts(A, service(FLEET), journal=journal)) == ()


@pytest.mark.parametrize(
    "words", ["loaded inactive dead", "loaded failed failed", "loaded activating auto-restart"]
)
def test_a_fleetd_that_is_not_there_waits_for_nothing(words: str) -> None:
    stopped = service(FLEET, words)
    assert found(WITHOUT_A, facts(A, stopped, journal=start(60))) == ()
    assert found(WITHOUT_A, facts(A, stopped, journal=lines(DESIRED, 20, 15, 10, 5))) == ()


def test_where_systemd_was_not_asked_that_is_a_gap() -> None:
    said = U("Failed to connect to bus")
    asked = facts(A, journal=start(60), services_problem=said)
    finding = one(found(snapshot(), asked), "etcd-unreachable")
    assert finding.gaps == ("systemctl said: Failed to connect to bus",)
    known = facts(A, service(FLEET), journal=start(60), services_problem=said)
    assert one(found(snapshot(), known), "etcd-unreachable").gaps == ()


def test_the_machines_own_clock_counts() -> None:
    journal = [replace(entry, at=entry.at - (ago(0) - ago(3600))) for entry in start(8)]
    hour_behind = facts(A, service(FLEET), journal=journal, clock=ago(3600))
    assert found(snapshot(), hour_behind) == ()
    one(found(snapshot(), replace(hour_behind, clock=ago(3597))), "etcd-unreachable")


# --- from the last failure to the silence -----------------------------------------------------


def lost(at: float) -> list[JournalEntry]:
    """A fleetd that ran well, lost etcd, and gave its server up after 23 s; all some time ago."""
    failed = (line(DESIRED, at - s) for s in (3, 8, 13, 18, 23))
    gave_up = (line(m, at - 23) for m in (TIMED_OUT, CONNECTING))
    fine = line("INFO manager.go:138: Triggered systemd unit a.service start: job=1", at + 60)
    return [fine, *failed, *gave_up]


@pytest.mark.parametrize("seconds", [*range(14, 60), 600])
def test_there_is_no_hole_between_the_failures_and_the_silence(seconds: int) -> None:
    journal = [entry for entry in lost(seconds) if entry.at <= ago(0)]
    finding = one(found(snapshot(), facts(A, service(FLEET), journal=journal)), "etcd-unreachable")
    assert finding.confidence is Confidence.PROVEN
    assert finding.evidence[0].where.raw.endswith(f"since {ago(seconds - 3):%H:%M:%S}")


def test_a_heartbeat_that_was_missed_and_made_good_is_silent() -> None:
    journal = [*lost(60), line(UP, 35)]
    assert found(snapshot(), facts(A, service(FLEET), journal=journal)) == ()


def test_an_old_failure_does_not_make_a_fresh_start_an_old_one() -> None:
    journal = [*lines(DESIRED, 100, 95, 90), line(TIMED_OUT, 9), line(CONNECTING, 9)]
    assert found(snapshot(), facts(A, service(FLEET), journal=journal)) == ()


# --- fleet 0.13 and later tell of each try, ever more rarely ----------------------------------


def test_tries_to_register_that_are_a_minute_apart_are_one_trouble() -> None:
    journal = [*start(184), *lines(NOT_REGISTERED, 184, 183, 181, 177, 169, 153, 121, 58)]
    finding = one(found(snapshot(), facts(A, service(FLEET), journal=journal)), "etcd-unreachable")
    assert finding.confidence is Confidence.PROVEN
    assert [e.what.raw for e in finding.evidence] == [NOT_REGISTERED, CONNECTING]
    assert where(finding) == ["fleet.service, 8 lines since 11:56:56", "fleet.service"]


@pytest.mark.parametrize("begin", [BEGAN, RELOADING])
def test_a_fleetd_whose_key_is_taken_has_reached_etcd(begin: str) -> None:
    for seconds in ((25, 24, 22, 18, 10), (25,)):
        journal = [line(begin, 25), line(CONNECTING, 25), *lines(TAKEN, *seconds)]
        assert found(snapshot(), facts(A, service(FLEET), journal=journal)) == ()


def test_a_key_that_was_taken_at_an_earlier_start_says_nothing_of_this_one() -> None:
    journal = [line(BEGAN, 900), line(CONNECTING, 900), line(TAKEN, 900), *start(60)]
    one(found(snapshot(), facts(A, service(FLEET), journal=journal)), "etcd-unreachable")


# --- what else there is to go by --------------------------------------------------------------


def test_a_machine_that_the_registry_has_lost_already_is_told_and_named_all_the_same() -> None:
    asked = facts(A, journal=lines(DESIRED, 20, 15, 10, 5))
    one(found(None, asked), "etcd-unreachable")
    finding = one(found(WITHOUT_A, asked), "etcd-unreachable")
    assert finding.evidence[-1].source is Source.REGISTRY
    assert f"{A.short_id} " in finding.summary
    history = watched(snapshot(at=ago(30)), WITHOUT_A, reports=[asked])
    known = one(found(WITHOUT_A, asked, history=history), "etcd-unreachable")
    assert f"{A.short_id}/10.0.0.1 " in known.summary


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_start_connects_within_a_hundredth_of_what_is_waited_for(version: str) -> None:
    for machine in recorded(version, "healthy").machines.values():
        said = signals_in(whole_journal(machine, version))
        connecting, up = said.of(Said.CONNECTING), said.of(Said.UP)
        spans = [u.at - c.at for c, u in zip(connecting, up, strict=False)]
        assert spans
        assert max(spans) < LASTED / 100
