"""Journal records (`journalctl -o json`) decoded, whatever they hold; nothing here raises."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from fleettui.hosts.records import TooLong
from fleettui.hosts.text import as_text
from fleettui.journal.fields import TEXT_LIMIT, decoded, said, taken_apart
from fleettui.model.host import JournalEntry
from fleettui.model.untrusted import Untrusted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"[A-Za-z0-9=;:_.-]{1,1024}")
_CURSOR_FIELD = re.compile(rb'"__CURSOR"\s*:\s*"([A-Za-z0-9=;:_.-]{1,1024})"')
_LONG = 16 * 1024
"""Bytes of a record of which each value is looked at before it is taken apart."""
_PRIORITIES = {str(n): n for n in range(8)}


class _Record(msgspec.Struct):
    """The fields we read. Any of them may be repeated (an array), binary (integers) or null."""

    message: object = msgspec.field(name="MESSAGE", default="")
    cursor: object = msgspec.field(name="__CURSOR", default=None)
    realtime: object = msgspec.field(name="__REALTIME_TIMESTAMP", default=None)
    priority: object = msgspec.field(name="PRIORITY", default=None)
    unit: object = msgspec.field(name="_SYSTEMD_UNIT", default=None)
    about: object = msgspec.field(name="UNIT", default=None)
    identifier: object = msgspec.field(name="SYSLOG_IDENTIFIER", default=None)
    command: object = msgspec.field(name="_COMM", default=None)
    pid: object = msgspec.field(name="_PID", default=None)
    boot: object = msgspec.field(name="_BOOT_ID", default=None)


_DECODER = msgspec.json.Decoder(_Record)
_NAMES = tuple(field.name for field in msgspec.structs.fields(_Record))
_ABSENT = msgspec.Raw(b"")
_WRITTEN = msgspec.json.Decoder(
    msgspec.defstruct(
        "_Written",
        [
            (field.name, msgspec.Raw, msgspec.field(name=field.encode_name, default=_ABSENT))
            for field in msgspec.structs.fields(_Record)
        ],
    )
)
"""The same fields, not decoded yet."""


def decode_entry(line: bytes | TooLong) -> JournalEntry:
    """One record; what is none becomes an entry with its raw text and a `problem`."""
    if isinstance(line, TooLong):
        return _broken(line.head, f"a record of {line.size} bytes was left out but for its start")
    try:
        return _entry(decoded(line, _DECODER.decode if len(line) <= _LONG else _long))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        return _broken(line, f"not a journal record: {exc}")


def _long(line: bytes) -> _Record:
    written = _WRITTEN.decode(line)
    given = {name: getattr(written, name) for name in _NAMES}
    return _Record(**{n: taken_apart(raw) for n, raw in given.items() if raw != _ABSENT})


def _entry(record: _Record) -> JournalEntry:
    cursor, at = _plain(record.cursor), _time(_plain(record.realtime))
    is_cursor = _CURSOR.fullmatch(cursor) is not None
    problem = None if is_cursor else "a record without a cursor"
    return JournalEntry(
        cursor=cursor if is_cursor else "",
        at=at or _EPOCH,
        message=Untrusted(_shortened(said(record.message))),
        priority=_PRIORITIES.get(_plain(record.priority), 6),
        unit=_often(_plain(record.unit) or _plain(record.about)),
        identifier=_often(_plain(record.identifier) or _plain(record.command)),
        pid=_pid(_plain(record.pid)),
        boot_id=_often(_plain(record.boot)),
        problem=problem if at else "a record without a time",
    )


def _broken(line: bytes, problem: str) -> JournalEntry:
    """An entry that keeps the cursor where there is one, so that a stream can go on behind it."""
    found = _CURSOR_FIELD.search(line[:4096])
    return JournalEntry(
        cursor=found[1].decode("ascii") if found else "",
        at=_EPOCH,
        message=Untrusted(_shortened(as_text(line[: 4 * TEXT_LIMIT]).raw)),
        priority=6,
        unit=Untrusted(""),
        identifier=Untrusted(""),
        problem=problem,
    )


@lru_cache(1024)
def _often(text: str) -> Untrusted:
    """A text that most records of a machine have in common."""
    return Untrusted(text)


@lru_cache(1024)
def _pid(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _plain(value: object) -> str:
    """A field that is short by nature; of a repeated one, the first."""
    if type(value) is str:
        return value[:4096]
    if isinstance(value, list):
        value = value[0] if value else None
    return value[:4096] if isinstance(value, str) else ""


def _time(microseconds: str) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds))
    except (ValueError, OverflowError):
        return None


def _shortened(text: str) -> str:
    hidden = len(text) - TEXT_LIMIT
    return f"{text[:TEXT_LIMIT]}... [+{hidden} chars cut by fleettui]" if hidden > 0 else text
