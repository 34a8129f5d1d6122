"""A fleet of simulated machines in a time of the test's own, without etcd and without SSH."""

import json
from collections.abc import Callable
from typing import Unpack

import pytest

from fleettui.demo.clock import Clock
from fleettui.demo.fault import Scene
from fleettui.demo.faults import fault_named
from fleettui.demo.fleet_jobs import SetOptions, is_as_expected
from fleettui.demo.machine import Machine
from fleettui.demo.traits import WORDINGS, Traits
from fleettui.demo.units import TEMPLATE, ZOOKEEPER, Submission
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS

VERSIONS = ("0.8.3", "0.10.2", "0.11.8", "0.12.0", "0.13.0", "1.0.0")
every_version = pytest.mark.parametrize("version", VERSIONS)
before_0_13 = pytest.mark.parametrize("version", VERSIONS[:4])
from_0_13 = pytest.mark.parametrize("version", VERSIONS[4:])
EVERY_SECOND = "Failed fetching current unit states: Unit name zookeeper@.service is not valid."
EVERY_FIVE = (
    "Unable to determine agent's current state: failed fetching unit states from UnitManager: "
    "Unit name zookeeper@.service is not valid."
)
PLAIN = "[Service]\nExecStart=/bin/sleep infinity\n"
ZK = ZOOKEEPER.replace("MachineMetadata=role=zookeeper\n", "")


class FakeRegistry:
    """etcd v2 in memory, with TTLs that follow the test's clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.broken = False
        self.values: dict[str, tuple[str, float]] = {}

    def _alive(self) -> dict[str, str]:
        if self.broken:
            raise OSError("etcd does not answer")
        now = self.now()
        self.values = {k: v for k, v in self.values.items() if v[1] > now}
        return {key: value for key, (value, _) in self.values.items()}

    def read(self, key: str) -> dict[str, str]:
        return {k: v for k, v in self._alive().items() if k == key or k.startswith(f"{key}/")}

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        if not is_as_expected(self._alive().get(key), options):
            return False
        ttl = options.get("ttl")
        self.values[key] = (value, float("inf") if ttl is None else self.now() + ttl)
        return True

    def delete(self, key: str, *, prev_value: str | None = None) -> bool:
        found = self.read(key)
        if not found or (prev_value is not None and found.get(key) != prev_value):
            return False
        for name in found:
            del self.values[name]
        return True

    def ends(self, key: str) -> float:
        """Seconds until a key's TTL ends."""
        return self.values[key][1] - self.now()


class Cluster:
    """Three machines of one release, stepped through a time of the test's own."""

    def __init__(
        self,
        version: str,
        machines: int = 3,
        wording: str = WORDINGS[0],
        *,
        fault: str = "none",
        more: tuple[tuple[str, str], ...] = (),
        ttl: int = 30,
    ) -> None:
        """`more` is metadata of every machine, `ttl` fleet's in seconds."""
        self.fault = fault_named(fault)()
        self.clock = Clock()
        self.clock.rewind(3600)
        self.registry = FakeRegistry(self.clock.now)
        members = [
            Traits(n, f"10.0.0.{n}", (("az", f"az{n}"), *more), version, ttl, 10, wording, 1.0)
            for n in range(1, machines + 1)
        ]
        self.machines = [
            Machine(traits, self.clock, self.registry, "/_coreos.com/fleet")
            for traits in self.fault.hosts(members)
        ]
        self.scene = Scene(self.machines, self.registry, self.clock)
        for machine in self.scene.members:
            machine.fleet.start()
        self.run(3)

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds * 5)):
            assert self.clock.skip(0.2)
            for machine in self.machines:
                machine.tick()
            self.fault.tick(self.scene)

    def befall(self) -> None:
        """Let the fault happen."""
        for seconds in self.fault.begin(self.scene):
            self.run(seconds)

    def run_until(self, happened: Callable[[], bool], seconds: float) -> None:
        """Fail if it has not happened after so many seconds of the cluster's time."""
        for _ in range(int(seconds * 5)):
            if happened():
                return
            self.run(0.2)
        assert happened()

    def submit(self, name: str, text: str, wanted: str = "launched") -> None:
        for key, value in Submission(name, text, wanted).keys().items():
            self.registry.write(key, value)

    def set_wanted(self, name: str, wanted: str) -> None:
        self.registry.write(f"job/{name}/target-state", wanted)

    def destroy(self, name: str) -> None:
        self.registry.delete(f"job/{name}")

    def machine(self, machine_id: str) -> Machine:
        return next(m for m in self.machines if m.id == machine_id)

    def target(self, name: str) -> str | None:
        return self.registry.read(f"job/{name}/target").get(f"job/{name}/target")

    def told(self, name: str, machine: Machine) -> str | None:
        """The active state that the registry tells of a unit on a machine."""
        value = self.registry.read(f"states/{name}").get(f"states/{name}/{machine.id}")
        return None if value is None else str(json.loads(value)["activeState"])

    def leader(self) -> str | None:
        found = self.registry.read("lease/engine-leader").get("lease/engine-leader")
        return None if found is None else str(json.loads(found)["MachineID"])


