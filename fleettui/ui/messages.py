"""What the app is told, in the past tense; payloads are frozen."""

from collections.abc import Hashable
from pathlib import Path

from textual.message import Message

from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import RegistryView
from fleettui.model.lock import LockHolder


class ViewTaken(Message):
    """The registry was read or lost. Only the newest view matters."""

    def __init__(self, view: RegistryView) -> None:
        super().__init__()
        self.view = view

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ViewTaken)


class RepairAsked(Message):
    """The operator wants to repair a finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding


class DetailsAsked(Message):
    """The operator wants to see everything about a row of one of the console's tables."""

    def __init__(self, table: str, key: Hashable) -> None:
        super().__init__()
        self.table = table
        self.key = key


class FactsAsked(Message):
    """The operator wants the registry and every machine read afresh."""


class LockChanged(Message):
    """Somebody took the repair lock, went on to another stage, or gave it back."""

    def __init__(self, holder: LockHolder | None) -> None:
        super().__init__()
        self.holder = holder


class RepairsAsked(Message):
    """The list of repairs is wanted."""


class OverviewAsked(Message):
    """The overview is wanted."""


class ResumeAsked(Message):
    """The operator wants to go on with a repair that was left."""

    def __init__(self, record: Path) -> None:
        super().__init__()
        self.record = record


class WatchAsked(Message):
    """The repair that somebody else drives is to be watched."""
