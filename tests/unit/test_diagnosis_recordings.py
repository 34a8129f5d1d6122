"""The diagnosis over recorded clusters of real fleetd: the fault where it was, and nothing else."""

import pytest
from msgspec.structs import replace
from recorded_clusters import TEMPLATE, moment, reports, snapshot, whole_journal
from registry_keys import VERSIONS

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Confidence, Source
from fleettui.diagnosis.history import EMPTY
from fleettui.diagnosis.lines import loops_in
from fleettui.diagnosis.truth import Agrees, Frozen, truth
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted


def blind(facts: HostFacts) -> HostFacts:
    """A machine whose folders were not listed: only the recorded journal speaks."""
    folders = {
        path: replace(folder, entries={}, problem=Untrusted("not recorded"))
        for path, folder in facts.folders.items()
    }
    return replace(facts, folders=folders)


def broken_machine(seen: Snapshot) -> Untrusted:
    target = seen.units[TEMPLATE].target
    assert target is not None
    return target


@pytest.mark.parametrize("version", VERSIONS)
def test_a_healthy_cluster_yields_no_finding(version: str) -> None:
    seen = snapshot(version, "healthy")
    assert diagnose(seen, reports(seen, version)) == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_faulted_cluster_yields_the_template_on_its_machine_and_nothing_else(
    version: str,
) -> None:
    seen = snapshot(version, "faulted")
    (finding,) = diagnose(seen, reports(seen, version))
    assert finding.key == ("template-loaded", TEMPLATE.raw, broken_machine(seen).raw)
    assert {e.source for e in finding.evidence} == {Source.REGISTRY, Source.FILE, Source.JOURNAL}
    assert (finding.confidence, finding.gaps) == (Confidence.PROVEN, ())


@pytest.mark.parametrize("version", VERSIONS)
def test_the_recorded_journal_alone_tells_of_the_fault(version: str) -> None:
    seen = snapshot(version, "faulted")
    asked = {m: blind(f) for m, f in reports(seen, version).items()}
    (finding,) = diagnose(None, asked)
    assert (finding.machine_id, finding.confidence) == (broken_machine(seen), Confidence.PROVEN)
    assert [e.source for e in finding.evidence] == [Source.JOURNAL]


@pytest.mark.parametrize("version", ["0.9.2", "0.10.2", "0.11.8"])
def test_a_repaired_cluster_yields_no_finding(version: str) -> None:
    seen = snapshot(version, "repaired")
    assert diagnose(seen, reports(seen, version)) == ()


def test_the_agent_that_a_sighup_did_not_repair_is_still_found() -> None:
    seen = snapshot("1.0.0", "repaired")
    (finding,) = diagnose(seen, reports(seen, "1.0.0"))
    assert TEMPLATE not in seen.units
    assert finding.key[:2] == ("template-loaded", TEMPLATE.raw)
    assert finding.machine_id == broken_machine(snapshot("1.0.0", "faulted"))
    assert [e.source for e in finding.evidence] == [Source.JOURNAL]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_three_stages_watched_one_after_another_say_the_same(version: str) -> None:
    history, told = EMPTY, []
    for stage in ("healthy", "faulted", "repaired"):
        seen = snapshot(version, stage)
        asked = reports(seen, version)
        history = history.seen(seen)
        for facts in asked.values():
            history = history.told(facts)
        told.append([f.fault for f in diagnose(seen, asked, history)])
    last = ["template-loaded"] if version == "1.0.0" else []
    assert told == [[], ["template-loaded"], last]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_states_of_the_broken_machine_alone_are_frozen_since_the_loop_began(
    version: str,
) -> None:
    seen = snapshot(version, "faulted")
    asked = reports(seen, version)
    broken = broken_machine(seen)
    (loop,) = loops_in(whole_journal(seen.machines[broken], version))
    for unit in seen.units.values():
        for state in unit.states:
            found = truth(unit.name, state, seen, asked[state.machine_id])
            if state.machine_id == broken:
                words, whole, agrees = (state.active, state.sub), True, True
                assert found == Frozen(loop.first_at, whole, *words, agrees)
            else:
                assert found == Agrees()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_later_probe_whose_lines_begin_inside_the_loop_says_before(version: str) -> None:
    seen = snapshot(version, "faulted")
    broken = broken_machine(seen)
    facts = reports(seen, version)[broken]
    inside = replace(facts, journal=facts.journal[-4:])
    state = next(s for u in seen.units.values() for s in u.states if s.machine_id == broken)
    alone = truth(Untrusted("hello.service"), state, seen, inside)
    assert isinstance(alone, Frozen)
    assert alone.since == inside.journal[0].at
    assert alone.words == f"frozen since before {alone.since:%H:%M:%S}"
    history = EMPTY.told(facts).told(inside)
    remembered = truth(Untrusted("hello.service"), state, seen, inside, history)
    assert isinstance(remembered, Frozen)
    assert remembered.whole
    assert remembered.since < alone.since


@pytest.mark.parametrize("version", VERSIONS)
def test_the_moments_of_a_recording_follow_one_another(version: str) -> None:
    healthy, faulted, repaired = (moment(version, s) for s in ("healthy", "faulted", "repaired"))
    assert healthy < faulted < repaired
