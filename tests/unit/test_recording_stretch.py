"""A recorded journal is read since a time or of a boot, as one on a machine is."""

from datetime import UTC, datetime, timedelta

import pytest

from fleettui.access import ClusterAddress, HostUnreachable
from fleettui.model.cluster import Machine
from fleettui.model.host import NEWEST, JournalEntry, JournalItem, JournalNotice, NoticeKind, Span
from fleettui.model.untrusted import Untrusted
from fleettui.recording.file import Recording
from fleettui.recording.player import Player
from fleettui.recording.records import Head, Record, Said, Timed
from fleettui.recording.replayed import replayed
from fleettui.recording.stretch import stretch

NOW = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)


def line(minute: int, boot: str, cursor: str = "") -> JournalEntry:
    """A line of so many minutes ago."""
    unit, name = Untrusted("fleet.service"), Untrusted("fleetd")
    at = NOW - timedelta(minutes=minute)
    return JournalEntry(
        cursor or f"i={minute}", at, Untrusted(""), 6, unit, name, 600, Untrusted(boot)
    )


MACHINE = Machine(Untrusted("ab" * 16), Untrusted("172.17.8.101"))


def recorded(*records: Record) -> Recording:
    """A recording in which all is said at once."""
    head = Head(1, "1.0", NOW, ClusterAddress(("http://etcd",), "/_coreos.com/fleet/"), False)  # noqa: FBT003 - a record's own field
    return Recording(head, tuple(Timed(NOW, record) for record in records), is_whole=True)


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
        (Span(None, "2026-01-31 01:30", "2026-01-31 02:30"), [90, 30]),
        (Span(None, until="-1h"), [90]),
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
        (Span(None, until="nonsense"), "Failed to parse timestamp: nonsense"),
        (Span(None, boot=-2), "the recording has no line of the boot that is asked for"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(span: Span, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        stretch(SAID, span, NOW)


async def test_a_journal_is_told_as_its_machine_had_it_in_whatever_order_it_was_read() -> None:
    """A look brings the newest lines, before its journal is opened; and a clock is set back."""
    at = {1: 9, 2: 8, 3: 7, 4: 30, 5: 2}
    lines = [line(at[n], "one", f"s=ab;i={n};b=cd") for n in at]
    short = [line(at[n], "one", f"s=ab;i={n}") for n in at]
    look = Said(MACHINE, "fleet.service", tuple(lines[2:4]))
    opened = Said(MACHINE, "fleet.service", (SAID[0], *short))
    player = Player(recorded(look, opened))
    await player.play()
    (said,) = player.said.values()
    assert [i.at for i in said if isinstance(i, JournalEntry)] == [i.at for i in lines]
    assert said.index(SAID[0]) == 4


async def test_what_is_read_once_more_is_the_stretch_that_is_asked_for() -> None:
    player = Player(recorded(Said(MACHINE, "fleet.service", tuple(SAID))))
    await player.play()
    hosts = replayed(player).hosts

    async def read(unit: str, span: Span, cursor: str = "") -> list[str]:
        async with hosts.recall(MACHINE, unit, span, cursor) as batches:
            return [record.entry.cursor async for batch in batches for record in batch]

    last_hour = Span(None, "2026-01-31 02:00", "2026-01-31 02:30")
    assert await read("fleet.service", last_hour) == ["i=30"]
    assert await read("fleet.service", Span(lines=1), "i=3") == ["i=3"]
    for unit, span, cursor in [
        ("etcd.service", last_hour, ""),
        ("fleet.service", Span(lines=1), "i=4"),
        ("fleet.service", Span(None, "nonsense"), ""),
    ]:
        with pytest.raises(HostUnreachable):
            await read(unit, span, cursor)
