"""The report of one repair, as another engineer would read it."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from fleettui.model.untrusted import Untrusted
from fleettui.repair.records.past import read_past
from fleettui.repair.records.report import as_markdown, report_of
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.repairs.keep import keep_report
from fleettui.ui.widgets.footer import KeyFooter


class ReportScreen(Screen[None]):
    """Markdown as plain lines; the record is read afresh each time it is opened."""

    CSS_PATH = "report.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape,backspace", "app.pop_screen", "Back"),
            Binding("s", "save", "Save", tooltip="Save it as Markdown and JSON"),
            Binding("y", "copy", "Copy", tooltip="Copy it as Markdown through the terminal"),
            Binding("j", "scroll(1)", "Down", show=False),
            Binding("k", "scroll(-1)", "Up", show=False),
            Binding("g", "end(-1)", "Top", show=False),
            Binding("G", "end(1)", "Bottom", show=False),
        ]
    )

    def __init__(self, record: Path) -> None:
        super().__init__()
        self._record = record
        self._report = report_of(read_past(record))

    def compose(self) -> ComposeResult:
        lines = as_markdown(self._report).splitlines()
        with VerticalScroll():
            yield Static(paint_lines(map(_line, lines)), markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def action_save(self) -> None:
        """Beside the record, as Markdown and as JSON."""
        try:
            saved = keep_report(self._record)
        except OSError as disk:
            words = f"It could not be saved: {Untrusted(str(disk))}"
            self.notify(words, severity="error", markup=False)
            return
        self.notify(f"Saved as {saved}, and as JSON beside it", timeout=15, markup=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(as_markdown(self._report))
        self.notify(
            "Sent to the terminal's clipboard; whether it took it, it does not say.", markup=False
        )

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_end(self, direction: int) -> None:
        body = self.query_one(VerticalScroll)
        body.scroll_to(y=0 if direction < 0 else body.max_scroll_y, animate=False)


def _line(text: str) -> Content:
    """A line of Markdown as it stands; a heading is lit, and nothing in it is obeyed."""
    tone = Tone.ACCENT if text.startswith("#") else Tone.PLAIN
    return paint((Untrusted(text), tone))
