"""The rounds in which machines are asked: whose turn it is, how many at once, and their answers."""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from textual.app import App
from textual.timer import Timer
from textual.worker import Worker

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
"""A machine of the registry that did not answer is asked again sooner, so that its return is soon
seen."""
PROBES_PER_SECOND = 5
"""A large cluster is asked round by round at this pace, so that asking never becomes a load."""
PROBES_AT_ONCE = 64
"""The rest waits for its turn: with a thousand machines the first answers must not wait for it."""
START_EVERY = 0.004
"""Seconds between two that begin: a connection is milliseconds of work, and sixty at once would
hold up what a key or the registry has to say."""
FOLD_EVERY = 0.1
"""Seconds between two batches of answers; the first answer goes up at once."""
FOLD_AGAIN = 0.5
"""The same behind machines that had all been asked before: they are again in seconds anyway."""
FOLD_BY_MACHINE = 0.001
"""Seconds for each machine, where that is longer: what a batch costs grows with the cluster."""

Known = tuple[datetime, Machine]
"""When a machine was asked."""
Heard = tuple[HostReport, Machine]
"""What came of asking, and who was asked."""


class Rounds:
    """Asks the machines of the newest picture, by workers of the app."""

    def __init__(
        self,
        app: App[None],
        hosts: HostReader,
        seen: Callable[[], Picture],
        told: Callable[[Sequence[Heard]], None],
    ) -> None:
        """`seen` gives the newest picture; `told` is given each batch of answers."""
        self._app = app
        self._hosts = hosts
        self._seen = seen
        self._told = told
        self._asking: set[Place] = set()
        """Machines that are being asked, wait for it, or were and are not handed up yet."""
        self._unasked: deque[Machine] = deque()
        self._room = asyncio.Semaphore(PROBES_AT_ONCE)
        self._turns = Turns()
        self._starter: Worker[None] | None = None
        self._heard: list[Heard] = []
        """Answers that are not handed up yet."""
        self._folding: Timer | None = None
        self._placed: ByMachine | None = None

    def ask_due(self) -> None:
        """Ask the machines that were never asked, those that did not answer, if that is a while
        ago, and of the others so many as keeps a round in its time, longest ago first."""
        picture = self._seen()
        machines = picture.places
        pace = timedelta(seconds=len(machines) / PROBES_PER_SECOND)
        patience = now() - max(pace, RETRY_EVERY)
        listed = len(picture.snapshot.machines) if picture.snapshot else 0
        known = []
        for number, machine in enumerate(machines):
            report = picture.last_report(machine)
            if report is None:
                self._ask(machine)
            elif number < listed and isinstance(report, NotChecked):
                if report.at < patience:
                    self._ask(machine)
            elif place_of(machine) not in self._asking:
                known.append((asked_at(report), machine))
        for machine in self._turns.take(known, max(pace, PROBE_EVERY)):
            self._ask(machine)

    def ask_all(self) -> None:
        """Ask every machine that is not being asked right now."""
        for machine in self._seen().places:
            self._ask(machine)

    def _ask(self, machine: Machine) -> None:
        place = place_of(machine)
        if place not in self._asking:
            self._asking.add(place)
            self._unasked.append(machine)
            if self._starter is None or self._starter.is_finished:
                self._starter = self._app.run_worker(self._ask_all_in_turn(), group="probes")

    async def _ask_all_in_turn(self) -> None:
        while self._unasked:
            await self._room.acquire()
            self._app.run_worker(self._asked(self._unasked.popleft()), group="probes")
            await asyncio.sleep(START_EVERY)

    async def _asked(self, machine: Machine) -> None:
        report: HostReport | None = None
        try:
            report = await self._hosts.probe(machine, self._units_on(machine))
        except HostUnreachable as reason:
            report = NotChecked(machine.id, now(), Untrusted(str(reason)))
        finally:
            self._room.release()
            if report is None:  # cut off, as by a library that gives up: its turn comes again
                self._asking.discard(place_of(machine))
        self._heard.append((report, machine))
        if self._folding is None:
            self._fold()

    def _units_on(self, machine: Machine) -> Sequence[Untrusted]:
        """What the registry has there, worked out once a snapshot for all machines."""
        snapshot = self._seen().snapshot
        if snapshot is None:
            return ()
        if self._placed is None or self._placed[0] is not snapshot:
            self._placed = snapshot, units_by_machine(snapshot, self._placed)
        return self._placed[1].get(machine.id, ())

    def _fold(self) -> None:
        """Hand up what was answered: one answer at once, then those of a while."""
        self._folding = None
        if self._heard:
            heard, self._heard = self._heard, []
            self._asking.difference_update(place_of(machine) for _, machine in heard)
            picture = self._seen()
            is_news = any(picture.last_report(machine) is None for _, machine in heard)
            pause = FOLD_EVERY if is_news else FOLD_AGAIN
            pause = max(pause, FOLD_BY_MACHINE * len(picture.places))
            self._folding = self._app.set_timer(pause, self._fold)
            self._told(heard)


class Turns:
    """Spreads a round over its time: machines that were asked together are not again, or sixty of
    them would take the processor from the operator's keys every few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
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
