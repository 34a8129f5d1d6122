"""What the overview draws, panel by panel, from the picture and the trail; pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from rich.cells import cell_len
from textual.content import Content

from fleettui.model.cluster import Machine
from fleettui.ui import marks
from fleettui.ui.console.rows import machine_mark, unit_mark
from fleettui.ui.marks import Mark
from fleettui.ui.overview.trail import SLOT, Trail
from fleettui.ui.paint import Piece, Tone, paint
from fleettui.ui.picture import Picture, ago

TILED = 60
"""Up to so many machines have a tile with their name; of more each has a glyph."""
_TILES = {Tone.GOOD: Tone.CALM, Tone.WARN: Tone.ALERT, Tone.BAD: Tone.ALARM}
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def machine_panel(picture: Picture, width: int) -> Iterator[Content]:
    """The heat map: every machine by its state, and how many there are of each."""
    machines = picture.machines
    if not machines:
        yield paint((_none(picture, "no machine has joined this cluster"), Tone.DIM))
        return
    found = [(machine, machine_mark(machine, picture)) for machine in machines]
    tally = Counter(marks.kind_of(mark, marks.MACHINE_MARKS) for _, mark in found)
    counts = ((f"{m.glyph} {tally[m]} {m.word} ", m.tone) for m in marks.MACHINE_MARKS if tally[m])
    yield from _wrapped(counts, width)
    if len(found) <= TILED:
        tiles = [_tile(mark, _name(machine, picture)) for machine, mark in found]
    else:
        tiles = [(mark.glyph, _TILES.get(mark.tone, mark.tone)) for _, mark in found]
    yield from _wrapped(tiles, width)


def _none(picture: Picture, words: str) -> str:
    """What is said where nothing stands: `words` are true of a registry that was read."""
    return words if picture.snapshot else "nothing is known yet"


def _name(machine: Machine, picture: Picture) -> str:
    facts = picture.facts(machine.id)
    return str(facts.hostname if facts else machine.public_ip)


def _tile(mark: Mark, name: str) -> tuple[str, Tone]:
    return (f" {mark.glyph} {name} ", _TILES.get(mark.tone, mark.tone))


def _wrapped(tiles: Iterable[tuple[str, Tone]], width: int) -> Iterator[Content]:
    line: list[Piece] = []
    left = width
    for text, tone in tiles:
        size = cell_len(text) + 1
        if size > left and line:
            yield paint(*line)
            line, left = [], width
        line += [(text, tone), " "]
        left -= size
    if line:
        yield paint(*line)


def unit_panel(picture: Picture, width: int) -> Iterator[Content]:
    """Units by state, the worst first: a word, a number and a bar for each."""
    units = picture.snapshot.units.values() if picture.snapshot else ()
    tally = Counter(marks.kind_of(unit_mark(unit, picture), marks.UNIT_MARKS) for unit in units)
    if not tally:
        yield paint((_none(picture, "no unit is in the registry"), Tone.DIM))
        return
    digits = len(str(max(tally.values())))
    room = max(width - 22 - digits, 4)
    for mark in marks.UNIT_MARKS:
        count = tally[mark]
        if count:
            bar = "█" * max(room * count // max(tally.values()), 1)
            yield paint(
                mark.saying(f"{mark.word:<18}").piece, (f"{count:>{digits}} ", Tone.STRONG),
                (bar, mark.tone),
            )  # fmt: skip # one a line reads worse


def chart(values: Sequence[int | None], height: int) -> list[str]:
    """Columns in eighths of a row, `height` rows, the top one first; a zero is a thin line."""
    most = max((value or 0 for value in values), default=0)
    steps = [
        0 if value is None else max(-(-value * height * 8 // most) if most else 0, 1)
        for value in values
    ]
    rows = range(height - 1, -1, -1)
    return ["".join(_EIGHTHS[min(max(s - row * 8, 0), 8)] for s in steps) for row in rows]


def findings_panel(
    picture: Picture, trail: Trail, at: datetime, width: int, height: int
) -> Iterator[Content]:
    """How many findings there were over time."""
    values = trail.findings(width, at)
    now = len(picture.findings)
    if picture.snapshot is None:
        yield paint(("nothing is known yet", Tone.DIM))
    else:
        most = max((value or 0 for value in values), default=0)
        mark = marks.BROKEN if now else marks.FINE
        yield paint(mark.saying(f"{now} now").piece, (f", at most {most} so far", Tone.DIM))
    tones = [Tone.BAD if value else Tone.GOOD for value in values]
    yield from (paint(*_coloured(row, tones)) for row in chart(values, height))
    yield _axis(width)


def _coloured(row: str, tones: Sequence[Tone]) -> Iterator[Piece]:
    for tone, group in groupby(zip(row, tones, strict=True), key=lambda column: column[1]):
        yield ("".join(sign for sign, _ in group), tone)


def events_panel(
    picture: Picture, trail: Trail, at: datetime, width: int, height: int
) -> Iterator[Content]:
    """Events that etcd counted over time, and how often a full read found more than they told."""
    values = trail.events(width, at)
    counted = [value for value in values if value is not None]
    if counted:
        lately = counted[-60 // SLOT :]
        mean, most = sum(lately) / (len(lately) * SLOT), max(counted) / SLOT
        yield paint((f"{mean:.1f} a second", Tone.STRONG), (f", at most {most:.1f}", Tone.DIM))
    else:
        yield paint(("nothing was counted yet", Tone.DIM))
    yield from (paint((row, Tone.ACCENT)) for row in chart(values, height))
    count = picture.view.disagreements
    yield _axis(width, f"{count} reads disagreed", Tone.WARN if count else Tone.DIM)


def _axis(width: int, middle: str = "", tone: Tone = Tone.DIM) -> Content:
    left, right = f"{width * SLOT / 60:.0f} min ago", "now"
    rest = max(width - len(left) - len(right), 1)
    return paint((left, Tone.DIM), (f"{middle:^{rest}}", tone), (right, Tone.DIM))


def change_panel(trail: Trail, width: int, height: int) -> Iterator[Content]:
    """The last changes, newest first: how long ago, by whom, what, from what to what."""
    if not trail.tellings:
        yield paint(("nothing has changed while this session watched", Tone.DIM))
    changes = trail.changes(height)
    subject = min(max((cell_len(c.subject) for c in changes), default=0), width // 3)
    for change in changes:
        arrow = f"{change.before} → " if change.before else ""
        yield paint(
            (f"{ago(change.at):>6}  ", Tone.DIM), (f"{change.who:<15} ", Tone.DIM),
            f"{change.subject:<{subject}}  ", (arrow, Tone.DIM), (change.after, change.tone),
        )  # fmt: skip # one a line reads worse
