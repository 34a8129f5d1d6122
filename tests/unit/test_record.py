"""The record on the disk: one process at a time, whole lines, and copies that are never lost."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fleettui.model.untrusted import Untrusted
from fleettui.repair.records.past import PastState, read_past
from fleettui.repair.records.record import Record, RecordInUse, is_held

HEAD = {"who": "ann@desk"}


def begun(folder: Path) -> Record:
    return Record.begin(folder, "t", HEAD)


def lines(record: Record) -> list[dict[str, object]]:
    return [json.loads(line) for line in record.path.read_text().splitlines() if line]


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    record = begun(tmp_path / "new")
    record.keep("foo@.service", b"text")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()}
    assert modes == {"t.jsonl": 0o600, "t.foo@.service": 0o600}
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_record_is_never_begun_over_another(tmp_path: Path) -> None:
    begun(tmp_path).close()
    with pytest.raises(FileExistsError):
        begun(tmp_path)


def test_remote_text_is_kept_byte_exact_and_harmless(tmp_path: Path) -> None:
    hostile = "\x1b[2J\u202e\ud800\n"
    record = begun(tmp_path)
    record.write("kept", unit=Untrusted(hostile))
    assert record.path.read_bytes().isascii()
    assert b"\x1b" not in record.path.read_bytes()
    assert lines(record)[-1]["unit"] == hostile


def test_one_process_at_a_time_drives_a_repair(tmp_path: Path) -> None:
    record = begun(tmp_path)
    assert is_held(record.path)
    with pytest.raises(RecordInUse, match="another fleettui"):
        Record.reopen(record.path)
    record.close()
    assert not is_held(record.path)
    again = Record.reopen(record.path)
    again.write("resumed")
    assert [line["event"] for line in lines(again)] == ["begun", "resumed"]


def test_a_process_that_is_killed_lets_go_of_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from fleettui.repair.records.record import Record\n"
        "Record.begin(pathlib.Path(sys.argv[1]), 't', {})\n"
        "print('held', flush=True)\n"
        "time.sleep(600)  # holding it\n"
    )
    argv = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert is_held(tmp_path / "t.jsonl")
        child.kill()
    assert not is_held(tmp_path / "t.jsonl")
    Record.reopen(tmp_path / "t.jsonl").close()


def test_half_a_line_is_not_taken_for_the_beginning_of_the_next(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.close()
    with record.path.open("ab") as file:
        file.write(b'{"at": "2026-01-01T00:00:00+00:00", "event": "inte')
    again = Record.reopen(record.path)
    again.write("resumed")
    *_, cut, whole = record.path.read_bytes().splitlines()
    assert cut.endswith(b'"inte')
    assert json.loads(whole)["event"] == "resumed"


def test_a_line_that_the_disk_took_half_of_stays_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = begun(tmp_path)
    real, room = os.write, [7]

    def write(handle: int, data: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[: room.pop()])

    with monkeypatch.context() as full:
        full.setattr(os, "write", write)
        with pytest.raises(OSError, match="No space left"):
            record.write("intent")
    record.write("left")
    events = [json.loads(line)["event"] for line in record.path.read_text().splitlines()[::2]]
    assert events == ["begun", "left"]


def test_a_record_that_was_removed_is_not_written_into_nowhere(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.path.unlink()
    with pytest.raises(FileNotFoundError, match="the record was removed"):
        record.write("intent")


def test_copies_of_other_bytes_stand_beside_each_other(tmp_path: Path) -> None:
    record = begun(tmp_path)
    first = record.keep("foo@.service", b"one")
    second = record.keep("foo@.service", b"two")
    assert record.keep("foo@.service", b"one") == first
    assert record.keep("foo@.service", b"two") == second
    assert (first.read_bytes(), second.read_bytes()) == (b"one", b"two")


def test_a_copy_that_was_cut_short_is_not_taken_for_one(tmp_path: Path) -> None:
    record = begun(tmp_path)
    (tmp_path / "t.foo@.service.part").write_bytes(b"on")
    assert record.keep("foo@.service", b"one").read_bytes() == b"one"
    assert not list(tmp_path.glob("*.part"))


def test_what_is_begun_and_no_more_is_no_repair_yet(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.close()
    assert read_past(record.path).state is PastState.UNREADABLE
