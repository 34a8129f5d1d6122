"""Where a reader stands in a journal, and whether the next line follows on the last one."""

from dataclasses import dataclass

from fleettui.model.host import JournalEntry
from fleettui.model.untrusted import Untrusted


@dataclass(frozen=True, slots=True)
class Step:
    """What a line is to a reader who has read up to here."""

    is_known: bool = False
    """It is the line that was read last: nothing is missing."""
    is_after_gap: bool = False
    """The line that was read last is gone, and others may be."""
    is_after_boot: bool = False


class Position:
    """Remembers the last line. Reading goes on *at* it, so that its coming proves its being there.

    `journalctl -f` shows the present boot only (seen with systemd 252), so what is there is read
    first, all boots of it, and only what is written from then on is followed.
    """

    def __init__(self) -> None:
        self.last: JournalEntry | None = None
        """The last line that has a cursor."""
        self._expected = ""
        self._may_be_older = False
        """Whether the expected line may be missing because it is of an older boot."""
        self._boot = Untrusted("")

    def read_on(self) -> str | None:
        """Begin to read what is there; where to begin."""
        self._expected = self.last.cursor if self.last else ""
        self._may_be_older = False
        return self._expected or None

    def follow_on(self) -> str | None:
        """Begin to follow, all that there was having been read; where to begin."""
        if not self._expected and self.last is not None:
            self._expected = self.last.cursor
            self._may_be_older = True
        return self._expected or None

    def forget(self) -> None:
        """The place is of no use any more."""
        self.last, self._expected = None, ""

    def take(self, entry: JournalEntry) -> Step:
        """Go on to a line."""
        expected, self._expected = self._expected, ""
        if expected and entry.cursor == expected:
            return Step(is_known=True)
        another_boot = self._is_another_boot(entry)
        gap = bool(expected) and not (self._may_be_older and another_boot)
        if entry.cursor:
            self.last = entry
        return Step(is_after_gap=gap, is_after_boot=another_boot)

    def _is_another_boot(self, entry: JournalEntry) -> bool:
        before, boot = self._boot, entry.boot_id
        if boot.raw:
            self._boot = boot
        return bool(before.raw) and before != self._boot
