"""Lines leave the pane: into a file, into the clipboard, into $PAGER, or whole onto a screen."""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from msgspec.structs import replace
from textual.app import SuspendNotSupported
from textual.binding import Binding, BindingType

from fleettui.access import HostUnreachable, JournalReader
from fleettui.journal.columns import Code, moment
from fleettui.journal.keep import file_name, json_line, record_text, text_line
from fleettui.journal.ring import Line
from fleettui.journal.rows import Place, Wanted
from fleettui.journal.sources import Choice, Source
from fleettui.journal.view import View
from fleettui.model.clock import now
from fleettui.model.host import JournalRecord, Span
from fleettui.model.untrusted import Untrusted
from fleettui.ui.keys import named
from fleettui.ui.widgets.journal.finding import SearchableLog
from fleettui.ui.widgets.journal.paging import paged
from fleettui.ui.widgets.journal.whole import part_of, whole_file

if TYPE_CHECKING:
    from fleettui.ui.widgets.journal.saving import Saving

MOST_COPIED = 5_000
"""Lines; terminals take only so much by OSC 52."""
MOST_PAGED = 200_000
"""Lines that $PAGER is given, the newest."""
AT_ONCE = 2_000
"""Lines written before everything else gets its turn."""
MOST_NAMES = 100
"""Files of one name that are told apart by a number."""
BAR = 12
"""Cells of the progress bar."""


