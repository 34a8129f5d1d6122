"""fleet's journal lines, parted into level, source and message, and what each one means."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from fleettui.model.host import JournalEntry
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted

QUIET = timedelta(seconds=12)
"""More than two periods of the fault's slower loop: silence of this length says that it ended."""
ONE_PERIOD = timedelta(seconds=6)
"""More than one period of it: the silence that is enough once fleetd was told to begin anew."""


class Kind(StrEnum):
    """What a line means to the operator."""

    PLAIN = "plain"
    WARNING = "warning"
    ERROR = "error"
    FAULT = "fault"
    """The loop of a template that was loaded: this machine's agent is dead."""
    NOISE = "noise"
    """Known to be harmless (fleet issues #888, #1083)."""


class Break(StrEnum):
    """How fleetd tells that a watch ended and begins anew: up to three lines a break."""

    WATCHER = "watcher"
    RESULT = "result"
    RESPONSE = "response"


class FleetLine(msgspec.Struct, frozen=True):
    """A message without its prefix."""

    level: str
    """DEBUG, INFO, WARN, ERROR, FATAL, or empty where the line carries none."""
    source: str
    """`file.go:NN`, or empty."""
    text: str


_MODERN = re.compile(r"(DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL) (\w+\.go:\d+): ")
_GLOG = re.compile(r"([DIWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (\w+\.go:\d+)\] ")
_GLOG_LEVELS = {"D": "DEBUG", "I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL"}

# systemd's tail of the sentence differs by its version, so only fleet's own words count.
_LOOP = re.compile(
    r"(?:Failed fetching current unit states"
    r"|Unable to determine agent's current state: failed fetching unit states from UnitManager)"
    r": Unit name (\S+) is "
)
# 0.11 names a watch by its key alone and calls the empty answer invalid; later releases say nothing
# of it (fleet registry/event.go and the etcd clients in its tree).
_NOISE = re.compile(
    r"etcd watcher (?:\{Watch [^}]*\}|/\S*) returned error: "
    r"(?P<watcher>unexpected end of JSON input|cancelled|client: response is invalid json)"
    r"|Unable to get result for \{Watch [^}]*\}, (?P<result>retrying in )"
    r"|Failed getting response from \S+: (?P<response>unexpected EOF|cancelled)"
)
_BEGINNING = "Starting fleetd version"
_TOLD_TO_BEGIN_ANEW = "Restarting server components"
_WRITING = re.compile(r"Writing systemd unit (\S+) ")


def part(message: str) -> FleetLine:
    """Level, source and text of a line of fleetd: 0.8+'s prefix or glog's of 0.7 and older."""
    if found := _MODERN.match(message):
        level = "WARN" if found[1] == "WARNING" else found[1]
        return FleetLine(level, found[2], message[found.end() :])
    if found := _GLOG.match(message):
        return FleetLine(_GLOG_LEVELS[found[1]], found[2], message[found.end() :])
    return FleetLine("", "", message)


def looping_template(message: str) -> str | None:
    """The template that a line of the fault names, or None for any other line."""
    return _named_by_loop(part(message).text)


def _named_by_loop(text: str) -> str | None:
    found = _LOOP.match(text)
    return found[1] if found and is_template(found[1]) else None


def harmless(text: str) -> tuple[Break, bool] | None:
    """What a harmless line without its prefix tells of a watch, and whether it was cancelled.

    None for any other line.
    """
    found = _NOISE.match(text)
    if found is None or found.lastgroup is None:
        return None
    return Break(found.lastgroup), found[found.lastgroup] == "cancelled"


def kind_of(entry: JournalEntry) -> Kind:
    """What an entry means, by its message; by its priority where it carries no level."""
    line = part(entry.message.raw)
    if _named_by_loop(line.text) is not None:
        return Kind.FAULT
    if harmless(line.text) is not None:
        return Kind.NOISE
    if line.level in {"ERROR", "FATAL", "CRITICAL"} or (not line.level and entry.priority <= 3):
        return Kind.ERROR
    if line.level == "WARN" or (not line.level and entry.priority == 4):
        return Kind.WARNING
    return Kind.PLAIN


class Loop(msgspec.Struct, frozen=True):
    """The fault's lines of one template in one machine's journal."""

    unit: Untrusted
    count: int
    first_at: datetime
    last_at: datetime
    """UTC, by the machine's clock."""
    pid: int
    """The fleetd that wrote the last one."""
    line: Untrusted
    """The last one."""
    cursor: str = ""
    """Of the last one."""
    whole: bool = False
    """Whether the first line that was read is the first of the loop: it may have begun before."""
    told_anew: bool = False
    """Whether fleetd was told to begin anew (SIGHUP) after the last line."""

    def goes_on(self, clock: datetime) -> bool:
        """Whether the loop still ran at `clock`, UTC by the machine's clock."""
        return clock - self.last_at <= (ONE_PERIOD if self.told_anew else QUIET)


def loops_in(entries: Iterable[JournalEntry]) -> tuple[Loop, ...]:
    """The loops of fleetd's newest process: a start of fleetd begins the count anew."""
    loops: dict[str, Loop] = {}
    written: set[str] = set()
    began: datetime | None = None
    started = False
    for entry in entries:
        began = began or (entry.at if entry.problem is None else None)
        text = part(entry.message.raw).text
        if text.startswith(_BEGINNING):
            loops, started = {}, True
        elif text.startswith(_TOLD_TO_BEGIN_ANEW):
            loops = {unit: replace(loop, told_anew=True) for unit, loop in loops.items()}
        elif found := _WRITING.match(text):
            written.add(found[1])
        elif (unit := _named_by_loop(text)) is not None:
            quiet = began is not None and entry.at - began > ONE_PERIOD
            whole = started or unit in written or quiet
            loops[unit] = _longer(loops.get(unit), unit, entry, whole=whole)
    return tuple(loops.values())


def _longer(loop: Loop | None, unit: str, entry: JournalEntry, *, whole: bool) -> Loop:
    """The loop with one more line; a first one is `whole` if what came before it was read."""
    first = loop
    if first is None or first.pid != entry.pid:
        first = Loop(Untrusted(unit), 0, entry.at, entry.at, 0, entry.message, whole=whole)
    return replace(
        first,
        count=first.count + 1,
        last_at=entry.at,
        pid=entry.pid,
        line=entry.message,
        cursor=entry.cursor,
        told_anew=False,
    )
