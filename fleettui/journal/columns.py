"""Journal items as columns: what a batch of lines weighs little in, and is cheap to pass on."""

from array import array
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import IntEnum

import msgspec

from fleettui.diagnosis.lines import Kind, kind_of
from fleettui.model.host import JournalEntry, JournalItem, JournalNotice, NoticeKind
from fleettui.model.untrusted import Untrusted

RECENT = 4
"""A line repeats another if its text is among this many different texts last said."""
FARTHEST = 0xFFFF
"""A repeat is not looked for farther back than this many lines."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = (datetime(9999, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND


class Code(IntEnum):
    """What a line is, in one byte."""

    PLAIN = 0
    WARNING = 1
    ERROR = 2
    FAULT = 3
    NOISE = 4
    RULE = 5
    """No line of the journal: a notice about the stream, drawn as a rule between them."""


_CODES = {
    Kind.PLAIN: Code.PLAIN,
    Kind.WARNING: Code.WARNING,
    Kind.ERROR: Code.ERROR,
    Kind.FAULT: Code.FAULT,
    Kind.NOISE: Code.NOISE,
}
KINDS = {code: kind for kind, code in _CODES.items()}


class Origin(msgspec.Struct, frozen=True):
    """What many lines have in common: who said them, and in which file of the journal."""

    unit: Untrusted = Untrusted("")
    identifier: Untrusted = Untrusted("")
    pid: int = 0
    boot_id: Untrusted = Untrusted("")
    priority: int = 6
    series: str = ""
    """The cursor's part before its sequence number; a whole cursor that has none."""
    problem: str | None = None
    notice: NoticeKind | None = None


class Batch(msgspec.Struct, frozen=True):
    """Lines as columns; all of one length but `text` and `origins`."""

    text: bytes
    """Every line, with a newline behind it. A line may hold newlines itself."""
    ends: "array[int]"
    """Where each line ends in `text`, behind its newline."""
    at: "array[int]"
    """Microseconds since 1970: the machine's clock, or ours for a rule."""
    sequence: "array[int]"
    """The journal's own numbers, from the cursors; 0 = none."""
    origin: "array[int]"
    """Which of `origins` each line has."""
    codes: bytes
    back: "array[int]"
    """How many lines back the same text was said last; 0 = it repeats nothing."""
    origins: tuple[Origin, ...]

    def __len__(self) -> int:
        return len(self.codes)


def microseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """The UTC time of so many microseconds since 1970; a time beyond the calendar is its end."""
    return EPOCH + timedelta(microseconds=min(max(at, 0), _LATEST))


class Packer:
    """Packs one stream's items, and knows which of them repeat what was said just before."""

    def __init__(self) -> None:
        self._number = 0
        self._recent: dict[bytes, tuple[int, int]] = {}
        """Text of a line that may be repeated -> its last number, its code."""

    def pack(self, items: Iterable[JournalItem]) -> Batch:
        """One batch of all items."""
        pieces: list[bytes] = []
        ends, at, sequence = array("I"), array("q"), array("Q")
        origin, back, codes = array("H"), array("H"), bytearray()
        origins: dict[object, int] = {}
        known: list[Origin] = []
        end = 0
        for item in items:
            text, key, number, made = _parts(item)
            place = origins.get(key)
            if place is None:
                place = origins[key] = len(known)
                known.append(made or _origin(item))
            code, distance = self._judged(item, text)
            end += len(text) + 1
            pieces.append(text)
            ends.append(end)
            at.append(microseconds(item.at))
            sequence.append(number)
            origin.append(place)
            codes.append(code)
            back.append(distance)
        pieces.append(b"")
        text = b"\n".join(pieces)
        return Batch(text, ends, at, sequence, origin, bytes(codes), back, tuple(known))

    def _judged(self, item: JournalItem, text: bytes) -> tuple[int, int]:
        """A line's code, and how far back it was said before."""
        recent, number = self._recent, self._number
        self._number += 1
        if isinstance(item, JournalNotice):
            return Code.RULE, 0
        key = text if item.problem is None else b""
        before = recent.pop(key, None)
        if before is not None and before[1] >> 3 == item.priority:
            recent[key] = (number, before[1])
            distance = number - before[0]
            return before[1] & 7, distance if distance <= FARTHEST else 0
        code = _CODES[kind_of(item)]
        if key:
            recent[key] = (number, code | item.priority << 3)
            if len(recent) > RECENT:
                del recent[next(iter(recent))]
        return code, 0


def _parts(item: JournalItem) -> tuple[bytes, object, int, Origin | None]:
    """Text, what tells its origin from others, sequence number, and the origin of a notice."""
    if isinstance(item, JournalNotice):
        made = Origin(notice=item.kind)
        return item.text.raw.encode("utf-8", "backslashreplace"), made, 0, made
    series, number = cursor_parts(item.cursor)
    key = (
        item.pid,
        item.priority,
        series,
        item.unit.raw,
        item.identifier.raw,
        item.boot_id.raw,
        item.problem,
    )
    return item.message.raw.encode("utf-8", "backslashreplace"), key, number, None


def _origin(item: JournalItem) -> Origin:
    assert isinstance(item, JournalEntry)
    return Origin(
        unit=item.unit,
        identifier=item.identifier,
        pid=item.pid,
        boot_id=item.boot_id,
        priority=item.priority,
        series=cursor_parts(item.cursor)[0],
        problem=item.problem,
    )


def cursor_parts(cursor: str) -> tuple[str, int]:
    """`s=SERIES` and the sequence number; what is no such cursor stays whole."""
    series, found, rest = cursor.partition(";i=")
    try:
        number = int(rest.partition(";")[0], 16) if found else 0
    except ValueError:
        return cursor, 0
    return (series, number) if 0 < number < 1 << 64 else (cursor, 0)


def cursor_of(origin: Origin, number: int) -> str:
    """A cursor that journalctl finds the line by: series and number are enough for it."""
    return f"{origin.series};i={number:x}" if number else origin.series
