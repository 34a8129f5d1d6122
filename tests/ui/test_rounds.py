"""Whose turn it is to be asked: a round is spread over its time, whatever began together."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import fakes
import pytest
from driving import when
from fakes import MACHINES, FakeHosts, U
from msgspec.structs import replace
from textual.app import App

from fleettui.model.clock import living_by
from fleettui.model.cluster import Link, Machine, RegistryView, Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.ui.picture import Picture, about
from fleettui.ui.rounds import Heard, Known, Rounds, Turns

ROUND = timedelta(seconds=10)
START = datetime(2026, 1, 1, tzinfo=UTC)


def known(count: int) -> list[Known]:
    """Machines that were all asked in the same second."""
    made = [replace(MACHINES[0], id=U(f"{n:032x}")) for n in range(count)]
    return [(START + timedelta(milliseconds=n), machine) for n, machine in enumerate(made)]


def rounds(asked: list[Known], seconds: int) -> list[list[Machine]]:
    """Who is asked in each second, and answers at once."""
    clock = 0.0
    turns = Turns(lambda: clock)
    told = []
    for second in range(1, seconds + 1):
        clock = float(second)
        told.append(list(turns.take(asked, ROUND)))
        then = START + timedelta(seconds=second)
        asked = [(then if one in told[-1] else at, one) for at, one in asked]
    return told


def test_machines_that_were_asked_together_are_spread_over_the_round() -> None:
    told = rounds(known(50), 20)
    assert {len(second) for second in told} == {5}
    for begun in range(11):  # whenever ten seconds begin, each machine has one turn in them
        asked = [machine.id for second in told[begun : begun + 10] for machine in second]
        assert len(asked) == len(set(asked)) == 50


def test_of_few_machines_each_has_its_turn_in_time() -> None:
    told = rounds(known(3), 30)
    assert max(len(second) for second in told) == 1
    assert sum(len(second) for second in told) in {8, 9}


def test_after_a_long_pause_nobody_is_asked_twice() -> None:
    clock = 0.0
    turns = Turns(lambda: clock)
    clock = 3600.0
    asked = known(50)
    assert {machine.id for machine in turns.take(asked, ROUND)} == {m.id for _, m in asked}
    clock = 3601.0
    assert len(turns.take(asked, ROUND)) == 5


class SilentHosts(FakeHosts):
    """No machine can be reached; who was asked is noted."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[Untrusted] = []
        self.cut_off = 0
        """How many of the next probes end as cancelled, by nobody that is seen here."""

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        self.asked.append(machine.id)
        if self.cut_off:
            self.cut_off -= 1
            raise asyncio.CancelledError
        return await super().probe(machine, units, since)


class Asking:
    """Rounds by a clock that the test turns; what was answered is seen in the next."""

    def __init__(self, app: App[None], *snapshots: Snapshot) -> None:
        self.hosts = SilentHosts()
        self.seconds = 0.0
        self.picture = Picture()
        self.told = 0
        for snapshot in snapshots:
            view = RegistryView(Link.LIVE, self.now(), snapshot)
            self.picture = self.picture.with_view(view)
        self.rounds = Rounds(app, self.hosts, lambda: self.picture, self._told)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def _told(self, heard: Sequence[Heard]) -> None:
        self.told += len(heard)
        self.picture = self.picture.with_reports(heard)

    async def due(self, count: int) -> list[Untrusted]:
        """Who was asked when so many of those due have answered."""
        before = len(self.hosts.asked)
        with living_by(self.now):
            self.rounds.ask_due()
            await when(lambda: self.told >= before + count, f"{count} have answered")
        return self.hosts.asked[before:]


async def test_a_machine_whose_probe_was_cut_off_has_its_turn_again() -> None:
    machine = MACHINES[0]
    app = App[None]()
    async with app.run_test():
        asking = Asking(app, fakes.snapshot(machines=[machine]))
        asking.hosts.cut_off = 1
        asking.rounds.ask_due()
        await when(lambda: asking.hosts.asked == [machine.id], "it was asked")
        asking.rounds.ask_due()
        await when(lambda: asking.told == 1, "it has answered")
        assert asking.hosts.asked == [machine.id] * 2


async def test_silent_machines_are_asked_again_sooner_but_not_those_that_left() -> None:
    listed = [machine for _, machine in known(3)]
    gone = MACHINES[0]
    app = App[None]()
    async with app.run_test():
        shown = (fakes.snapshot(machines=machines) for machines in ([*listed, gone], listed))
        asking = Asking(app, *shown)
        every = [machine.id for machine in (*listed, gone)]
        assert [machine.id for machine in asking.picture.places] == every
        assert await asking.due(4) == every
        asking.seconds = 3.0
        with living_by(asking.now):
            asking.rounds.ask_due()
        assert not asking.rounds._asking
        asking.seconds = 5.0  # the one that left has its turn in ten seconds
        assert await asking.due(3) == every[:3]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((early, "<10 s") for early in (-2, 0, 9.9)),
        (10, "10 s"),
        (29.9, "20 s"),
        (99, "90 s"),
        (100, "2 min"),
        (7200, "2 h"),
    ],
)
def test_an_age_that_is_shown_many_times_changes_every_ten_seconds(
    seconds: float, words: str
) -> None:
    with living_by(lambda: START + timedelta(seconds=seconds)):
        assert about(START) == words
