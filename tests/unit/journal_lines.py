"""Journal items for the tests of the pane's core: numbered, timed, of several machines."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from fleettui.journal.columns import Packer
from fleettui.journal.ring import Ring
from fleettui.journal.view import View
from fleettui.model.host import JournalEntry, JournalItem, JournalNotice, NoticeKind
from fleettui.model.untrusted import Untrusted

START = datetime(2026, 1, 1, tzinfo=UTC)
LOOP = "ERROR generator.go:65: Failed fetching current unit states: Unit name a@.service is not ok"
LOOP_5S = (
    "ERROR reconcile.go:171: Unable to determine agent's current state: failed fetching unit "
    "states from UnitManager: Unit name a@.service is not ok"
)
NOISE = "INFO client.go:292: Failed getting response from http://x/: unexpected EOF"


def entry(
    message: str, second: float = 0, *, number: int = 1, pid: int = 7, priority: int = 6
) -> JournalEntry:
    unit, name = Untrusted("fleet.service"), Untrusted("fleetd")
    at = START + timedelta(seconds=second)
    cursor = f"s=ab;i={number:x};b=cd;m=1;t=2;x=3"
    boot = Untrusted("cd")
    return JournalEntry(cursor, at, Untrusted(message), priority, unit, name, pid, boot)


def rule(text: str, second: float = 0, kind: NoticeKind = NoticeKind.LOST) -> JournalNotice:
    return JournalNotice(kind, START + timedelta(seconds=second), Untrusted(text))


class Pane:
    """A ring and its view, fed and read as the pane does."""

    def __init__(self, streams: int = 1, ring: Ring | None = None) -> None:
        self.ring = ring or Ring()
        self.view = View(self.ring)
        self.packers = [Packer() for _ in range(streams)]
        for _ in range(streams):
            self.ring.open()

    def take(self, items: Iterable[JournalItem], stream: int = 0) -> None:
        self.ring.add(stream, self.packers[stream].pack(items))
        self.view.update()

    def texts(self) -> list[str]:
        return [self.view.line(place).message.raw for place in self.view.forward()]

    def counts(self) -> list[tuple[str, int]]:
        lines = (self.view.line(place) for place in self.view.forward())
        return [(line.message.raw, line.count) for line in lines]

    @property
    def adds_up(self) -> bool:
        """Whether received = shown + filtered + evicted, and rows = what walking yields."""
        ring, view = self.ring, self.view
        rows = list(view.forward())
        back = list(view.backward())
        return (
            ring.received == view.lines + view.filtered + ring.evicted
            and view.lines >= 0
            and view.filtered >= 0
            and len(rows) == view.count
            and rows == sorted(rows) == back[::-1]
            and all(view.rank(place) == n for n, place in enumerate(rows))
        )
