"""Silence of the fault, heard by the journal's cursors: every line since a restart was read."""

from datetime import datetime, timedelta
from math import ceil

from fleettui.diagnosis.lines import looping_template
from fleettui.model.host import HostFacts, JournalEntry
from fleettui.model.untrusted import Untrusted
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import Check

_OVERLAP = timedelta(seconds=10)
"""How much further back than the last line known each reading goes."""
_FURTHEST = timedelta(days=1)


class Silence:
    """What was heard of fleetd since it was replaced.

    Each reading must hold the last line that was known before it: then no line between the two
    was missed. The first such line is the newest one from before the restart.
    """

    def __init__(self, before: Before) -> None:
        self._anchor = before.cursor
        self._anchor_at = self._from = before.cursor_at or before.at
        self._span = timedelta()
        self._gap = ""
        self._last_fault: datetime | None = None
        self._pids: set[int] = set()
        self._heard_until: datetime | None = None
        self._problem = ""

    def since(self, clock: datetime) -> str:
        """What to ask journalctl for next, at a machine's clock of `clock`."""
        self._span = max(self._span, clock - self._anchor_at + _OVERLAP, _OVERLAP)
        return f"{ceil(self._span.total_seconds())} s ago"

    def hear(self, facts: HostFacts) -> None:
        """Take in a reading that was asked for by `since`."""
        self._problem = facts.journal_problem.raw if facts.journal_problem else ""
        if self._problem:
            return
        lines = [entry for entry in facts.journal if entry.cursor and entry.problem is None]
        new = self._new(lines)
        if new is None:
            self._look_further(facts, lines)
            return
        self._span, self._heard_until = timedelta(), facts.clock
        self._take(new)

    def begin_anew(self) -> None:
        """Forget a gap: from here on silence is proven from the newest line that was read."""
        self._gap = ""

    def check(self, facts: HostFacts, quiet: float) -> list[Check]:
        """Whether fleetd has been quiet for `quiet` seconds, and all of its lines were read."""
        return [self._whole(), self._quiet(facts, timedelta(seconds=quiet))]

    def _whole(self) -> Check:
        name = "its journal was read without a gap"
        if self._gap or self._problem:
            return Check(name, met=False, detail=Untrusted(self._gap or self._problem))
        if self._heard_until is None:
            said = f"reading back to {self._from:%H:%M:%S}"
            return Check(name, met=False, detail=Untrusted(said))
        said = f"from {self._from:%H:%M:%S} to {self._heard_until:%H:%M:%S}, by its cursors"
        return Check(name, met=True, detail=Untrusted(said))

    def _quiet(self, facts: HostFacts, wanted: timedelta) -> Check:
        name = f"{wanted.total_seconds():.0f} s without a line of the fault"
        fleet = facts.fleet
        if fleet is None or fleet.main_pid not in self._pids:
            said = "no line of the new fleetd was read yet"
            return Check(name, met=False, detail=Untrusted(said))
        began = fleet.since or facts.clock
        until = self._heard_until or began
        quiet = max(until - max(began, self._last_fault or began), timedelta())
        said = f"quiet for {quiet.total_seconds():.0f} s"
        return Check(name, quiet > wanted, Untrusted(said))

    def _new(self, lines: list[JournalEntry]) -> list[JournalEntry] | None:
        """The lines after the last known one; None where that one is not among them."""
        if not self._anchor:
            return lines  # there was no line before, so all there are came since
        at = next((n for n, entry in enumerate(lines) if entry.cursor == self._anchor), None)
        return None if at is None else lines[at + 1 :]

    def _look_further(self, facts: HostFacts, lines: list[JournalEntry]) -> None:
        """Ask for more next time; at the end of that, lines were lost."""
        if self._span < _FURTHEST:
            self._span = min(self._span * 10, _FURTHEST)
            return
        first = lines[0].at if lines else facts.clock
        self._gap = (
            f"lines between {self._from:%H:%M:%S} and {first:%H:%M:%S} are not in the journal any "
            "more, so nobody knows what they said; verify again hears from now on"
        )
        self._from, self._heard_until = first, None
        self._take(lines)
        self._span = timedelta()

    def _take(self, new: list[JournalEntry]) -> None:
        for entry in new:
            self._pids.add(entry.pid)
            if looping_template(entry.message.raw) is not None:
                self._last_fault = max(entry.at, self._last_fault or entry.at)
        if new:
            self._anchor, self._anchor_at = new[-1].cursor, new[-1].at
