"""The head of the pane: where lines come from, and the count of every one of them."""

from collections.abc import Iterator

from fleettui.journal.columns import Code
from fleettui.journal.ring import Ring
from fleettui.journal.view import View
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.journal.window import Window
from fleettui.ui.widgets.journal.words import Display


def state(window: Window, trouble: str) -> Cell:
    """Whether the end is followed, or why it cannot be; else what came meanwhile."""
    if window.following:
        return Cell(f" {trouble} ", Tone.ALARM) if trouble else Cell("following", Tone.GOOD)
    if not window.unseen:
        return Cell("paused, f follows", Tone.WARN)
    count = window.unseen_errors
    errors = f", {count} error{'' if count == 1 else 's'}" if count else ""
    return Cell(f" paused: +{window.unseen} new{errors}, f follows ", Tone.ALARM)


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


def settings(ring: Ring, view: View, display: Display) -> Iterator[str]:
    """What is shown in another way than at first, and how much noise there is."""
    wanted = view.wanted
    if wanted.filter is not None:
        around = f" ±{wanted.context}" if wanted.context else ""
        yield f"filter {wanted.filter.text}{around}"
    if wanted.codes is not None:
        yield "no noise" if Code.PLAIN in wanted.codes else "faults only"
    if noise := ring.tally(Code.NOISE):
        yield f"{noise:,} noise"
    if display.search is not None:
        yield f"search {display.search.text}"
    if not wanted.folded:
        yield "unfolded"
    if display.wrap:
        yield "wrapped"
    if display.shift:
        yield f"from column {display.shift}"