def messages(machine: Machine, since: str = "") -> list[str]:
    """What fleet.service's journal says, level and place cut off; after a cursor if given."""
    entries = machine.journal.tail(["fleet.service"], 100_000)
    if since:
        entries = machine.journal.after(["fleet.service"], since)
    found = [str(json.loads(entry.line)["MESSAGE"]) for entry in entries]
    return [m.split(": ", 1)[1] if m.startswith(("INFO ", "ERROR ", "WARN ")) else m for m in found]


def mark(machine: Machine) -> str:
    return str(json.loads(machine.journal.tail(["fleet.service"], 1)[0].line)["__CURSOR"])


def faults(machine: Machine, since: str) -> tuple[int, int]:
    """How often each of the fault's two lines was said since a cursor."""
    said = messages(machine, since)
    return said.count(EVERY_SECOND), said.count(EVERY_FIVE)


def remove_files(machine: Machine) -> None:
    machine.files.remove(FLEET_UNITS, TEMPLATE)
    machine.files.remove(SYSTEMD_UNITS, TEMPLATE)
    machine.systemd.reload()


def lies_there(machine: Machine) -> bool:
    return TEMPLATE in machine.systemd.managed()


def faulted(version: str, wording: str = WORDINGS[0]) -> tuple[Cluster, Machine]:
    """A cluster whose template was loaded by mistake, and the machine that got it."""
    cluster = Cluster(version, wording=wording)
    cluster.submit("hello.service", PLAIN)
    cluster.submit("mon.service", f"{PLAIN}\n[X-Fleet]\nGlobal=true\n")
    cluster.submit(TEMPLATE, ZK, "inactive")
    cluster.submit("zookeeper@1.service", ZK)
    cluster.submit("zookeeper@2.service", ZK)
    cluster.submit("log.service", PLAIN)
    cluster.run(8)
    cluster.set_wanted(TEMPLATE, "loaded")
    cluster.run(3)
    cluster.submit("zookeeper@3.service", ZK)
    cluster.run(6)
    target = cluster.target(TEMPLATE)
    assert target is not None
    return cluster, cluster.machine(target)


def restart_fully(cluster: Cluster, machine: Machine) -> None:
    machine.fleet.restart()
    cluster.run(8)


def restart_gently(cluster: Cluster, machine: Machine) -> None:
    machine.fleet.kill("KILL")
    machine.fleet.start()
    cluster.run(8)


def undo(cluster: Cluster, broken: Machine) -> None:
    """Registry first, then files and daemon-reload: all but the restart."""
    assert cluster.registry.write(f"job/{TEMPLATE}/target-state", "inactive", prev_value="loaded")
    cluster.run(2)
    assert cluster.target(TEMPLATE) is None
    remove_files(broken)


def assert_repaired(cluster: Cluster, broken: Machine) -> None:
    since = mark(broken)
    cluster.run(12)
    assert faults(broken, since) == (0, 0)
    assert not lies_there(broken)
    assert cluster.told("mon.service", broken) == "active"
    target = cluster.target("zookeeper@3.service")
    assert target is not None
    assert cluster.told("zookeeper@3.service", cluster.machine(target)) == "active"
