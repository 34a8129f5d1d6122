"""Faults of the catalogue, made for real on a cluster of the lab, and taken back again."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import cycle

from fleettui.model.host import FLEET_SERVICE, FLEET_UNITS

from .cluster import UNITS, Cluster
from .machines import Machine, MachineSpec
from .operator_ssh import OperatorSsh
from .shell import wait_until

Place = tuple[str | None, str | None]
"""Unit and machine ID of the finding."""

KEYS = "/_coreos.com/fleet"
NOWHERE = "[Service]\nExecStart=/bin/sleep infinity\n\n[X-Fleet]\nMachineMetadata=rack=none\n"
PRIVATE = "/run/systemd/private"
"""A socket by which programs of root pass by the system bus, as fleetd does not."""
BUS_RULES = "/etc/dbus-1/system.d/no-fleetd.conf"
NO_SYSTEMD_FOR_ROOT = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <policy user="root"><deny send_destination="org.freedesktop.systemd1"/></policy>
</busconfig>
"""


@contextmanager
def bad_target_state(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    unit = "web-1.service"
    cluster.fleetctl.registry.write(f"job/{unit}/target-state", "lunched")
    try:
        yield unit, None
    finally:
        cluster.fleetctl.start(unit)


@contextmanager
def orphan_job(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    unit = "web-2.service"
    cluster.fleetctl.registry.delete(f"job/{unit}/object")
    try:
        yield unit, None
    finally:
        cluster.fleetctl.submit(unit, UNITS[unit])
        cluster.fleetctl.start(unit)


@contextmanager
def ghost_state(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    unit, machine = "gone.service", cluster.machines[0].machine_id
    state = {"loadState": "loaded", "activeState": "active", "subState": "running"}
    value = json.dumps({**state, "machineState": {"ID": machine}, "unitHash": "ab" * 20})
    cluster.fleetctl.registry.write(f"states/{unit}/{machine}", value)
    try:
        yield unit, machine
    finally:
        cluster.fleetctl.registry.delete(f"states/{unit}")


@contextmanager
def unschedulable(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    unit = "nowhere.service"
    cluster.fleetctl.submit(unit, NOWHERE)
    cluster.fleetctl.start(unit)
    try:
        yield unit, None
    finally:
        cluster.fleetctl.destroy(unit)


@contextmanager
def hash_differs(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    """A second writer, who submits a unit again and again: fleetd loads it anew each time."""
    unit = "web-3.service"
    machine = cluster.machine(cluster.fleetctl.target(unit) or "")
    file = machine.live(f"{FLEET_UNITS}/{unit}")
    pid, text = machine.main_pid(unit), UNITS[unit]
    texts = cycle((f"{text}\n# of the second writer\n", text))

    def submit(over: threading.Event) -> None:
        cluster.fleetctl.resubmit(unit, next(texts))
        over.wait(6)  # an agent looks every 5 s, and is to see each of them

    with _again_and_again(submit):
        wait_until(lambda: file.exists() and file.read_text() != text, "the second writer's file")
        wait_until(lambda: machine.main_pid(unit) not in {0, pid}, "the unit to run anew")
        yield unit, machine.machine_id
    cluster.fleetctl.resubmit(unit, text)


@contextmanager
def no_engine_leader(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    """An administrator gives etcd access rights, and forgets the folder of fleet's lease."""
    folders = ("job", "machines", "state", "states", "unit")
    cluster.etcd.guard(*(f"{KEYS}/{folder}/" for folder in folders))
    try:
        wait_until(lambda: cluster.fleetctl.leader() is None, "the lease to end")
        yield None, None
    finally:
        cluster.etcd.stop_guarding()


@contextmanager
def state_disagrees(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    """The bus of one machine lets fleetd no longer ask systemd, which then sees a unit die.

    That fleetd goes on telling what it saw last, with a fresh TTL each time.
    """
    machine = cluster.machines[2]
    unit = next(name for name in cluster.units_of(machine) if name != "mon.service")
    pid = machine.main_pid(unit)
    machine.run("mv", PRIVATE, f"{PRIVATE}.away")
    machine.put(BUS_RULES, NO_SYSTEMD_FOR_ROOT)
    _reload_bus(machine)
    try:
        wait_until(lambda: _is_refused(machine), "fleetd to be refused")
        machine.run("kill", "-s", "KILL", str(pid))
        told = cluster.fleetctl.index_of_state(unit, machine.machine_id)
        wait_until(
            lambda: cluster.fleetctl.index_of_state(unit, machine.machine_id) > told,
            "the old state to be told anew",
        )
        yield unit, machine.machine_id
    finally:
        machine.disk(BUS_RULES).unlink()
        _reload_bus(machine)
        machine.run("mv", f"{PRIVATE}.away", PRIVATE)
        machine.run("systemctl", "start", unit)


def _reload_bus(machine: Machine) -> None:
    bus = "org.freedesktop.DBus"
    machine.run(
        "dbus-send", "--system", "--print-reply", f"--dest={bus}", "/", f"{bus}.ReloadConfig"
    )


def _is_refused(machine: Machine) -> bool:
    refusal = "Failed fetching current unit states: "
    return any(refusal in line.message for line in machine.journal(FLEET_SERVICE))


@contextmanager
def etcd_unreachable(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    """One machine's way to etcd is cut; it answers SSH as before."""
    machine = cluster.machines[1]
    machine.cut_off(cluster.etcd.url)
    try:
        yield None, machine.machine_id
    finally:
        machine.let_through(cluster.etcd.url)
        # By itself it would be back within a minute, for its fleetd tries ever less often.
        machine.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", FLEET_SERVICE)
        machine.run("systemctl", "stop", FLEET_SERVICE)  # else the start waits for RestartSec
        machine.run("systemctl", "start", FLEET_SERVICE)


@contextmanager
def duplicate_machine_id(cluster: Cluster, ssh: OperatorSsh) -> Iterator[Place]:
    """A host that was copied from another, /etc/machine-id and all."""
    spec = cluster.machines[0].spec
    copy = MachineSpec(4, spec.fleetd_version, spec.metadata, spec.agent_ttl, spec.machine_id)
    clone = cluster.new_machine(copy)
    try:
        ssh.trust(clone)
        clone.switch_on()
        clone.wait_for_boot()
        yield None, spec.machine_id
    finally:
        clone.scrap()


@contextmanager
def machine_flapping(cluster: Cluster, _: OperatorSsh) -> Iterator[Place]:
    """One machine's way to etcd is cut for longer than its TTL, again and again."""
    machine = cluster.machines[0]

    def is_listed() -> bool:
        return machine.machine_id in cluster.fleetctl.machines()

    def flap(over: threading.Event) -> None:
        machine.cut_off(cluster.etcd.url)
        wait_until(lambda: over.is_set() or not is_listed(), f"{machine.name} to be missed")
        machine.let_through(cluster.etcd.url)
        wait_until(lambda: over.is_set() or is_listed(), f"{machine.name} to be back")

    with _again_and_again(flap):
        yield None, machine.machine_id


@contextmanager
def _again_and_again(turn: Callable[[threading.Event], None]) -> Iterator[None]:
    """`turn` after turn, in a thread of its own; it is given what is set when it is to end."""
    over = threading.Event()

    def take_turns() -> None:
        while not over.is_set():
            turn(over)

    thread = threading.Thread(target=take_turns)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class RealFault:
    """A fault that real machines can have, and what `check` is to make of it."""

    name: str
    """In the catalogue."""
    make: Callable[[Cluster, OperatorSsh], AbstractContextManager[Place]]
    """It has come about within the context, and is over, or nearly, after it."""
    sources: frozenset[str]
    """Where the evidence must have been read, at least."""
    watch: int = 0
    """Seconds that it takes to be seen so; 0 = one look is enough."""
    excused: int = 0
    """Seconds after a start of fleetd in which it would be excused by that."""
    may_be: str = ""
    """Another fault that it is as well, for some of the time."""


_REGISTRY = frozenset({"registry"})
_FILE = frozenset({"registry", "file"})
_JOURNAL = frozenset({"registry", "journal"})
FAULTS = (
    RealFault("bad-target-state", bad_target_state, _REGISTRY),
    RealFault("orphan-job", orphan_job, _REGISTRY),
    RealFault("unschedulable", unschedulable, _REGISTRY),
    RealFault("hash-differs", hash_differs, _JOURNAL, watch=21),
    RealFault("no-engine-leader", no_engine_leader, _JOURNAL, watch=13),
    RealFault("ghost-state", ghost_state, _FILE, excused=40),
    RealFault("state-disagrees", state_disagrees, frozenset({"registry", "systemd"}), 20, 45),
    RealFault("etcd-unreachable", etcd_unreachable, _JOURNAL, watch=20),
    RealFault("duplicate-machine-id", duplicate_machine_id, _FILE, watch=12),
    RealFault("machine-flapping", machine_flapping, _JOURNAL, 32, 60, may_be="etcd-unreachable"),
)
"""Those that a start of fleetd excuses come after others: on the same cluster it is long ago then.
"""