class KeepableLog(SearchableLog):
    """A log whose lines can be taken elsewhere."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("enter,d", "entry", "All fields", key_display="enter", tooltip="All of a line"),
            Binding("s", "save", "Save", tooltip="Save the journal to a file"),
            Binding("y", "copy", "Copy", show=False, tooltip="Copy the chosen lines"),
            Binding("v", "pager", "Pager", show=False, tooltip="Open what is shown in $PAGER"),
        ]
    )

    choice = Choice()
    keep_in: Path | None = None
    _progress: float | None = None
    """Of the file being written, 0 to 1."""

    # --- what a subclass knows ----------------------------------------------------------------

    def name_of(self, stream: int) -> Untrusted:
        """The machine of a stream."""
        raise NotImplementedError

    def source_of(self, stream: int) -> Source:
        """The machine, unit and span of a stream. Raises KeyError for one that ended."""
        raise NotImplementedError

    def reader(self) -> JournalReader:
        """Who reads the journals that are shown."""
        raise NotImplementedError

    # --- all of one line ----------------------------------------------------------------------

    def action_entry(self) -> None:
        from fleettui.ui.widgets.journal.entry import EntryScreen

        line = self.chosen
        if line is None or line.code is Code.RULE:
            self.notify("There is no line of the journal under the cursor.", markup=False)
            return
        self.app.push_screen(EntryScreen(line, self.source_of(line.stream), self.reader()))

    # --- the clipboard ------------------------------------------------------------------------

    def action_copy(self) -> None:
        places = list(self.window.selection()) or [p for p in [self.chosen_place] if p]
        lines = [self._text(place) for place in places[:MOST_COPIED]]
        if not lines:
            self.notify("There is no line to copy.", markup=False)
            return
        self.app.copy_to_clipboard("\n".join(lines))
        count = f"{len(lines)} line{'' if len(lines) == 1 else 's'}"
        cut = f" (of {len(places):,}, the first)" if len(places) > len(lines) else ""
        words = "Whether your terminal took it cannot be known: OSC 52 has no answer."
        self.notify(f"Copied {count}{cut}. {words}", markup=False)

    def _text(self, place: Place) -> str:
        line = self.view.line(place)
        times = f"  [{line.count} times]" if line.count > 1 else ""
        return text_line(line, self.name_of(line.stream)) + times

    # --- the pager ----------------------------------------------------------------------------

    def action_pager(self) -> None:
        import shlex

        if any(one.group == "pager" and not one.is_finished for one in self.app.workers):
            return  # a second press of the same key: the terminal can be lent once
        try:
            pager = shlex.split(os.environ.get("PAGER") or "") or ["less", "-S"]
        except ValueError as problem:
            words = f"$PAGER cannot be read: {problem}"
            self.notify(words, severity="error", markup=False)
            return
        text = "\n".join(self._text(place) for place in self._newest(MOST_PAGED))
        opened = self._open(pager, text.encode("utf-8", "backslashreplace"))
        self.app.run_worker(opened, group="pager")  # this pane may close before the pager does

    async def _open(self, pager: list[str], text: bytes) -> None:
        """Nothing is written for it: the pager reads its standard input.

        A task, for the console must go on: a repair that is under way has to keep its lock.
        """
        secure = {"LESSSECURE": "1"} if self.keep_in is not None else {}
        try:
            with self.app.suspend(), self.app.batch_update():
                problem = await paged(pager, text, os.environ | secure)
        except SuspendNotSupported:
            self.notify("This terminal cannot be lent to a pager.", markup=False)
            return
        self.app.screen.refresh(layout=True)
        if problem:
            words = Untrusted(f"{pager[0]}: {problem}")
            self.app.notify(str(words), severity="error", markup=False)

    def _newest(self, count: int) -> list[Place]:
        places = [place for place, _ in zip(self.view.backward(), range(count), strict=False)]
        return places[::-1]

    # --- a file -------------------------------------------------------------------------------

    def action_save(self) -> None:
        if self._progress is not None:
            self.notify("A file is being written already.", markup=False)
            return
        if not self.ring.held:
            self.notify("There is nothing to save yet.", markup=False)
            return
        from fleettui.ui.widgets.journal.saving import SaveScreen

        machines = {str(self.name_of(n)) for n in self.ring.streams}
        where = machines.pop() if len(machines) == 1 else f"{len(machines)} machines"
        name = file_name(["journal", where, *self.choice.units, f"{now():%Y%m%dT%H%M%SZ}"])
        fixed = self.keep_in is not None
        folder = self.keep_in if self.keep_in is not None else Path.cwd()
        held, shown = self.ring.held, self.view.lines
        screen = SaveScreen(held, shown, folder, f"{_free(folder, name)}.log", fixed=fixed)
        self.app.push_screen(screen, self._decided)

    def _decided(self, saving: "Saving | None") -> None:
        if saving is not None:
            self.run_worker(self._save(saving), group="saving", exclusive=True)

    async def _save(self, saving: "Saving") -> None:
        self._told(0.0)
        try:
            if self.keep_in is not None:
                self.keep_in.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole_file(saving.path, keeps=HostUnreachable) as file:
                count = await self._written(saving, file)
        except (OSError, ValueError, HostUnreachable) as problem:
            words = _not_saved(saving.path, problem)
            self.notify(words, severity="error", timeout=20, markup=False)
        except asyncio.CancelledError:  # the screen of this pane was left
            words = f"Nothing was saved as {_shown(saving.path)}: its journal was left before"
            self.app.notify(words, severity="error", timeout=20, markup=False)
            raise
        else:
            words = f"{count:,} lines saved as {_shown(saving.path)}"
            self.notify(words, timeout=15, markup=False)
        finally:
            self._told(None)

    def _told(self, progress: float | None) -> None:
        self._progress = progress
        self.refresh()

    @property
    def task_words(self) -> str:
        """The progress bar of the file being written; empty where none is."""
        if self._progress is None:
            return ""
        done = round(min(self._progress, 1.0) * BAR)
        return f"saving {'█' * done}{'░' * (BAR - done)} {self._progress:4.0%}"

    async def _written(self, saving: "Saving", file: BinaryIO) -> int:
        from fleettui.ui.widgets.journal.saving import Extent

        lines = self._anew(saving) if saving.extent is Extent.ANEW else self._kept(saving)
        count = 0
        async with aclosing(lines) as batches:
            async for batch, progress in batches:
                file.write(b"".join(line + b"\n" for line in batch))
                count += len(batch)
                self._told(progress)
        return count

    async def _kept(self, saving: "Saving") -> AsyncGenerator[tuple[list[bytes], float], None]:
        """The lines that are held, in the order that is shown; nothing of them is folded."""
        from fleettui.ui.widgets.journal.saving import Extent

        wanted = replace(self.wanted if saving.extent is Extent.SHOWN else Wanted(), folded=False)
        ring, names = self.ring.as_it_is(), self._names()
        view = View(ring)
        view.want(wanted)
        total, done = max(view.count, 1), 0
        batch: list[bytes] = []
        for place in view.forward():
            line = view.line(place)
            batch.append(_line(line, names[line.stream], as_json=saving.as_json))
            if len(batch) >= AT_ONCE:
                done += len(batch)
                yield batch, done / total
                batch = []
                await asyncio.sleep(0)
        yield batch, 1.0

    async def _anew(self, saving: "Saving") -> AsyncGenerator[tuple[list[bytes], float], None]:
        """The time from the oldest line held to the newest, read once more from each machine."""
        reader, names, ring = self.reader(), self._names(), self.ring.as_it_is()
        sources = {stream: self.source_of(stream) for stream in ring.streams}
        for place, (stream, source) in enumerate(sources.items()):
            ends = ring.streams[stream].ends
            if ends is None:
                continue
            first, last = _whole_seconds(*map(moment, ends))
            span = Span(None, f"{first:%Y-%m-%d %H:%M:%S}", f"{last:%Y-%m-%d %H:%M:%S}")
            length = max((last - first).total_seconds(), 1e-3)
            async with reader.recall(source.machine, source.unit, span) as batches:
                async for records in batches:
                    lines = [_record(r, names[stream], as_json=saving.as_json) for r in records]
                    part = (records[-1].entry.at - first).total_seconds() / length
                    yield lines, (place + min(max(part, 0.0), 1.0)) / len(sources)

    def _names(self) -> Mapping[int, Untrusted]:
        """Each stream's machine, for as long as its lines are written: it may be left meanwhile."""
        return {stream: self.name_of(stream) for stream in self.ring.streams}


