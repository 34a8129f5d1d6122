"""One glyph, word and tone for each state, wherever it is shown."""

from collections.abc import Sequence

import msgspec

from fleettui.diagnosis.finding import Severity
from fleettui.ui.paint import Cell, Piece, Tone


class Mark(msgspec.Struct, frozen=True):
    """How a state looks: never by its colour alone."""

    glyph: str
    """One cell wide."""
    word: str
    tone: Tone

    @property
    def sign(self) -> Cell:
        """The glyph, for a table's first column."""
        return Cell(self.glyph, self.tone)

    @property
    def words(self) -> Cell:
        """The word, for a table."""
        return Cell(self.word, self.tone)

    @property
    def piece(self) -> Piece:
        """Glyph and word in a run of text."""
        return (f"{self.glyph} {self.word}", self.tone)

    def saying(self, word: str, tone: Tone | None = None) -> "Mark":
        """The same mark with other words."""
        return Mark(self.glyph, word, tone or self.tone)


# Machines
FINE = Mark("●", "no fault", Tone.GOOD)
WARNED = Mark("▲", "warned", Tone.WARN)
BROKEN = Mark("✖", "BROKEN", Tone.BAD)
NOT_CHECKED = Mark("?", "NOT CHECKED", Tone.WARN)
LEFT = Mark("○", "not listed", Tone.WARN)
ASKING = Mark("…", "asking", Tone.DIM)

# Units
RUNS = Mark("●", "active", Tone.GOOD)
CHANGES = Mark("◌", "changing", Tone.WARN)
STOPPED = Mark("○", "inactive", Tone.DIM)
FAILED = Mark("✖", "failed", Tone.BAD)
DISAGREES = Mark("≠", "systemd disagrees", Tone.BAD)
FROZEN = Mark("❄", "frozen", Tone.WARN)
WAITS = Mark("○", "waiting", Tone.WARN)
NO_JOB = Mark("?", "no job", Tone.WARN)
TEMPLATE = Mark("◆", "template", Tone.DIM)
LOADED_TEMPLATE = Mark("◆", "LOADED TEMPLATE", Tone.BAD)

# The registry
LIVE = Mark("●", "LIVE", Tone.GOOD)
CONNECTING = Mark("◌", "connecting", Tone.WARN)
STALE = Mark("✖", "STALE", Tone.BAD)
NOT_CONNECTED = Mark("✖", "NOT CONNECTED", Tone.BAD)

# Steps of a repair, and conditions
DONE = Mark("✔", "done", Tone.GOOD)
HERE = Mark("▶", "here", Tone.ACCENT)
TO_COME = Mark("○", "to come", Tone.DIM)
UNMET = Mark("✖", "not met", Tone.BAD)
NOT_YET = Mark("◌", "not yet", Tone.WARN)
TAKEN_BACK = Mark("↶", "taken back", Tone.WARN)

MACHINE_MARKS = (BROKEN, WARNED, NOT_CHECKED, LEFT, ASKING, FINE)
"""The worst first."""
UNIT_MARKS = (
    LOADED_TEMPLATE, DISAGREES, FAILED, FROZEN, NO_JOB, WAITS, CHANGES, RUNS, STOPPED, TEMPLATE,
)  # fmt: skip # one a line reads worse
"""The worst first."""


def kind_of(mark: Mark, kinds: Sequence[Mark]) -> Mark:
    """The mark that this one is, whatever it says of one machine or unit."""
    alike = (kind for kind in kinds if (kind.glyph, kind.tone) == (mark.glyph, mark.tone))
    return next(alike, mark)


_ACTIVE = {
    "active": RUNS,
    "reloading": CHANGES,
    "activating": CHANGES,
    "deactivating": CHANGES,
    "inactive": STOPPED,
    "failed": FAILED,
}
"""By the word that systemd has for it."""


def mark_of_state(active: str, words: str) -> Mark:
    """systemd's active state, in the words it is shown with."""
    return _ACTIVE.get(active, STOPPED).saying(words)


def badness(active: str) -> int:
    """Puts systemd's active states in order, the worst last."""
    order = list(_ACTIVE)
    return order.index(active) if active in order else len(order)


def mark_of_severity(severity: Severity, word: str) -> Mark:
    """A finding's mark, as its machine has it."""
    return (BROKEN if severity is Severity.CRITICAL else WARNED).saying(word)
