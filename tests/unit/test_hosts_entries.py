"""Journal records are decoded whatever they hold."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.hosts.entries import decode_entry
from fleettui.hosts.records import TooLong
from fleettui.journal.fields import LEFT_OUT, TEXT_LIMIT
from fleettui.model.host import JournalEntry
from fleettui.model.untrusted import Untrusted

CURSOR = "s=f0;i=2a;b=0c;m=1;t=2;x=3"
RECORD = {
    "__CURSOR": CURSOR,
    "__REALTIME_TIMESTAMP": "1409270367310391",
    "PRIORITY": "3",
    "_SYSTEMD_UNIT": "fleet.service",
    "SYSLOG_IDENTIFIER": "fleetd",
    "_PID": "600",
    "_BOOT_ID": "ab" * 16,
    "MESSAGE": "ERROR generator.go:65: Failed fetching current unit states",
}


def decode(**changes: object) -> JournalEntry:
    return decode_entry(json.dumps(RECORD | changes).encode())


def without(*names: str) -> JournalEntry:
    kept = {name: value for name, value in RECORD.items() if name not in names}
    return decode_entry(json.dumps(kept).encode())


def message(value: object) -> str:
    return decode(MESSAGE=value).message.raw


def test_a_record_of_fleetd_is_read_to_the_microsecond() -> None:
    assert decode() == JournalEntry(
        cursor=CURSOR,
        at=datetime(2014, 8, 28, 23, 59, 27, 310391, tzinfo=UTC),
        message=Untrusted("ERROR generator.go:65: Failed fetching current unit states"),
        priority=3,
        unit=Untrusted("fleet.service"),
        identifier=Untrusted("fleetd"),
        pid=600,
        boot_id=Untrusted("ab" * 16),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("esc\u001b[31m", "esc\x1b[31m"),
        (None, LEFT_OUT),
        ([104, 105], "hi"),
        ([104, 255, 105], "h\\xffi"),
        (list("\u00e4\u20ac".encode()), "\u00e4\u20ac"),
        ([], ""),
        ([0], "\0"),
        (["one", "two"], "one\ntwo"),
        (["one", [116, 119, 111], None], f"one\ntwo\n{LEFT_OUT}"),
        ([[104, 105], [33]], "hi\n!"),
        ([256], "256"),
        ([True], "True"),
        (7, "7"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_a_message_is_read_in_every_shape_journalctl_gives_it(value: object, text: str) -> None:
    entry = decode(MESSAGE=value)
    assert (entry.message.raw, entry.problem) == (text, None)


def test_a_record_without_a_message_is_an_empty_line() -> None:
    entry = without("MESSAGE")
    assert (entry.message.raw, entry.problem) == ("", None)


def test_a_message_over_64_kb_is_cut_and_says_so() -> None:
    text = message("x" * (TEXT_LIMIT + 7))
    assert text == "x" * TEXT_LIMIT + "... [+7 chars cut by fleettui]"
    assert message("x" * TEXT_LIMIT) == "x" * TEXT_LIMIT


def test_a_huge_binary_message_is_cut_too() -> None:
    assert len(message([120] * (TEXT_LIMIT * 2))) < TEXT_LIMIT + 100


def test_bytes_that_are_no_utf8_stay_visible_and_the_record_keeps_its_fields() -> None:
    raw = json.dumps(RECORD | {"MESSAGE": "a?b\\n"}).encode().replace(b"?", b"\xff\xfe")
    entry = decode_entry(raw)
    assert entry.message.raw == "a\\xff\\xfeb\\n"
    assert (entry.cursor, entry.priority, entry.problem) == (CURSOR, 3, None)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"not json",
        b'{"MESSAGE": "\\ud800"}',
        b'{"MESSAGE": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"OTHER": ' + b"[" * 100_000,
        b'{"MESSAGE": ' + b"9" * 6000 + b"}",
        b"\xff\xfe\x00",
    ],
    ids=lambda line: repr(line[:20]),
)
def test_what_is_no_record_becomes_an_entry_with_a_problem_and_its_text(line: bytes) -> None:
    entry = decode_entry(line)
    assert entry.problem
    assert entry.message.raw[:2] == line[:200].decode("utf-8", "backslashreplace")[:2]


def test_a_broken_record_still_says_where_the_stream_stands() -> None:
    line = f'{{"__CURSOR": "{CURSOR}", "MESSAGE": "cut'.encode()
    assert decode_entry(line).cursor == CURSOR
    assert decode_entry(TooLong(line, 2_000_000)).cursor == CURSOR


def test_a_record_over_the_limit_says_how_long_it_was() -> None:
    entry = decode_entry(TooLong(b'{"MESSAGE": "xxx', 2_000_000))
    assert entry.problem == "a record of 2000000 bytes was left out but for its start"
    assert entry.message.raw == '{"MESSAGE": "xxx'


@pytest.mark.parametrize(
    "cursor", [None, "", "a b", "s=1\n--foo", "x" * 1025, "x" * 9000, 2], ids=lambda c: str(c)[:9]
)
def test_a_cursor_that_is_none_is_not_believed(cursor: object) -> None:
    entry = decode(__CURSOR=cursor)
    assert entry.cursor == ""
    assert entry.problem == "a record without a cursor"


@pytest.mark.parametrize("time", [None, "", "soon", "9" * 30, "9" * 18, "1e9", 7])
def test_a_record_without_a_usable_time_says_so(time: object) -> None:
    assert decode(__REALTIME_TIMESTAMP=time).problem == "a record without a time"


@pytest.mark.parametrize("priority", [None, "", "8", "-1", "err", "\u0663", 3, ["9"]])
def test_a_priority_that_is_none_counts_as_information(priority: object) -> None:
    assert decode(PRIORITY=priority).priority == 6


def test_of_a_repeated_field_the_first_counts() -> None:
    assert decode(PRIORITY=["2", "5"]).priority == 2


def test_systemds_own_lines_about_a_unit_belong_to_it() -> None:
    assert decode(_SYSTEMD_UNIT=None, UNIT="fleet.service").unit == Untrusted("fleet.service")


def test_a_record_without_identifier_is_named_by_its_command() -> None:
    assert decode(SYSLOG_IDENTIFIER=None, _COMM="fleetd").identifier == Untrusted("fleetd")


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.lists(st.integers(-5, 300), max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, database=None)
@given(st.dictionaries(st.sampled_from([*RECORD, "UNIT", "_COMM", "X"]), ANY))
def test_no_record_makes_decoding_fail(record: dict[str, object]) -> None:
    decode_entry(json.dumps(record).encode())


@settings(max_examples=400, deadline=None, database=None)
@given(st.binary(max_size=120), st.integers(0, 300), st.integers(0, 300))
def test_no_bytes_make_decoding_fail(noise: bytes, start: int, end: int) -> None:
    line = json.dumps(RECORD).encode()
    decode_entry(line[:start] + noise + line[end:])