def _free(folder: Path, stem: str) -> str:
    """The name, with a number where a file there has it: in a replay the time may stand still."""
    names = (stem, *(f"{stem}-{number}" for number in range(2, MOST_NAMES)))
    return next((name for name in names if not _is_taken(folder, name)), stem)


def _is_taken(folder: Path, stem: str) -> bool:
    files = (folder / f"{stem}{ending}" for ending in (".log", ".jsonl"))
    return any(file.exists() or part_of(file).exists() for file in files)


def _line(line: Line, machine: Untrusted, *, as_json: bool) -> bytes:
    if as_json:
        return json_line(line, machine)
    return text_line(line, machine).encode("utf-8", "backslashreplace")


def _record(record: JournalRecord, machine: Untrusted, *, as_json: bool) -> bytes:
    return record.json if as_json else record_text(record, machine).encode()


def _whole_seconds(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """journalctl takes seconds: one more, so that the last line is within."""
    return first.replace(microsecond=0), last.replace(microsecond=0) + timedelta(seconds=1)


def _not_saved(path: Path, problem: OSError | ValueError | HostUnreachable) -> str:
    """Why there is no such file, in a disk's own words or a machine's, and what there is."""
    match problem:
        case FileExistsError():
            return f"Nothing was saved: {_shown(Path(problem.filename))} is there already."
        case HostUnreachable() if (part := part_of(path)).exists():
            return f"Not all came: {problem}. What did come is in {_shown(part)}"
        case OSError() if problem.strerror:
            return f"Nothing was saved as {_shown(path)}: {problem.strerror}"
    return f"Nothing was saved as {_shown(path)}: {problem}"


def _shown(path: Path) -> Untrusted:
    return Untrusted(str(path))
