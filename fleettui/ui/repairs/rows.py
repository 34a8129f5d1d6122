"""The list of past repairs as rows, and what is said of one that was left; pure."""

from collections.abc import Iterator, Sequence

from textual.content import Content

from fleettui.access import ClusterAddress
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.repair.records.past import Closed, PastRepair, PastState
from fleettui.ui.paint import Cell, Tone, cell, paint
from fleettui.ui.picture import ago
from fleettui.ui.widgets.grid import Column, Row

COLUMNS = (
    Column("BEGUN, UTC", 16),
    Column("MACHINE", 15),
    Column("HOW IT STANDS", 20, 2),
    Column("UNIT", 18, 2),
    Column("FAULT", 15, 1, rank=1),
)
NOWHERE = Untrusted("")
"""Instead of a machine's ID, where only the registry is repaired."""
UNDER_WAY = "under way"
"""Key of the row of whoever holds the repair lock."""


def repair_rows(repairs: Sequence[PastRepair], holder: LockHolder | None, where: str) -> list[Row]:
    """Whoever repairs right now, then every record, newest first."""
    own = {Untrusted(past.token) for past in repairs if past.state is PastState.RUNNING}
    rows = [_row(past) for past in repairs]
    if holder is None or holder.token in own:
        return rows
    return [_holder_row(holder, where), *rows]


def _holder_row(holder: LockHolder, where: str) -> Row:
    cells = (
        cell(f"{holder.since:%Y-%m-%d %H:%M}"),
        cell(where),
        cell(f"UNDER WAY: {holder.stage}, by {holder.who}", Tone.WARN),
        cell(holder.subject, Tone.STRONG),
        cell(""),
    )
    return Row(UNDER_WAY, cells)


def _row(past: PastRepair) -> Row:
    if past.state is PastState.UNREADABLE:
        name = Cell(str(Untrusted(past.path.name)), Tone.DIM)
        words = cell(f"unreadable: {past.problem}", Tone.WARN)
        return Row(past.path, (name, cell(""), words, cell(""), cell("")))
    first, *others = past.units or (Untrusted(""),)
    unit = f"{first} +{len(others)}" if others else str(first)
    cells = (
        cell(f"{past.begun_at:%Y-%m-%d %H:%M}"),
        cell("registry only" if past.machine_id == NOWHERE else past.ip),
        _standing(past),
        cell(unit, Tone.STRONG),
        cell(past.fault, Tone.DIM),
    )
    return Row(past.path, cells)


def _standing(past: PastRepair) -> Cell:
    """How a repair ended, or how far it came."""
    match past.state:
        case PastState.RUNNING:
            return Cell("running right now", Tone.WARN)
        case PastState.UNFINISHED if past.in_doubt:
            return Cell("UNFINISHED, IN DOUBT", Tone.BAD)
        case PastState.UNFINISHED:
            return Cell(f"UNFINISHED: {last_stage(past)}", Tone.BAD)
        case _ if past.closed in {None, Closed.REPAIRED}:
            return Cell("repaired", Tone.GOOD)
        case _:
            return Cell(str(past.closed), Tone.WARN)


def last_stage(past: PastRepair) -> str:
    """The last stage that was read back."""
    return past.stages_done[-1].value if past.stages_done else "locate"


def is_left(past: PastRepair, cluster: ClusterAddress) -> bool:
    """Whether it can be gone on with here: nobody drives it, and it is of this very cluster."""
    here = {Untrusted(url) for url in cluster.endpoints}
    same = past.prefix == Untrusted(cluster.prefix) and not here.isdisjoint(past.cluster)
    return past.state is PastState.UNFINISHED and past.finding is not None and same


def left_lines(past: PastRepair, others: int = 0) -> Iterator[Content]:
    """What an operator must know before going on with a repair that was left."""
    yield paint(("A repair was left unfinished", Tone.STRONG))
    yield from _what_was_done(past)
    yield paint("Resuming looks first, and repeats nothing that is done.")
    if others:
        yield paint((f"{others} more were left unfinished: R lists them.", Tone.WARN))


def abandon_lines(past: PastRepair) -> Iterator[Content]:
    """What an operator must know before giving up a repair that was left."""
    yield paint(("Give this repair up?", Tone.STRONG))
    yield from _what_was_done(past)
    yield paint("Nothing is changed on the cluster: what was done stays, the rest is not done.")
    yield paint("It is not offered any more; its record and its report stay.")
    yield paint("What is still broken is found as before, and repaired anew.")


def _what_was_done(past: PastRepair) -> Iterator[Content]:
    units = ", ".join(str(unit) for unit in past.units)
    where = f"{past.ip}, machine {past.machine_id}"
    if past.machine_id == NOWHERE:
        where = "the registry alone"
    yield paint("")
    yield paint(("  unit     ", Tone.DIM), (units, Tone.STRONG), (f"  {past.fault}", Tone.DIM))
    yield paint(("  machine  ", Tone.DIM), where)
    begun = f"{past.begun_at:%Y-%m-%d %H:%M:%S} UTC, {ago(past.begun_at)} ago, by {past.who}"
    yield paint(("  begun    ", Tone.DIM), begun)
    yield paint(("  got to   ", Tone.DIM), f"{last_stage(past)} was read back last")
    yield paint("")
    if past.in_doubt:
        yield paint(("IN DOUBT: ", Tone.BAD), "it ended during an act that may have happened:")
        yield from (paint(f"  {intent.stage}, at {intent.at:%H:%M:%S}") for intent in past.in_doubt)
    else:
        yield paint("Nothing is in doubt: no act was under way.")
