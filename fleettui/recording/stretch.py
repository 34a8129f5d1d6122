"""Which lines of a recorded journal are of the stretch that somebody asks for."""

from collections.abc import Callable, Iterable
from datetime import datetime

from fleettui.journal.since import seconds_of
from fleettui.model.host import JournalEntry, JournalItem, Span


def stretch(
    said: Iterable[JournalItem], span: Span, now: datetime
) -> Callable[[JournalItem], bool]:
    """What tells a line that is wanted, notices included. `said` is what was told up to `now`.

    How many lines are asked for does not matter: what was recorded is all there is. Raises
    ValueError, in journalctl's words for a time that it would not take.
    """
    begin = _bound(span.since, now, "-inf")
    end = _bound(span.until, now, "inf")
    boot = None
    if span.boot:
        boots = list(dict.fromkeys(i.boot_id for i in said if isinstance(i, JournalEntry)))
        if len(boots) <= -span.boot:
            raise ValueError(
                f"the recording has no line of the boot that is asked for ({span.boot})"
            )
        boot = boots[span.boot - 1]

    def is_wanted(item: JournalItem) -> bool:
        if not isinstance(item, JournalEntry):
            return True
        return begin <= item.at.timestamp() <= end and boot in {None, item.boot_id}

    return is_wanted


def _bound(words: str, now: datetime, without: str) -> float:
    return seconds_of(words, now.timestamp()) if words else float(without)
