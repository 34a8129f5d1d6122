"""Giving up a repair that was left: its record is closed, and nothing is changed anywhere else."""

from pathlib import Path

from fleettui.repair.records.past import Closed
from fleettui.repair.records.record import Record


def give_up(path: Path, who: str) -> None:
    """Note in a record that `who` gave the repair up. Raises RecordInUse, or OSError."""
    record = Record.reopen(path)
    try:
        record.write("closed", how=Closed.GIVEN_UP, who=who)
    finally:
        record.close()
