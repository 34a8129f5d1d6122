"""Faults that lie in one machine, in its fleetd or between that and its systemd."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fleettui.demo.fault import Fault, Scene
from fleettui.demo.machine import Machine
from fleettui.demo.traits import Traits
from fleettui.demo.units import TEMPLATE, Submission, the_mistake
from fleettui.model.host import FLEET_UNITS

INDEXER = """\
[Unit]
Description=Indexer
Wants=search.service
After=search.service

[Service]
ExecStart=/usr/bin/indexer

[X-Fleet]
MachineID={machine}
"""

SEARCH = """\
[Unit]
Description=Search

[Service]
ExecStart=/usr/bin/search

[X-Fleet]
MachineOf=indexer.service
"""


class TemplateLoaded(Fault):
    """The main fault: `fleetctl load` of a template instead of an instance."""

    name = "template-loaded"
    line = "a template was loaded without its instance, and an agent died of it"
    hangs_the_last = True

    def begin(self, scene: Scene) -> Iterator[float]:
        scene.submit(the_mistake())
        yield 4.0

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        return [machine for machine in scene.members if is_broken(machine)]


def is_broken(machine: Machine) -> bool:
    """Whether a template lies among the machine's unit files."""
    with machine.systemd.lock:
        return TEMPLATE in machine.files.folders[FLEET_UNITS]


class NeedsDaemonReload(Fault):
    """A fleetd of 0.9.1 and a unit that systemd looked for before there was its file.

    The other unit's Wants= made systemd look; it goes on not knowing the unit, and says that
    nothing of it needs a reload, so this fleetd orders none (fleet #1152, #1206).
    """

    name = "needs-daemon-reload"
    line = "a unit's file is there, but systemd was not told to look again (fleetd 0.9.1)"
    unit = "search.service"
    version = "0.9.1"

    def hosts(self, members: Sequence[Traits]) -> Sequence[Traits]:
        at = min(1, len(members) - 1)
        return [*members[:at], replace(members[at], version=self.version), *members[at + 1 :]]

    def begin(self, scene: Scene) -> Iterator[float]:
        scene.submit(Submission("indexer.service", INDEXER.format(machine=scene.subject.id)))
        yield 8.0
        scene.submit(Submission(self.unit, SEARCH))
        yield 8.0


class StateDisagrees(Fault):
    """A unit dies, and its machine's fleetd, which waits for systemd's answer, never knows."""

    name = "state-disagrees"
    line = "a unit has died, and the registry goes on saying that it runs"
    unit = "hello.service"

    def begin(self, scene: Scene) -> Iterator[float]:
        machine = scene.target(self.unit)
        if machine is None or machine.fleet.process is None:
            return
        machine.fleet.process.is_deaf = True
        yield 2.0
        machine.systemd.crash(self.unit)
        yield 2.0
