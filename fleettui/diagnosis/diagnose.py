"""All rules over one picture of the cluster, worst first."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case, case_of
from fleettui.diagnosis.finding import Evidence, Finding, Source
from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.rules import RULES
from fleettui.diagnosis.rules.watch_noise import FAULT as NOISE
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostReport
from fleettui.model.untrusted import Untrusted


def diagnose(
    snapshot: Snapshot | None,
    reports: Mapping[Untrusted, HostReport],
    history: History = EMPTY,
) -> tuple[Finding, ...]:
    """Every finding of every rule; the most severe first, then by name.

    `history` is what the same app saw before, this picture included (`seen`, `told`). With one
    picture only, a rule about comings and goings says what the journals tell, or nothing.
    """
    case = case_of(snapshot, reports, history)
    found = [_with_noise(case, finding) for rule in RULES for finding in rule(case)]
    return tuple(sorted(found, key=lambda f: (-f.severity, f.key)))


def _with_noise(case: Case, finding: Finding) -> Finding:
    """The finding, with what its journals hold besides that means nothing, so that a reader of
    them need not wonder.
    """
    if finding.fault == NOISE.id:
        return finding
    return replace(finding, evidence=(*finding.evidence, *_noise(case, finding)))


def _noise(case: Case, finding: Finding) -> Iterator[Evidence]:
    journals = (e.machine_id for e in finding.evidence if e.source is Source.JOURNAL)
    for machine_id in dict.fromkeys(journals):
        reading = case.readings.get(machine_id) if machine_id else None
        if reading is not None:
            yield from proof.harmless(reading)
