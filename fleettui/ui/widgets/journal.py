"""The journal pane: a unit's log, following; scrolling up pauses the view, not the receiving."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.strip import Strip

from fleettui.access import HostReader
from fleettui.diagnosis.lines import Kind, kind_of, part
from fleettui.model.cluster import Machine
from fleettui.model.host import FLEET_SERVICE, JournalItem, JournalNotice, NoticeKind
from fleettui.ui.paint import Cell, Tone, cell
from fleettui.ui.widgets.lines import Lines

KEPT = 50_000
"""Lines held; older ones are counted and dropped."""

_TONES = {
    Kind.PLAIN: Tone.PLAIN,
    Kind.WARNING: Tone.WARN,
    Kind.ERROR: Tone.BAD,
    Kind.FAULT: Tone.ALARM,
    Kind.NOISE: Tone.DIM,
}
_NOTICE_TONES = {
    NoticeKind.CONNECTED: Tone.DIM,
    NoticeKind.LOST: Tone.BAD,
    NoticeKind.ENDED: Tone.WARN,
    NoticeKind.REFUSED: Tone.BAD,
    NoticeKind.SAID: Tone.DIM,
}


@dataclass(frozen=True, slots=True)
class _Line:
    cells: tuple[Cell, ...]
    kind: Kind


class JournalPane(Lines):
    """The journal of one unit on one machine."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow", "Follow", tooltip="Back to the newest line"),
        Binding("right,greater_than_sign", "shift(16)", "Right", show=False),
        Binding("left,less_than_sign", "shift(-16)", "Left", show=False),
    ]

    shifted: reactive[int] = reactive(0)
    """Columns of the text that are scrolled away to the left."""

    def __init__(self, hosts: HostReader, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._hosts = hosts
        self._lines: deque[_Line] = deque(maxlen=KEPT)
        self._dropped = 0
        self._following = True
        self._unseen = 0
        self._unseen_faults = 0
        self._machine: Machine | None = None
        self._unit = FLEET_SERVICE

    def shows(self, machine: Machine, unit: str = FLEET_SERVICE) -> bool:
        """Whether this is the journal of a machine at its present address."""
        return self._machine == machine and self._unit == unit

    @property
    def received(self) -> int:
        """Lines that arrived since this machine was chosen."""
        return len(self._lines) + self._dropped

    def watch_machine(self, machine: Machine | None, unit: str = FLEET_SERVICE) -> None:
        """Show another journal; the old one's remote process ends."""
        if machine is not None and self.shows(machine, unit):
            return
        self.workers.cancel_group(self, "journal")
        self._machine, self._unit = machine, unit
        self._lines.clear()
        self._dropped = self._unseen = self._unseen_faults = 0
        self._following, self.top = True, 0
        self.refresh()
        if machine is not None:
            self.run_worker(self._receive(machine, unit), exclusive=True, group="journal")

    async def _receive(self, machine: Machine, unit: str) -> None:
        async with self._hosts.journal(machine, unit) as batches:
            async for batch in batches:
                self.take(batch)

    def take(self, items: Sequence[JournalItem]) -> None:
        """Add what arrived; draw it at once where the newest lines are in view."""
        full = len(self._lines) + len(items) - KEPT
        if full > 0:
            self._dropped += full
            if not self._following:
                self.top -= full
        added = [_line_of(item) for item in items]
        self._lines.extend(added)
        if self._following:
            self.top = self.line_count
        else:
            self._unseen += len(added)
            self._unseen_faults += sum(line.kind in {Kind.FAULT, Kind.ERROR} for line in added)
        self.refresh()

    @property
    def line_count(self) -> int:
        return max(len(self._lines), 1)

    def head_line(self, y: int) -> list[Cell]:
        where = self._machine.public_ip if self._machine else "no machine"
        state = [Cell("following", Tone.GOOD)] if self._following else self._pill()
        words = f"  {self._unit} on {where}, UTC, {self.received} lines"
        return [Cell(" JOURNAL "), *state, Cell(words)]

    def _pill(self) -> list[Cell]:
        if not self._unseen:
            return [Cell("paused, f follows", Tone.WARN)]
        count = self._unseen_faults
        errors = f", {count} error{'' if count == 1 else 's'}" if count else ""
        return [Cell(f" paused: +{self._unseen} new{errors}, f follows ", Tone.ALARM)]

    def body_line(self, index: int) -> Strip:
        if not self._lines:
            words = " waiting for the first line" if self._machine else " choose a machine"
            return self.strip_of([Cell(words, Tone.DIM)], self.rich_style, self.text_width)
        line = self._lines[index]
        base = self.rich_style
        if line.kind is Kind.FAULT:
            base = base + self.get_component_rich_style("tone--alarm", partial=True)
        time, *rest = line.cells
        text = [Cell(" "), time, Cell(" "), *_shift(rest, self.shifted)]
        return self.strip_of(text, base, self.text_width)

    def action_move(self, lines: int) -> None:
        self.scroll_lines(lines)

    def scroll_lines(self, lines: int) -> None:
        self.top += lines
        if self.top + self.room >= self.line_count:
            self.action_follow()
        else:
            self._following = False
            self.refresh()

    def on_resize(self) -> None:
        super().on_resize()
        if self._following:
            self.top = self.line_count

    def action_follow(self) -> None:
        """Back to the newest line."""
        self._following = True
        self._unseen = self._unseen_faults = 0
        self.top = self.line_count
        self.refresh()

    def action_shift(self, columns: int) -> None:
        self.shifted = max(0, self.shifted + columns)


def _line_of(item: JournalItem) -> _Line:
    time = cell(f"{item.at:%H:%M:%S}", Tone.DIM)
    if isinstance(item, JournalNotice):
        tone = _NOTICE_TONES[item.kind]
        return _Line((time, cell(f"── {item.text} ──", tone)), Kind.PLAIN)
    kind = kind_of(item)
    tone = _TONES[kind]
    words = part(str(item.message))
    level = Cell(f"{words.level[:1] or ' '} ", tone)
    return _Line((time, level, Cell(words.text, tone)), kind)


def _shift(cells: Sequence[Cell], columns: int) -> list[Cell]:
    shifted = []
    for piece in cells:
        shifted.append(Cell(piece.text[columns:], piece.tone))
        columns = max(0, columns - len(piece.text))
    return shifted
