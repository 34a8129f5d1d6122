"""journalctl's options, as far as fleettui uses them, over the simulated journal."""

import contextlib
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fleettui.demo.journal import CAPACITY, Entry, Journal, number_of

_AGO = re.compile(r"(-?)(\d+) ?(s|sec|second|min|minute|h|hour|d|day)s?( ago)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""By the first letter of the unit."""
_DAYS_AGO = {"today": 0, "yesterday": 1}
_DATE = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a journal."""

    unit: str
    follow: bool
    count: int | None = None
    since: float = 0.0
    """Seconds since 1970."""
    until: float = float("inf")
    cursor: str = ""
    """Where to begin: that line is the first."""

    def now(self, journal: Journal) -> list[Entry]:
        """The lines there are."""
        return self._chosen(journal.tail([self.unit], CAPACITY))

    async def lines(self, journal: Journal) -> AsyncGenerator[bytes, None]:
        """The lines there are, and then every later one as it comes."""
        follow = journal.follow([self.unit], count=CAPACITY)
        async with contextlib.aclosing(follow) as batches:
            batch: Sequence[Entry] = self._chosen(await anext(batches))
            while True:
                if batch:
                    yield b"".join(entry.line + b"\n" for entry in batch)
                batch = await anext(batches)

    def _chosen(self, entries: Sequence[Entry]) -> list[Entry]:
        first = number_of(self.cursor) if self.cursor else 0
        within = [e for e in entries if e.number >= first and self.since <= e.at <= self.until]
        if self.count is None:
            return within
        return within[: self.count] if self.cursor else within[max(len(within) - self.count, 0) :]


def read_options(options: Sequence[str], journal: Journal) -> Asked:
    """What the options ask for. Raises BadCursor; ValueError in journalctl's words."""
    found: dict[str, str] = {}
    words = iter(options)
    for word in words:
        if word in {"-u", "-o"}:
            found[word] = next(words, "")
        else:
            name, _, value = word.partition("=")
            found[name] = value
    known = {"-u", "-o", "-f", "-a", "--no-pager", "--no-tail", "--lines"}
    if strange := found.keys() - known - {"--cursor", "--since", "--until", "--boot"}:
        raise ValueError(f"journalctl: unrecognized option '{min(strange)}'")
    boot = int(found.get("--boot") or 0)
    if boot < 0:  # no machine of the demo was ever booted before
        raise ValueError(
            f"Data from the specified boot ({boot}) is not available: No such boot ID in journal"
        )
    cursor = found.get("--cursor", "")
    if cursor:
        number_of(cursor)
    return Asked(
        unit=found["-u"],
        follow="-f" in found,
        count=int(found["--lines"]) if "--lines" in found else None,
        since=_time(found["--since"], journal) if "--since" in found else 0.0,
        until=_time(found["--until"], journal) if "--until" in found else float("inf"),
        cursor=cursor,
    )


def _time(words: str, journal: Journal) -> float:
    ago = _AGO.fullmatch(words)
    if ago and bool(ago[1]) is not bool(ago[4]):  # "-5min" or "5 minutes ago"
        return journal.clock() - int(ago[2]) * _SECONDS[ago[3][0]]
    if words == "now":
        return journal.clock()
    if words in _DAYS_AGO:
        today = datetime.fromtimestamp(journal.clock(), UTC).replace(hour=0, minute=0, second=0)
        return (today - timedelta(days=_DAYS_AGO[words])).timestamp()
    if not _DATE.fullmatch(words):
        raise ValueError(f"Failed to parse timestamp: {words}")
    return datetime.fromisoformat(words).replace(tzinfo=UTC).timestamp()
