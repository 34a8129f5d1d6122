"""A machine whose repair can be watched from its first look to its proof, all of it in memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import fakes
from cluster_model import World
from fakes import U
from msgspec.structs import replace

from fleettui.access import CommandResult
from fleettui.commands import ChangeCommand
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState
from fleettui.model.host import (
    FLEET_UNITS,
    NEWEST,
    ChangeKind,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    JournalItem,
    ServiceFacts,
    Span,
    UnitChange,
)
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

IDS = ("421b4456865f5ef7ec7fa3a7924e6eef", "5d35b5759cd1cc9e3b50ab3bb0b0a0f4",
       "f97a8e755c0f4cd1a4c7e1b08a2d5b3c")  # fmt: skip # one a line reads worse
HERE, ELSEWHERE, THIRD = (
    replace(machine, id=U(machine_id))
    for machine, machine_id in zip(fakes.MACHINES, IDS, strict=True)
)
UNITS = {"cache@1.service": 2, "mon.service": 1, "web@2.service": 8, "zookeeper@1.service": 14}
"""The units of the machine, and the seconds that each is away when all are stopped."""
ON_ELSEWHERE = ("web@1.service", "zookeeper@2.service")
PULLS = "[Service]\nExecStartPre=/usr/bin/docker pull registry/web:2.1\nExecStart=/usr/bin/web\n"
LOADED = "INFO reconcile.go:330: AgentReconciler completed task: type=LoadUnit job={} reason="
LOADED += '"unit scheduled here but not loaded"'


@dataclass
class RepairWorld(World):
    """Four units on the broken machine, and two machines that are well."""

    machine: Machine = HERE
    back_at: dict[str, datetime] = field(default_factory=dict)
    """When a unit that was stopped runs again."""
    is_enough: Callable[[], bool] = field(default=lambda: False)
    """From when on the machine answers no more, so that this moment lasts."""

    async def read(self) -> Snapshot:
        others = {machine.id: machine for machine in (ELSEWHERE, THIRD)}
        found = await super().read()
        return replace(found, machines={**found.machines, **others})

    def _units(self) -> dict[Untrusted, Unit]:
        units = super()._units()
        del units[U("hello.service")]
        frozen = 1 if self.in_memory else self.index
        running = [_unit(name, HERE, frozen) for name in UNITS]
        running += [_unit(name, ELSEWHERE, self.index) for name in ON_ELSEWHERE]
        running.append(_unit("zookeeper@3.service", None if self.file else THIRD, self.index))
        return units | {unit.name: unit for unit in running}

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        if machine.id != self.machine.id:
            return self._facts_of(machine)
        if self.is_enough():
            await asyncio.Event().wait()
        return await super().probe(machine, units, since)

    def _facts_of(self, machine: Machine) -> HostFacts:
        """One of the machines that are well."""
        like = fakes.facts(fakes.MACHINES[IDS.index(machine.id.raw)])
        runs = {U(n): _service(n, 100) for n in ON_ELSEWHERE if machine is ELSEWHERE}
        services = {**like.services, **runs}
        at, known = self.clock, machine.id
        return replace(
            like, machine_id=known, reported_id=known, taken_at=at, clock=at, services=services
        )

    def _services(self) -> Iterator[ServiceFacts]:
        yield next(super()._services())
        for number, name in enumerate(UNITS, 1):
            is_up = self.clock >= self.back_at.get(name, self.clock)
            pid = 200 + number + (100 if name in self.back_at else 0)
            yield _service(name, pid if is_up else 0)

    def _fleet_folder(self) -> Folder:
        folder = super()._fleet_folder()
        there = {name: entry for name, entry in folder.entries.items() if "@." in name.raw}
        for name in UNITS:
            there[U(name)] = FolderEntry(U(name), EntryKind.FILE, 80, 0o644, 1, None, "ee" * 32)
        return Folder(FLEET_UNITS, there)

    def restart_hello(self) -> None:
        """All of them are stopped, and come back one after the other."""
        for name, seconds in UNITS.items():
            back = self.clock + timedelta(seconds=seconds)
            self.back_at[name] = back
            for at, kinds in ((self.clock, _GOING), (back, _COMING)):
                self.changes += [UnitChange(U(name), kind, at) for kind in kinds]
        self.changes.sort(key=lambda change: change.at)

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        told = await super().unit_changes(machine, since)
        return tuple(change for change in told if change.at <= self.clock)

    def carry_out(self, name: str, command: ChangeCommand | None = None) -> CommandResult:
        done = super().carry_out(name, command)
        if command is None or not done.stdout.startswith(b"removed"):
            return done
        folder, kept = command.argv[-2:]
        return replace(done, stdout=f"removed\n{folder}/{kept}.{name}\n".encode())

    # --- its journal --------------------------------------------------------------------------

    def begin_fleetd(self) -> None:
        super().begin_fleetd()
        for name in UNITS:
            self.say(LOADED.format(name))

    def say(self, message: str, at: datetime | None = None) -> None:
        super().say(message.replace("0.11.8", self.machine.version.raw), at)

    @asynccontextmanager
    async def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
        yield self._batches()

    async def _batches(self) -> AsyncIterator[Sequence[JournalItem]]:
        told = 0
        while True:
            if told < len(self.lines):
                batch = self.lines[told:]
                told += len(batch)
                yield batch
            await asyncio.sleep(0.02)


_GOING = (ChangeKind.STOPPING, ChangeKind.STOPPED)
_COMING = (ChangeKind.STARTING, ChangeKind.STARTED)


def broken_for(minutes: int, at: datetime, version: str) -> RepairWorld:
    """A machine with fleetd `version` that has been in the loop for some minutes at `at`."""
    begun = at - timedelta(minutes=minutes)
    machine = replace(HERE, version=U(version))
    world = RepairWorld(machine=machine, clock=begun, started_at=begun - timedelta(days=1))
    while world.clock < at:
        world.live(timedelta(seconds=5))
    return world


async def finding_in(world: RepairWorld) -> Finding:
    """What a diagnosis of the machine says."""
    report = world.facts(None)
    found = diagnose(await world.read(), {world.machine.id: report})
    return next(f for f in found if f.fault == "template-loaded")


def _service(name: str, pid: int) -> ServiceFacts:
    """As systemd tells of it; PID 0 where it does not run."""
    active, sub = (U("active"), U("running")) if pid else (U("inactive"), U("dead"))
    return ServiceFacts(U(name), U("loaded"), active, sub, pid)


def _unit(name: str, place: Machine | None, index: int) -> Unit:
    """A unit that was launched; `index` is that of its state where it has a place."""
    file = UnitFile(U(PULLS if name.startswith("web") else fakes.UNIT_TEXT))
    digest = hashlib.sha1(name.partition("@")[0].encode(), usedforsecurity=False).hexdigest()
    where = place.id if place else None
    words = (U("loaded"), U("active"), U("running"))
    states = (UnitState(place.id, *words, U(digest), index),) if place else ()
    return Unit(U(name), digest, U("launched"), where, where, states, file)
