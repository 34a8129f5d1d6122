"""The report of a real repair: another engineer can follow it without the program."""

import json
import re
from pathlib import Path

import pytest
from headless import repaired

from fleettui.access import Operator
from fleettui.cli import Settings, build
from fleettui.repair.planning.action import Way
from fleettui.repair.records.past import read_past
from fleettui.repair.records.report import Report, as_json, as_markdown, report_of

from .cluster import TEMPLATE, Cluster
from .test_lab_wizard import settings

__all__ = ["settings"]  # the fixture, for this module too


@pytest.mark.timeout(400, func_only=True)
async def test_the_report_holds_all_that_another_engineer_needs(
    cluster: Cluster, settings: Settings, tmp_path: Path
) -> None:
    broken = cluster.load_template()
    units = cluster.units_of(broken)
    pids = broken.main_pids(units)
    access = build(settings)
    assert isinstance(access, Operator)
    try:
        record = await repaired(access, tmp_path / "repairs", way=Way.FULL)
    finally:
        await access.hosts.close()
        await access.registry.close()
    report = report_of(read_past(record))
    assert report.outcome == "repaired"
    assert all(pid != pids[unit] for unit, pid in broken.main_pids(units).items())
    holds_all(report, cluster, broken.machine_id, units)
    document = json.loads(as_json(report))
    assert document["machine"]["id"] == broken.machine_id
    assert {away["unit"] for away in document["restart"]["away"]} == set(units)


def holds_all(report: Report, cluster: Cluster, machine_id: str, units: list[str]) -> None:
    text = as_markdown(report)
    for words in (
        cluster.etcd.url, machine_id, TEMPLATE, "0.11.8", report.who[0].raw,
        "## What was found", "journal", f"/run/fleet/units/{TEMPLATE}",
        "sudo -n systemctl daemon-reload", "sudo -n systemctl restart --no-block fleet.service",
        "## Units and their absence", "## Proof", "- met: 12 s without a line of the fault",
        "- met: the finding is gone", "## What is kept",
    ):  # fmt: skip # one a line reads worse
        assert words in text, words
    assert "NOT MET" not in text.partition("## Proof")[2]
    for unit in units:
        assert re.search(rf"^\| `{re.escape(unit)}` \| \d+\.\d s \|", text, re.MULTILINE), unit
    acts = re.findall(r"^ +sent [\d:.]+, read back [\d:.]+: \*\*done\*\*", text, re.MULTILINE)
    assert len(acts) == len(report.acts) == 6
