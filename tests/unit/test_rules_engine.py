"""no-engine-leader and unschedulable: what the engine does not do, and for how long."""

import pytest
from diagnosis_cases import (
    HASH,
    HELLO,
    NOW,
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
    snapshot,
    unit,
    where,
)
from msgspec import structs
from msgspec.structs import replace

from fleettui.diagnosis.finding import Confidence, Severity
from fleettui.diagnosis.history import EMPTY
from fleettui.model.cluster import BadRecord, Machine, Snapshot, Unit
from fleettui.model.unitfile import UnitFile

# --- no-engine-leader -------------------------------------------------------------------------

LEADERLESS = snapshot(leader=None)
GONE = snapshot(leader=Machine(U("d" * 32), U("10.0.0.9")))
LOST = "ERROR engine.go:217: Engine leadership lost, renewal failed: timeout reached"
FAILED = "ERROR engine.go:185: Engine leadership acquisition failed: timeout reached"
STOLE = f"INFO engine.go:205: Stole engine leadership from Machine({B.id.raw})"


@pytest.mark.parametrize(
    ("seen", "keys"),
    [
        (LEADERLESS, ["lease/engine-leader"]),
        (GONE, ["lease/engine-leader", f"machines/{'d' * 32}/object"]),
    ],
)
def test_a_lease_that_is_missing_for_long_is_found(seen: Snapshot, keys: list[str]) -> None:
    finding = one(found(seen, history=lasting(seen, 11)), "no-engine-leader")
    assert (finding.severity, finding.confidence) == (Severity.CRITICAL, Confidence.PROVEN)
    assert where(finding) == keys
    assert finding.gaps == ("3 of 3 machines were not asked",)


@pytest.mark.parametrize("seen", [LEADERLESS, GONE])
@pytest.mark.parametrize("seconds", [0, 10])
def test_a_lease_that_changes_hands_is_silent(seen: Snapshot, seconds: int) -> None:
    assert found(seen, history=lasting(seen, seconds) if seconds else EMPTY) == ()


def test_one_reading_and_a_journal_that_complains_are_enough() -> None:
    for seconds in (4, 30):
        asked = facts(B, journal=[line(FAILED, seconds)])
        finding = one(found(LEADERLESS, asked, not_checked(A)), "no-engine-leader")
        assert finding.confidence is Confidence.LIKELY
        assert finding.gaps == ("2 of 3 machines were not asked",)


def test_where_every_machine_was_asked_nothing_is_missing() -> None:
    asked = [facts(A), facts(B, journal=[line(FAILED, 4)]), facts(C)]
    assert one(found(LEADERLESS, *asked), "no-engine-leader").gaps == ()


def test_a_journal_that_complained_before_is_no_proof_for_now() -> None:
    assert found(LEADERLESS, facts(B, journal=[line(FAILED, 31)])) == ()
    old = facts(B, journal=[line(FAILED, 64)], clock=ago(60), taken_at=ago(60))
    assert found(LEADERLESS, old) == ()


def test_a_lease_that_cannot_be_read_says_why() -> None:
    bad = BadRecord(U("lease/engine-leader"), "JSON is malformed", U("{"))
    seen = snapshot(leader=None, bad=(bad,))
    finding = one(found(seen, history=lasting(seen, 20)), "no-engine-leader")
    assert finding.evidence[0].what == U("JSON is malformed")


def test_an_empty_registry_needs_no_leader() -> None:
    seen = snapshot(machines=[], leader=None)
    assert found(seen, history=lasting(seen, 60)) == ()
    assert found(None) == ()


@pytest.mark.parametrize("message", [LOST, FAILED, STOLE])
def test_a_lease_that_wanders_is_a_warning(message: str) -> None:
    asked = facts(C, journal=[line(message, s) for s in (300, 100, 10)])
    finding = one(found(snapshot(), asked), "no-engine-leader")
    assert (finding.severity, finding.confidence) == (Severity.WARNING, Confidence.LIKELY)
    assert finding.evidence[0].machine_id == C.id


@pytest.mark.parametrize("seconds", [(200, 10), (301, 100, 10), (700, 650, 600)])
def test_a_lease_lost_now_and_then_is_silent(seconds: tuple[float, ...]) -> None:
    asked = facts(C, journal=[line(LOST, s) for s in seconds])
    assert found(snapshot(), asked) == ()


# --- unschedulable ----------------------------------------------------------------------------


