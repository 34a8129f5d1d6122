"""Which finding `fleettui repair` is about, of all that were found."""

import click
import pytest
from diagnosis_cases import NOW, TEMPLATE, A, B, U, snapshot
from msgspec.structs import replace
from plan_cases import BATCH, finding

from fleettui.access import ClusterAddress
from fleettui.check.examine import Examination
from fleettui.cli.repairs import Wanted
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine

HERE, THERE = finding("template-loaded", machine=A), finding("template-loaded", machine=B)
BY_HAND = finding("hash-differs", BATCH, A)


def seen(*findings: Finding, machines: tuple[Machine, ...] = (A, B)) -> Examination:
    address = ClusterAddress(("http://10.0.0.9:2379",), "/_coreos.com/fleet/")
    listed = {machine.id: machine for machine in machines}
    return Examination(address, NOW, snapshot(), machines=listed, findings=findings)


@pytest.mark.parametrize(
    ("unit", "machine", "wanted"),
    [
        (None, None, [HERE, THERE, BY_HAND]),
        (TEMPLATE.raw, None, [HERE, THERE]),
        (BATCH.raw, None, [BY_HAND]),
        (None, B.id.raw, [THERE]),
        (None, B.short_id, [THERE]),
        (None, "b", [THERE]),
        (None, "10.0.0.1", [HERE, BY_HAND]),
        (TEMPLATE.raw, "a", [HERE]),
        (TEMPLATE.raw, "c", []),
        ("other.service", None, []),
        (None, "", []),
    ],
)
def test_findings_fit_by_unit_and_machine_and_those_with_a_cure_come_first(
    unit: str | None, machine: str | None, wanted: list[Finding]
) -> None:
    assert Wanted(unit, machine).of(seen(BY_HAND, HERE, THERE)) == wanted


def test_a_beginning_that_fits_two_machines_is_a_usage_error() -> None:
    twin = replace(B, id=U("ab" * 16))
    with pytest.raises(click.UsageError, match="2 machines are called a: "):
        Wanted(None, "a").of(seen(HERE, machines=(A, twin)))
    assert Wanted(None, "ab").of(seen(HERE, machines=(A, twin))) == []


def test_a_finding_that_names_no_machine_is_on_none() -> None:
    orphan = finding("orphan-job", BATCH, None)
    assert Wanted(None, "a").of(seen(orphan)) == []
    assert Wanted(BATCH.raw, None).of(seen(orphan)) == [orphan]
