"""journalctl's options, as far as fleettui uses them, over the simulated journal."""

import contextlib
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fleettui.demo.journal import CAPACITY, Entry, Journal, number_of
from fleettui.journal.since import seconds_of

_FOLLOWED = 10
"""Lines that `-f` begins with, unless told otherwise."""
_KNOWN = frozenset({
    "-u", "-o", "-f", "-a", "--no-pager", "--no-tail", "--lines", "--cursor", "--since", "--until",
    "--boot",
})  # fmt: skip # one a line reads worse


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
    whole: bool = False
    """Long values too."""

    def now(self, journal: Journal) -> bytes:
        """The lines there are."""
        return self._written(self._chosen(journal.tail([self.unit], CAPACITY)))

    async def lines(self, journal: Journal) -> AsyncGenerator[bytes, None]:
        """The lines there are, and then every later one as it comes."""
        follow = journal.follow([self.unit], count=CAPACITY)
        async with contextlib.aclosing(follow) as batches:
            batch: Sequence[Entry] = self._chosen(await anext(batches))
            while True:
                if batch:
                    yield self._written(batch)
                batch = await anext(batches)

    def _written(self, entries: Iterable[Entry]) -> bytes:
        return b"".join((e.whole if self.whole else e.line) + b"\n" for e in entries)

    def _chosen(self, entries: Sequence[Entry]) -> list[Entry]:
        first = number_of(self.cursor) if self.cursor else 0
        within = [e for e in entries if e.number >= first and self.since <= e.at <= self.until]
        if self.count is None:
            return within
        if self.cursor or self.since:  # from there on, and not the newest of them
            return within[: self.count]
        return within[max(len(within) - self.count, 0) :]


def read_options(options: Sequence[str], journal: Journal) -> Asked:
    """What the options ask for. Raises BadCursor; ValueError in journalctl's words."""
    found = _named(options)
    now = journal.clock()
    since = seconds_of(found["--since"], now) if "--since" in found else 0.0
    until = seconds_of(found["--until"], now) if "--until" in found else float("inf")
    count = _count(found)
    if since > until:
        raise ValueError("--since= must be before --until=.")
    if {"--since", "--cursor"} <= found.keys():
        raise ValueError("Please specify only one of --since=, --cursor=, and --after-cursor=.")
    _check_boot(found.get("--boot") or "0")
    cursor = found.get("--cursor", "")
    if "--cursor" in found:
        number_of(cursor)
    return Asked(found["-u"], "-f" in found, count, since, until, cursor, whole="-a" in found)


def _named(options: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    words = iter(options)
    for word in words:
        if word in {"-u", "-o"}:
            found[word] = next(words, "")
        else:
            name, _, value = word.partition("=")
            found[name] = value
    if strange := found.keys() - _KNOWN:
        raise ValueError(f"journalctl: unrecognized option '{min(strange)}'")
    return found


def _count(found: Mapping[str, str]) -> int | None:
    if "--lines" not in found:
        return _FOLLOWED if "-f" in found and "--no-tail" not in found else None
    lines = found["--lines"]
    if not lines.isdecimal():
        raise ValueError(f"Failed to parse lines '{lines}'")
    return int(lines)


def _check_boot(words: str) -> None:
    """No machine of the demo was ever booted before: the present boot is the first as well."""
    try:
        boot = int(words)
    except ValueError:
        raise ValueError(f"Failed to parse boot descriptor '{words}'") from None
    if boot not in {0, 1}:
        raise ValueError(
            f"Data from the specified boot ({boot:+}) is not available: No such boot ID in journal"
        )
