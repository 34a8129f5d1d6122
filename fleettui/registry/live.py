"""A registry while it answers: events folded into the image, and proof that it still answers."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty

from fleettui.model.cluster import Snapshot
from fleettui.registry.agreement import Agreement
from fleettui.registry.cover import STREAMED, Cover
from fleettui.registry.errors import Unreachable
from fleettui.registry.files import Files
from fleettui.registry.head_start import Missed
from fleettui.registry.image import Change, Image
from fleettui.registry.inbox import (
    Alive,
    Dead,
    Happened,
    Message,
    Order,
    Report,
    Stopped,
    StreamEnded,
    StreamOpened,
    WatchEnded,
)
from fleettui.registry.keys import LEASE, PARTS, UNIT
from fleettui.registry.line import Line
from fleettui.registry.source import Reading
from fleettui.registry.taken import Ahead
from fleettui.registry.watch import Liveness

_BATCH = 1000
"""Messages taken in before the time is looked at again."""


class Live:
    """One source that answered, followed until it no longer does."""

    def __init__(
        self,
        line: Line,
        image: Image,
        agreement: Agreement,
        show: Callable[[Snapshot], None],
    ) -> None:
        self._source, self._pace, self._inbox = line.source, line.pace, line.inbox
        self._cadence = line.cadence
        self._image = image
        self._agreement = agreement
        self._show = show
        self._cover = Cover(line, image)
        self._files = Files(line, image)
        self._line = line
        self._liveness: Liveness | None = None
        self._alive_at = time.monotonic()
        self._reread_at = self._alive_at + line.pace.reread_every
        self._unproved: Alive | None = None
        """The newest sign of life, until the picture is known to be as new."""
        self._read_at = self._whole_of = datetime.now(UTC)
        """Of when the picture is, and the last whole view of it: a hurried one is no newer."""
        self._read_last: Reading | None = None
        """The folder that came last, until the picture is shown: to let go of a large one takes
        nearly as long as to compare it.
        """

    def run(self, ahead: Ahead | None = None) -> None:
        """Read everything through the quorum, unless that was done ahead, then follow.

        Raises RegistryUnavailable when the source is lost, Stopped when told to stop.
        """
        try:
            if ahead is None:
                self._begin()
            else:
                self._begin_with(ahead)
            self._cover.bridge()
            while True:
                self._take_messages()
                self._prove()
                self._mind_the_clock()
                self._show_if_due()
                self._read_last = None
        finally:
            self._cover.close()
            if self._liveness is not None:
                self._liveness.stop()
            self._agreement.forget()

    def _begin_with(self, ahead: Ahead) -> None:
        """What happens until the streams stand is missing from what was read ahead: each folder of
        which that is true is read again.
        """
        try:
            readings = ahead.take_readings()
        except Missed:
            self._begin()
            return
        for part, reading in readings.items():
            self._image.load_folder(part, reading.node, reading.index)
        self._read_at = min(reading.asked_at for reading in readings.values())
        snapshot = self._next_snapshot()
        if not ahead.is_decoded:
            self._show(snapshot)
        self._listen_for_life()
        self._cover.open_streams()
        self._cover.were_read(PARTS, self._read_at)
        self._take_within(self._pace.view_every)

    def _begin(self) -> None:
        self._listen_for_life()
        self._cover.open_streams()
        self._read_at = datetime.now(UTC)
        self._load(PARTS, quorum=True)
        self._cover.were_read(PARTS, self._read_at)
        self._take_messages()

    def _listen_for_life(self) -> None:
        """From now on: what came before may have taken long, and not for want of an answer."""
        self._alive_at = time.monotonic()
        self._liveness = Liveness(self._line)

    def _take_within(self, seconds: float) -> None:
        with suppress(Empty):
            self._take(self._inbox.get(timeout=seconds))

    def _take_messages(self) -> None:
        """Wait for one message, or for something to become due; then take all that came.

        Where it would be shown no sooner anyway, to be woken for each would be most of the cost.
        """
        if self._cover.is_sound:
            now = time.monotonic()
            # Not on the inbox: each message would wake this thread.
            time.sleep(max(0.0, min(self._cadence.rest(now), self._due() - now)))
        try:
            self._take(self._inbox.get(timeout=max(0.0, self._due() - time.monotonic())))
            for _ in range(_BATCH):
                self._take(self._inbox.get_nowait())
        except Empty:
            pass

    def _due(self) -> float:
        silence_at = self._alive_at + self._pace.silence_within
        return min(self._reread_at, silence_at, self._cover.due, self._cadence.due)

    def _take(self, message: Message) -> None:
        if message is Order.STOP:
            raise Stopped
        if message is Order.REFRESH:
            self._reread(PARTS, checking=True)
            self._cadence.changed()
        elif isinstance(message, tuple):
            self._note(*message)

    def _note(self, sender: object, report: Report) -> None:
        if sender is self._liveness:
            self._hear_of_life(report)
        elif self._cover.owns(sender):
            if isinstance(report, Happened):
                self._agreement.hear(self._image, report.events)
            elif isinstance(report, StreamOpened):
                self._agreement.forget()  # what its forerunner had on its way is not heard
            if self._cover.take(sender, report) is Change.VALUE:
                self._cadence.changed()
            if report == WatchEnded(cleared=True):
                self._reread(PARTS)
            elif isinstance(report, WatchEnded | StreamEnded) and self._liveness is not None:
                self._liveness.ask()

    def _hear_of_life(self, report: Report) -> None:
        if isinstance(report, Dead):
            raise report.problem
        if isinstance(report, Alive):
            self._confirm(report)

    def _confirm(self, alive: Alive) -> None:
        """The picture is as old as the question, once every folder has proved that."""
        self._alive_at = time.monotonic()
        self._cover.restore()
        before, patience = self._unproved, 2 * self._pace.storm_view_every
        if before is not None and alive.asked_at < before.asked_at + timedelta(seconds=patience):
            return  # the streams may rest still
        self._unproved = alive
        if before is not None:
            if self._is_behind(before):
                self._cover.begin_anew()
                self._reread(STREAMED)
                return
            self._cadence.confirmed(self._alive_at)  # as old as it is, with all that has come
        if self._files.ask_again():
            self._cadence.confirmed(self._alive_at, at_once=True)

    def _prove(self) -> None:
        """Look whether all folders have brought what there was when etcd last gave a sign of life:
        where much is written, they do so a moment later.
        """
        if self._unproved is None or self._is_behind(self._unproved):
            return
        current_at, is_final = self._cover.current_at(self._unproved)
        if current_at is not None:
            self._read_at = max(self._read_at, current_at)
        if is_final:
            self._unproved = None
            self._cadence.confirmed(time.monotonic())

    def _is_behind(self, alive: Alive) -> bool:
        """Whether the engine's lease was renewed then, and that has not come yet."""
        return alive.lease_index > self._image.indexes[LEASE]

    def _reread(self, parts: tuple[str, ...], *, checking: bool = False) -> None:
        """Read folders afresh; what is behind the picture is asked of the quorum.

        Where the picture is thought to be current, `checking` sees whether it was.
        """
        asked_at = datetime.now(UTC)
        checking = checking and self._cover.is_sound
        if not checking:
            self._agreement.forget()
        behind = self._load(parts, checking=checking)
        if behind:
            # Another member answered, which is behind the one that brings the events.
            self._cover.begin_anew()
            self._load(behind, quorum=True)
        self._cover.were_read(parts, asked_at)
        self._cover.restore()
        if set(parts) >= set(STREAMED):
            self._unproved = None
            self._read_at = asked_at
            now = time.monotonic()
            self._reread_at = now + self._pace.reread_every
            self._cadence.confirmed(now, at_once=True)

    def _load(
        self, parts: Iterable[str], *, quorum: bool = False, checking: bool = False
    ) -> list[str]:
        """Take over a read of folders; those that are behind the picture are returned instead,
        unless that is what the quorum says.
        """
        behind, awaited = [], dict.fromkeys(parts)
        within = self._pace.quorum_within if quorum else self._pace.read_within
        for part, reading in self._source.read_folders(tuple(awaited), within, quorum=quorum):
            del awaited[part]
            if reading.index < self._image.indexes[part] and not quorum:
                behind.append(part)
            else:
                changed = self._image.load_folder(part, reading.node, reading.index)
                if changed:
                    self._cadence.changed()
                if checking and part != UNIT:
                    self._agreement.suspect(part, changed)
            if not awaited:
                self._read_last = reading
            del reading  # now, while the next folder is on its way, not when that has come
        return behind

    def _mind_the_clock(self) -> None:
        now = time.monotonic()
        silent = now - self._alive_at
        if silent > self._pace.silence_within:
            raise Unreachable(f"{self._source.url} gave no sign of life for {silent:.0f} s.")
        parts = self._cover.mind()
        if parts:
            self._reread(parts)
        if now >= self._reread_at:
            self._reread(STREAMED, checking=True)
        if self._agreement.settle():
            self._cadence.changed()

    def _show_if_due(self) -> None:
        if time.monotonic() < self._cadence.due:
            return
        snapshot = self._next_snapshot()
        if self._files.read_missing():
            snapshot = self._image.snapshot(self._whole_of, hurried=True)  # the same, and its files
        self._show(snapshot)

    def _next_snapshot(self) -> Snapshot:
        is_whole = self._cadence.is_whole
        self._cadence.shown(time.monotonic())
        if is_whole:
            self._whole_of = self._read_at
        return self._image.snapshot(self._whole_of, hurried=not is_whole)
