"""Search, filter and highlights: three things, each with its key."""

from typing import ClassVar

from msgspec.structs import replace
from textual.binding import Binding, BindingType

from fleettui.journal.columns import Code
from fleettui.journal.pattern import Pattern, pattern
from fleettui.journal.rows import Wanted
from fleettui.ui.keys import named
from fleettui.ui.widgets.journal.log import JournalLog
from fleettui.ui.widgets.journal.looks import HIGHLIGHTS
from fleettui.ui.widgets.journal.prompt import Asking, Prompt

ERRORS = frozenset({Code.ERROR, Code.FAULT})
WARNINGS = frozenset({Code.WARNING})
MOST_CONTEXT = 20
"""Lines around a match that a filter shows, at most."""


class SearchableLog(JournalLog):
    """A log in which one finds things."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("slash", "ask('search')", "Search", key_display="/"),
            Binding("n", "again(False)", "Next", show=False, tooltip="Next and previous match"),
            Binding("N", "again(True)", "Previous", show=False, tooltip="Next and previous match"),
            Binding(
                "F,ampersand",
                "ask('filter')",
                "Filter",
                key_display="F",
                tooltip="Show only lines with a text or expression",
            ),
            Binding(
                "plus", "context(1)", "Context", show=False, tooltip="More, fewer lines around"
            ),
            Binding(
                "minus", "context(-1)", "Context", show=False, tooltip="More, fewer lines around"
            ),
            Binding("h", "ask('highlight')", "Highlight", show=False, tooltip="Light a text up"),
            Binding("H", "dim", "No highlights", show=False, tooltip="Remove all highlights"),
            Binding("e", "error(False)", "Error", show=False, tooltip="Next and previous error"),
            Binding("E", "error(True)", "Error", show=False, tooltip="Next and previous error"),
            Binding(
                "right_square_bracket",
                "warning(False)",
                "Warning",
                show=False,
                tooltip="Next and previous warning",
            ),
            Binding(
                "left_square_bracket",
                "warning(True)",
                "Warning",
                show=False,
                tooltip="Next and previous warning",
            ),
            Binding("z", "faults", "Faults", show=False, tooltip="Faults and errors only, or all"),
            Binding("i", "noise", "Noise", show=False, tooltip="Hide harmless noise, or show it"),
            Binding(
                "c", "fold", "Fold", show=False, tooltip="Fold repeats into one row, or show all"
            ),
            Binding("space", "unfold", "Unfold", show=False, tooltip="Unfold this row alone"),
        ]
    )

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._prompt: Prompt | None = None
        """None until something is asked: a start does without."""

    # --- what is wanted -----------------------------------------------------------------------

    @property
    def wanted(self) -> Wanted:
        """Which lines are shown, and folded how."""
        return self.view.wanted

    def want(self, wanted: Wanted) -> None:
        """Show other lines; the chosen one stays where it can."""
        self.view.want(wanted)
        self.redraw()

    @property
    def is_searching(self) -> Pattern | None:
        """The pattern that is searched for; None where nothing is."""
        return self.display_as.search

    @property
    def room(self) -> int:
        asking = self._prompt is not None and self._prompt.display
        return max(self.size.height - self.head_height - asking, 0)

    # --- the prompt ---------------------------------------------------------------------------

    async def action_ask(self, asking: str) -> None:
        wanted, search = self.wanted.filter, self.is_searching
        before = {Asking.FILTER: wanted, Asking.SEARCH: search}.get(Asking(asking))
        if self._prompt is None:
            self._prompt = Prompt()
            await self.mount(self._prompt)
        self._prompt.ask(Asking(asking), before.text if before else "")
        self.redraw()

    def on_input_changed(self) -> None:
        self.refresh()  # the reason why it is no pattern stands in the title

    def on_prompt_answered(self, event: Prompt.Answered) -> None:
        event.stop()
        self.screen.set_focus(self)  # at once: a focus that comes later is a painting more
        if event.text is not None:
            self.answer(event.asking, event.text)
        self.redraw()

    def answer(self, asking: Asking, text: str) -> None:
        """Do what was typed."""
        match asking:
            case Asking.SEARCH:
                self._search(text)
            case Asking.FILTER:
                self._filter(text)
            case Asking.HIGHLIGHT:
                self._highlight(text)

    def _filter(self, text: str) -> None:
        """No lines around what no filter chose: `z` and `i` would show what they are to hide."""
        context = self.wanted.context if text else 0
        self.want(replace(self.wanted, filter=pattern(text) if text else None, context=context))

    def _search(self, text: str) -> None:
        search = pattern(text) if text else None
        self.show_as(replace(self.display_as, search=search))
        place = self.chosen_place
        if search is None or place is None:
            return
        if self.window.following:
            self._go_to_match(search, back=True, from_end=True)
        elif next(search.spans(str(self.view.line(place).message)), None) is None:
            self._go_to_match(search, back=False)

    def action_again(self, back: bool) -> None:
        search = self.is_searching
        if search is None:
            self.notify("Nothing has been searched for yet: / searches.", markup=False)
        else:
            self._go_to_match(search, back=back)

    def _go_to_match(self, search: Pattern, *, back: bool, from_end: bool = False) -> None:
        place = None if from_end else self.chosen_place
        found = self.view.find(search, place, back=back)
        if found is None and not from_end:
            found = self.view.find(search, None, back=back)
            if found is not None:
                end = "newest" if back else "oldest"
                self.notify(f"Went on from the {end} line.", markup=False)
        if found is None:
            hidden = self.view.filtered
            words = f"; {hidden:,} filtered out were not searched" if hidden else ""
            self.notify(f"No line shown matches{words}.", severity="warning", markup=False)
        else:
            self.window.go(found)
            self.redraw()

    def _highlight(self, text: str) -> None:
        marks = (*self.display_as.highlights, pattern(text))[-len(HIGHLIGHTS) :] if text else ()
        self.show_as(replace(self.display_as, highlights=marks))

    def action_dim(self) -> None:
        self.show_as(replace(self.display_as, highlights=()))

    # --- errors and warnings ------------------------------------------------------------------

    def action_error(self, back: bool) -> None:
        self._go_to(ERRORS, "error", back=back)

    def action_warning(self, back: bool) -> None:
        self._go_to(WARNINGS, "warning", back=back)

    def _go_to(self, codes: frozenset[Code], word: str, *, back: bool) -> None:
        """While the end is followed, both ways lead to the last one."""
        following = self.window.following
        place = None if following else self.chosen_place
        found = self.view.find_code(codes, place, back=back or following)
        if found is None:
            self.notify(f"No further {word}.", markup=False)
        else:
            self.window.go(found)
            self.redraw()

    # --- which lines --------------------------------------------------------------------------

    def action_context(self, more: int) -> None:
        if self.wanted.filter is None:
            self.notify("There are lines around only where a filter is set: F.", markup=False)
            return
        context = min(max(self.wanted.context + more, 0), MOST_CONTEXT)
        self.want(replace(self.wanted, context=context))

    def action_faults(self) -> None:
        codes = None if self.wanted.codes == ERRORS else ERRORS
        self.want(replace(self.wanted, codes=codes))

    def action_noise(self) -> None:
        quiet = frozenset(Code) - {Code.NOISE}
        codes = None if self.wanted.codes == quiet else quiet
        self.want(replace(self.wanted, codes=codes))

    def action_fold(self) -> None:
        self.want(replace(self.wanted, folded=not self.wanted.folded))

    def action_unfold(self) -> None:
        place = self.chosen_place
        if place is not None and self.view.unfold(place):
            self.window.go(place)
            self.redraw()
        elif self.wanted.folded:
            self.notify("This row stands for one line alone.", markup=False)
        else:
            self.notify("Every row is unfolded already: c folds them.", markup=False)
