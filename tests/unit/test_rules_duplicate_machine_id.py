"""duplicate-machine-id: two hosts that run as one machine, as far as any of them can be asked."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from diagnosis_cases import (
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
    snapshot,
    watched,
    where,
)
from msgspec.structs import replace

from fleettui.diagnosis.finding import Confidence, Finding, Severity, Source
from fleettui.diagnosis.history import History
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts, HostReport, JournalEntry

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
    for name in ("core-1", "renamed meanwhile"):
        second = facts(renamed, reported_id=A.id, hostname=U(name))
        assert found(seen, facts(A), second) == ()


def test_hosts_that_name_no_id_are_not_the_same() -> None:
    nameless = (facts(machine, reported_id=U("")) for machine in (A, B))
    assert found(snapshot(), *nameless) == ()


def test_a_fleetd_that_cannot_register_for_long_hints_at_it() -> None:
    for tries in ((99, 80, 60, 30, 2), (100, 69), (121, 90)):
        journal = [line(BEGAN, tries[0]), *(line(TAKEN, s) for s in tries)]
        finding = one(found(snapshot(), facts(A, journal=journal)), "duplicate-machine-id")
        assert (finding.confidence, finding.gaps) == (Confidence.HINTED, ())
        assert where(finding) == [
            f"fleet.service, {len(tries)} lines since {ago(tries[0]):%H:%M:%S}"
        ]


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
        [line(BEGAN, 31), *(line(TAKEN, s) for s in (31, 30, 28, 24, 16, 1))],
        [*(line(TAKEN, s) for s in (90, 30)), line(BEGAN, 29), *(line(TAKEN, s) for s in (29, 2))],
        [line(BEGAN, 90), line(TAKEN, 89), line(TAKEN, 55), line(REGISTERED, 50)],
        [line(RELOADING, 300), *(line(TAKEN, s) for s in (299, 200, 100, 2))],
        [line(BEGAN, 900), *(line(TAKEN, s) for s in (899, 800, 700))],
        [line(BEGAN, 200), *(line(TAKEN, s) for s in (200, 91))],
    ],
    ids=["an unclean stop", "thirty seconds of it", "a second unclean stop", "registered at last",
         "after SIGHUP", "over", "just over"],
)  # fmt: skip # one a line reads worse
def test_a_key_that_is_taken_for_a_known_reason_is_silent(journal: list[JournalEntry]) -> None:
    assert found(snapshot(), facts(A, journal=journal)) == ()


def test_a_leader_that_loses_its_lease_to_itself_hints_at_it() -> None:
    for seconds in ((9, 5, 1), (60, 5, 1)):
        asked = facts(A, journal=[line(COMPARED, s) for s in seconds])
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
        [line(COMPARED, s) for s in (61, 5, 1)],
        [line(COMPARED.partition(": 101")[0] + ": timeout reached", s) for s in (9, 5, 1)],
    ],
    ids=["twice", "minutes apart", "over a minute", "timeouts"],
)
def test_a_lease_lost_in_another_way_is_silent(journal: list[JournalEntry]) -> None:
    faults = {f.fault for f in found(snapshot(leader=A), facts(A, journal=journal))}
    assert "duplicate-machine-id" not in faults


@pytest.mark.parametrize("seen", [snapshot(leader=B), snapshot(leader=None), None])
def test_a_lease_that_was_lost_for_good_is_no_double(seen: Snapshot | None) -> None:
    asked = facts(A, journal=[line(COMPARED, s) for s in (9, 5, 1)])
    faults = {f.fault for f in found(seen, asked)}
    assert "duplicate-machine-id" not in faults


# --- an address that the machine had before ---------------------------------------------------

MOVED = replace(A, public_ip=U("10.0.0.9"))
"""A where the registry lists it now."""
KEPT_OUT = [line(BEGAN, 100), *(line(TAKEN, s) for s in (99, 80, 60, 30, 2))]
"""The journal of a fleetd that finds its own key taken."""


def moved(*reports: HostReport, before: HostReport | None = None) -> tuple[Snapshot, History]:
    """A was listed at 10.0.0.1 and is now at 10.0.0.9; `before` is who answers at the old one."""
    seen = snapshot(machines=[MOVED, B])
    history = watched(snapshot(machines=[A, B], at=ago(60)), seen, reports=reports)
    return seen, history if before is None else history.told(before, A)


def host(name: str, boot: str, **changed: object) -> HostFacts:
    """A host that says it is A."""
    journal = (replace(line("INFO x.go:1: fine", 1), boot_id=U(boot)),)
    return replace(facts(A, journal=journal, hostname=U(name)), **changed)


def duplicate(seen: Snapshot, history: History, *reports: HostReport) -> Finding:
    return one(found(seen, *reports, history=history), "duplicate-machine-id")


def test_a_host_that_is_still_the_machine_at_its_former_address_proves_it() -> None:
    now, then = host("core-9", "b9"), host("core-1", "b1")
    seen, history = moved(now, before=then)
    finding = duplicate(seen, history, now)
    assert (finding.machine_id, finding.confidence) == (A.id, Confidence.PROVEN)
    assert [e.what.raw for e in finding.evidence] == [
        f"{A.id.raw} on core-9",
        f"{A.id.raw} on core-1",
    ]
    assert finding.gaps == ()


@pytest.mark.parametrize(
    "then",
    [
        host("core-9", "b9"),
        host("core-1", "b1", reported_id=B.id),
        facts(A, journal=KEPT_OUT, reported_id=U("")),
        facts(A, hostname=U("core-9")),
        not_checked(A),
        None,
    ],
    ids=["the same host", "another machine by now", "it names no ID", "by its name the same host",
         "nobody answers", "not asked yet"],
)  # fmt: skip # one a line reads worse
def test_a_former_address_where_no_second_host_answers_is_silent(then: HostReport | None) -> None:
    now = host("core-9", "b9")
    seen, history = moved(now, before=then)
    assert found(seen, now, history=history) == ()


def test_whose_journal_was_not_read_is_not_told_apart_by_the_others_boot() -> None:
    now, then = facts(A, hostname=U("core-9")), host("core-9", "b9")
    seen, history = moved(now, before=then)
    assert found(seen, now, history=history) == ()


def test_a_host_that_was_rebooted_is_known_by_its_present_boot() -> None:
    then = host("core-9", "b9")
    before = replace(line("INFO x.go:1: fine", 60), boot_id=U("b1"))
    now = replace(then, journal=(before, *then.journal))
    seen, history = moved(now, before=then)
    assert found(seen, now, history=history) == ()


def test_another_machine_at_a_former_address_is_no_second_one_of_its_own() -> None:
    now, other = (
        host("core-9", "b9"),
        replace(host("core-2", "b2"), machine_id=B.id, reported_id=B.id),
    )
    then = host("core-2", "b2", reported_id=B.id)
    seen, history = moved(now, other, before=then)
    assert found(seen, now, other, history=history) == ()


def test_a_host_at_a_former_address_may_be_the_double_of_another_machine() -> None:
    now, other = (
        host("core-9", "b9"),
        replace(host("core-2", "b2"), machine_id=B.id, reported_id=B.id),
    )
    then = host("core-1", "b1", reported_id=B.id)
    seen, history = moved(now, other, before=then)
    assert duplicate(seen, history, now, other).machine_id == B.id


def test_two_hosts_without_a_journal_are_told_apart_by_their_names() -> None:
    now, then = facts(A, hostname=U("core-9")), facts(A, hostname=U("core-1"))
    seen, history = moved(now, before=then)
    assert duplicate(seen, history, now).confidence is Confidence.PROVEN


def test_a_name_that_two_hosts_share_does_not_hide_that_they_are_two() -> None:
    now, then = host("localhost", "b9"), host("localhost", "b1")
    seen, history = moved(now, before=then)
    assert duplicate(seen, history, now).confidence is Confidence.PROVEN


def test_a_host_that_is_kept_out_where_the_machine_was_hints_at_it_alone() -> None:
    then = facts(A, journal=KEPT_OUT)
    silent = not_checked(MOVED)
    seen, history = moved(before=then)
    finding = duplicate(seen, history, silent)
    assert (finding.machine_id, finding.confidence) == (A.id, Confidence.HINTED)
    assert [e.source for e in finding.evidence] == [Source.JOURNAL]
    assert finding.gaps == ("the machine could not be asked: no route to host",)


def test_its_start_is_asked_after_at_a_former_address_too() -> None:
    then = facts(A, journal=[line(TAKEN, s) for s in (90, 30, 2)])
    seen, history = moved(before=then)
    (first, second) = duplicate(seen, history).gaps
    assert first == (
        "its journal was not read back to the start of fleetd; a SIGHUP may be the reason"
    )
    assert second == "the machine has not been asked yet"


def test_a_former_address_that_could_not_be_asked_is_a_gap() -> None:
    seen = addresses("10.0.0.1", "10.0.0.9", "10.0.0.1")
    history = watched(*seen).told(not_checked(A), replace(A, public_ip=U("10.0.0.9")))
    assert duplicate(seen[-1], history).gaps == (
        "the machine has not been asked yet",
        "10.0.0.9, where it was before, could not be asked: no route to host",
    )


def test_a_gap_of_another_machine_is_not_told() -> None:
    seen, history = moved(before=not_checked(A))
    begun, unknown = facts(B, journal=KEPT_OUT), facts(A, journal=KEPT_OUT[1:])
    assert duplicate(seen, history, begun).gaps == ()
    first, second = found(seen, begun, unknown, history=history)
    assert (first.machine_id, len(first.gaps)) == (A.id, 2)
    assert (second.machine_id, second.gaps) == (B.id, ())


def test_the_leaders_lines_are_not_told_again_for_who_is_at_its_former_address() -> None:
    now = host("core-9", "b9", journal=tuple(line(COMPARED, s) for s in (9, 5, 1)))
    seen, history = moved(now, before=host("core-9", "b9"))
    assert where(duplicate(seen, history, now)) == ["fleet.service, 3 lines since 11:59:51"]


def test_two_departed_machines_that_name_one_id_prove_it() -> None:
    both = (facts(A), facts(B, reported_id=A.id))
    seen = snapshot(machines=[])
    history = watched(snapshot(at=ago(60)), replace(seen, leader=None), reports=both)
    faults = [f.fault for f in found(seen, *both, history=history)]
    assert faults == ["duplicate-machine-id"]
