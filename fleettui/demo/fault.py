"""What a fault of the demo is, and the cluster as it finds it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from fleettui.demo.clock import Clock
from fleettui.demo.fleet_engine import LEASE
from fleettui.demo.fleet_jobs import Registry
from fleettui.demo.machine import Machine
from fleettui.demo.traits import Traits
from fleettui.demo.units import Submission

SINCE = 300.0
"""Seconds ago that most faults began."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The hosts of a cluster, its registry and its time."""

    hosts: Sequence[Machine]
    registry: Registry
    clock: Clock

    @property
    def members(self) -> Sequence[Machine]:
        """The hosts but for clones of others."""
        return [host for host in self.hosts if not host.traits.clone_of]

    @property
    def subject(self) -> Machine:
        """The machine that a fault of one machine befalls: the second, not to be the leader."""
        return self.members[min(1, len(self.members) - 1)]

    @property
    def ttl(self) -> int:
        """fleet's agent_ttl, in seconds."""
        return self.hosts[0].traits.ttl

    @property
    def leader(self) -> Machine | None:
        """The machine whose engine holds the lease."""
        lease = self.registry.read(LEASE).get(LEASE)
        return None if lease is None else self._member(str(json.loads(lease)["MachineID"]))

    def target(self, unit: str) -> Machine | None:
        """The machine that a unit is scheduled to."""
        key = f"job/{unit}/target"
        return self._member(self.registry.read(key).get(key, ""))

    def submit(self, submission: Submission) -> None:
        """What `fleetctl submit`, `load` or `start` would write."""
        for key, value in submission.keys().items():
            self.registry.write(key, value)

    def _member(self, machine_id: str) -> Machine | None:
        return next((m for m in self.members if m.id == machine_id), None)


class Fault:
    """One thing that is wrong with a cluster, and goes on being wrong. This one is none at all."""

    name: ClassVar[str] = "none"
    """Its id in the catalogue of faults."""
    line: ClassVar[str] = "nothing is wrong"
    since: ClassVar[float] = SINCE
    """Seconds ago that it began."""
    least: ClassVar[int] = 1
    """Machines that it takes."""
    hangs_the_last: ClassVar[bool] = False
    """Whether the newest unit of the cluster was submitted after it and waits because of it."""

    def hosts(self, members: Sequence[Traits]) -> Sequence[Traits]:
        """The hosts it needs instead of the cluster's ordinary ones."""
        return members

    def begin(self, scene: Scene) -> Iterator[float]:
        """Make it happen. Yields seconds for which the cluster is to live on before the next."""
        yield from ()

    def tick(self, scene: Scene) -> None:
        """What it does again and again, from the first step of `begin` on. May raise OSError."""

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        """Machines that go on saying something because of it while nothing else happens."""
        return ()
