"""A host that cannot read the registry: its agent is deaf."""

from collections.abc import Iterator
from datetime import timedelta

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import Confidence, Fault, Finding, Grounds, Severity, Source
from fleettui.diagnosis.signals import Said

FAULT = Fault(
    "etcd-unreachable",
    Severity.CRITICAL,
    issues=(550,),
    remedy="Start etcd on that host, or correct etcd_servers in its fleet.conf; fleetd then "
    "goes on by itself. fleettui does not: it touches neither etcd nor fleet's configuration.",
)
STILL = timedelta(seconds=7)
"""An agent tries every 5 s, an engine every 2 s: after a longer silence it reads again."""
LASTED = timedelta(seconds=10)
"""A change of etcd's leader is over sooner."""
TRIES = 3
FLOOD = 30
"""Up to fleet 0.10 a request is tried ten times a second, and the lines that were read reach back
a few seconds only: so many of them are no single failure."""


def etcd_unreachable(case: Case) -> Iterator[Finding]:
    """One finding a machine whose fleetd failed to read the registry until it was asked."""
    for machine_id, reading in case.heard(Said.NO_REGISTRY):
        failed = reading.signals.of(Said.NO_REGISTRY)
        if reading.facts.clock - failed[-1].at > STILL:
            continue
        lasted = failed[-1].at - failed[0].at >= LASTED
        if (lasted and len(failed) >= TRIES) or len(failed) >= FLOOD:
            gap = () if lasted else (f"its journal was read from {failed[0].at:%H:%M:%S} on only",)
            grounds = Grounds(
                proof.line(machine_id, *failed),
                Confidence.PROVEN if lasted else Confidence.LIKELY,
                (*gap, *case.gaps(machine_id, Source.JOURNAL)),
            )
            yield FAULT.found(
                f"fleetd on {case.named(machine_id)} cannot read the registry: it starts and stops "
                "nothing, and its machine and states expire.",
                grounds,
                machine_id=machine_id,
            )