def waiting(options: str = "", name: U = HELLO) -> Unit:
    """A launched unit that no machine was chosen for."""
    text = U(f"[Service]\nExecStart=/bin/true\n[X-Fleet]\n{options}\n")
    return Unit(name, HASH, U("launched"), file=UnitFile(text))


NOWHERE = snapshot(waiting("MachineMetadata=disk=ssd"))
BLOCKING = Unit(
    TEMPLATE, HASH, U("launched"), A.id, file=UnitFile(U("[X-Fleet]\nConflicts=foo@*.service\n"))
)
BLOCKED = snapshot(waiting("Conflicts=foo@*.service", U("foo@3.service")), BLOCKING, machines=[A])


def test_a_unit_that_no_machine_takes_is_found_and_proven_once_it_lasts() -> None:
    finding = one(found(NOWHERE), "unschedulable")
    assert (finding.unit, finding.confidence) == (HELLO, Confidence.LIKELY)
    assert "0 of 3 machines qualify for MachineMetadata" in finding.summary
    assert "disk=ssd" in finding.remedy
    assert where(finding)[:2] == ["job/hello.service/target-state", "job/hello.service/target"]
    lasted = one(found(NOWHERE, history=lasting(NOWHERE, 11)), "unschedulable")
    assert lasted.confidence is Confidence.PROVEN


def test_a_blocked_instance_points_at_the_template_that_blocks_it() -> None:
    template, blocked = found(BLOCKED)
    assert (template.fault, blocked.fault) == ("template-loaded", "unschedulable")
    assert blocked.unit == U("foo@3.service")
    assert "job/foo@.service/target" in where(blocked)
    assert "Repair foo@.service first, a loaded template" in blocked.summary
    assert "Repair" not in one(found(NOWHERE), "unschedulable").summary
    assert "unload foo@.service" in blocked.remedy


def test_a_unit_that_a_machine_could_take_is_found_only_after_the_engine_had_its_time() -> None:
    seen = snapshot(waiting())
    assert found(seen) == ()
    assert found(seen, history=lasting(seen, 9)) == ()
    finding = one(found(seen, history=lasting(seen, 10)), "unschedulable")
    assert finding.confidence is Confidence.HINTED


def test_a_unit_file_that_fleet_cannot_read_is_proven_at_once() -> None:
    broken = structs.replace(waiting(), file=UnitFile(U("[Service\nExecStart=/bin/true\n")))
    finding = one(found(snapshot(broken)), "unschedulable")
    assert finding.confidence is Confidence.PROVEN
    assert "fleet cannot read its unit file" in finding.summary


def test_a_few_machines_are_told_each_with_its_verdict_and_why() -> None:
    fits = replace(B, metadata=((U("disk"), U("ssd")),))
    many = [A, fits, *(Machine(U(f"{n:032}"), U(f"10.0.1.{n}")) for n in range(9))]
    seen = replace(NOWHERE, machines={m.id: m for m in many})
    finding = one(found(seen, history=lasting(seen, 10)), "unschedulable")
    told = [e.what.raw for e in finding.evidence if e.where.raw.startswith("machines/")]
    assert len(told) == 5
    assert any(words.startswith(f"{A.short_id}/10.0.0.1 excluded: ") for words in told)
    assert any(words == f"{B.short_id}/10.0.0.2 qualifies" for words in told)


def test_a_unit_launched_a_moment_ago_is_silent_to_somebody_who_watches() -> None:
    assert found(NOWHERE, history=lasting(NOWHERE, 5)) == ()


@pytest.mark.parametrize(
    "seen",
    [
        snapshot(waiting("MachineMetadata=disk=ssd\nGlobal=true")),
        snapshot(structs.replace(waiting("MachineID=x"), target_state=U("inactive"))),
        snapshot(unit()),
        snapshot(waiting("MachineID=x"), leader=None),
        snapshot(waiting("MachineID=x"), leader=Machine(U("d" * 32), U("10.0.0.9"))),
    ],
    ids=["global", "inactive", "scheduled", "no leader", "leader gone"],
)
def test_a_unit_that_waits_for_nothing_or_for_an_engine_is_silent(seen: Snapshot) -> None:
    assert "unschedulable" not in {f.fault for f in found(seen)}


def test_a_cluster_seen_for_the_first_time_after_a_pause_counts_from_anew() -> None:
    seen = snapshot(waiting())
    before = replace(seen, read_at=ago(300))
    history = EMPTY.seen(before).seen(seen, NOW)
    assert found(seen, history=history) == ()
