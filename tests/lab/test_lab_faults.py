"""Faults of the catalogue that can be real on these machines, found there by `fleettui check`."""

import json
from collections.abc import Callable
from typing import cast

import pytest

from .cluster import Cluster
from .operator_ssh import OperatorSsh
from .shell import wait_until
from .test_lab_check import check, faults

pytestmark = pytest.mark.timeout(300)

NOWHERE = "[Service]\nExecStart=/bin/sleep infinity\n\n[X-Fleet]\nMachineMetadata=rack=none\n"


def bad_target_state(cluster: Cluster) -> None:
    cluster.fleetctl.registry.write("job/web-1.service/target-state", "lunched")


def orphan_job(cluster: Cluster) -> None:
    cluster.fleetctl.registry.delete("job/web-2.service/object")


def ghost_state(cluster: Cluster) -> None:
    machine = cluster.machines[0].machine_id
    state = {"loadState": "loaded", "activeState": "active", "subState": "running"}
    value = json.dumps({**state, "machineState": {"ID": machine}, "unitHash": "ab" * 20})
    cluster.fleetctl.registry.write(f"states/gone.service/{machine}", value)


def unschedulable(cluster: Cluster) -> None:
    cluster.fleetctl.submit("nowhere.service", NOWHERE)
    cluster.fleetctl.start("nowhere.service")


@pytest.mark.parametrize(
    ("fault", "make"),
    [
        ("bad-target-state", bad_target_state),
        ("orphan-job", orphan_job),
        ("ghost-state", ghost_state),
        ("unschedulable", unschedulable),
    ],
)
def test_a_real_fault_is_found_and_nothing_critical_beside_it(
    fault: str, make: Callable[[Cluster], None], cluster: Cluster, ssh: OperatorSsh
) -> None:
    assert faults(check(cluster, ssh)[1]) == set()
    make(cluster)
    last: dict[str, object] = {}

    def found() -> bool:
        nonlocal last
        last = check(cluster, ssh)[1]
        return fault in {name for name, _ in faults(last)}

    wait_until(found, f"{fault} to be found", within=40, every=2)
    findings = cast("list[dict[str, object]]", last["findings"])
    assert [
        f["fault"] for f in findings if f["severity"] == "critical" and f["fault"] != fault
    ] == []
