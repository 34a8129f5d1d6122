"""systemd's own journal lines about units, read: what it started and stopped, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from fleettui.access import HostUnreachable
from fleettui.commands.templates import MESSAGE_IDS
from fleettui.hosts.answers import Answer
from fleettui.hosts.text import last_words
from fleettui.model.host import UnitChange
from fleettui.model.untrusted import Untrusted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSEEN = (b"No journal files were found", b"not seeing messages from other users")
"""What journalctl says to a user who may not see systemd's lines, in its standard error."""


class _Record(msgspec.Struct):
    """Any field may be repeated (an array), binary (integers) or null; ours never are."""

    message_id: object = msgspec.field(name="MESSAGE_ID", default=None)
    unit: object = msgspec.field(name="UNIT", default=None)
    realtime: object = msgspec.field(name="__REALTIME_TIMESTAMP", default=None)


_DECODER = msgspec.json.Decoder(_Record)


def read_changes(answer: Answer, since: datetime) -> tuple[UnitChange, ...]:
    """The changes from `since` on, in the journal's order. A line that tells none is left out.

    Raises HostUnreachable where the journal could not be read, or not wholly.
    """
    unseen = any(words in answer.stderr for words in _UNSEEN)
    if unseen or (answer.exit_status != 0 and (answer.stderr or answer.stdout)):
        said = last_words(answer.stderr) or f"exit status {answer.exit_status}"
        raise HostUnreachable(f"systemd's journal lines cannot be read: {said}")
    if answer.is_cut:
        raise HostUnreachable(
            f"systemd wrote more than {len(answer.stdout)} bytes about units: not all was read"
        )
    return tuple(change for change in _changes(answer.stdout) if change.at >= since)


def _changes(journal: bytes) -> Iterator[UnitChange]:
    for line in journal.split(b"\n"):
        try:
            record = _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        change = _change(record)
        if change is not None:
            yield change


def _change(record: _Record) -> UnitChange | None:
    message_id, unit, realtime = record.message_id, record.unit, record.realtime
    if not (isinstance(message_id, str) and isinstance(unit, str) and isinstance(realtime, str)):
        return None
    kind = MESSAGE_IDS.get(message_id)
    if kind is None or not (realtime.isascii() and realtime.isdigit() and len(realtime) < 18):
        return None
    return UnitChange(Untrusted(unit), kind, _EPOCH + timedelta(microseconds=int(realtime)))
