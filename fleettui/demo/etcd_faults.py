"""Faults that lie between machines and etcd."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Unpack

from fleettui.demo.fault import Fault, Scene
from fleettui.demo.fleet_engine import LEASE
from fleettui.demo.fleet_jobs import Registry, SetOptions
from fleettui.demo.machine import Machine
from fleettui.demo.traits import Traits, address
from fleettui.demo.units import Submission
from fleettui.demo.way import Barred, Way


class NoEngineLeader(Fault):
    """etcd's access rights no longer let fleet write its lease, so nobody schedules anything."""

    name = "no-engine-leader"
    line = "etcd refuses the engine's lease, so that nothing gets scheduled any more"
    hangs_the_last = True
    why = "110: The request requires user authentication (Insufficient credentials) [0]"

    def begin(self, scene: Scene) -> Iterator[float]:
        for host in scene.hosts:
            host.way.registry = Barred(host.way.registry, self._refuse)
        yield float(scene.hosts[0].traits.lease_ttl)
        scene.registry.delete(LEASE)  # its TTL has ended
        yield 4.0

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        return [scene.subject]

    def _refuse(self, key: str, writes: bool) -> str | None:
        return self.why if writes and key == LEASE else None


class EtcdUnreachable(Fault):
    """The etcd of one machine has stopped, and with it the machine is lost to the cluster.

    It began a moment ago, after a last heartbeat: the machine's keys are still there and end with
    their TTL, and from then on nothing in the registry tells of the machine, which answers SSH as
    before. Its fleetd complains until it misses its heartbeat; then, in 0.11 and 0.12, it tries to
    connect without a word.
    """

    name = "etcd-unreachable"
    line = "one machine's fleetd cannot reach etcd; its keys end, the machine answers SSH"
    since = 25.0
    least = 2
    why = "dial tcp 127.0.0.1:2379: connection refused"

    def __init__(self) -> None:
        self._has_stopped = False

    def begin(self, scene: Scene) -> Iterator[float]:
        way = scene.subject.way
        way.registry = Barred(way.registry, self._refuse)
        yield 0.0

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        return [scene.subject]

    def _refuse(self, key: str, writes: bool) -> str | None:
        if self._has_stopped:
            return self.why
        self._has_stopped = writes and key.startswith("machines/")
        return None


class MachineFlapping(Fault):
    """One machine's writes to etcd time out for a while, again and again, so that its key ends and
    comes back, and its units wander."""

    name = "machine-flapping"
    line = "one machine's heartbeats do not get through for a while, again and again"
    least = 2
    unit = "ledger.service"
    """It may run on that machine only, and comes back to it every time."""
    calm, bad = 1.2, 1.8
    """How long it goes well, and then does not, in agent TTLs. A key outlives the heartbeat before
    it by one TTL, and etcd ends it up to half a second late: it has to be gone long enough to be
    missed by who looks now and then."""

    def __init__(self) -> None:
        self._began: float | None = None

    def begin(self, scene: Scene) -> Iterator[float]:
        machine = scene.subject
        text = "[Service]\nExecStart=/usr/bin/ledger\n\n[X-Fleet]\nMachineID="
        scene.submit(Submission(self.unit, f"{text}{machine.id}\n"))
        yield 8.0
        self._began = scene.clock.now()

        def why(_key: str, writes: bool) -> str | None:
            return "context deadline exceeded" if writes and self._bad_for(scene) > 0 else None

        machine.way.registry = Barred(machine.way.registry, why)
        yield 1.0

    def tick(self, scene: Scene) -> None:
        # The past has no TTLs: there, the machine's keys end by our hand.
        if not scene.clock.is_live and self._bad_for(scene) > scene.ttl:
            _expire(scene, scene.subject)

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        return [m for m in (scene.leader, scene.subject) if m is not None]

    def _bad_for(self, scene: Scene) -> float:
        """Seconds for which it has been going badly."""
        if self._began is None:
            return 0.0
        calm = self.calm * scene.ttl
        return (scene.clock.now() - self._began) % (calm + self.bad * scene.ttl) - calm


def _expire(scene: Scene, machine: Machine) -> None:
    """End all that a machine keeps alive in the registry."""
    scene.registry.delete(f"machines/{machine.id}")
    for key in list(scene.registry.read("states")):
        if key.endswith(f"/{machine.id}"):
            scene.registry.delete(key)
    for key, value in list(scene.registry.read("job").items()):
        if key.endswith("/job-state") and value == machine.id:
            scene.registry.delete(key)


class DuplicateMachineId(Fault):
    """A host that was cloned from the first machine, with its machine ID and all."""

    name = "duplicate-machine-id"
    line = "two hosts have one machine ID, and take turns at being that machine"

    def hosts(self, members: Sequence[Traits]) -> Sequence[Traits]:
        number = len(members) + 1
        return [
            *members,
            replace(members[0], number=number, ip=address(number), clone_of=members[0].number),
        ]

    def begin(self, scene: Scene) -> Iterator[float]:
        first = scene.hosts[0]
        clone = next(host for host in scene.hosts if host.traits.clone_of)
        renewals = _Renewals()
        for host in (first, clone):
            host.way.registry = _SharedLease(host.way.registry, renewals)
        # Both renew twice a TTL, the clone halfway between: so each is heard of.
        half = scene.ttl / 2
        yield (half / 2 - (scene.clock.now() - first.fleet.active_since)) % half
        clone.fleet.start()
        yield 8.0

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        return [host for host in scene.hosts if host.id == scene.hosts[0].id]


@dataclass(slots=True)
class _Renewals:
    count: int = 0


class _SharedLease(Way):
    """The lease for one of two engines with the same ID.

    fleet compares etcd's index of the lease, not its value, so that each one's renewal spoils the
    other's (fleet pkg/lease/etcd.go).
    """

    def __init__(self, registry: Registry, renewals: _Renewals) -> None:
        super().__init__(registry)
        self._renewals, self._known = renewals, 0

    def read(self, key: str) -> dict[str, str]:
        if key == LEASE:
            self._known = self._renewals.count
        return super().read(key)

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        is_renewal = key == LEASE and options.get("prev_value") is not None
        if is_renewal and self._known != self._renewals.count:
            return False
        done = super().write(key, value, **options)
        if done and key == LEASE:
            self._renewals.count += 1
            self._known = self._renewals.count
        return done
