"""Journals read through sudo, for an operator whose user may not read them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from fleettui.commands.journal import RootJournalCommands, recall_journal_as_root
from fleettui.hosts.following import Following
from fleettui.hosts.recall import recall
from fleettui.hosts.sessions import Sessions
from fleettui.model.cluster import Machine
from fleettui.model.host import NEWEST, JournalItem, JournalRecord, Span


class RootJournals:
    """`fleettui.access.JournalReader` as root."""

    def __init__(self, sessions: Sessions, following: Following) -> None:
        self._sessions = sessions
        self._following = following

    def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalItem]]]:
        """A unit's journal, following."""
        return self._following.follow(machine, RootJournalCommands(unit, span))

    def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalRecord]]]:
        """A stretch of a unit's journal, to its end."""
        command = recall_journal_as_root(unit, span, from_cursor=cursor or None)
        return recall(self._sessions, machine, command)
