"""The engine's lease, lost by the machine that holds it."""

from datetime import timedelta

from fleettui.diagnosis.case import Case
from fleettui.diagnosis.signals import Said, Signal
from fleettui.model.untrusted import Untrusted

COMPARES = 3
"""Renewals that failed against another write within AROUND (fleet issue #1241: one every 4 s)."""
AROUND = timedelta(minutes=1)
"""Losses so close together are one quarrel about one name."""


def lost_to_itself(case: Case, machine_id: Untrusted) -> tuple[Signal, ...]:
    """Failed renewals of a machine that leads nevertheless: somebody else renews in its name.

    Where another machine leads by now, the reason is a slow etcd. Empty for too few. The machine
    must have answered.
    """
    leader = case.snapshot.leader if case.snapshot else None
    reading = case.readings[machine_id]
    if leader is None or leader.machine_id != machine_id:
        return ()
    heard = reading.signals.within(AROUND, reading.facts.clock, Said.LEASE_LOST)
    compared = tuple(signal for signal in heard if signal.about)
    return compared if len(compared) >= COMPARES else ()
