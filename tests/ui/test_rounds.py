"""Whose turn it is to be asked: a round is spread over its time, whatever began together."""

from collections.abc import Callable, Sequence
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
from fleettui.ui.rounds import PLACE_BY_MACHINE, Heard, Known, Rounds, Turns

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


class NotingHosts(FakeHosts):
    """Who was asked for which units is noted; machines without facts cannot be reached."""

    def __init__(self, *answering: Machine) -> None:
        super().__init__({machine.id: fakes.facts(machine) for machine in answering})
        self.asked: list[tuple[Machine, tuple[Untrusted, ...]]] = []

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        self.asked.append((machine, tuple(units)))
        return await super().probe(machine, units, since)


class Asking:
    """Rounds by a clock that the test turns; what was answered is seen in the next."""

    def __init__(self, app: App[None], hosts: NotingHosts, *snapshots: Snapshot) -> None:
        self.hosts = hosts
        self.seconds = 0.0
        self.picture = Picture()
        self.told = 0
        for snapshot in snapshots:
            self.show(snapshot)
        self.rounds = Rounds(app, hosts, lambda: self.picture, self._told, lambda: self.seconds)

    def show(self, snapshot: Snapshot) -> None:
        self.picture = self.picture.with_view(RegistryView(Link.LIVE, self.now(), snapshot))

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def _told(self, heard: Sequence[Heard]) -> None:
        self.told += len(heard)
        self.picture = self.picture.with_reports(heard)

    async def ask(self, ask: Callable[[], None], count: int) -> list[tuple[str, list[str]]]:
        """Who was asked, and for which units, when so many have answered."""
        before = len(self.hosts.asked)
        with living_by(self.now):
            ask()
            await when(lambda: self.told >= before + count, f"{count} have answered")
        asked = self.hosts.asked[before:]
        return [(str(machine.id), [str(unit) for unit in units]) for machine, units in asked]


async def test_silent_machines_are_asked_sooner_but_not_together_nor_those_that_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleettui.ui.rounds.FOLD_AGAIN", 0.02)
    listed = [machine for _, machine in known(16)]
    gone = MACHINES[0]
    app = App[None]()
    async with app.run_test():
        shown = (fakes.snapshot(machines=machines) for machines in ([*listed, gone], listed))
        asking = Asking(app, NotingHosts(), *shown)
        assert [machine.id for machine in asking.picture.places] == [m.id for m in (*listed, gone)]
        assert len(await asking.ask(asking.rounds.ask_due, 17)) == 17
        rounds = []
        for second in range(1, 10):  # 16 at 2 a second
            asking.seconds = float(second)
            rounds.append([who for who, _ in await asking.ask(asking.rounds.ask_due, 2)])
        assert {len(asked) for asked in rounds} == {2}
        assert {who for asked in rounds[:8] for who in asked} == {str(m.id) for m in listed}
        assert str(gone.id) not in rounds[8]
        asking.seconds = 12.0
        asked = [who for who, _ in await asking.ask(asking.rounds.ask_due, 7)]
        assert len(asked) == len(set(asked)) == 7
        assert str(gone.id) in asked


async def test_a_machine_is_asked_for_what_the_registry_has_there_by_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which units are where may be as old as a twentieth of a round, but for what is asked anew."""
    monkeypatch.setattr("fleettui.ui.rounds.FOLD_AGAIN", 0.02)
    one, two, new = MACHINES
    app = App[None]()
    async with app.run_test():
        first = fakes.snapshot(fakes.unit("a.service", 0), machines=(one, two))
        asking = Asking(app, NotingHosts(one, two, new), first)
        rounds = asking.rounds
        asked = await asking.ask(rounds.ask_due, 2)
        assert asked == [(str(one.id), ["a.service"]), (str(two.id), [])]
        asking.show(fakes.snapshot(fakes.unit("b.service", 0), machines=(one, two)))
        asking.seconds = PLACE_BY_MACHINE
        assert [*map(str, rounds._units_on(one))] == ["a.service"]
        asking.seconds = 2 * PLACE_BY_MACHINE
        assert [*map(str, rounds._units_on(one))] == ["b.service"]
        asking.show(fakes.snapshot(fakes.unit("c.service", 1), machines=(one, two)))
        assert (await asking.ask(rounds.ask_all, 2))[1] == (str(two.id), ["c.service"])
        asking.show(fakes.snapshot(fakes.unit("d.service", 2), machines=MACHINES))
        assert await asking.ask(rounds.ask_due, 1) == [(str(new.id), ["d.service"])]


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
