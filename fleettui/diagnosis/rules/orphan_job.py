"""A job that holds nothing to run: no object, or a hash for which there is no unit file."""

from collections.abc import Iterator

from fleettui.diagnosis import proof
from fleettui.diagnosis.case import Case
from fleettui.diagnosis.finding import Confidence, Evidence, Fault, Finding, Grounds, Severity
from fleettui.diagnosis.signals import Said
from fleettui.diagnosis.survey import Odd
from fleettui.model.cluster import Unit
from fleettui.model.untrusted import Untrusted

FAULT = Fault(
    "orphan-job",
    Severity.WARNING,
    issues=(1179, 1456),
    remedy="fleettui deletes the job (key r), key by key as it was read, and keeps what it held. "
    "By hand: delete the directory job/UNIT with etcdctl. If the unit is wanted, submit it again.",
)


def orphan_job(case: Case) -> Iterator[Finding]:
    """One finding a job. The registry alone decides: fleet writes the file and the object before
    any other key of a job, and deletes a job as a whole.
    """
    for _, unit in case.odd(Odd.NO_OBJECT):
        what = "has no object that fleet can read"
        yield _found(case, unit, what, tuple(_keys_without_object(case, unit)))
    for _, unit in case.odd(Odd.NO_FILE):
        what = "names a unit file that the registry does not hold"
        yield _found(case, unit, what, tuple(_keys_without_file(case, unit)))


def _found(case: Case, unit: Unit, what: str, keys: tuple[Evidence, ...]) -> Finding:
    return FAULT.found(
        f"The job of {unit.name} {what}: for fleet there is no such unit, and none of it runs.",
        Grounds((*keys, *_said(case, unit)), Confidence.PROVEN),
        unit=unit.name,
    )


def _keys_without_object(case: Case, unit: Unit) -> Iterator[Evidence]:
    yield proof.key(f"job/{unit.name.raw}/object", case.problem(f"job/{unit.name.raw}/object"))
    for leaf, value in (("target-state", unit.target_state), ("target", unit.target)):
        if value is not None:
            yield proof.job_key(unit, leaf, value)


def _keys_without_file(case: Case, unit: Unit) -> Iterator[Evidence]:
    unit_hash = unit.unit_hash or ""
    yield proof.job_key(unit, "object", Untrusted(f"UnitHash {unit_hash}"))
    yield proof.key(f"unit/{unit_hash}", case.problem(f"unit/{unit_hash}"))


def _said(case: Case, unit: Unit) -> Iterator[Evidence]:
    """The newest line about it of the first machine that has one."""
    for machine_id, reading in case.heard(Said.NO_UNIT, Said.NO_HASH):
        heard = reading.signals.of(Said.NO_UNIT, about=unit.name.raw)
        if unit.unit_hash is not None:
            heard = heard or reading.signals.of(Said.NO_HASH, about=unit.unit_hash)
        if heard:
            yield from proof.line(machine_id, *heard)
            return
