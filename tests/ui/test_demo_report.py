"""Every cure on a demo cluster without a screen, and the report of each."""

import json
from pathlib import Path

import pytest
from demo_session import access_to, quick
from headless import repaired

from fleettui.access import Operator
from fleettui.demo.cluster import DemoCluster
from fleettui.repair.records.past import read_past
from fleettui.repair.records.report import as_json, as_markdown, report_of


async def record_of(folder: Path, fault: str, demo_fault: str) -> Path:
    async with DemoCluster(quick(fault=demo_fault)) as demo:
        access = access_to(demo)
        assert isinstance(access, Operator)
        try:
            return await repaired(access, folder, fault)
        finally:
            await access.hosts.close()
            await access.registry.close()


@pytest.mark.parametrize(
    ("fault", "stages"),
    [
        ("template-loaded", ["delete", "reload", "restart"]),
        ("needs-daemon-reload", ["reload", "start"]),
        ("bad-target-state", ["registry"]),
        ("orphan-job", ["registry"]),
        ("ghost-state", ["registry"]),
    ],
)
async def test_each_cure_repairs_its_fault_and_its_report_proves_it(
    fault: str, stages: list[str], tmp_path: Path
) -> None:
    demo_fault = "template" if fault == "template-loaded" else fault
    report = report_of(read_past(await record_of(tmp_path, fault, demo_fault)))
    assert report.outcome == "repaired"
    assert list(dict.fromkeys(act.stage for act in report.acts)) == stages
    assert {act.result for act in report.acts} == {"done"}
    text = as_markdown(report)
    assert f"# Repaired: {fault} on " in text
    assert "## Proof" in text
    assert all(check.met for check in report.proof), report.proof
    assert json.loads(as_json(report))["fault"] == fault
