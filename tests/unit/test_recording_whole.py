"""Whatever can be recorded is read as it was; a file cut or changed anywhere is refused."""

import dataclasses
import json
import types
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from fleettui.model.untrusted import Untrusted
from fleettui.recording.file import BadRecording, RecordingFile, open_recording
from fleettui.recording.plain import plain, restored
from fleettui.recording.records import FORMAT, Head, Record, Timed

AT = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
LEAVES: dict[object, list[Any]] = {
    bool: [True],
    int: [7],
    float: [0.5],
    str: ["a word"],
    datetime: [AT],
    types.NoneType: [None],
    Untrusted: [Untrusted("zoo\x1b]0;x\x07\u202e\ud800@.service")],
}


def samples(kind: Any) -> list[Any]:
    """Values of a type that together say each of its fields, and are each thing it may be."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in LEAVES:
        return LEAVES[kind]
    if origin in {Union, types.UnionType}:
        return [value for member in inner for value in samples(member)]
    if origin is not None and issubclass(origin, Mapping):
        keys, values = samples(inner[0]), samples(inner[1])
        return [{keys[0]: value} for value in values]
    if origin is tuple and inner[-1] is not Ellipsis:
        return [tuple(samples(part)[0] for part in inner)]
    if origin is not None and issubclass(origin, Sequence):
        return [tuple(samples(inner[0]))]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)
    return _made(kind)


def _made(kind: Any) -> list[Any]:
    """As many as it takes to have every sample of every field in one of them."""
    hints = get_type_hints(kind)
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind) if field.init]
    else:
        names = list(kind.__struct_fields__)
    each = {name: samples(hints[name]) for name in names}
    count = max(len(values) for values in each.values())
    return [
        kind(**{name: values[n % len(values)] for name, values in each.items()})
        for n in range(count)
    ]


RECORDS = samples(Record)
HEAD = dataclasses.replace(samples(Head)[0], fleettui_recording=FORMAT)


def test_there_is_a_sample_of_each_kind_of_record() -> None:
    assert {type(record) for record in RECORDS} == set(get_args(Record))


@pytest.mark.parametrize("value", [HEAD, *RECORDS], ids=lambda value: type(value).__name__)
def test_what_is_written_is_read_as_it_was(value: object) -> None:
    kind = Head if value is HEAD else Timed
    written = value if value is HEAD else Timed(AT, value)  # type: ignore[arg-type]  # a record
    text = json.dumps(plain(written))
    assert restored(kind, json.loads(text)) == written


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of all samples."""
    path = tmp_path_factory.mktemp("recording") / "whole.rec"
    file = RecordingFile(path, HEAD)
    for record in RECORDS:
        if type(record).__name__ != "Ended":
            file.add(record)
    file.close()
    return path


def test_a_whole_file_holds_all_of_it_for_its_owner_alone(whole: Path) -> None:
    read = open_recording(whole)
    assert read.is_whole
    assert read.head == HEAD
    assert [timed.record for timed in read.records] == [
        record for record in RECORDS if type(record).__name__ != "Ended"
    ]
    assert whole.stat().st_mode & 0o777 == 0o600


def refusal(folder: Path, data: bytes) -> str:
    broken = folder / "broken.rec"
    broken.write_bytes(data)
    with pytest.raises(BadRecording) as refused:
        open_recording(broken)
    return str(refused.value)


def test_a_file_cut_anywhere_is_refused_and_told_how_much_of_it_can_be_read(
    whole: Path, tmp_path: Path
) -> None:
    """Behind each record, and in the middle of each."""
    lines = whole.read_bytes().splitlines(keepends=True)
    for count in range(1, len(lines)):
        kept, cut = b"".join(lines[:count]), lines[count]
        for content in (kept, kept + cut[: len(cut) // 2], kept + cut[:-1]):
            words = refusal(tmp_path, content)
            if count == 1:
                assert "cut off behind its first line" in words
                continue
            assert "is not whole" in words
            assert "--partial replays those" in words
            some = open_recording(tmp_path / "broken.rec", even_cut=True)
            assert not some.is_whole
            assert len(some.records) == count - 1
            assert f"{count - 1} records can be read" in words
    assert "never closed" in refusal(tmp_path, b"".join(lines[:-1]))


def test_a_file_that_was_changed_anywhere_is_refused(whole: Path, tmp_path: Path) -> None:
    lines = whole.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        middle = len(line) // 2
        changed = line[:middle] + bytes([line[middle] ^ 1]) + line[middle + 1 :]
        words = refusal(tmp_path, b"".join([*lines[:number], changed, *lines[number + 1 :]]))
        assert ("checksum" if number else "is no recording") in words
    for number in range(1, len(lines) - 1):
        words = refusal(tmp_path, b"".join([*lines[:number], *lines[number + 1 :]]))
        assert "before it, and there are" in words
    assert "behind its end" in refusal(tmp_path, b"".join([*lines, lines[-1]]))


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"# a text\n", b"\x7fELF" + bytes(300), b'{"a": 1}\n', b"00000000 {}\n"]
)
def test_what_is_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    assert "is no recording of fleettui" in refusal(tmp_path, content)


def test_a_file_of_a_later_fleettui_says_which_one_replays_it(tmp_path: Path) -> None:
    path = tmp_path / "later.rec"
    later = dataclasses.replace(HEAD, fleettui_recording=FORMAT + 1, version="9.8.7")
    RecordingFile(path, later).close()
    words = refusal(tmp_path, path.read_bytes())
    assert f"fleettui 9.8.7 in format {FORMAT + 1}" in words
    assert "replay it with that version" in words
