"""What the fields of a journal record say, in every shape journalctl gives them, within bounds."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import TypeVar

import msgspec

TEXT_LIMIT = 64 * 1024
"""Characters up to which bytes that are no UTF-8 are written out one by one: a million of them
would hold up the screen."""
LEFT_OUT = "[over 4096 bytes, which journalctl leaves out of its JSON]"

_MOST_VALUES = 1_000
"""Of a field that is repeated."""
_MOST_PARTS = 20_000
"""Of a value that is taken apart: each is an object, and a quarter of a million of them take a
tenth of a second."""
_LONGEST = 2 * 1024 * 1024
"""Bytes of a value that is taken apart."""
_HEAD = 4096
"""Bytes that are shown of another one."""
_RAW_BYTES = {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}
"""Bytes that are no UTF-8, as Python reads them, and as they are written out."""
_RAW_BYTES_IN_JSON = {raw: f"\\{text}" for raw, text in _RAW_BYTES.items()}
_OF_NUMBERS = b"0123456789,[] \t\r"
_NAMED = msgspec.json.Decoder(dict[str, msgspec.Raw])

T = TypeVar("T")
Field = tuple[str, str]
"""Its name, and one of its values."""


def decoded(record: bytes, decode: Callable[[bytes], T]) -> T:
    """What `decode` makes of a record; bytes of it that are no UTF-8 are written out as `\\xNN` for
    the reader, and as `?` far behind its start. Raises what `decode` raises.
    """
    try:
        return decode(record)
    except UnicodeDecodeError:
        pass  # the error holds a copy of the record, and is let go of here
    text = record.decode("utf-8", "surrogateescape")
    return decode(_written_out(text, _RAW_BYTES_IN_JSON).encode())


def named(record: bytes) -> list[Field]:
    """Every field of a record, journald's own last. Raises what msgspec raises."""
    if record.count(b'":') > _MOST_PARTS:
        raise msgspec.DecodeError("it has too many fields")
    values = {name: taken_apart(raw) for name, raw in _NAMED.decode(record).items()}
    names = sorted(values, key=lambda name: (name.startswith("_"), name))
    found = [(name, text) for name in names for text in islice(texts(values[name]), _MOST_VALUES)]
    more = [("...", f"[{len(found) - _MOST_VALUES} more]")] if len(found) > _MOST_VALUES else []
    return found[:_MOST_VALUES] + more


def taken_apart(raw: msgspec.Raw) -> object:
    """A value as Python has it; one of too many parts is text: as it is written, cut."""
    written = memoryview(raw)
    if len(written) <= _HEAD:
        return msgspec.json.decode(raw)
    value = bytes(written)
    if len(value) > _LONGEST or (value[:1] in b"[{" and _parts(value) > _MOST_PARTS):
        return as_written(value)
    return msgspec.json.decode(value)


def as_written(value: bytes) -> str:
    """The beginning of something, as it came."""
    more = len(value) - _HEAD
    head = value[:_HEAD].decode("utf-8", "backslashreplace")
    return f"{head}... [+{more} bytes, which fleettui does not take apart]" if more > 0 else head


def said(value: object) -> str:
    """All that a field says."""
    return value if isinstance(value, str) else "\n".join(texts(value))


def texts(value: object) -> Iterator[str]:
    """Each value of a field: text, bytes as a list of numbers, null, or a list of these."""
    if not isinstance(value, list):
        yield LEFT_OUT if value is None else str(value)
        return
    if set(map(type, value)) == {int}:
        with suppress(ValueError):
            yield _written_out(bytes(value).decode("utf-8", "surrogateescape"), _RAW_BYTES)
            return
    for number, part in enumerate(value):
        if number == _MOST_VALUES:
            yield f"[{len(value) - number} more values]"
            return
        yield said(part)


def _parts(value: bytes) -> int:
    """How many objects a value is at most; one for each byte of a list of bytes is none."""
    if not value.translate(None, _OF_NUMBERS) and value.count(b"[") == 1:
        return 1
    return value.count(b",") + value.count(b"[") + value.count(b"{")


def _written_out(text: str, marks: dict[int, str]) -> str:
    """Text without surrogates: no more of what is no UTF-8 is written out than is kept."""
    head, rest = text[:TEXT_LIMIT], text[TEXT_LIMIT:]
    return head.translate(marks) + rest.encode("utf-8", "replace").decode()
