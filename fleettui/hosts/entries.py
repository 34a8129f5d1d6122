"""Journal records (`journalctl -o json`) decoded, whatever they hold; nothing here raises."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from fleettui.hosts.records import TooLong
from fleettui.hosts.text import as_text
from fleettui.model.host import JournalEntry
from fleettui.model.untrusted import Untrusted

TEXT_LIMIT = 64 * 1024
"""Characters kept of a message."""
LEFT_OUT = "[a message over 4096 bytes, which journalctl leaves out of its JSON]"

_MOST_VALUES = 1_000
"""Of a field that is repeated."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"[A-Za-z0-9=;:_.-]{1,1024}")
_CURSOR_FIELD = re.compile(rb'"__CURSOR"\s*:\s*"([A-Za-z0-9=;:_.-]{1,1024})"')
_RAW_BYTES = {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}
"""Bytes that are no UTF-8, as Python reads them, and as they are written out."""
_RAW_BYTES_IN_JSON = {raw: f"\\{text}" for raw, text in _RAW_BYTES.items()}
_MARKED = 64 * 1024
"""Bytes of a record whose bytes that are no UTF-8 are written out one by one: a million would hold
up the screen."""
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


def decode_entry(line: bytes | TooLong) -> JournalEntry:
    """One record; what is none becomes an entry with its raw text and a `problem`."""
    if isinstance(line, TooLong):
        return _broken(line.head, f"a record of {line.size} bytes was left out but for its start")
    try:
        return _entry(_DECODER.decode(line))
    except UnicodeDecodeError:
        return _decode_marked(line)
    except (msgspec.DecodeError, RecursionError) as exc:
        return _broken(line, f"not a journal record: {exc}")


def _decode_marked(line: bytes) -> JournalEntry:
    """A record with bytes that are no UTF-8, which are written out as `\\xNN` for the reader; in a
    long one U+FFFD stands for them.
    """
    if len(line) > _MARKED:
        marked = line.decode("utf-8", "replace")
    else:
        marked = line.decode("utf-8", "surrogateescape").translate(_RAW_BYTES_IN_JSON)
    try:
        return _entry(_DECODER.decode(marked))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        return _broken(line, f"not a journal record: {exc}")


def _entry(record: _Record) -> JournalEntry:
    cursor, at = _plain(record.cursor), _time(_plain(record.realtime))
    is_cursor = _CURSOR.fullmatch(cursor) is not None
    problem = None if is_cursor else "a record without a cursor"
    return JournalEntry(
        cursor=cursor if is_cursor else "",
        at=at or _EPOCH,
        message=Untrusted(_shortened(_said(record.message))),
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


def _said(value: object) -> str:
    """MESSAGE as journalctl writes it: a string, an array of bytes, null, or an array of these."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return LEFT_OUT if value is None else f"[{type(value).__name__}: no text]"
    if set(map(type, value)) == {int}:
        with suppress(ValueError):
            return _of_bytes(bytes(value))
    return "\n".join(_parts(value))


def _of_bytes(raw: bytes) -> str:
    """Text that was sent byte by byte; of what is no UTF-8 no more is written out than is kept."""
    text = raw.decode("utf-8", "surrogateescape")
    head, rest = text[:TEXT_LIMIT], text[TEXT_LIMIT:]
    return head.translate(_RAW_BYTES) + rest.encode("utf-8", "replace").decode()


def _parts(values: list[object]) -> Iterator[str]:
    """What each of several values says, until it is more than is kept."""
    size = 0
    for number, value in enumerate(values):
        if size > TEXT_LIMIT or number == _MOST_VALUES:
            yield f"[{len(values) - number} more values]"
            return
        part = _said(value)
        size += len(part) + 1
        yield part


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
