"""The rounds in which machines are asked: whose turn it is, how many at once, and their answers."""

import asyncio
import heapq
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from textual.app import App
from textual.timer import Timer

from fleettui.access import HostReader, HostUnreachable
from fleettui.diagnosis.departed import Place, place_of
from fleettui.model.changes import ByMachine, units_by_machine
from fleettui.model.clock import now
from fleettui.model.cluster import Machine
from fleettui.model.host import HostReport, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.ui.picture import Picture, asked_at

PROBE_EVERY = timedelta(seconds=10)
"""The time of a round, over which its machines are spread."""
RETRY_EVERY = timedelta(seconds=4)
"""The same for machines of the registry that did not answer, so that their return is soon seen."""
PROBES_PER_SECOND = 5
"""A large cluster is asked round by round at this pace, so that asking never becomes a load."""
RETRIES_PER_SECOND = 2
"""The same for those that did not answer, each of which may hold its place for as long as SSH
waits: at the pace above they would take all places. When most of many are silent at once, it takes
longer than a round until all were asked again."""
PROBES_AT_ONCE = 64
"""The rest waits for its turn: with a thousand machines the first answers must not wait for it."""
START_EVERY = 0.004
"""Seconds between two that begin: a connection is milliseconds of work, and sixty at once would
hold up what a key or the registry has to say."""
FOLD_EVERY = 0.1
"""Seconds between two batches of answers; the first answer goes up at once."""
FOLD_BY_MACHINE = 0.001
"""The same for each machine, where that is longer: what a batch costs grows with the cluster."""
FOLD_AGAIN = 0.5
"""The first of the two behind machines that had all been asked before."""
FOLD_AGAIN_BY_MACHINE = 0.005
"""The second: nothing but their turn had come."""
PLACE_BY_MACHINE = 0.01
"""Seconds for each machine that pass until it is worked out again which units are where: no more
than a twentieth of a round."""

Known = tuple[datetime, Machine]
"""When a machine was asked."""
Heard = tuple[HostReport, Machine]
"""What came of asking, and who was asked."""


class Rounds:
    """Asks the machines of the newest picture, by a worker of the app."""

    def __init__(
        self,
        app: App[None],
        hosts: HostReader,
        seen: Callable[[], Picture],
        told: Callable[[Sequence[Heard]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seen` gives the newest picture; `told` is given each batch of answers; `clock` gives
        seconds, by which machines have their turns."""
        self._app = app
        self._hosts = hosts
        self._seen = seen
        self._told = told
        self._asking: set[Place] = set()
        """Machines that are being asked, wait for it, or were and are not handed up yet."""
        self._unasked: asyncio.Queue[Machine] = asyncio.Queue()
        self._room = asyncio.Semaphore(PROBES_AT_ONCE)
        self._turns = Turns(clock)
        self._retries = Turns(clock)
        """Of those that did not answer."""
        self._is_asking = False
        self._heard: list[Heard] = []
        """Answers that are not handed up yet."""
        self._folding: Timer | None = None
        self._clock = clock
        self._placed: ByMachine | None = None
        self._place_again = 0.0
        """When what is placed is out of date."""

    def ask_due(self) -> None:
        """Ask the machines that were never asked, and of the others so many as keeps a round in
        its time, longest ago first. Those of the registry that did not answer have their own."""
        picture = self._seen()
        machines = picture.places
        listed = len(picture.snapshot.machines) if picture.snapshot else 0
        known: list[Known] = []
        silent: list[Known] = []
        for number, machine in enumerate(machines):
            report = picture.last_report(machine)
            if report is None:
                self._place_again = 0.0  # it is new, and so may be what is on it
                self._ask(machine)
            elif not self._asking or place_of(machine) not in self._asking:
                is_silent = number < listed and isinstance(report, NotChecked)
                (silent if is_silent else known).append((asked_at(report), machine))
        pace = timedelta(seconds=len(machines) / PROBES_PER_SECOND)
        retry_pace = timedelta(seconds=len(silent) / RETRIES_PER_SECOND)
        for machine in (
            *self._turns.take(known, max(pace, PROBE_EVERY)),
            *self._retries.take(silent, max(retry_pace, RETRY_EVERY)),
        ):
            self._ask(machine)

    def ask_all(self) -> None:
        """Ask every machine that is not being asked right now, of all that it has right now."""
        self._place_again = 0.0
        for machine in self._seen().places:
            self._ask(machine)

    def _ask(self, machine: Machine) -> None:
        place = place_of(machine)
        if place not in self._asking:
            self._asking.add(place)
            self._unasked.put_nowait(machine)
            if not self._is_asking:
                self._is_asking = True
                self._app.run_worker(self._ask_in_turn(), group="probes")

    async def _ask_in_turn(self) -> None:
        """For as long as the app runs. One worker for all: each would send the app a message for
        each of its states."""
        async with asyncio.TaskGroup() as asked:
            while True:
                machine = await self._unasked.get()
                await self._room.acquire()
                asked.create_task(self._asked(machine))
                await asyncio.sleep(START_EVERY)

    async def _asked(self, machine: Machine) -> None:
        try:
            units = self._units_on(machine)
            report: HostReport = await self._hosts.probe(machine, units)
        except HostUnreachable as reason:
            report = NotChecked(machine.id, now(), Untrusted(str(reason)))
        finally:
            self._room.release()
        self._heard.append((report, machine))
        if self._folding is None:
            self._fold()

    def _units_on(self, machine: Machine) -> Sequence[Untrusted]:
        """What the registry has there, worked out for all machines at once."""
        snapshot = self._seen().snapshot
        if snapshot is None:
            return ()
        is_new = self._placed is None or self._placed[0] is not snapshot
        if is_new and self._clock() >= self._place_again:
            self._placed = snapshot, units_by_machine(snapshot, self._placed)
            self._place_again = self._clock() + PLACE_BY_MACHINE * len(snapshot.machines)
        return self._placed[1].get(machine.id, ()) if self._placed is not None else ()

    def _fold(self) -> None:
        """Hand up what was answered: one answer at once, then those of a while."""
        self._folding = None
        if self._heard:
            heard, self._heard = self._heard, []
            self._asking.difference_update(place_of(machine) for _, machine in heard)
            picture = self._seen()
            is_news = any(picture.last_report(machine) is None for _, machine in heard)
            count = len(picture.places)
            again = max(FOLD_AGAIN, FOLD_AGAIN_BY_MACHINE * count)
            pause = max(FOLD_EVERY, FOLD_BY_MACHINE * count) if is_news else again
            self._folding = self._app.set_timer(pause, self._fold)
            self._told(heard)


class Turns:
    """Spreads a round over its time: machines that were asked together are not again, or sixty of
    them would take the processor from the operator's keys every few seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked = clock()
        self._owed = 0.0
        """Machines, those of a fraction too, that the time since the last look had room for."""

    def take(self, known: Sequence[Known], within: timedelta) -> Sequence[Machine]:
        """Those whose turn it is, longest ago first: all of them have one `within` this time."""
        looked, self._looked = self._looked, self._clock()
        self._owed += len(known) * (self._looked - looked) / within.total_seconds()
        turns = min(int(self._owed), len(known))
        self._owed -= int(self._owed)
        oldest = heapq.nsmallest(turns, known, key=lambda asked: asked[0])
        return [machine for _, machine in oldest]
