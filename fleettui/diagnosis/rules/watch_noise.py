"""Harmless lines that are too many to be harmless."""

from collections.abc import Iterator

from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import (
    Confidence,
    Evidence,
    Fault,
    Finding,
    Grounds,
    Severity,
    Source,
)
from fleettui.diagnosis.noise import MOST, Noise
from fleettui.model.host import FLEET_SERVICE
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "watch-noise",
    Severity.NOTE,
    issues=(888, 1083),
    remedy="Look at etcd and at what stands between it and the machine (a proxy, a load "
    "balancer with short timeouts); fleet itself loses nothing by it. fleettui touches neither.",
)


def watch_noise(case: Case) -> Iterator[Finding]:
    """One finding a machine whose watches end far more often than every five minutes."""
    for machine_id, reading in case.answered.noisy.items():
        noise = reading.noise
        gaps = case.gaps(machine_id, Source.JOURNAL)
        yield FAULT.found(
            f"fleetd's watches on {case.named(machine_id)} ended {noise.breaks} times within "
            f"five minutes; up to {MOST} are harmless.",
            Grounds(tuple(_lines(machine_id, noise)), Confidence.LIKELY, gaps),
            machine_id=machine_id,
        )


def _lines(machine_id: Untrusted, noise: Noise) -> Iterator[Evidence]:
    if noise.sample is not None and noise.since is not None:
        where = (
            f"{FLEET_SERVICE}, {noise.lines} harmless lines, densest from {noise.since:%H:%M:%S}"
        )
        sample = noise.sample
        yield Evidence(
            Source.JOURNAL,
            Untrusted(where),
            sample.message,
            machine_id,
            sample.cursor,
            sample.at,
        )
