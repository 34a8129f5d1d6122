"""All rules over one picture of the cluster, worst first."""

from collections.abc import Mapping

from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.template_loaded import template_loaded
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostReport
from fleettui.model.untrusted import Untrusted

RULES = (template_loaded,)


def diagnose(
    snapshot: Snapshot | None, reports: Mapping[Untrusted, HostReport]
) -> tuple[Finding, ...]:
    """Every finding of every rule; the most severe first, then by name."""
    found = [finding for rule in RULES for finding in rule(snapshot, reports)]
    return tuple(sorted(found, key=lambda f: (-f.severity, f.key)))
