"""Harmless lines: counted beside what a journal proves, and by themselves never a fault."""

import pytest
from diagnosis_cases import (
    LOOP,
    TEMPLATE,
    A,
    B,
    U,
    ago,
    facts,
    found,
    line,
    one,
    snapshot,
    where,
)

from fleettui.diagnosis.finding import Finding, Source
from fleettui.diagnosis.lines import Break, Kind, harmless, kind_of
from fleettui.diagnosis.noise import MOST, noise_in
from fleettui.model.host import HostFacts, JournalEntry

ENDED = (
    "ERROR event.go:106: etcd watcher {Watch /x/job} returned error: unexpected end of JSON input"
)
OF_0_11 = (
    "ERROR event.go:106: etcd watcher /_coreos.com/fleet/job returned error: client: response is "
    "invalid json. The endpoint is probably not valid etcd cluster endpoint."
)
FAILED = "ERROR engine.go:185: Engine leadership acquisition failed: timeout reached"


def counted(finding: Finding) -> list[str]:
    """What a finding says of harmless lines."""
    return [e.what.raw for e in finding.evidence if "harmless" in e.what.raw]


def noisy(*seconds: float) -> HostFacts:
    """A machine in the fault's loop, with harmless lines among it."""
    harmless_ones = [line(ENDED, s) for s in seconds]
    return facts(A, journal=[*harmless_ones, *(line(LOOP, s) for s in (3, 2, 1))])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        ((), []),
        ((300,), ["1 harmless line not counted"]),
        ((600, 300), ["2 harmless lines not counted"]),
    ],
)
def test_a_finding_counts_the_harmless_lines_of_the_journal_it_rests_on(
    seconds: tuple[float, ...], said: list[str]
) -> None:
    finding = one(found(None, noisy(*seconds)), "template-loaded")
    assert counted(finding) == said
    assert finding.evidence[0].where.raw.startswith("fleet.service, 3 lines since ")


def test_the_count_leads_to_the_last_of_the_harmless_lines() -> None:
    last = one(found(None, noisy(600, 300)), "template-loaded").evidence[-1]
    assert (last.source, last.machine_id, last.cursor) == (Source.JOURNAL, A.id, "c300")
    assert (last.where, last.at) == (U("fleet.service"), ago(300))


def test_a_finding_that_rests_on_no_journal_counts_nothing() -> None:
    asked = facts(A, files=[TEMPLATE], journal=[line(ENDED, 300)])
    assert counted(one(found(None, asked), "template-loaded")) == []


def test_each_journal_is_counted_once() -> None:
    both = [
        facts(machine, journal=[line(ENDED, 300), line(FAILED, 6), line(FAILED, 4)])
        for machine in (A, B)
    ]
    finding = one(found(snapshot(leader=None), *both), "no-engine-leader")
    assert counted(finding) == ["1 harmless line not counted"] * 2
    assert [e.machine_id for e in finding.evidence[-2:]] == [A.id, B.id]


def test_the_finding_that_is_about_them_counts_them_itself() -> None:
    asked = facts(A, journal=[line(ENDED, s) for s in range(220, 0, -20)])
    finding = one(found(snapshot(), asked), "watch-noise")
    assert where(finding) == ["fleet.service, 11 harmless lines, densest from 11:56:20"]
    assert counted(finding) == []


def test_harmless_lines_alone_are_no_finding() -> None:
    asked = facts(
        A, journal=[line(message, s) for s in (900, 600, 300) for message in (ENDED, OF_0_11)]
    )
    assert found(snapshot(), asked) == ()


def test_the_words_of_0_11_are_harmless_too() -> None:
    assert harmless(OF_0_11.partition(": ")[2]) == (Break.WATCHER, False)
    assert kind_of(line(OF_0_11, 1)) is Kind.NOISE
    noise = noise_in([line(OF_0_11, 500), line(OF_0_11, 100), line(OF_0_11, 100)])
    assert (noise.lines, noise.breaks, noise.is_dense) == (3, 2, False)


@pytest.mark.parametrize(
    "message",
    [
        OF_0_11.partition("client:")[0] + "client: etcd cluster is unavailable or misconfigured",
        OF_0_11.replace("/_coreos.com/fleet/job", ""),
    ],
)
def test_a_watch_that_ends_for_another_reason_is_an_error(message: str) -> None:
    assert kind_of(line(message, 1)) is Kind.ERROR


# --- how dense they are -----------------------------------------------------------------------

CANCELLED = ENDED.replace("unexpected end of JSON input", "cancelled")
BEGAN = "INFO fleetd.go:75: Starting fleetd version 1.0.0"


def spread(count: int, seconds: float, *, until: float = 0) -> list[JournalEntry]:
    """So many harmless lines over so many seconds."""
    return [line(ENDED, until + seconds - n * seconds / (count - 1)) for n in range(count)]


def test_a_single_one_is_counted_with_its_time() -> None:
    noise = noise_in([line(ENDED, 50)])
    assert (noise.lines, noise.breaks, noise.since) == (1, 1, ago(50))


@pytest.mark.parametrize(("seconds", "is_dense"), [(300, True), (301, False)])
def test_more_than_ten_within_five_minutes_are_dense(seconds: float, is_dense: bool) -> None:
    assert noise_in(spread(MOST + 1, seconds)).is_dense is is_dense
    assert not noise_in(spread(MOST, seconds)).is_dense


def test_the_first_of_the_densest_spans_is_told_wherever_it_lies() -> None:
    early, late = spread(12, 100, until=2000), spread(12, 100)
    few = spread(3, 100, until=1000)
    for journal in ([*early, *few], [*early, *few, *late]):
        noise = noise_in(journal)
        assert (noise.breaks, noise.since) == (12, ago(2100))
    assert noise_in([*few, *late]).since == ago(100)


@pytest.mark.parametrize(("seconds", "breaks"), [(10, 0), (11, 12)])
def test_watches_that_are_cancelled_close_to_a_start_do_not_count(
    seconds: float, breaks: int
) -> None:
    cancelled = [line(CANCELLED, 50)] * 12
    assert noise_in([*cancelled, line(BEGAN, 50 - seconds)]).breaks == breaks
    assert noise_in([line(BEGAN, 50 + seconds), *cancelled]).breaks == breaks


def test_other_lines_close_by_explain_no_cancelled_watch() -> None:
    noise = noise_in([*[line(CANCELLED, 50)] * 12, line("INFO x.go:1: fine", 49)])
    assert (noise.lines, noise.breaks) == (12, 12)


def test_watches_that_end_by_themselves_count_close_to_a_start_too() -> None:
    assert noise_in([*spread(12, 5), line(BEGAN, 0)]).breaks == 12
