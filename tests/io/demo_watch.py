"""What an observer sees of a demo cluster: picture after picture, and the machines' answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from fleettui.access import Observer
from fleettui.cli import build, demo_settings
from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.history import EMPTY, History
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted

DEADLINE = 90.0
PAUSE = 0.4
"""Seconds between two looks."""


@dataclass
class Watch:
    """Everything that was seen so far, oldest first."""

    demo: DemoCluster
    observer: Observer
    snapshots: list[Snapshot] = field(default_factory=list)
    facts: dict[Untrusted, list[HostFacts]] = field(default_factory=dict)
    """By address."""
    history: History = EMPTY
    findings: tuple[Finding, ...] = ()
    _machines: dict[Untrusted, Machine] = field(default_factory=dict)

    async def look(self, at: datetime | None = None) -> None:
        """Read the registry, ask every machine it ever named, and diagnose; `at` if not now."""
        snapshot = await self.observer.registry.read()
        self.snapshots.append(snapshot)
        self.history = self.history.seen(snapshot, at)
        self._machines |= snapshot.machines
        reports = await asyncio.gather(*(self._ask(m) for m in self._machines.values()))
        for report in reports:
            self.history = self.history.told(report)
        self.findings = diagnose(snapshot, {r.machine_id: r for r in reports}, self.history)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Look on until it has happened; fail at the deadline."""
        async with asyncio.timeout(DEADLINE):
            await self.look()
            while not happened():
                await asyncio.sleep(PAUSE)
                await self.look()

    async def _ask(self, machine: Machine) -> HostFacts:
        units = [u.name for u in self.snapshots[-1].units.values() if u.is_on(machine.id)]
        facts = await self.observer.hosts.probe(machine, units)
        self.facts.setdefault(machine.public_ip, []).append(facts)
        return facts

    # --- what was seen -----------------------------------------------------------------------

    @property
    def last(self) -> Snapshot:
        return self.snapshots[-1]

    def newest(self, address: str) -> HostFacts:
        """What the host at an address said last."""
        return self.facts[Untrusted(address)][-1]

    def heard(self, address: str, text: str) -> int:
        """How many of the journal lines that the host's last probe brought hold a text."""
        answered = self.facts.get(Untrusted(address))
        return sum(text in e.message.raw for e in answered[-1].journal) if answered else 0


@asynccontextmanager
async def watch(settings: DemoSettings) -> AsyncIterator[Watch]:
    """A demo cluster of these settings, and somebody who watches it."""
    async with DemoCluster(settings) as demo:
        observer = build(demo_settings(demo, observe=True))
        try:
            yield Watch(demo, observer)
        finally:
            await observer.registry.close()
            await observer.hosts.close()
