"""The harmless lines of fleetd counted, and how dense they are."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from fleettui.diagnosis.lines import Break, harmless, part
from fleettui.model.host import JournalEntry

SPAN = timedelta(minutes=5)
"""A watch of a healthy fleetd ends about once in this time (fleet issues #888, #1083)."""
WATCHERS = 2
"""Of one fleetd: its agent's and its engine's."""
MOST = 5 * WATCHERS
"""Ended watches within SPAN that still count as harmless: five times the known rate, since a busy
etcd drops its oldest events, and a watch with them, more often than an idle one."""
NEAR = timedelta(seconds=10)
"""A watch that is cancelled so close to a shutdown or a reload ends because of it."""

_ENDING = (
    "Gracefully shutting down",
    "Server monitor triggered: told to shut down",
    "Restarting server components",
    "Starting fleetd version",
)


class Noise(msgspec.Struct, frozen=True):
    """Harmless lines of one machine's journal."""

    lines: int
    """All of them, to be shown as a count."""
    breaks: int
    """Ended watches in the densest SPAN, without those that a shutdown or a reload explains."""
    since: datetime | None = None
    """UTC by the machine's clock, when that span began."""
    sample: JournalEntry | None = None
    """The last harmless line."""

    @property
    def is_dense(self) -> bool:
        """Whether watches end more often than harmlessness explains."""
        return self.breaks > MOST


def noise_in(entries: Iterable[JournalEntry]) -> Noise:
    """Count the harmless lines.

    Each release tells of an ended watch in one to three lines of different wording, so the wording
    that came most often says how many watches ended.
    """
    heard: dict[Break, list[datetime]] = {kind: [] for kind in Break}
    cancelled: list[tuple[Break, datetime]] = []
    endings: list[datetime] = []
    count, sample = 0, None
    for entry in entries:
        text = part(entry.message.raw).text
        found = harmless(text)
        if found is None:
            if text.startswith(_ENDING):
                endings.append(entry.at)
            continue
        count, sample = count + 1, entry
        if found[1]:
            cancelled.append((found[0], entry.at))
        else:
            heard[found[0]].append(entry.at)
    for kind, at in cancelled:
        if not any(abs(at - end) <= NEAR for end in endings):
            heard[kind].append(at)
    breaks, since = max((_densest(sorted(times)) for times in heard.values()), key=lambda d: d[0])
    return Noise(count, breaks, since, sample)


def _densest(times: Sequence[datetime]) -> tuple[int, datetime | None]:
    """How many of `times` fall into one SPAN at most, and when that span begins."""
    most, since, first = 0, None, 0
    for last, at in enumerate(times):
        while at - times[first] > SPAN:
            first += 1
        if last - first + 1 > most:
            most, since = last - first + 1, times[first]
    return most, since
