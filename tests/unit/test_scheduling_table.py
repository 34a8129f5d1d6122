"""Forty unit files against twelve machines: our verdicts are fleet's (tests/data/scheduling)."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleettui.diagnosis.scheduling import MachineVerdict, Verdict, explain, is_waiting
from fleettui.diagnosis.scheduling_obstacles import Rule
from fleettui.model.cluster import Leader, Machine, Snapshot, Unit, UnitState
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.model.version import parse_version

U = Untrusted
DATA = Path(__file__).parents[1] / "data" / "scheduling"
CLUSTER = tomllib.loads((DATA / "cluster.toml").read_text())
TABLE = tomllib.loads((DATA / "table.toml").read_text())["row"]
RELEASES = ("0.8.3", "0.9.2", "0.10.2", "0.11.8", "0.12.0", "0.13.0", "1.0.0")
LETTERS = {
    Rule.MACHINE_ID: "I",
    Rule.METADATA: "M",
    Rule.MACHINE_OF: "O",
    Rule.REPLACES: "R",
}


def unit(row: dict[str, Any]) -> Unit:
    target = U(row["target"]) if "target" in row else None
    states: tuple[UnitState, ...] = ()
    if target is not None:
        active = U(row.get("active", "active"))
        states = (UnitState(target, U("loaded"), active, U("x"), U("ab" * 20), 1),)
    state = U(row["state"]) if "state" in row else None
    return Unit(U(row["name"]), "ab" * 20, state, target, target, states, UnitFile(U(row["text"])))


def machine(row: dict[str, Any], release: str) -> Machine:
    metadata = tuple((U(key), U(value)) for key, value in sorted(row["metadata"].items()))
    return Machine(U(row["id"]), U(f"10.0.0.{int(row['id'][:2])}"), metadata, U(release))


def snapshot(release: str, seeker: Unit) -> Snapshot:
    machines = {m.id: m for m in (machine(row, release) for row in CLUSTER["machine"])}
    units = sorted([seeker, *map(unit, CLUSTER["unit"])], key=lambda u: u.name)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    leader = Leader(next(iter(machines)))
    return Snapshot(7, now, machines, {u.name: u for u in units}, leader)


def expected(row: dict[str, Any], release: str) -> str:
    """The verdicts of the newest release of the row that is not newer than the one in question."""
    past = [r for r in row["verdicts"] if version(r) <= version(release)]
    return str(row["verdicts"][max(past, key=version)])


def version(release: str) -> tuple[int, int, int]:
    parsed = parse_version(release)
    assert parsed is not None
    return parsed


def letter(judged: MachineVerdict, seeker: Unit) -> str:
    if judged.verdict is Verdict.QUALIFIES:
        return "."
    assert judged.verdict is Verdict.EXCLUDED
    first = judged.obstacles[0]
    if first.rule is Rule.CONFLICTS:
        return "C" if first.owner == seeker.name else "c"
    return LETTERS[first.rule]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_the_verdict_of_every_machine_is_fleets(row: dict[str, Any], release: str) -> None:
    seeker = unit({**row, "state": "launched"})
    placement = explain(seeker, snapshot(release, seeker))
    found = "".join(letter(judged, seeker) for judged in placement.machines)
    assert found == expected(row, release), row["why"]
    assert placement.problem is None
    assert placement.gaps == ()


def test_the_table_is_forty_unit_files_by_twelve_machines_each_with_its_source() -> None:
    assert len({row["name"] for row in TABLE}) == 40
    assert len(CLUSTER["machine"]) == 12
    for row in TABLE:
        assert all(len(verdicts) == 12 for verdicts in row["verdicts"].values())
        assert ".go" in row["source"]
        assert "0.8.3" in row["verdicts"], "every row holds from the oldest release on"


def test_the_rows_are_units_that_wait_for_a_place() -> None:
    rows = [unit({**row, "state": "launched"}) for row in TABLE]
    assert [str(u.name) for u in rows if not is_waiting(u)] == ["yes.service", "shy.service"]
