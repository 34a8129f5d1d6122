"""Lines as they leave the pane: sanitised text to look at, JSON lines to work with."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from fleettui.journal.columns import Code, microseconds
from fleettui.journal.fields import as_written, decoded, named
from fleettui.journal.ring import Line
from fleettui.model.host import JournalEntry, JournalRecord
from fleettui.model.untrusted import Untrusted, visible

_STRANGE = re.compile(r"[^A-Za-z0-9@._-]+")


def text_line(line: Line, machine: Untrusted) -> str:
    """One line of text without a newline: nothing in it that a terminal would obey."""
    if line.code is Code.RULE:
        return f"-- {machine}: {line.text}"
    who = f"{line.origin.identifier}[{line.origin.pid}]"
    return f"{line.at:%Y-%m-%dT%H:%M:%S.%f}Z {machine} {who}: {_whole(line.message)}"


def json_line(line: Line, machine: Untrusted) -> bytes:
    """What is held of one line, under journald's names; `_` stands before what it vouches for."""
    origin = line.origin
    fields = {
        "__CURSOR": line.cursor,
        "__REALTIME_TIMESTAMP": str(microseconds(line.at)),
        "_HOSTNAME": machine.raw,
        "_SYSTEMD_UNIT": origin.unit.raw,
        "_PID": str(origin.pid),
        "_BOOT_ID": origin.boot_id.raw,
        "SYSLOG_IDENTIFIER": origin.identifier.raw,
        "PRIORITY": str(origin.priority),
        "MESSAGE": line.message.raw,
    }
    if line.code is Code.RULE:
        fields = {"FLEETTUI_NOTICE": line.text.raw, "_HOSTNAME": machine.raw}
    return msgspec.json.encode({k: _encodable(v) for k, v in fields.items()})


def record_text(record: JournalRecord, machine: Untrusted) -> str:
    """A record read anew, as `text_line` has it."""
    entry: JournalEntry = record.entry
    who = f"{entry.identifier}[{entry.pid}]"
    return f"{entry.at:%Y-%m-%dT%H:%M:%S.%f}Z {machine} {who}: {_whole(entry.message)}"


def fields_of(record: bytes) -> Iterator[tuple[Untrusted, Untrusted]]:
    """Every field of a record by name, journald's own last; of what is none, how it begins."""
    try:
        fields = decoded(record, named)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        fields = [("not a journal record", str(problem)), ("as it came", as_written(record))]
    return ((Untrusted(name), Untrusted(text)) for name, text in fields)


def file_name(parts: Iterable[str]) -> str:
    """A name for a file out of words that may hold anything."""
    words = (_STRANGE.sub("_", part).strip("._-") for part in parts)
    return "-".join(word for word in words if word)[:120]


def _whole(text: Untrusted) -> str:
    """All of a text, though a screen shows only the beginning of a long one."""
    raw, step = text.raw, 4096
    return "".join(visible(raw[i : i + step]) for i in range(0, len(raw), step))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
