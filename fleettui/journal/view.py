"""What of a ring is shown: the rows of its streams, merged by time into one order."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice

from msgspec.structs import replace

from fleettui.journal.columns import Code
from fleettui.journal.pattern import Pattern
from fleettui.journal.ring import Line, Ring
from fleettui.journal.rows import Hits, Place, Rows, Wanted, coded


class View:
    """The rows of a ring under one `Wanted`. Say `update` after the ring took lines.

    The order does not depend on when lines came: a late one takes the place that its time gives
    it, and those of one stream always stay as its journal has them.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._wanted = Wanted()
        self._rows: dict[int, Rows] = {}

    @property
    def wanted(self) -> Wanted:
        """What `want` was called with last; all lines, folded, before that."""
        return self._wanted

    def want(self, wanted: Wanted) -> None:
        """Show something else."""
        before, self._wanted = self._wanted, wanted
        if replace(before, muted=wanted.muted) != wanted:
            self._rows = {}
        self.update()

    def grow(self, number: int) -> None:
        """Take note of what the ring took of one stream, where it threw nothing away for it."""
        if (rows := self._rows.get(number)) is not None:
            rows.update()
        else:
            self.update()

    def update(self) -> None:
        """Take note of what the ring took and threw away."""
        streams = self._ring.streams
        for number in [n for n in self._rows if n not in streams]:
            del self._rows[number]
        for number, stream in streams.items():
            rows = self._rows.get(number)
            if rows is None:
                self._rows[number] = Rows(number, stream, self._wanted)
            else:
                rows.update()

    def unfold(self, place: Place) -> bool:
        """Show each line that a folded row stands for, or fold them again; whether it is one."""
        rows = self._rows.get(place.stream)
        if rows is None or not self._wanted.folded or not self.holds(place):
            return False
        return rows.unfold(place.number)

    # --- counting ----------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Rows there are."""
        return sum(rows.count for rows in self._shown())

    @property
    def lines(self) -> int:
        """Lines that the rows stand for: received = shown + filtered + evicted."""
        return sum(rows.lines for rows in self._shown())

    @property
    def filtered(self) -> int:
        """Lines that are held and not shown."""
        return self._ring.held - self.lines

    def rank(self, place: Place) -> int:
        """How many rows stand before a place."""
        return sum(rows.rank(place) for rows in self._shown())

    # --- walking -----------------------------------------------------------------------------

    def forward(self, place: Place | None = None) -> Iterator[Place]:
        """Rows from a place on, itself included if it is shown; None = from the first."""
        return merge(*(rows.forward(place) for rows in self._shown()))

    def backward(self, place: Place | None = None) -> Iterator[Place]:
        """Rows before a place, the nearest first; None = from the last."""
        return merge(*(rows.backward(place) for rows in self._shown()), reverse=True)

    def holds(self, place: Place) -> bool:
        """Whether the line of a place is still held."""
        stream = self._ring.streams.get(place.stream)
        return stream is not None and stream.holds(place.number)

    def again(self, place: Place) -> Place:
        """A place as it is now: a corrected clock moves it."""
        if not self.holds(place):
            return place
        return place._replace(key=self._ring.streams[place.stream].key(place.number))

    def nearest(self, place: Place) -> Place | None:
        """The row at a place, else the next one, else the last; None where there are no rows."""
        found = next(self.forward(place), None)
        return found if found is not None else next(self.backward(), None)

    def line(self, place: Place) -> Line:
        """What stands in a row."""
        folded = self._rows[place.stream].is_folded(place.number)
        return self._ring.line(place.stream, place.number, folded=folded)

    # --- finding -----------------------------------------------------------------------------

    def find(self, pattern: Pattern, place: Place | None, *, back: bool = False) -> Place | None:
        """The next row beyond `place` that a pattern matches."""
        return self._find(pattern.hits, place, back=back)

    def find_code(
        self, codes: Iterable[Code], place: Place | None, *, back: bool = False
    ) -> Place | None:
        """The next row beyond `place` of one of these codes."""
        return self._find(coded(codes), place, back=back)

    def near(self, code: Code, place: Place, most: int) -> Place | None:
        """The nearest row of a code before `place` in the same stream, among so many rows."""
        rows = islice(self._rows[place.stream].backward(place), most)
        code_of = self._ring.streams[place.stream].code
        return next((row for row in rows if code_of(row.number) == code), None)

    def _find(self, hits: Hits, place: Place | None, *, back: bool) -> Place | None:
        found = [rows.find(hits, place, back=back) for rows in self._shown()]
        places = [p for p in found if p is not None]
        return (max if back else min)(places, default=None)

    def _shown(self) -> list[Rows]:
        muted = self._wanted.muted
        return [rows for number, rows in self._rows.items() if number not in muted]
