"""fleet's journal lines, parted into level, source and message, and what each one means."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleettui.model.host import JournalEntry
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted


class Kind(StrEnum):
    """What a line means to the operator."""

    PLAIN = "plain"
    WARNING = "warning"
    ERROR = "error"
    FAULT = "fault"
    """The loop of a template that was loaded: this machine's agent is dead."""
    NOISE = "noise"
    """Known to be harmless (fleet issues #888, #1083)."""


@dataclass(frozen=True, slots=True)
class FleetLine:
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
_NOISE = re.compile(
    r"etcd watcher \{Watch [^}]*\} returned error: (?:unexpected end of JSON input|cancelled)"
    r"|Unable to get result for \{Watch [^}]*\}, retrying in "
    r"|Failed getting response from \S+: (?:unexpected EOF|cancelled)"
)


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
    found = _LOOP.match(part(message).text)
    return found[1] if found and is_template(found[1]) else None


def kind_of(entry: JournalEntry) -> Kind:
    """What an entry means, by its message; by its priority where it carries no level."""
    message = entry.message.raw
    if looping_template(message) is not None:
        return Kind.FAULT
    line = part(message)
    if _NOISE.match(line.text):
        return Kind.NOISE
    if line.level in {"ERROR", "FATAL", "CRITICAL"} or (not line.level and entry.priority <= 3):
        return Kind.ERROR
    if line.level == "WARN" or (not line.level and entry.priority == 4):
        return Kind.WARNING
    return Kind.PLAIN


@dataclass(frozen=True, slots=True)
class Loop:
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


def loops_in(entries: Iterable[JournalEntry]) -> tuple[Loop, ...]:
    """The loops of fleetd's newest process: a start of fleetd begins the count anew."""
    loops: dict[str, Loop] = {}
    for entry in entries:
        message = entry.message.raw
        if part(message).text.startswith("Starting fleetd version"):
            loops.clear()
        unit = looping_template(message)
        if unit is not None:
            before = loops.get(unit)
            loops[unit] = Loop(
                Untrusted(unit),
                before.count + 1 if before else 1,
                before.first_at if before else entry.at,
                entry.at,
                entry.pid,
                entry.message,
            )
    return tuple(loops.values())
