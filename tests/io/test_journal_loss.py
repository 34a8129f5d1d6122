"""200,000 numbered lines from five machines over connections that break: none lost, none twice."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ssh_machine import Home, Process, SshMachine, make_home, until
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from fleettui.access import JournalReader
from fleettui.hosts import following
from fleettui.hosts import journal as journal_module
from fleettui.hosts.connect import connect_hosts
from fleettui.journal.columns import Code
from fleettui.journal.ring import Line, Ring
from fleettui.journal.sources import Source
from fleettui.journal.view import View
from fleettui.model.cluster import Machine
from fleettui.model.host import NoticeKind
from fleettui.model.untrusted import Untrusted
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.widgets.journal.window import Window

MACHINES = 5
LINES = 40_000
"""Of each machine."""
CUTS = 4
"""Connections lost, of each machine."""
BLOCK = 100
"""Lines that a machine sends at a time."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(journal_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(journal_module, "LONGEST_WAIT", 0.05)


@dataclass
class Numbered:
    """A machine whose journal is LINES numbered lines, and whose connections break."""

    index: int
    cuts: list[int]
    machine: SshMachine = field(init=False)
    allowed: int = LINES
    """Lines that it may send for now."""

    def __post_init__(self) -> None:
        self.machine = SshMachine(self.serve, address=f"127.0.0.{11 + self.index}")

    async def serve(self, process: Process, words: list[str]) -> None:
        cursor = next((w for w in words if w.startswith("--cursor=")), None)
        # As journalctl does: the line of the cursor is the first.
        first = int(cursor.rpartition("i=")[2], 16) - 1 if cursor else 0
        for number in range(first, LINES, BLOCK):
            await until(lambda: number < self.allowed, seconds=100)  # noqa: B023 - awaited here
            block = b"".join(self.record(n) for n in range(number, min(number + BLOCK, LINES)))
            if self.cuts and number <= self.cuts[0] < number + BLOCK:
                whole = block.split(b"\n")[: self.cuts.pop(0) - number + 1]
                process.stdout.write(b"\n".join(whole)[:-20])  # broken within a line
                await process.stdout.drain()
                process.get_extra_info("connection").abort()
                return
            process.stdout.write(block)
            await process.stdout.drain()
        if "-f" not in words:
            process.exit(0)
            return
        await self.machine.until_hung_up(process)

    def record(self, number: int) -> bytes:
        level = "ERROR" if number % 1000 == 7 else "INFO"
        fields = {
            "__CURSOR": f"s=ab{self.index};i={number + 1:x}",
            "__REALTIME_TIMESTAMP": str(1409270367310391 + number * 1000 + self.index),
            "_BOOT_ID": "b0",
            "MESSAGE": f"{level} a.go:1: line {number}",
        }
        return json.dumps(fields).encode() + b"\n"

    @property
    def member(self) -> Machine:
        """As the registry has it."""
        return Machine(Untrusted(f"{self.index}" * 32), Untrusted(self.machine.address))


class PaneApp(App[None]):
    """Nothing but the pane."""

    def __init__(self, reader: JournalReader) -> None:
        super().__init__()
        self.pane = JournalPane(reader, id="journal", keep_in=None)

    def compose(self) -> ComposeResult:
        yield self.pane


@asynccontextmanager
async def receiving(
    machines: list[Numbered], home: Home
) -> AsyncIterator[tuple[Pilot[None], JournalPane]]:
    """The pane on all machines, merged."""
    async with AsyncExitStack() as stack:
        port = 0
        for numbered in machines:
            numbered.machine.port = port  # one port for all, as sshd has it
            await stack.enter_async_context(numbered.machine)
            port = numbered.machine.port
        home.knows(*(numbered.machine for numbered in machines))
        hosts = connect_hosts(home.settings(machines[0].machine))
        stack.push_async_callback(hosts.close)
        app = PaneApp(hosts)
        pilot = await stack.enter_async_context(app.run_test(size=(120, 40)))
        app.pane.focus()
        app.pane.watch_all(Source(numbered.member) for numbered in machines)
        yield pilot, app.pane


def adds_up(pane: JournalPane) -> bool:
    view, ring = pane.view, pane.ring
    return (
        ring.received == view.lines + view.filtered + ring.evicted
        and view.filtered >= 0
        and ring.received == sum(s.received for s in ring.streams.values())
    )


