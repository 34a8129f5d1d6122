"""Every line of the recorded journals: parted into level, source and message, and judged.

`tests/data/journal_lines.tsv` holds what each distinct line is, read by a person: numbers in it
stand as 0, names of machines as MACHINE, and line numbers of sources are left out.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_keys import RECORDINGS

from fleettui.hosts.entries import decode_entry
from fleettui.journal.columns import Packer
from fleettui.journal.ring import Line, Ring
from fleettui.journal.rows import Wanted
from fleettui.journal.view import View
from fleettui.ui.widgets.journal.words import Display, drawn

TABLE = Path(__file__).parents[1] / "data" / "journal_lines.tsv"
JOURNALS = sorted(RECORDINGS.glob("*/*.jsonl"))
Row = tuple[str, str, str, str]


def lines_of(path: Path) -> list[Line]:
    """A recorded journal as the pane holds it, nothing folded."""
    ring = Ring()
    view = View(ring)
    ring.add(ring.open(), Packer().pack(decode_entry(raw) for raw in records(path)))
    view.want(Wanted(folded=False))
    return [view.line(place) for place in view.forward()]


def records(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def judged(line: Line) -> Row:
    source = line.source.raw.partition(":")[0]
    return line.code.name.lower(), line.level, source, plain(line.text.raw)


def plain(text: str) -> str:
    """A message without what differs from one cluster to the next."""
    text = re.sub(r"[0-9a-f]{32}", "MACHINE", text)
    return re.sub(r"\d+", "0", text)


def table() -> Iterator[Row]:
    for row in TABLE.read_text().splitlines():
        code, level, source, text = row.split("\t")
        yield code, level, source, text


@pytest.mark.parametrize("path", JOURNALS, ids=lambda p: f"{p.parent.name}-{p.name[:7]}")
def test_every_recorded_line_is_what_a_person_says_it_is(path: Path) -> None:
    known = set(table())
    lines = lines_of(path)
    assert len(lines) == len(records(path))
    for line in lines:
        assert judged(line) in known, judged(line)


@pytest.mark.parametrize("path", JOURNALS, ids=lambda p: f"{p.parent.name}-{p.name[:7]}")
def test_the_parts_of_every_recorded_line_are_the_line(path: Path) -> None:
    for raw, line in zip(records(path), lines_of(path), strict=True):
        record = json.loads(raw)
        whole = record["MESSAGE"]
        assert line.message.raw == whole
        assert whole in {f"{line.level} {line.source.raw}: {line.text.raw}", line.text.raw}
        if whole == line.text.raw:  # systemd's own lines carry no prefix
            assert (line.source.raw, record["SYSLOG_IDENTIFIER"]) == ("systemd", "systemd")
        (shown, *_) = drawn(line, Display(width=400), None)
        words = "".join(text for text, _ in shown)
        assert words.split()[1] == line.level[:1]
        assert line.source.raw in words
        assert str(line.text)[:300] in words


def test_the_table_has_no_line_that_was_not_recorded() -> None:
    recorded = {judged(line) for path in JOURNALS for line in lines_of(path)}
    assert set(table()) == recorded


def test_a_folded_journal_still_counts_every_line() -> None:
    for path in JOURNALS:
        ring = Ring()
        view = View(ring)
        ring.add(ring.open(), Packer().pack(decode_entry(raw) for raw in records(path)))
        view.update()
        counts = [view.line(place).count for place in view.forward()]
        assert sum(counts) == len(records(path)) == view.lines
        if b"Failed fetching current unit states" in path.read_bytes():
            assert max(counts) > 10
