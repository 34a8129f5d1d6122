"""Reports of records that real repairs wrote, word for word as they were read and kept."""

import json
from pathlib import Path

import pytest

from fleettui.repair.records.past import PastState, read_past
from fleettui.repair.records.report import as_json, as_markdown, report_of

DATA = Path(__file__).parents[1] / "data" / "repairs"
RECORDS = sorted(DATA.glob("*.jsonl"))


def markdown_of(record: Path) -> str:
    """The report, whatever folder the records lie in."""
    return as_markdown(report_of(read_past(record))).replace(str(DATA), "RECORDS")


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_real_record_makes_the_report_that_was_kept(record: Path) -> None:
    assert markdown_of(record) == record.with_suffix(".md").read_text()


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_real_record_is_a_finished_repair_with_all_of_its_acts(record: Path) -> None:
    past = read_past(record)
    assert past.state is PastState.FINISHED
    assert past.problem == ""
    document = json.loads(as_json(report_of(past)))
    assert [act["result"] for act in document["acts"]] == ["done"] * 6
    assert document["restart"]["units"] > 0
    assert (document["restart"]["replaced"] != []) is (record.stem == "lab-full")


def test_there_are_records_of_both_kinds_of_clusters() -> None:
    assert [record.stem for record in RECORDS] == ["demo-gentle", "lab-full"]


if __name__ == "__main__":
    for each in RECORDS:
        each.with_suffix(".md").write_text(markdown_of(each))
