"""The times of lines in words."""

from datetime import datetime, timedelta
from enum import StrEnum


class TimeStyle(StrEnum):
    """How the time of a line is shown."""

    TIME = "time"
    DATE = "date and time"
    DELTA = "time since the line before"
    NONE = "no time"

    @property
    def next(self) -> "TimeStyle":
        """The next in turn, the first after the last."""
        styles = list(TimeStyle)
        return styles[(styles.index(self) + 1) % len(styles)]


WIDTHS = {TimeStyle.TIME: 8, TimeStyle.DATE: 23, TimeStyle.DELTA: 9, TimeStyle.NONE: 0}
"""Columns of a shown time."""


def time_words(
    at: datetime, style: TimeStyle, *, local: bool = False, before: datetime | None = None
) -> str:
    """A time of UTC, as wide as `WIDTHS` says; `before` is when the line before was said."""
    if style is TimeStyle.NONE:
        return ""
    if style is TimeStyle.DELTA:
        return f"{delta_words(at - before) if before else '':>9}"
    shown = _local(at) if local else at
    if style is TimeStyle.TIME:
        return f"{shown:%H:%M:%S}"
    return f"{shown:%Y-%m-%d %H:%M:%S}.{shown.microsecond // 1000:03}"


def _local(at: datetime) -> datetime:
    """A time of this place; one at an end of the calendar, from a clock gone wild, stays UTC's."""
    try:
        return at.astimezone()
    except OverflowError:
        return at


def delta_words(delta: timedelta) -> str:
    """`+1.250 s`, `-12 min`: at most 9 columns."""
    sign, seconds = ("-" if delta < timedelta(0) else "+"), abs(delta).total_seconds()
    if seconds < 100:
        return f"{sign}{seconds:.3f} s"
    for limit, size, unit in ((6000, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{sign}{seconds / size:.0f} {unit}"
    return f"{sign}{seconds / 86_400:.0f} d"


def skew_words(ahead: timedelta) -> str:
    """How a machine's clock stands to ours, such as `1 h ahead`."""
    words = delta_words(abs(ahead)).lstrip("+")
    amount, _, unit = words.partition(" ")
    return f"{amount.partition('.')[0]} {unit} {'behind' if ahead < timedelta(0) else 'ahead'}"
