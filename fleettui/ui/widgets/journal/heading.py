"""The head of the pane: where lines come from, and the count of every one of them."""

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from fleettui.journal.columns import Code
from fleettui.journal.ring import Ring
from fleettui.journal.view import View
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.journal.window import Window
from fleettui.ui.widgets.journal.words import Display

_HINT = ", f follows"
"""The footer says it too."""


def state(window: Window, trouble: str, *, is_over: bool) -> Cell:
    """Whether the end is followed, or why it cannot be; else what came meanwhile, and that too."""
    if window.following and not trouble:
        return Cell("read to its end" if is_over else "following", Tone.GOOD)
    if window.following:
        return Cell(f" {trouble} ", Tone.ALARM)
    count = window.unseen_errors
    news = (
        f"+{window.unseen:,} new" if window.unseen else "",
        f"{count:,} error{'' if count == 1 else 's'}" if count else "",
        trouble,
    )
    if not any(news):
        return Cell(f"paused{_HINT}", Tone.WARN)
    return Cell(f" paused: {', '.join(filter(None, news))}{_HINT} ", Tone.ALARM)


def counts(ring: Ring, view: View) -> str:
    """received = shown + filtered + evicted."""
    shown, filtered, evicted = view.lines, view.filtered, ring.evicted
    return (
        f" {ring.received:,} received = {shown:,} shown + {filtered:,} filtered "
        f"+ {evicted:,} evicted"
    )


def short_counts(ring: Ring, view: View) -> str:
    """The same where there is no line for it, without what is nothing."""
    hidden = ((view.filtered, "filtered"), (ring.evicted, "evicted"))
    more = "".join(f" + {count:,} {word}" for count, word in hidden if count)
    return f"{ring.received:,} = {view.lines:,} shown{more}"


def title(state: Cell, rest: Sequence[Cell], room: int) -> list[Cell]:
    """Whether the end is followed, and of what."""
    head = Cell(" JOURNAL ")
    if width_of([head, state, *rest]) > room:
        state = Cell(state.text.replace(_HINT, ""), state.tone)
    return cut([head, state, *rest], room)


def below_title(ring: Ring, view: View, settings: Sequence[Cell], room: int) -> list[Cell]:
    """The counts and the settings, the counts as long as `room` columns allow."""
    for words in (counts(ring, view), f" {short_counts(ring, view)}"):
        cells = [Cell(words, Tone.DIM), *settings, *_noise(ring)]
        if width_of(cells) <= room:
            break
    return cut(cells, room)


def cut(cells: Sequence[Cell], room: int) -> list[Cell]:
    """As much of the cells as has room, with a sign that there is more."""
    if width_of(cells) <= room:
        return list(cells)
    kept: list[Cell] = []
    left = max(room - 1, 0)
    for one in cells:
        width = min(cell_len(one.text), left)
        kept.append(Cell(set_cell_size(one.text, width), one.tone))
        left -= width
    return [*kept, Cell("…", Tone.WARN)]


def in_one_line(source: str, ring: Ring, view: View, settings: list[Cell], room: int) -> list[Cell]:
    """Source, counts and settings side by side, the counts as long as `room` columns allow."""
    noise = _noise(ring)
    whole = [Cell(source), Cell(f" {counts(ring, view)}", Tone.DIM), *settings, *noise]
    if width_of(whole) <= room:
        return whole
    words = Cell(f"{source}, {ring.received:,} lines")
    if ring.received != view.lines:
        words = Cell(f"  {short_counts(ring, view)}{source}")
    # That lines are hidden must be seen where there is no room for both.
    fits = width_of([words, *settings]) <= room
    return [words, *settings, *noise] if fits else [*settings, words, *noise]


def width_of(cells: Iterable[Cell]) -> int:
    """Columns that cells take side by side."""
    return sum(cell_len(cell.text) for cell in cells)


def _noise(ring: Ring) -> list[Cell]:
    """How much of it there is."""
    count = ring.tally(Code.NOISE)
    return [Cell(f"  {count:,} noise", Tone.WARN)] if count else []


def settings(view: View, display: Display) -> Iterator[str]:
    """What is shown in another way than at first."""
    wanted = view.wanted
    if wanted.filter is not None:
        around = f" ±{wanted.context}" if wanted.context else ""
        yield f"filter {wanted.filter.text}{around}"
    if wanted.codes is not None:
        yield "no noise" if Code.PLAIN in wanted.codes else "faults only"
    if display.search is not None:
        yield f"search {display.search.text}"
    if display.highlights:
        yield f"lit {', '.join(one.text for one in display.highlights)}"
    if not wanted.folded:
        yield "unfolded"
    if display.wrap:
        yield "wrapped"
    if display.shift:
        yield f"from column {display.shift}"
