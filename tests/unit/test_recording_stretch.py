"""A recorded journal is read since a time or of a boot, as one on a machine is."""

from datetime import UTC, datetime, timedelta

import pytest

from fleettui.access import ClusterAddress, HostUnreachable
from fleettui.model.cluster import Machine
from fleettui.model.host import NEWEST, JournalEntry, JournalItem, JournalNotice, NoticeKind, Span
from fleettui.model.untrusted import Untrusted
from fleettui.recording.file import Recording
from fleettui.recording.player import Player
from fleettui.recording.records import Head, Said, Timed
from fleettui.recording.replayed import replayed
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


async def test_what_is_read_once_more_is_the_stretch_that_is_asked_for() -> None:
    cluster = ClusterAddress(("http://etcd",), "/_coreos.com/fleet/")
    machine = Machine(Untrusted("ab" * 16), Untrusted("172.17.8.101"))
    said = Timed(NOW, Said(machine, "fleet.service", tuple(SAID)))
    head = Head(1, "1.0", NOW, cluster, may_change=False)
    player = Player(Recording(head, (said,), is_whole=True))
    await player.play()
    hosts = replayed(player).hosts

    async def read(unit: str, span: Span, cursor: str = "") -> list[str]:
        async with hosts.recall(machine, unit, span, cursor) as batches:
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