# What an operator does meanwhile: pause, scroll, filter, search, fold, mute, switch.
MEANWHILE: tuple[tuple[str, ...], ...] = (
    ("k", "k", "pageup"),
    ("f",),
    ("F", *"line", "space", "1", "7", "enter"),
    ("z",),
    ("z", "pageup"),
    ("F", *("backspace",) * 7, "enter"),
    ("c",),
    ("o",),
    ("x",),
    ("X", "w"),
    ("slash", *"9999", "enter", "n", "N"),
    ("e", "E", "g"),
    ("f", "t", "T"),
)


async def receive_meanwhile(
    pilot: Pilot[None], pane: JournalPane, machines: list[Numbered], switch_at: int = 0
) -> None:
    """Press all the keys while lines arrive, some of the lines for each of them.

    Before the keys number `switch_at` one machine alone is chosen for a while, and all again.
    """
    for number, keys in enumerate(MEANWHILE, 1):
        for numbered in machines:
            numbered.allowed = LINES * number // len(MEANWHILE)
        if number == switch_at:
            pane.watch_machine(machines[0].member)
            await until(lambda: adds_up(pane) and len(pane.ring.streams) == 1, seconds=100)
            pane.watch_all(Source(numbered.member) for numbered in machines)
        for key in keys:
            await pilot.press(key)
            assert adds_up(pane)
        least = len(machines) * (LINES * number // len(MEANWHILE))
        await until(lambda: pane.received >= least, seconds=100)  # noqa: B023 - awaited here
        assert adds_up(pane)


@pytest.mark.timeout(150)
async def test_every_line_arrives_once_in_order_whatever_is_done_meanwhile(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - which lines the connections break at
    machines = [
        Numbered(index, sorted(chance.sample(range(LINES), CUTS)), allowed=0)
        for index in range(MACHINES)
    ]
    async with receiving(machines, make_home(tmp_path)) as (pilot, pane):
        await receive_meanwhile(pilot, pane, machines, switch_at=4)
        assert pane.received == MACHINES * LINES
        assert adds_up(pane)
        assert all(numbered.cuts == [] for numbered in machines)
        logins = sum(len(numbered.machine.logins) for numbered in machines)
        # So many lines go to a collector on the way, which logs in by itself; and both do once more
        # after the switch, where what they had to the machines that were left has ended meanwhile.
        again = 2 * (MACHINES - 1)
        assert MACHINES * (1 + CUTS) <= logins <= MACHINES * (2 + CUTS) + again
        assert pane.ring.evicted == 0
        for stream in pane.ring.streams:
            assert numbers_in(pane.ring, stream) == list(range(LINES))
        rules = [line.origin.notice for line in held_by(pane.ring) if line.code is Code.RULE]
        assert rules.count(NoticeKind.LOST) > 0
        assert NoticeKind.GAP not in rules


async def test_a_journal_that_stays_chosen_goes_on_over_a_switch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MANY", float("inf"))  # a collector would read on by itself
    machines = [Numbered(index, []) for index in range(2)]
    async with receiving(machines, make_home(tmp_path)) as (_, pane):
        pane.watch_machine(machines[0].member)
        await until(lambda: pane.received == LINES)
        pane.watch_all(Source(numbered.member) for numbered in machines)
        await until(lambda: pane.received == 2 * LINES)
        assert len(machines[0].machine.asked) == 2  # read and followed, and not once more
        for stream in pane.ring.streams:
            assert numbers_in(pane.ring, stream) == list(range(LINES))


async def test_a_small_ring_counts_what_it_threw_away(tmp_path: Path) -> None:
    machines = [Numbered(index, [LINES // 2], allowed=0) for index in range(2)]
    async with receiving(machines, make_home(tmp_path)) as (pilot, pane):
        pane.watch_machine(None)
        pane.ring = Ring(lines=5000)
        pane.view = View(pane.ring)
        pane.window = Window(pane.view)
        pane.watch_all(Source(numbered.member) for numbered in machines)
        await receive_meanwhile(pilot, pane, machines)
        assert adds_up(pane)
        assert pane.ring.evicted + pane.ring.held == 2 * LINES
        assert pane.ring.held <= 5000
        for stream in pane.ring.streams:
            held = numbers_in(pane.ring, stream)
            assert held == list(range(LINES - len(held), LINES))


def numbers_in(ring: Ring, stream: int) -> list[int]:
    """The numbers of a stream's lines, as they are held."""
    lines = (line for line in held_by(ring, stream) if line.source.raw == "a.go:1")
    return [int(line.text.raw.rpartition(" ")[2]) for line in lines]


def held_by(ring: Ring, *streams: int) -> Iterator[Line]:
    """Every line of some streams, or of all, rules among them."""
    for stream in streams or tuple(ring.streams):
        held = ring.streams[stream]
        yield from (ring.line(stream, number) for number in range(held.first, held.next))
