"""Where a reader stands in a journal, and whether the next line follows on the last one."""

from dataclasses import dataclass
from datetime import datetime

from fleettui.model.host import JournalEntry
from fleettui.model.untrusted import Untrusted


@dataclass(frozen=True, slots=True)
class Mark:
    """The last line that was read, for whoever goes on behind it."""

    cursor: str
    at: datetime
    """UTC, by the machine's clock."""
    boot_id: Untrusted


@dataclass(frozen=True, slots=True)
class Step:
    """What a line is to a reader who has read up to here."""

    is_known: bool = False
    """It is the line that was read last: nothing is missing."""
    is_unproven: bool = False
    """Lines may stand before it that only reading once more will show."""
    is_after_gap: bool = False
    """The line that was read last is gone, and others may be."""
    is_after_boot: bool = False


class Position:
    """Remembers the last line. Reading goes on *at* it, so that its coming proves its being there.

    What is there is read first and followed only then, and what following begins with must be the
    last line, else it is read once more. For `journalctl -f` shows the present boot alone, and
    where it found nothing at first, of the first lines to come the last one alone (both seen with
    systemd 252).
    """

    def __init__(self, mark: Mark | None = None) -> None:
        self.last: JournalEntry | Mark | None = mark
        """The last line that has a cursor."""
        self._boot = mark.boot_id if mark else Untrusted("")
        self._expected = ""
        """The cursor of the line that has to come first."""
        self._wants_proof = False
        self._is_in_doubt = False
        """Whether following began with another line the last time."""
        self._new = 0
        """Lines that the last reading brought."""

    def read_on(self) -> str | None:
        """Begin to read what is there; where to begin."""
        self._wants_proof = False
        self._new = 0
        self._expected = self.last.cursor if self.last else ""
        return self._expected or None

    def follow_on(self) -> str | None:
        """Begin to follow, all that there was having been read; where to begin."""
        in_vain = self._is_in_doubt and not self._new
        without_cursors = self.last is None and self._new > 0
        self._is_in_doubt = False
        self._wants_proof = not in_vain and not without_cursors
        self._expected = self.last.cursor if self.last and self._wants_proof else ""
        return self.last.cursor if self.last else None

    def forget(self) -> None:
        """The place is of no use any more."""
        self.last, self._expected = None, ""

    def take(self, entry: JournalEntry) -> Step:
        """Go on to a line."""
        if self._expected and entry.cursor == self._expected:
            self._expected, self._wants_proof = "", False
            return Step(is_known=True)
        if self._wants_proof:
            self._is_in_doubt = True
            return Step(is_unproven=True)
        gap, self._expected = bool(self._expected), ""
        self._new += 1
        if entry.cursor:
            self.last = entry
        return Step(is_after_gap=gap, is_after_boot=self._is_another_boot(entry))

    @property
    def mark(self) -> Mark | None:
        """Where somebody else can go on; None = at the beginning."""
        return Mark(self.last.cursor, self.last.at, self._boot) if self.last else None

    def _is_another_boot(self, entry: JournalEntry) -> bool:
        before, boot = self._boot, entry.boot_id
        if boot.raw:
            self._boot = boot
        return bool(before.raw) and before != self._boot
