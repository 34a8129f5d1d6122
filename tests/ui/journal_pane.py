"""The journal pane alone in an app, with journals made of values: always the same screen."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fakes import MACHINES, U, as_json, facts
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from fleettui.access import HostUnreachable, JournalReader
from fleettui.model.cluster import Link, Machine, RegistryView, Snapshot
from fleettui.model.host import (
    NEWEST,
    HostFacts,
    JournalEntry,
    JournalItem,
    JournalNotice,
    JournalRecord,
    NoticeKind,
    Span,
)
from fleettui.model.untrusted import Untrusted
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.widgets.journal import JournalPane

START = datetime(2026, 1, 31, 3, 0, tzinfo=UTC)
LOOP = (
    "ERROR generator.go:65: Failed fetching current unit states: Unit name zookeeper@.service "
    "is neither a valid invocation ID nor unit name."
)
LOOP_5S = (
    "ERROR reconcile.go:171: Unable to determine agent's current state: failed fetching unit "
    "states from UnitManager: Unit name zookeeper@.service is not valid."
)
NOISE = (
    "ERROR client.go:200: etcd watcher {Watch /_coreos.com/fleet/job} returned error: "
    "unexpected end of JSON input"
)
OLD = "E0131 03:00:07.310391 00600 generator.go:41] Failed fetching current unit states: odd"


def entry(message: str, second: float, *, pid: int = 600, priority: int = 6) -> JournalEntry:
    at = START + timedelta(seconds=second)
    name = U("systemd" if pid == 1 else "fleetd")
    cursor = f"s=ab;i={int(second * 10) + 1:x};b=cd"
    return JournalEntry(
        cursor, at, U(message), priority, U("fleet.service"), name, pid, U("cd" * 16)
    )


def notice(kind: NoticeKind, text: str, second: float) -> JournalNotice:
    return JournalNotice(kind, START + timedelta(seconds=second), U(text))


def night(shift: float = 0) -> list[JournalItem]:
    """A machine's night: it starts, some noise, a warning, then the fault."""
    begun: list[JournalItem] = [
        notice(NoticeKind.CONNECTED, "following fleet.service", 0),
        entry("Started fleet daemon.", 1 + shift, pid=1),
        entry("INFO fleetd.go:64: Starting fleetd version 0.11.8", 2 + shift),
        entry("INFO server.go:171: Establishing etcd connectivity", 3 + shift),
        entry(NOISE, 4 + shift),
        entry("WARN job.go:12: Unit hello.service lost its heartbeat", 5 + shift),
        entry(OLD, 7 + shift),
        entry("INFO manager.go:259: Writing systemd unit zookeeper@.service (80b)", 9 + shift),
        entry("INFO job.go:330: odd \x1b[31mcolour\x1b[0m and [red]markup[/red]", 9.5 + shift),
    ]
    loop = [entry(LOOP_5S if n % 6 == 5 else LOOP, 10 + n + shift) for n in range(30)]
    return [*begun, *loop]


@dataclass
class Journals:
    """Gives each machine's journal, then waits; `tails` holds what was asked for."""

    of: dict[Untrusted, Sequence[JournalItem]] = field(default_factory=dict)
    tails: list[tuple[Untrusted, str, Span]] = field(default_factory=list)
    recalls: list[tuple[str, Span, str]] = field(default_factory=list)
    open: int = 0
    unreachable: str = ""
    breaks_off: str = ""
    """Why a stretch that is read once more is not read to its end."""

    @asynccontextmanager
    async def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
        self.tails.append((machine.id, unit, span))
        self.open += 1
        try:
            yield self._batches(machine, span)
        finally:
            self.open -= 1

    async def _batches(self, machine: Machine, span: Span) -> AsyncIterator[Sequence[JournalItem]]:
        yield self.of.get(machine.id, ())
        if span.boot:
            yield [notice(NoticeKind.OVER, "the end of what was asked for", 99)]
        await asyncio.Event().wait()

    @asynccontextmanager
    async def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalRecord]]]:
        self.recalls.append((unit, span, cursor))
        yield self._records(machine, span.lines, cursor)

    async def _records(
        self, machine: Machine, count: int | None, cursor: str
    ) -> AsyncIterator[Sequence[JournalRecord]]:
        if self.unreachable:
            raise HostUnreachable(self.unreachable)
        entries = [e for e in self.of.get(machine.id, ()) if isinstance(e, JournalEntry)]
        wanted = [e for e in entries if not cursor or f"{e.cursor};".startswith(f"{cursor};")]
        yield [JournalRecord(e, as_json(e)) for e in wanted[: count or len(wanted)]]
        if self.breaks_off:
            raise HostUnreachable(self.breaks_off)


def picture_of(machines: Sequence[Machine], ahead: timedelta = timedelta(0)) -> Picture:
    """All machines checked; the clock of the second is `ahead` of ours."""
    shown = Snapshot(1, START, {machine.id: machine for machine in machines})
    told: list[tuple[HostFacts, Machine]] = []
    for number, machine in enumerate(machines):
        now = START + ahead if number == 1 else START
        told.append((replace(facts(machine), taken_at=START, clock=now, journal=()), machine))
    return Picture().with_view(RegistryView(Link.LIVE, START, shown)).with_reports(told)


class PaneApp(App[None]):
    """Nothing but the pane."""

    def __init__(self, pane: JournalPane) -> None:
        super().__init__()
        self.pane = pane

    def compose(self) -> ComposeResult:
        yield self.pane
        yield KeyFooter()


@asynccontextmanager
async def pane_app(
    journals: Journals | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    root: JournalReader | None = None,
    keep_in: Path | None = None,
    ahead: timedelta = timedelta(0),
) -> AsyncIterator[tuple[Pilot[None], JournalPane]]:
    """The pane on the first machine, with the keys."""
    reader = journals or Journals({m.id: night(n / 2) for n, m in enumerate(MACHINES)})
    pane = JournalPane(reader, id="journal", root=root, keep_in=keep_in)
    async with PaneApp(pane).run_test(size=size, notifications=True) as pilot:
        pane.picture = picture_of(MACHINES, ahead)
        pane.watch_machine(MACHINES[0])
        pane.focus()
        await pilot.pause()
        yield pilot, pane
