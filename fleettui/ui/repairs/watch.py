"""Watching a repair that somebody else drives: the lock, and the journal of its machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from fleettui.access import Observer, Operator
from fleettui.model.clock import now
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.picture import Picture, ago
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.widgets.journal.alone import ALONE, JournalAlone


class WatchScreen(JournalAlone):
    """Reads only; it stays after the repair has ended, and says so."""

    CSS_PATH = "watch.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            *ALONE,
            Binding("escape", "app.pop_screen", "Back"),
        ]
    )

    picture: reactive[Picture] = reactive(Picture, init=False, repaint=False)
    holder: reactive[LockHolder | None] = reactive(None, init=False, repaint=False)

    def __init__(self, access: Observer, folder: Path) -> None:
        """`folder` is the only one that an observer's files go to."""
        super().__init__()
        self._access = access
        self._keep_in = None if isinstance(access, Operator) else folder
        self._stages: list[Content] = []
        self._last: LockHolder | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="holder", markup=False)
        hosts = self._access.hosts
        yield JournalPane(hosts, id="journal", keep_in=self._keep_in, of_one=True)
        yield KeyFooter()

    def on_mount(self) -> None:
        self._take(self.holder)
        self.set_interval(1.0, self._draw)

    def watch_holder(self, holder: LockHolder | None) -> None:
        if self.is_mounted:
            self._take(holder)

    def _take(self, lock: LockHolder | None) -> None:
        """Note each stage as it is reached, and follow the machine's journal."""
        before = self._last
        if lock is not None and (before is None or before.stage != lock.stage):
            self._stages.append(paint(f"  {now():%H:%M:%S} UTC  ", (lock.stage, Tone.STRONG)))
        if lock is None and before is not None:
            words = ("the lock was given back, or it expired", Tone.WARN)
            self._stages.append(paint(f"  {now():%H:%M:%S} UTC  ", words))
        self._last = lock or before
        machine = self.picture.machine(lock.machine_id) if lock else None
        if machine is not None:
            self.query_one(JournalPane).watch_machine(machine)
        self._draw()

    def _draw(self) -> None:
        self.query_one("#holder", Static).update(paint_lines(self._lines()))

    def _lines(self) -> Iterator[Content]:
        holder = self._last
        if self.holder is None or holder is None:
            yield paint(("Nobody repairs right now.", Tone.GOOD))
        else:
            yield paint(("A REPAIR IS UNDER WAY", Tone.WARN), ("  this only watches", Tone.DIM))
        if holder is not None:
            yield from holder_lines(holder, place_of(holder, self.picture))
        yield from self._stages[-6:]


def holder_lines(holder: LockHolder, place: str) -> Iterator[Content]:
    """Who repairs what, where, since when and how far."""
    if holder.problem is not None:
        words = "Somebody holds the repair lock, but it cannot be read: "
        yield paint((words, Tone.WARN), (holder.problem, Tone.WARN))
        return
    yield paint(("Who    ", Tone.ACCENT), holder.who)
    yield paint(("What   ", Tone.ACCENT), holder.subject)
    yield paint(("Where  ", Tone.ACCENT), place)
    since = f"{holder.since:%Y-%m-%d %H:%M:%S} UTC by their clock, {ago(holder.since)} ago"
    yield paint(("Since  ", Tone.ACCENT), since)
    yield paint(("Stage  ", Tone.ACCENT), (holder.stage, Tone.STRONG))


def place_of(holder: LockHolder, picture: Picture) -> str:
    """Where somebody repairs, safe to show."""
    if holder.machine_id == Untrusted(""):
        return "the registry alone"
    machine = picture.machine(holder.machine_id)
    return str(machine.public_ip) if machine else picture.named(holder.machine_id)
