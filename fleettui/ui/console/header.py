"""Two lines that say which cluster this is, how true the picture is, and what may be done."""

from collections import Counter
from collections.abc import Iterable

from textual.reactive import reactive
from textual.widgets import Static

from fleettui.access import ClusterAddress
from fleettui.model.changes import changed_units
from fleettui.model.clock import now
from fleettui.model.cluster import Link, RegistryView, Snapshot, Unit
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.ui import marks
from fleettui.ui.paint import Piece, Tone, paint, paint_lines
from fleettui.ui.picture import Picture, ago
from fleettui.ui.standing import Standing


class StatusLines(Static):
    """The console's header; it redraws each second, because ages grow."""

    DEFAULT_CSS = """
    StatusLines {
        height: 2;
        background: $panel;
        color: $foreground;
        padding: 0 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    picture: reactive[Picture] = reactive(Picture, init=False, repaint=False)
    holder: reactive[LockHolder | None] = reactive(None, init=False, repaint=False)
    """Who repairs right now, here or elsewhere."""
    standing: reactive[Standing] = reactive(Standing, init=False)
    """What an observer's credentials could do."""

    def __init__(self, cluster: ClusterAddress, *, may_change: bool) -> None:
        super().__init__(markup=False)
        self._cluster = cluster
        self._may_change = may_change
        self._drawn: list[list[Piece]] = []
        self._counted: tuple[Snapshot | None, Counter[Untrusted]] = (None, Counter())
        """How many states say which word, in the snapshot that was drawn last."""

    def on_mount(self) -> None:
        self.set_interval(1.0, self._draw)
        self._draw()

    def watch_picture(self) -> None:
        self._draw()

    def watch_holder(self) -> None:
        self._draw()

    def watch_standing(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        lines = [self._first(), self._second()]
        if lines != self._drawn:
            self._drawn = lines
            self.update(paint_lines(paint(*line) for line in lines), layout=False)

    def _first(self) -> list[Piece]:
        observer = " ".join(["OBSERVER", self.standing.word]).strip()
        role = ("OPERATOR", Tone.ACCENT) if self._may_change else (f" {observer} ", Tone.ALARM)
        endpoint = self.picture.view.endpoint or ", ".join(self._cluster.endpoints)
        return [
            ("fleettui ", Tone.STRONG), role, "  ", *_link(self.picture.view), "  ",
            (f"{endpoint}{self._cluster.prefix}", Tone.DIM),
        ]  # fmt: skip # one a line reads worse

    def _second(self) -> list[Piece]:
        picture, snapshot = self.picture, self.picture.snapshot
        if picture.view.link is Link.LOST:
            return [(picture.view.reason or "the registry does not answer", Tone.WARN)]
        if snapshot is None:
            return [("nothing has been read yet", Tone.DIM)]
        findings = len(picture.findings)
        count = f"{findings} finding{'' if findings == 1 else 's'}"
        pieces: list[Piece] = [*_repairing(self.holder)]
        pieces.append((marks.BROKEN if findings else marks.FINE).saying(count).piece)
        pieces.append(f"  {len(snapshot.machines)} machines")
        if picture.departed:
            pieces.append((f", {len(picture.departed)} left", Tone.WARN))
        pieces.append(f"  {self._units(snapshot)}  ")
        if snapshot.leader is None:
            pieces.append(("NO ENGINE LEADER", Tone.BAD))
        else:
            leader = snapshot.machine_name(snapshot.leader.machine_id)
            pieces.append((f"engine leader {leader}", Tone.DIM))
        if snapshot.bad:
            pieces.append((f"  {len(snapshot.bad)} unreadable keys", Tone.WARN))
        return pieces

    def _units(self, snapshot: Snapshot) -> str:
        """How many units there are in which state: only what changed is counted anew."""
        before, counts = self._counted
        if before is None:
            counts = _states(snapshot.units.values())
        elif before is not snapshot:
            changes = changed_units(before, snapshot)
            counts = counts + _states(unit for _, unit in changes)
            counts = counts - _states(was for was, _ in changes)
        self._counted = snapshot, counts
        words = ", ".join(f"{count} {word}" for word, count in counts.most_common(4))
        return f"{len(snapshot.units)} units ({words})" if words else f"{len(snapshot.units)} units"


def _repairing(holder: LockHolder | None) -> list[Piece]:
    """Who must not be disturbed; nothing while nobody repairs."""
    if holder is None:
        return []
    words = f"UNDER REPAIR by {holder.who}, {holder.subject}: {holder.stage}; R watches"
    return [(words if holder.problem is None else "UNDER REPAIR; R watches", Tone.WARN), "  "]


def _link(view: RegistryView) -> list[Piece]:
    match view.link:
        case Link.LIVE if view.snapshot is not None:
            return [marks.LIVE.piece, (f" {ago(view.snapshot.read_at)} old", Tone.DIM)]
        case Link.LIVE | Link.CONNECTING:
            return [marks.CONNECTING.piece]
        case Link.LOST:
            wait = (view.next_try - now()).total_seconds() if view.next_try else 0
            again = f" attempt {view.attempt}, next in {max(wait, 0):.0f} s"
            mark = marks.STALE if view.snapshot is not None else marks.NOT_CONNECTED
            since = f"{mark.word} since {view.since:%H:%M:%S} UTC"
            return [mark.saying(since).piece, again]


def _states(units: Iterable[Unit | None]) -> Counter[Untrusted]:
    return Counter(state.active for unit in units if unit is not None for state in unit.states)
