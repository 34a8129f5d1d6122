"""Records of repairs as a fleettui that ended would have left them."""

from collections.abc import Mapping
from pathlib import Path

from wizard_plans import template_plan, the_finding

from fleettui.repair.planning.action import RemoveFile, Stage
from fleettui.repair.planning.plan_json import action_as_json, as_json
from fleettui.repair.records.finding_json import finding_as_json
from fleettui.repair.records.record import Record

HERE = {"cluster": ("http://127.0.0.1:2379",), "prefix": "/_coreos.com/fleet/"}
"""The cluster of `fakes`."""
ELSEWHERE = {"cluster": ("http://10.9.9.9:2379",), "prefix": "/_coreos.com/fleet/"}


def begin(folder: Path, token: str, where: Mapping[str, object] = HERE) -> Record:
    """A repair of the template on the first machine, begun by somebody; still held."""
    finding, plan = the_finding(), template_plan()
    head = {"fault": finding.fault, "finding": finding_as_json(finding), "plan": as_json(plan)}
    return Record.begin(folder, token, {"who": "eve@desk", **where, **head})


def left(folder: Path, token: str, where: Mapping[str, object] = HERE) -> Path:
    """One that was left after its first step."""
    record = begin(folder, token, where)
    record.write("stage done", stage=Stage.DELETE)
    record.write("left", why="fleettui was quit")
    record.close()
    return record.path


def killed(folder: Path, token: str) -> Path:
    """One whose fleettui was killed during an act: nothing tells what became of it."""
    record = begin(folder, token)
    action = next(
        a for a in template_plan().step(Stage.DELETE).actions if isinstance(a, RemoveFile)
    )
    record.write(
        "intent",
        n=1,
        stage=Stage.DELETE,
        action="RemoveFile",
        what=action_as_json(action),
        commands=("rm",),
        undo=False,
    )
    record.close()
    return record.path


def repaired(folder: Path, token: str) -> Path:
    """One that came to its proof."""
    record = begin(folder, token)
    for stage in (Stage.DELETE, Stage.RELOAD, Stage.RESTART):
        record.write("stage done", stage=stage)
    record.write("verified", result="done", said="repaired", checks=[])
    record.write("closed", how="repaired")
    record.close()
    return record.path
