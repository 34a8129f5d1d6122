"""Lines are cut out of blocks in bounded memory."""

import sys
import tracemalloc
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.hosts.entries import decode_entry
from fleettui.hosts.records import LineCutter, TooLong
from fleettui.journal.fields import TEXT_LIMIT
from fleettui.journal.keep import fields_of

T = TypeVar("T")


def cut(blocks: list[bytes], limit: int = 100) -> list[bytes | TooLong]:
    cutter = LineCutter(limit)
    return [line for block in blocks for line in cutter.feed(block)]


def test_lines_come_whole_however_the_blocks_fall() -> None:
    assert cut([b"a", b"b\nc", b"\n", b"\nd\ne"]) == [b"ab", b"c", b"", b"d"]


def test_what_follows_the_last_newline_is_kept_for_the_end() -> None:
    cutter = LineCutter()
    assert list(cutter.feed(b"a\nb")) == [b"a"]
    assert cutter.flush() == b"b"
    assert cutter.flush() is None


def test_a_line_over_the_limit_is_told_by_its_start_and_size_and_the_next_is_whole() -> None:
    lines = cut([b"x" * 60, b"y" * 60, b"z" * 60 + b"\nnext\n"])
    assert lines == [TooLong(b"x" * 60 + b"y" * 60 + b"z" * 60, 180), b"next"]


def test_a_line_of_just_the_limit_is_kept() -> None:
    assert cut([b"x" * 100 + b"\n"]) == [b"x" * 100]


def test_a_line_of_ten_megabytes_leaves_only_its_head_in_memory() -> None:
    cutter = LineCutter(1024 * 1024)
    block = b"x" * 65536
    for _ in range(160):
        assert list(cutter.feed(block)) == []
        held = sum(sys.getsizeof(piece) for piece in cutter._pieces)
        assert held < 2 * 1024 * 1024
    assert list(cutter.feed(b"\nnext\n")) == [TooLong(b"x" * 4096, 160 * 65536), b"next"]


@settings(max_examples=200, deadline=None, database=None)
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\0", b"\n")), max_size=20))
def test_no_byte_is_lost_or_doubled(blocks: list[bytes]) -> None:
    cutter = LineCutter()
    lines = [line for block in blocks for line in cutter.feed(block)]
    rest = cutter.flush() or b""
    assert all(isinstance(line, bytes) for line in [*lines, rest])
    assert b"\n".join([*lines, rest]) == b"".join(blocks)  # type: ignore[list-item]  # see above


@pytest.mark.parametrize("size", [1_000_000, 10_000_000])
def test_a_huge_record_costs_little_memory_and_the_next_is_whole(size: int) -> None:
    """Figure 6, as far as it is about memory: less than 16 MB more, the next line whole."""
    begun = b'{"__REALTIME_TIMESTAMP":"1","__CURSOR":"s=1;i=1","MESSAGE":"'
    ended = b'"}\n{"MESSAGE":"next"}\n'
    blocks = [begun, *(b"x" * 50_000 for _ in range(size // 50_000)), ended]
    cutter = LineCutter()
    tracemalloc.start()
    try:
        entries = [decode_entry(line) for block in blocks for line in cutter.feed(block)]
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    huge, after = entries
    assert huge.cursor == "s=1;i=1"
    assert len(huge.message.raw) <= TEXT_LIMIT + 100
    assert (huge.problem is None) is (size <= 1024 * 1024)
    assert after.message.raw == "next"
    assert peak < 16_000_000
    assert held < 1_000_000


VALUES = {
    "text": b'"' + b"x" * 1_000_000 + b'"',
    "no text": b'"' + b"\xff" * 1_000_000 + b'"',
    "text of four bytes a letter": b'"' + "\U0001f600".encode() + b"x" * 1_000_000 + b'"',
    "bytes": b"[" + b"120," * 250_000 + b"1]",
    "bytes that are no text": b"[" + b"200," * 250_000 + b"1]",
    "numbers": b"[" + b"1," * 500_000 + b"256]",
    "nothing": b"[" + b"null," * 200_000 + b"0]",
    "lists": b"[" + b"[7]," * 250_000 + b"0]",
    "lists in lists": b"[" + b"[[]]," * 200_000 + b"0]",
    "texts": b"[" + b'"",' * 330_000 + b"0]",
    "objects": b"[" + b"{}," * 330_000 + b"0]",
    "an object": b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("name", [b"MESSAGE", b"_PID"])
def test_no_shape_of_a_huge_record_holds_up_the_screen(name: bytes, value: bytes) -> None:
    """Figure 6: work that grows with a record is the interpreter's own, not ours, and takes less
    than 16 MB. `python -m tests.hardening huge` measures the keys.
    """
    record = b'{"__REALTIME_TIMESTAMP":"1","__CURSOR":"s=1;i=1",%b:%b}' % (b'"%b"' % name, value)
    (entry, fields), calls, peak = _cost(lambda: (decode_entry(record), list(fields_of(record))))
    assert entry.cursor == "s=1;i=1"
    assert len(entry.message.raw) <= TEXT_LIMIT + 100
    assert len(fields) < 1_100
    assert calls < 100_000
    assert peak < 16_000_000


def test_a_record_of_too_many_fields_is_shown_as_it_came() -> None:
    record = b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}"
    (_, why), (_, text) = fields_of(record)
    assert why.raw == "it has too many fields"
    assert text.raw.startswith('{"0":1,"1":1,')


def _cost(work: Callable[[], T]) -> tuple[T, int, int]:
    """What comes of some work, how many functions were called in it, and the most bytes held."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    tracemalloc.start()
    sys.setprofile(count)
    try:
        result = work()
    finally:
        sys.setprofile(None)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return result, calls, peak
