"""One source while it is followed, and where everybody who follows it reports."""

import msgspec

from fleettui.registry.cadence import Cadence
from fleettui.registry.inbox import Inbox
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source


class Line(msgspec.Struct, frozen=True):
    """What all parts of a live connection have in common."""

    source: Source
    pace: Pace
    inbox: Inbox
    cadence: Cadence
    """When views are due: what brings changes may ask, in whatever thread."""
