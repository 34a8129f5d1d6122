"""When the next view of a registry is due; pure, all times are those of time.monotonic()."""

from math import inf

from fleettui.registry.pace import Pace


class Cadence:
    """How views follow one another: a pause between those that show a change, and one now and
    then that only says of when the picture is.

    The latter hurries nobody, and nobody waits for it: a change that comes just after is shown at
    once.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._pause = pace.view_every
        """From one view of a change to the next view."""
        self._is_changed = True
        self._is_confirmed = False
        self._changed_at = self._shown_at = 0.0
        """When the last view of a change was, and the last of any kind."""

    @property
    def due(self) -> float:
        """When there is something to show."""
        to_show = self._is_changed or self._is_confirmed
        return self._changed_at + self._pause if to_show else inf

    def changed(self) -> None:
        """Something is to be shown soon."""
        self._is_changed = True

    def confirmed(self, now: float, *, at_once: bool = False) -> None:
        """The picture was found to be current; that is shown every `confirm_every`."""
        if at_once or now - self._shown_at >= self._pace.confirm_every:
            self._is_confirmed = True

    def shown(self, now: float) -> None:
        """Everything so far was taken into a view."""
        if self._is_changed:
            self._pause = self._pace.next_pause(self._pause, now - self._changed_at)
            self._changed_at = now
        self._shown_at = now
        self._is_changed = self._is_confirmed = False
