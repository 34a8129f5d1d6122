"""Everything that the journal has on one line, read once more from its machine."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from fleettui.access import HostUnreachable, JournalReader
from fleettui.journal.keep import fields_of
from fleettui.journal.ring import Line
from fleettui.journal.sources import Source
from fleettui.model.host import Span
from fleettui.model.untrusted import Untrusted
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint, paint_lines

ONE = Span(lines=1)


class EntryScreen(Dialog[None]):
    """The fields of one line: those that are held at once, all of them when they have come."""

    CSS_PATH = "entry.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape,q,enter,d", "dismiss", "Close"),
            Binding("j", "scroll(1)", "Down", show=False),
            Binding("k", "scroll(-1)", "Up", show=False),
            Binding("g", "first", "Top", show=False),
            Binding("G", "last", "Bottom", show=False),
        ]
    )

    def __init__(self, line: Line, source: Source, reader: JournalReader) -> None:
        super().__init__()
        self._line = line
        self._source = source
        self._reader = reader
        self._fields = Static(id="fields", markup=False)
        """Kept, as the machine may answer while the screen is being taken down."""

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield self._fields

    def on_mount(self) -> None:
        if not self._line.cursor:
            self._show(_held(self._line), "The machine sent no cursor with this line.")
            return
        self._show(_held(self._line), "Asking the machine for every field ...")
        self.run_worker(self._ask(), exclusive=True)

    async def _ask(self) -> None:
        try:
            record = await self._record()
        except HostUnreachable as reason:
            self._show(_held(self._line), f"This is all that is held: {reason}")
            return
        fields = list(fields_of(record)) if record is not None else []
        if fields:
            self._show(fields, f"As the journal of {self._source.machine.public_ip} has it.")
        else:
            words = "This is all that is held: the machine's journal no longer has the line."
            self._show(_held(self._line), words)

    async def _record(self) -> bytes | None:
        """The record of this line; None where the machine has another in its place."""
        source = self._source
        asked = self._reader.recall(source.machine, source.unit, ONE, self._line.cursor)
        async with asked as batches:
            async for batch in batches:
                for record in batch:
                    same = f"{record.entry.cursor};".startswith(f"{self._line.cursor};")
                    return record.json if same else None
        return None

    def _show(self, fields: Iterable[tuple[Untrusted, Untrusted]], words: str) -> None:
        lines = [
            paint(
                (f"{self._source.unit} on {self._source.machine.public_ip}", Tone.STRONG),
                ("   escape closes", Tone.DIM),
            ),
            paint((Untrusted(words), Tone.DIM)),
            paint(""),
            *_field_lines(fields),
        ]
        self._fields.update(paint_lines(lines))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_first(self) -> None:
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def action_last(self) -> None:
        self.query_one(VerticalScroll).scroll_end(animate=False)


def _field_lines(fields: Iterable[tuple[Untrusted, Untrusted]]) -> Iterator[Content]:
    for name, value in fields:
        yield paint((f"{name}", Tone.ACCENT), "  ", value)


def _held(line: Line) -> list[tuple[Untrusted, Untrusted]]:
    """The fields that the pane keeps of every line."""
    origin = line.origin
    fields = {
        "MESSAGE": line.message,
        "PRIORITY": Untrusted(str(origin.priority)),
        "SYSLOG_IDENTIFIER": origin.identifier,
        "__CURSOR": Untrusted(line.cursor),
        "time": Untrusted(f"{line.at:%Y-%m-%d %H:%M:%S.%f} UTC"),
        "_BOOT_ID": origin.boot_id,
        "_PID": Untrusted(str(origin.pid)),
        "_SYSTEMD_UNIT": origin.unit,
    }
    problem = {"problem": Untrusted(origin.problem)} if origin.problem else {}
    return [(Untrusted(name), value) for name, value in (problem | fields).items()]
