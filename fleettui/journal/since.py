"""The points in time that journalctl takes (systemd.time(7)), as far as anybody types them."""

import re
from datetime import UTC, datetime, timedelta

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_RELATIVE = re.compile(r"(?P<sign>[+-])(?P<span>.+)|(?P<past>.+) ago")
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_UNITS = {
    0.001: "ms msec",
    1.0: " s sec second seconds",
    60.0: "m min minute minutes",
    3600.0: "h hr hour hours",
    86_400.0: "d day days",
    604_800.0: "w week weeks",
    2_629_800.0: "M month months",
    31_557_600.0: "y year years",
}
"""By their length in seconds; a number alone is seconds."""
_SECONDS = {name: length for length, names in _UNITS.items() for name in names.split(" ")}
_OF_DAY = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f")
_DATES = [
    f"{date}{time}"
    for date in ("%Y-%m-%d", "%y-%m-%d")
    for time in ("", *(f" {of_day}" for of_day in _OF_DAY))
]


def seconds_of(words: str, now: float) -> float:
    """Since 1970, in UTC. Raises ValueError in journalctl's words."""
    try:
        return _seconds(words, datetime.fromtimestamp(now, UTC))
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"Failed to parse timestamp: {words}") from None


def _seconds(words: str, now: datetime) -> float:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if words == "now":
        return now.timestamp()
    if words in _DAYS:
        return (today + timedelta(days=_DAYS[words])).timestamp()
    if words.startswith("@"):
        return float(words.removeprefix("@"))
    relative = _RELATIVE.fullmatch(words)
    if relative is not None:
        length = _length(relative["span"] or relative["past"])
        return now.timestamp() + (length if relative["sign"] == "+" else -length)
    return _moment(words.removesuffix(" UTC"), today).timestamp()


def _length(words: str) -> float:
    """A span such as `1h 30min` in seconds. Raises KeyError or ValueError."""
    total, at = 0.0, 0
    while at < len(words):
        part = _PART.match(words, at)
        if part is None:
            raise ValueError(words)
        total += float(part[1]) * _SECONDS[part[2]]
        at = part.end()
    return total


def _moment(words: str, today: datetime) -> datetime:
    """A date, with or without a time of the day, or that alone. Raises ValueError."""
    for pattern in (*_DATES, *_OF_DAY):
        try:
            found = datetime.strptime(words, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
        return found if pattern in _DATES else datetime.combine(today.date(), found.timetz())
    raise ValueError(words)
