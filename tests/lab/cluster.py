"""A healthy fleet cluster on machines of the lab, and the fault that fleettui is made for."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from .etcd_server import Etcd
from .fleet_service import install
from .fleetctl import Fleetctl
from .island import Island
from .machines import Machine, MachineSpec
from .shell import wait_until

TEMPLATE = "zookeeper@.service"
FAULT = re.compile(rf"Unit name {re.escape(TEMPLATE)} ")
"""Part of every line of the fault, whatever fleet and systemd say around it."""

_PLAIN = "[Service]\nExecStart=/bin/sleep infinity\n"
_GLOBAL = f"{_PLAIN}\n[X-Fleet]\nGlobal=true\n"
_ZOOKEEPER = f"{_PLAIN}\n[X-Fleet]\nConflicts=zookeeper@*.service\n"
_PULLING = "[Service]\nExecStartPre=-/usr/bin/docker pull busybox\nExecStart=/bin/sleep infinity\n"
UNITS = {
    "hello.service": _PULLING,
    "mon.service": _GLOBAL,
    "web-1.service": _PLAIN,
    "web-2.service": _PLAIN,
    "web-3.service": _PLAIN,
    "web-4.service": _PLAIN,
    "zookeeper@1.service": _ZOOKEEPER,
    "zookeeper@2.service": _ZOOKEEPER,
}
"""What runs on the healthy cluster, besides a template that is submitted and not loaded."""


class Cluster:
    """Machines with fleet.service, their etcd, and the units of UNITS launched on them."""

    def __init__(
        self, island: Island, base: Path, specs: Sequence[MachineSpec], authorized: str, etcd: Path
    ) -> None:
        """`authorized` is the public key that user core accepts; `etcd` a folder for its data."""
        self.etcd = Etcd(island.gateway, etcd)
        self.fleetctl = Fleetctl(self.etcd.url)
        self._island, self._base, self._authorized = island, base, authorized
        self.machines = tuple(self.new_machine(spec) for spec in specs)

    def new_machine(self, spec: MachineSpec) -> Machine:
        """One more machine with fleet.service, switched off; whoever asks for it scraps it."""
        machine = Machine(spec, self._island, self._base)
        machine.put("/home/core/.ssh/authorized_keys", self._authorized)
        install(machine, self.etcd.url)
        return machine

    def start(self) -> None:
        """Boot everything, launch UNITS, and wait until all is as it should be."""
        self.etcd.start()
        for machine in self.machines:
            machine.switch_on()
        for machine in self.machines:
            machine.wait_for_boot()
        wait_until(self._is_led, "all machines in the registry")
        for name, text in ({TEMPLATE: _ZOOKEEPER} | UNITS).items():
            self.fleetctl.submit(name, text)
        for name in UNITS:
            self.fleetctl.start(name)
        wait_until(self.is_healthy, "all units to run")
        self._started_at = time.monotonic()

    def has_run_for(self, seconds: float) -> bool:
        """Since all was as it should be."""
        return time.monotonic() - self._started_at >= seconds

    def close(self) -> None:
        self.fleetctl.close()
        for machine in self.machines:
            machine.scrap()
        if self.etcd.is_running:
            self.etcd.stop()

    def machine(self, machine_id: str) -> Machine:
        return next(m for m in self.machines if m.machine_id == machine_id)

    def units_of(self, machine: Machine) -> list[str]:
        """Names of the units that a machine publishes a state of, as list-units would show."""
        return [name for name in UNITS if machine.machine_id in self.fleetctl.states(name)]

    def agrees_with_systemd(self, machine: Machine) -> bool:
        """Whether every state that a machine publishes is what its systemd says."""
        published = {u: self.fleetctl.states(u)[machine.machine_id] for u in self.units_of(machine)}
        return all(state.sub == machine.show(unit, "SubState") for unit, state in published.items())

    def is_healthy(self) -> bool:
        """Whether an engine leads all machines, and each unit runs wherever it should."""
        return self._is_led() and all(self._runs(name) for name in UNITS)

    def load_template(self) -> Machine:
        """What the operator's mistake does: `fleetctl load zookeeper@.service`.

        Returns the machine that has the fault, once its journal shows it.
        """
        self.fleetctl.load(TEMPLATE)
        target = wait_until(lambda: self.fleetctl.target(TEMPLATE), "the template's target")
        broken = self.machine(target)
        wait_until(lambda: self.fault_lines(broken), "the fault in the journal")
        return broken

    def fault_lines(self, machine: Machine, since: float = 0) -> list[str]:
        """Lines of the fault later than `since`, in seconds since 1970."""
        lines = machine.journal("fleet.service", since)
        return [line.message for line in lines if FAULT.search(line.message)]

    def _is_led(self) -> bool:
        alive = self.fleetctl.machines() == {m.machine_id for m in self.machines}
        return alive and self.fleetctl.leader() is not None

    def _runs(self, name: str) -> bool:
        states = self.fleetctl.states(name)
        here = len(self.machines) if name == "mon.service" else 1
        return len(states) == here and all(s.sub == "running" for s in states.values())
