"""Whether the events told everything: a full read must find what they have led to."""

import logging
import time
from collections.abc import Iterable

from fleettui.registry.answers import Event
from fleettui.registry.errors import quote
from fleettui.registry.image import Image

_log = logging.getLogger("fleettui.registry")
# Where nobody asked for a log, nothing may land on the screen.
_log.addHandler(logging.NullHandler())

_GRACE = 6.0
"""Seconds in which an event may still come that a read has overtaken."""


class Agreement:
    """Counts the full reads that found something otherwise than the events had told."""

    def __init__(self) -> None:
        self.disagreements = 0
        self._suspects: set[tuple[str, ...]] = set()
        self._until: float | None = None

    def suspect(self, part: str, names: Iterable[str]) -> None:
        """A read found these otherwise: an event of each is on its way, or was lost."""
        self._suspects.update((part, name) for name in names)
        if self._suspects and self._until is None:
            self._until = time.monotonic() + _GRACE

    def hear(self, image: Image, events: Iterable[Event]) -> None:
        """Events came: what they are about was not lost."""
        if not self._suspects:
            return
        for event in events:
            place = image.place(event)
            if len(place) == 2:
                self._suspects.discard(place)
            else:  # a whole folder was removed
                self._suspects -= {s for s in self._suspects if s[: len(place)] == place}

    def forget(self) -> None:
        """What happened since the read is not known either."""
        self._suspects.clear()
        self._until = None

    def settle(self) -> bool:
        """Count and log what no event has explained in time; whether there was anything."""
        if self._until is None or time.monotonic() < self._until:
            return False
        lost = sorted(self._suspects)
        self.forget()
        if lost:
            self.disagreements += 1
            keys = ", ".join(quote("/".join(place)) for place in lost[:5])
            _log.warning("a full read found %d otherwise: %s", len(lost), keys)
        return bool(lost)
