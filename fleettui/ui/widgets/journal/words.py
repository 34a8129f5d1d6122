"""A journal line as words on the screen: time, machine, level, source, message."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise, takewhile
from textwrap import wrap

import msgspec
from rich.cells import cell_len, set_cell_size

from fleettui.journal.columns import Code
from fleettui.journal.pattern import Pattern
from fleettui.journal.ring import Line
from fleettui.journal.times import TimeStyle, time_words
from fleettui.model.host import NoticeKind
from fleettui.model.untrusted import Untrusted
from fleettui.ui.paint import Tone
from fleettui.ui.widgets.journal.looks import HIGHLIGHTS, MATCH, Bit, tone

TAG = 10
"""Columns of a machine's name before its lines, at most."""
ROOMY = 70
"""Columns from which on the source of a line has a place of its own."""
SOURCE = 18
"""Cells of the column that names where in fleet's code a line was said."""
WIDE = 110
"""Columns from which on a folded row tells when its first line was said, too."""

_TONES = {
    Code.PLAIN: Tone.PLAIN,
    Code.WARNING: Tone.WARN,
    Code.ERROR: Tone.BAD,
    Code.FAULT: Tone.ALARM,
    Code.NOISE: Tone.DIM,
}
_RULE_TONES = {
    NoticeKind.LOST: Tone.BAD,
    NoticeKind.REFUSED: Tone.BAD,
    NoticeKind.GAP: Tone.BAD,
    NoticeKind.ENDED: Tone.WARN,
    NoticeKind.BOOTED: Tone.WARN,
}


class Display(msgspec.Struct, frozen=True):
    """How lines are shown, whatever they say."""

    width: int = 80
    times: TimeStyle = TimeStyle.TIME
    local: bool = False
    """The times of this place, not UTC."""
    wrap: bool = False
    shift: int = 0
    """Columns of the message that are scrolled away to the left; not where it is wrapped."""
    search: Pattern | None = None
    highlights: tuple[Pattern, ...] = ()
    tags: Mapping[int, Bit] = msgspec.field(default_factory=dict)
    """By stream: the machine's name and its look; empty where there is but one. See `tagged`."""


def tagged(names: Mapping[int, Bit]) -> dict[int, Bit]:
    """Names of machines, all of one width."""
    width = min(max((cell_len(name) for name, _ in names.values()), default=0), TAG)
    return {stream: (set_cell_size(name, width), look) for stream, (name, look) in names.items()}


def drawn(
    line: Line, display: Display, before: Line | None, *, explained: bool = False
) -> list[list[Bit]]:
    """The screen lines of a row; `before` is the row above it. What a line of the fault means is
    said below it, unless it is `explained` above."""
    head = list(_head(line, display, before))
    indent = sum(cell_len(text) for text, _ in head)
    room = max(display.width - indent, 10)
    if line.code is Code.RULE:
        parts = _rule(line, room)
    elif display.wrap:
        parts = _wrapped(list(_message(line, display)), room)
    else:
        parts = [_shifted(list(_message(line, display)), display.shift)]
    if line.template is not None and not explained:
        parts += _explained(line.template, room)
    margin: Bit = (" " * indent, "")
    return [[*head, *parts[0]], *([margin, *part] for part in parts[1:])]


def _head(line: Line, display: Display, before: Line | None) -> Iterator[Bit]:
    last = before.last_at or before.at if before and before.code is not Code.RULE else None
    at = line.last_at or line.at  # a folded row is as new as its last line
    time = time_words(at, display.times, local=display.local, before=last)
    yield (f" {time} " if time else " "), tone(Tone.DIM)
    if display.tags:
        name, look = display.tags.get(line.stream, ("", ""))
        yield f"{name} ", look


def _message(line: Line, display: Display) -> Iterator[Bit]:
    look = tone(_TONES[line.code])
    yield f"{line.level[:1] or ' '} ", look
    if display.width >= ROOMY:
        source = str(line.source)
        yield f"{source:<{SOURCE}} " if cell_len(source) <= SOURCE else f"{source} ", _quiet(look)
    if line.count > 1:
        first = time_words(line.at, TimeStyle.TIME, local=display.local)
        since = f" since {first}" if display.width >= WIDE else ""
        yield f"{line.count}x{since} ", tone(Tone.ACCENT)
    if line.origin.problem is not None:
        yield f"[{line.origin.problem}] ", tone(Tone.WARN)
    yield from _lit(str(line.text), look, display)


def _quiet(look: str) -> str:
    return look or tone(Tone.DIM)


def _lit(text: str, look: str, display: Display) -> Iterator[Bit]:
    """A text with everything lit that is searched for or highlighted; the search wins."""
    looks: list[tuple[int, int, str]] = []
    for number, marked in enumerate(display.highlights):
        looks += [(*span, HIGHLIGHTS[number % len(HIGHLIGHTS)]) for span in marked.spans(text)]
    if display.search is not None:
        looks += [(*span, MATCH) for span in display.search.spans(text)]
    if not looks:
        yield text, look
        return
    cuts = sorted({0, len(text), *(cut for begin, end, _ in looks for cut in (begin, end))})
    for begin, end in pairwise(cuts):
        over = [name for first, last, name in looks if first <= begin and end <= last]
        yield text[begin:end], over[-1] if over else look


def _rule(line: Line, width: int) -> list[list[Bit]]:
    """A notice is never cut off: it says what is missing."""
    look = tone(_RULE_TONES.get(line.origin.notice or NoticeKind.SAID, Tone.DIM))
    return [[(part, look)] for part in wrap(f"── {line.text} ──", width)]


def _explained(template: Untrusted, width: int) -> list[list[Bit]]:
    """What a line of the fault means."""
    words = (
        f"↳ {template} was loaded itself: this fleetd does nothing any more, and what it "
        "reports is frozen"
    )
    return [[(part, tone(Tone.WARN))] for part in wrap(words, width, subsequent_indent="  ")]


def _wrapped(bits: Sequence[Bit], width: int) -> list[list[Bit]]:
    lines: list[list[Bit]] = [[]]
    left = width
    for text, look in bits:
        rest = text
        while (fits := _fitting(rest, left)) < len(rest):
            if not fits and left == width:
                fits = 1  # a sign wider than the whole line
            lines[-1].append((rest[:fits], look))
            rest, left = rest[fits:], width
            lines.append([])
        lines[-1].append((rest, look))
        left -= cell_len(rest)
    return lines


def _fitting(text: str, columns: int) -> int:
    """How many characters fit into so many columns; it looks at no more of them."""
    if text.isascii():
        return min(columns, len(text))
    widths = accumulate(cell_len(char) for char in text)
    return sum(1 for _ in takewhile(lambda width: width <= columns, widths))


def _shifted(bits: Sequence[Bit], columns: int) -> list[Bit]:
    shifted = []
    for text, look in bits:
        shifted.append((text[columns:], look))
        columns = max(0, columns - len(text))
    return shifted
