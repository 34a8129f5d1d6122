"""A recorded journal is read since a time or of a boot, as one on a machine is."""

from datetime import UTC, datetime, timedelta

import pytest

from fleettui.model.host import NEWEST, JournalEntry, JournalItem, JournalNotice, NoticeKind, Span
from fleettui.model.untrusted import Untrusted
from fleettui.recording.stretch import stretch

NOW = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)


def line(minute: int, boot: str) -> JournalEntry:
    """A line of so many minutes ago."""
    unit, name = Untrusted("fleet.service"), Untrusted("fleetd")
    at = NOW - timedelta(minutes=minute)
    return JournalEntry(f"i={minute}", at, Untrusted(""), 6, unit, name, 600, Untrusted(boot))


SAID: list[JournalItem] = [
    JournalNotice(NoticeKind.CONNECTED, NOW - timedelta(hours=2), Untrusted("following")),
    line(90, "one"),
    line(30, "two"),
    line(3, "two"),
]


@pytest.mark.parametrize(
    ("span", "minutes"),
    [
        (NEWEST, [90, 30, 3]),
        (Span(None), [90, 30, 3]),
        (Span(None, "-1h"), [30, 3]),
        (Span(None, "2026-01-31 02:57"), [3]),
        (Span(None, "tomorrow"), []),
        (Span(None, boot=0), [90, 30, 3]),
        (Span(None, boot=-1), [90]),
        (Span(None, "-1h", boot=-1), []),
    ],
)
def test_the_lines_of_a_stretch_are_told_with_every_notice(span: Span, minutes: list[int]) -> None:
    wanted = [item for item in SAID if stretch(SAID, span, NOW)(item)]
    assert wanted[0] == SAID[0]
    assert [i.cursor for i in wanted[1:] if isinstance(i, JournalEntry)] == [
        f"i={minute}" for minute in minutes
    ]


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (Span(None, "nonsense"), "Failed to parse timestamp: nonsense"),
        (Span(None, boot=-2), "the recording has no line of the boot that is asked for"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(span: Span, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stretch(SAID, span, NOW)
