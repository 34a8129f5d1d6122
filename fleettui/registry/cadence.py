"""When the next view of a registry is due; pure, all times are those of time.monotonic()."""

from math import inf

from fleettui.registry.pace import Pace

_AHEAD = 0.004
"""Seconds that it takes until what has come is in the view that is due."""


class Cadence:
    """How views follow one another: a pause to each that shows a change, and one now and then that
    only says of when the picture is.

    In peace two changes are shown at once, however close: the first may be a heartbeat of the
    engine, and the second what somebody waits for. The third has to wait until both pauses have
    room. A view that only confirms uses up no room. It alone is whole: in a large cluster that
    takes a while, which is not to pass between a change and whoever waits for it.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._pause = pace.view_every
        """From one view of a change to the next, while there are changes all the time."""
        self._is_changed = True
        self._is_confirmed = True
        self._changed_at = self._confirmed_at = 0.0
        """When the last view of a change was, and the last that confirmed."""
        self._used_until = 0.0
        """When the pauses of all views so far are over, one after the other."""

    @property
    def due(self) -> float:
        """When there is something to show."""
        return self._room_at if self._is_changed or self._is_confirmed else inf

    @property
    def is_whole(self) -> bool:
        """Whether the next view is to leave nothing out."""
        return self._is_confirmed

    def rest(self, now: float) -> float:
        """Seconds until a change would be shown, if there were one: nobody need look for any
        meanwhile. None at all in peace.
        """
        return max(0.0, self._room_at - now)

    def rest_of_stream(self, now: float) -> float:
        """The same for what brings changes: until shortly before the next view, or in a storm of
        the one behind that, as what comes now is too late for the next. Any thread may ask.
        """
        left = self._room_at - _AHEAD - now
        is_storm = self._pause > self._pace.view_every and now < self._changed_at + 2 * self._pause
        return left % self._pause if is_storm else max(0.0, left)

    def changed(self) -> None:
        """Something is to be shown soon."""
        self._is_changed = True

    def confirmed(self, now: float, *, at_once: bool = False) -> None:
        """The picture was found to be current; that is shown every `confirm_every`."""
        if at_once or now - self._confirmed_at >= self._pace.confirm_every:
            self._is_confirmed = True

    def shown(self, now: float) -> None:
        """Everything so far was taken into a view."""
        if self._is_changed:
            self._pause = self._pace.next_pause(self._pause, now - self._changed_at)
            self._changed_at = now
            self._used_until = max(self._used_until, now) + self._pause
        if self._is_confirmed:
            self._confirmed_at = now
        self._is_changed = self._is_confirmed = False

    @property
    def _room_at(self) -> float:
        """When a change is shown at the soonest."""
        return self._used_until - self._pause
