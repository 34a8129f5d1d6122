"""The list of past repairs: what their records say, whatever became of the files."""

import json
from pathlib import Path

import pytest
from cluster_model import SHA256, TEMPLATE, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repair_cases import FINDING, STAGES, opened, past_of, performed

from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import RemoveFile, Restart, Stage, Way
from fleettui.repair.records.past import Closed, PastState, past_repairs, read_past


async def finished_record(folder: Path) -> Path:
    repair = await opened(World(), folder)
    await performed(repair, *STAGES)
    await repair.verify()
    await repair.close(Closed.REPAIRED)
    return repair.record.path


async def test_a_past_repair_tells_what_it_was_about(tmp_path: Path) -> None:
    (past,) = past_repairs((await finished_record(tmp_path)).parent)
    assert (past.state, past.closed, past.token) == (PastState.FINISHED, Closed.REPAIRED, "t")
    assert past.finding == FINDING
    assert (past.fault, past.units) == ("template-loaded", (TEMPLATE,))
    assert (past.machine_id.raw, past.ip.raw) == ("a" * 32, "10.0.0.1")
    assert [url.raw for url in past.cluster] == ["http://127.0.0.1:2379"]
    assert (past.who.raw, past.prefix.raw) == ("ann@desk", "/_coreos.com/fleet/")
    assert past.stages_done == (*STAGES, Stage.VERIFY)
    assert past.way is Way.GENTLE
    assert past.before is not None
    assert past.before.main_pid == 100
    (kept,) = past.kept
    assert (kept.sha256, kept.mode, kept.uid) == (SHA256, 0o644, 0)
    assert kept.path.read_bytes().startswith(b"[Service]")
    assert kept.quarantine.raw == "/run/fleettui/quarantine/t.file"
    assert past.in_doubt == ()
    assert (past.acts, len(past.done)) == (6, 6)


async def test_a_repair_that_is_driven_elsewhere_is_running(tmp_path: Path) -> None:
    repair = await opened(World(), tmp_path)
    assert past_of(repair).state is PastState.RUNNING
    await repair.leave("tired")
    assert past_of(repair).state is PastState.UNFINISHED


@pytest.mark.parametrize("unit", [7, None, ["x"], {"raw": "x"}])
async def test_a_copy_of_what_is_no_unit_makes_the_record_unreadable(
    unit: object, tmp_path: Path
) -> None:
    path = await finished_record(tmp_path)
    lines = path.read_text().splitlines()
    kept = [n for n, line in enumerate(lines) if json.loads(line)["event"] == "kept"]
    lines[kept[0]] = json.dumps(json.loads(lines[kept[0]]) | {"unit": unit})
    path.write_text("\n".join(lines))
    past = read_past(path)
    assert past.state is PastState.UNREADABLE
    assert "unit is no text" in past.problem


async def test_a_machines_time_without_a_zone_is_no_time(tmp_path: Path) -> None:
    path = await finished_record(tmp_path)
    text = path.read_text()
    at = next(e["machine_at"] for e in map(json.loads, text.splitlines()) if "machine_at" in e)
    path.write_text(text.replace(at, at.removesuffix("+00:00")))
    assert read_past(path).state is PastState.UNREADABLE


async def test_every_place_where_a_record_may_be_cut_is_read(tmp_path: Path) -> None:
    """A process that is killed leaves any beginning of its record behind."""
    whole = (await finished_record(tmp_path)).read_bytes()
    ends = [n for n, byte in enumerate(whole) if byte == ord("\n")]
    cut = tmp_path / "cut.jsonl"
    for end in ends:
        for length in (end + 1, end + 20):
            cut.write_bytes(whole[:length])
            past = read_past(cut)
            assert past.state in {PastState.UNFINISHED, PastState.FINISHED}, past.problem
            assert len(past.in_doubt) <= 1
            assert past.acts == len(past.done) + len(past.in_doubt)


async def test_an_intent_without_an_outcome_is_in_doubt(tmp_path: Path) -> None:
    whole = (await finished_record(tmp_path)).read_text().splitlines(keepends=True)
    last = max(n for n, line in enumerate(whole) if json.loads(line)["event"] == "intent")
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(whole[: last + 1]))
    (intent,) = read_past(cut).in_doubt
    assert (intent.stage, intent.action) == (Stage.RESTART, Restart(Way.GENTLE))


async def test_an_unknown_outcome_leaves_its_act_in_doubt(tmp_path: Path) -> None:
    text = (await finished_record(tmp_path)).read_text()
    path = tmp_path / "unknown.jsonl"
    unknown = text.replace(
        '"event": "outcome", "result": "done"', '"event": "outcome", "result": "unknown"'
    )
    path.write_text(unknown)
    doubted = [type(intent.action) for intent in read_past(path).in_doubt]
    assert RemoveFile in doubted
    assert len(doubted) == 6


async def test_newest_first(tmp_path: Path) -> None:
    path = await finished_record(tmp_path)
    older = path.read_text().replace('"at": "20', '"at": "19')
    (tmp_path / "older.jsonl").write_text(older)
    assert [past.path.name for past in past_repairs(tmp_path)] == ["t.jsonl", "older.jsonl"]


FOREIGN = {
    "empty": b"",
    "binary": bytes(range(256)),
    "text": b"hello\n",
    "other": b'{"at": "2026-01-01T00:00:00", "event": "born", "v": 1}\n',
    "list": b"[]\n1\nnull\n",
    "deep": b"[" * 100_000,
    "later version": b'{"at": "2026-01-01T00:00:00", "event": "begun", "v": 2}\n',
    "no version": b'{"at": "2026-01-01T00:00:00", "event": "begun"}\n',
    "no plan": b'{"at": "2026-01-01T00:00:00", "event": "begun", "v": 1, "token": "t"}\n',
    "odd": b'{"at": 7, "event": "begun", "v": 1, "token": "t"}\n',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_file_is_shown_as_unreadable(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    (past,) = past_repairs(tmp_path)
    assert past.state is PastState.UNREADABLE
    assert past.problem


def test_what_is_no_file_at_all_is_shown_as_unreadable(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "nowhere")
    states = {past.path.name: past.state for past in past_repairs(tmp_path)}
    assert states == dict.fromkeys(("folder.jsonl", "dangling.jsonl"), PastState.UNREADABLE)


def test_a_folder_that_is_not_there_holds_no_repairs(tmp_path: Path) -> None:
    assert past_repairs(tmp_path / "none") == ()


async def test_copies_beside_the_records_are_no_repairs(tmp_path: Path) -> None:
    await finished_record(tmp_path)
    assert [past.path.name for past in past_repairs(tmp_path)] == ["t.jsonl"]


async def test_a_line_that_lacks_something_makes_the_record_unreadable(tmp_path: Path) -> None:
    path = await finished_record(tmp_path)
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        facts = json.loads(line)
        for name in set(facts) - {"at", "event"}:
            less = json.dumps({key: value for key, value in facts.items() if key != name})
            (tmp_path / "less.jsonl").write_text("\n".join([*lines[:number], less]))
            assert read_past(tmp_path / "less.jsonl").path.name == "less.jsonl"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_no_change_of_a_record_makes_reading_it_fail(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "t.jsonl"
    whole = tmp_path / "whole"
    if not whole.exists():
        whole.write_bytes((await finished_record(tmp_path)).read_bytes())
    text = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=8))
    path.write_bytes(text)
    past = read_past(path)
    assert past.state in PastState
    assert Untrusted(past.problem).is_plain
