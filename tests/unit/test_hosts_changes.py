"""systemd's lines about units, read from whatever journalctl prints."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.access import HostUnreachable
from fleettui.commands import unit_changes
from fleettui.commands.templates import MESSAGE_IDS
from fleettui.hosts.answers import Answer
from fleettui.hosts.changes import read_changes
from fleettui.model.host import ChangeKind, UnitChange
from fleettui.model.untrusted import Untrusted

SINCE = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
IDS = {kind: message_id for message_id, kind in MESSAGE_IDS.items()}
HELLO = Untrusted("hello.service")


def line(kind: ChangeKind, after: float = 0.0, unit: object = "hello.service") -> bytes:
    microseconds = int((SINCE.timestamp() + after) * 1e6)
    fields = {
        "__CURSOR": "s=1",
        "__REALTIME_TIMESTAMP": str(microseconds),
        "_PID": "1",
        "_SYSTEMD_UNIT": "init.scope",
        "UNIT": unit,
        "MESSAGE_ID": IDS[kind],
        "MESSAGE": "Started hello.",
    }
    return json.dumps(fields).encode() + b"\n"


def answered(*lines: bytes, status: int = 0, stderr: bytes = b"", is_cut: bool = False) -> Answer:
    return Answer(status, b"".join(lines), stderr, is_cut)


def test_each_kind_is_told_with_its_unit_and_time_in_the_journals_order() -> None:
    order = (ChangeKind.STOPPING, ChangeKind.STOPPED, ChangeKind.STARTING, ChangeKind.STARTED)
    lines = [line(kind, seconds) for seconds, kind in enumerate((*order, ChangeKind.FAILED))]
    assert read_changes(answered(*lines), SINCE) == (
        *(UnitChange(HELLO, k, SINCE + timedelta(seconds=n)) for n, k in enumerate(order)),
        UnitChange(HELLO, ChangeKind.FAILED, SINCE + timedelta(seconds=4)),
    )


def test_what_came_earlier_in_the_second_that_was_asked_for_is_left_out() -> None:
    lines = (line(ChangeKind.STOPPED, -0.5), line(ChangeKind.STARTED, 0.25))
    (only,) = read_changes(answered(*lines), SINCE)
    assert (only.kind, only.at) == (ChangeKind.STARTED, SINCE + timedelta(seconds=0.25))


STRANGE = {
    "no entries": b"-- No entries --\n",
    "where the journal begins": b"-- Logs begin at Sun 2026-11-22 --\n",
    "another message": line(ChangeKind.STARTED).replace(
        IDS[ChangeKind.STARTED].encode(), b"0" * 32
    ),
    "no unit": line(ChangeKind.STARTED, unit=None),
    "a unit of bytes": line(ChangeKind.STARTED, unit=[104, 105]),
    "no time": line(ChangeKind.STARTED).replace(b'"__REALTIME_TIMESTAMP": "', b'"x": "'),
    "a time without end": b'{"MESSAGE_ID": "%s", "UNIT": "a", "__REALTIME_TIMESTAMP": "%s"}\n'
    % (IDS[ChangeKind.STARTED].encode(), b"9" * 30),
    "no JSON": b"{\xff\xfe\n",
    "an endless nesting": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("strange", STRANGE.values(), ids=STRANGE)
def test_a_line_that_tells_no_change_is_left_out(strange: bytes) -> None:
    known = line(ChangeKind.STARTED)
    assert len(read_changes(answered(known, strange, known), SINCE)) == 2


def test_a_hostile_unit_name_stays_untrusted() -> None:
    (change,) = read_changes(answered(line(ChangeKind.STARTED, unit="\x1b]0;x\x07")), SINCE)
    assert change.unit == Untrusted("\x1b]0;x\x07")


REFUSED = {
    "no journal": (1, b"No journal files were found.\n"),
    "no journal, and all is well": (0, b"No journal files were found.\n"),
    "only the user's own": (
        0,
        b"Hint: You are currently not seeing messages from other users and the system.\n",
    ),
    "a wrong option": (1, b"Failed to parse timestamp: @x\n"),
    "no journalctl": (127, b"sh: journalctl: not found\n"),
}


@pytest.mark.parametrize(("status", "stderr"), REFUSED.values(), ids=REFUSED)
def test_a_journal_that_cannot_be_read_is_no_empty_journal(status: int, stderr: bytes) -> None:
    with pytest.raises(HostUnreachable, match="cannot be read: ") as raised:
        read_changes(answered(status=status, stderr=stderr), SINCE)
    assert str(raised.value).endswith(" ".join(stderr.decode().split()))


def test_a_quiet_journal_holds_nothing() -> None:
    assert read_changes(answered(), SINCE) == ()
    assert read_changes(answered(status=1), SINCE) == ()


def test_half_a_journal_is_none() -> None:
    with pytest.raises(HostUnreachable, match="not all was read"):
        read_changes(answered(line(ChangeKind.STARTED), is_cut=True), SINCE)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=80)))
def test_no_output_raises(lines: list[bytes]) -> None:
    read_changes(answered(b"\n".join(lines)), SINCE)


def test_the_command_asks_for_systemds_own_lines_from_that_second_on() -> None:
    argv = unit_changes(SINCE + timedelta(seconds=0.9)).argv
    second = int(SINCE.timestamp())
    assert argv[:6] == ("journalctl", "-o", "json", "--no-pager", f"--since=@{second}", "_PID=1")
    assert {word.removeprefix("MESSAGE_ID=") for word in argv[6:]} == set(MESSAGE_IDS)
