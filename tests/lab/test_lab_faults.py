"""Faults of the catalogue that can be real on these machines, found there by `fleettui check`.

`template-loaded` is found in test_lab_check. `needs-daemon-reload` cannot be real here: systemd 252
loads a new unit file by itself when it is told to start the unit, so only the demo, whose systemd
is as old as that fault, has it.
"""

from collections.abc import Iterator
from typing import cast

import pytest

from .catalogue import FAULTS, RealFault
from .cluster import Cluster
from .conftest import Lab, running_cluster
from .operator_ssh import OperatorSsh
from .shell import wait_until
from .test_lab_check import check, faults

AGENT_TTL = 10
"""Seconds: a third of fleet's own, so that machines are missed sooner."""


@pytest.fixture(scope="module")
def cluster(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all of them: each takes its fault back, and a rule that excuses what
    happens next to a start of fleetd need not be waited for each time.
    """
    folder = tmp_path_factory.mktemp("etcd")
    with running_cluster(lab, folder, "0.11.8", AGENT_TTL) as cluster:
        yield cluster


@pytest.mark.timeout(240, func_only=True)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_real_fault_is_found_at_its_place_and_nothing_critical_beside_it(
    fault: RealFault, cluster: Cluster, ssh: OperatorSsh
) -> None:
    wait_until(cluster.is_healthy, "the last fault to be over")
    wait_until(lambda: cluster.has_run_for(fault.excused), "fleetd to be old enough", within=70)
    assert fault.name not in {name for name, _ in faults(check(cluster, ssh)[1])}
    with fault.make(cluster, ssh) as place:
        findings = wait_until(
            lambda: found(fault, cluster, ssh), f"{fault.name} to be found", within=60
        )
        (finding,) = (f for f in findings if f["fault"] == fault.name)
        assert (finding["unit"], finding["machine"]) == place
        evidence = cast("list[dict[str, object]]", finding["evidence"])
        assert {piece["source"] for piece in evidence} >= fault.sources
        worst = {f["fault"] for f in findings if f["severity"] == "critical"}
        assert worst <= {fault.name, fault.may_be}


def found(fault: RealFault, cluster: Cluster, ssh: OperatorSsh) -> list[dict[str, object]] | None:
    """All findings, once that fault is among them."""
    more = ("--watch", str(fault.watch)) if fault.watch else ()
    findings = cast("list[dict[str, object]]", check(cluster, ssh, *more)[1]["findings"])
    return findings if any(finding["fault"] == fault.name for finding in findings) else None
