"""All rules over one picture of the cluster, worst first."""

from collections.abc import Mapping

from fleettui.diagnosis.case import case_of
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.history import EMPTY, History
from fleettui.diagnosis.rules import RULES
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
    found = [finding for rule in RULES for finding in rule(case)]
    return tuple(sorted(found, key=lambda f: (-f.severity, f.key)))
