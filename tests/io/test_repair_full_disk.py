"""A disk without room for the record: the repair stops before its first change."""

import json
import os
import subprocess
import sys
from pathlib import Path

from faults.disks import may_mount, on_a_small_disk

CHILD = Path(__file__).with_name("full_disk_child.py")
MODEL = CHILD.parents[1] / "unit"
SMALL = "size=700k"
"""Room for a preflight and for the beginning of a record."""
DEADLINE = 60
FULL = ("No space left on device", "File too large")


def told(folder: Path, when: str) -> dict[str, object]:
    """What a repair on a real small disk tells; on a limit for files where none may be mounted."""
    program = [sys.executable, str(CHILD), str(folder), when]
    small = on_a_small_disk(folder, SMALL, program)
    argv = small if may_mount() else (*program, "limited")
    environment = {**os.environ, "PYTHONPATH": str(MODEL)}
    done = subprocess.run(argv, check=True, capture_output=True, env=environment, timeout=DEADLINE)
    said: dict[str, object] = json.loads(done.stdout)
    return said


def test_a_full_disk_stops_a_repair_before_its_first_change(tmp_path: Path) -> None:
    said = told(tmp_path, "begin")
    assert said["changed"] == []
    assert said["state"] == ["loaded", True, True]
    assert "the record can be written: no" in str(said["said"])
    assert any(words in str(said["said"]) for words in FULL)


def test_a_disk_that_becomes_full_stops_a_repair_before_the_next_act(tmp_path: Path) -> None:
    """What fits into the last page of the record may still be done; no file goes uncopied."""
    said = told(tmp_path, "go on")
    assert said["changed"] in ([], ["unload"])
    assert said["state"] == ["inactive" if said["changed"] else "loaded", True, True]
    assert any(words in str(said["said"]) for words in FULL)
