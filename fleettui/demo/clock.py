"""The demo's time: the machine's own, or for a moment at the start a past that is played fast."""

import time

_LOOK = 0.000_137
_AGE = 1e6
"""Seconds on the clock before this computer was booted: a past that is played on a computer that
just came up still has times above zero, which for systemd is no time at all."""


class Clock:
    """Seconds that only go forward. A past is played by `rewind` and `skip`, then `go_live`."""

    def __init__(self) -> None:
        self._past: float | None = None
        self._epoch = time.time() - _monotonic()

    def now(self) -> float:
        """Monotonic seconds. Looking at the clock takes its time, in the past as well."""
        if self._past is None:
            return _monotonic()
        self._past += _LOOK
        return self._past

    def wall(self, now: float) -> float:
        """Seconds since 1970 of a moment that `now` returned."""
        return self._epoch + now

    def rewind(self, seconds: float) -> None:
        """Stand still, that many seconds ago."""
        self._past = _monotonic() - seconds

    @property
    def is_live(self) -> bool:
        """Whether time is real."""
        return self._past is None

    def behind(self) -> float:
        """Seconds from the moment in the past to the present."""
        return 0.0 if self._past is None else _monotonic() - self._past

    def skip(self, seconds: float) -> bool:
        """Move on within the past; False, and not a step, if that would pass the present."""
        if self._past is None or self._past + seconds > _monotonic():
            return False
        self._past += seconds
        return True

    def go_live(self) -> None:
        """Run with real time from here on."""
        self._past = None


def _monotonic() -> float:
    return time.monotonic() + _AGE
