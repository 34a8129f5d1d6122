"""One source while it is followed, and where everybody who follows it reports."""

from dataclasses import dataclass

from fleettui.registry.inbox import Inbox
from fleettui.registry.pace import Pace
from fleettui.registry.source import Source


@dataclass(frozen=True, slots=True)
class Line:
    """What all parts of a live connection have in common."""

    source: Source
    pace: Pace
    inbox: Inbox
