"""The journals of a recording: the lines of each in the order that its machine had them.

What a look at a machine brought was written down before the older lines that came when its journal
was opened: by the order of the records alone, these would be told behind it.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence

from fleettui.journal.columns import cursor_parts
from fleettui.model.cluster import Machine
from fleettui.model.host import FLEET_SERVICE, HostFacts, JournalEntry, JournalItem
from fleettui.recording.records import Record, Reported, Said

JournalKey = tuple[str, str]
"""A machine's address and a unit."""


class WholeJournal:
    """All that is recorded of one journal, each line once; it is told up to the newest line that
    had been seen, for what stands before that was there too."""

    def __init__(self, entries: Iterable[JournalEntry]) -> None:
        once = {_name(entry): entry for entry in entries}
        series = {cursor_parts(entry.cursor)[0] for entry in once.values()}
        is_numbered = len(series) == 1 and "" not in series
        self._entries = sorted(once.values(), key=_number if is_numbered else _time)
        self._places = {_name(entry): n for n, entry in enumerate(self._entries)}
        self._told = 0

    def go_on(self, items: Iterable[JournalItem]) -> Sequence[JournalItem]:
        """What is told where these items were, each of which the recording has."""
        new: list[JournalItem] = []
        for item in items:
            if not isinstance(item, JournalEntry):
                new.append(item)
                continue
            end = max(self._places[_name(item)] + 1, self._told)
            new += self._entries[self._told : end]
            self._told = end
        return new


def said_in(record: Record) -> tuple[JournalKey, Sequence[JournalItem]] | None:
    """The lines in a record, and of which journal; None where it is of something else."""
    match record:
        case Said(machine, unit, items):
            return key_of(machine, unit), items
        case Reported(machine, HostFacts() as facts):
            return key_of(machine, FLEET_SERVICE), facts.journal
        case _:
            return None


def key_of(machine: Machine, unit: str) -> JournalKey:
    """Names a journal."""
    return machine.public_ip.raw, unit


def whole_journals(records: Iterable[Record]) -> Mapping[JournalKey, WholeJournal]:
    """All journals of a recording."""
    lines: dict[JournalKey, list[JournalEntry]] = {}
    for record in records:
        if (said := said_in(record)) is not None:
            key, items = said
            entries = (item for item in items if isinstance(item, JournalEntry))
            lines.setdefault(key, []).extend(entries)
    return {key: WholeJournal(entries) for key, entries in lines.items()}


def _name(entry: JournalEntry) -> Hashable:
    """One line is the same whoever read it, also where the end of its cursor was left out."""
    return cursor_parts(entry.cursor) if entry.cursor else entry


def _number(entry: JournalEntry) -> float:
    return cursor_parts(entry.cursor)[1]


def _time(entry: JournalEntry) -> float:
    return entry.at.timestamp()
