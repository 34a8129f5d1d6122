"""A target state that fleet cannot parse: for fleetctl the unit does not exist."""

from collections.abc import Iterator

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import Confidence, Evidence, Fault, Finding, Grounds, Severity
from fleettui.diagnosis.signals import Said
from fleettui.diagnosis.survey import Odd
from fleettui.model.cluster import Unit

FAULT = Fault(
    "bad-target-state",
    Severity.WARNING,
    issues=(1356,),
    remedy="fleettui sets the key (key r) to the word that says what the unit does now, or to "
    "another of inactive, loaded and launched: which was meant is not written anywhere. By hand: "
    "etcdctl sets it.",
)


def bad_target_state(case: Case) -> Iterator[Finding]:
    """One finding a unit. The registry alone decides, and nobody writes such a value in passing."""
    for _, unit in case.odd(Odd.BAD_STATE):
        evidence = (proof.job_key(unit, "target-state", unit.target_state), *_said(case, unit))
        yield FAULT.found(
            f"{unit.name} has a target state that fleet cannot read: fleetctl does not show the "
            "unit, and its machine unloads it.",
            Grounds(evidence, Confidence.PROVEN),
            unit=unit.name,
        )


def _said(case: Case, unit: Unit) -> Iterator[Evidence]:
    """The newest line about it of the first machine that has one."""
    for machine_id, reading in case.heard(Said.BAD_STATE):
        if heard := reading.signals.of(Said.BAD_STATE, about=unit.name.raw):
            yield from proof.line(machine_id, *heard)
            return
