"""Faults that lie in what the registry holds."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fleettui.demo.fault import Fault, Scene
from fleettui.demo.machine import Machine
from fleettui.demo.units import Submission

_SETTLED = 8.0
"""Seconds in which a change has come to every machine: a round of the agent, and some more."""

PLAIN = """\
[Unit]
Description={description}

[Service]
ExecStart=/usr/bin/{program}
"""


def plain(name: str, more: str = "") -> Submission:
    """A launched unit that needs nothing; `more` is the rest of its file."""
    stem = name.rpartition(".")[0]
    text = PLAIN.format(description=stem.capitalize(), program=stem)
    return Submission(name, f"{text}{more}")


class BadTargetState(Fault):
    """Somebody wrote a word of fleetctl's where fleet keeps one of its own."""

    name = "bad-target-state"
    line = "a target state is none of fleet's words, so for fleet the unit does not exist"
    unit = "batch.service"
    value = "started"

    def begin(self, scene: Scene) -> Iterator[float]:
        scene.submit(plain(self.unit))
        yield _SETTLED
        scene.registry.write(f"job/{self.unit}/target-state", self.value)
        yield _SETTLED

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        return [scene.leader] if scene.leader else ()


class OrphanJob(Fault):
    """Two jobs of which a part is gone: one's object, and the other's unit file."""

    name = "orphan-job"
    line = "a job without its object, and one whose unit file is not in the registry"
    without_object = "import.service"
    without_file = "export.service"

    def begin(self, scene: Scene) -> Iterator[float]:
        torn = plain(self.without_file)
        scene.submit(plain(self.without_object))
        scene.submit(torn)
        yield _SETTLED
        scene.registry.delete(f"job/{self.without_object}/object")
        scene.registry.delete(f"unit/{torn.sha1}")
        yield _SETTLED

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        return [scene.leader] if scene.leader else ()


class Unschedulable(Fault):
    """A unit that wants a machine as there is none."""

    name = "unschedulable"
    line = "no machine has the metadata that a launched unit asks for"
    unit = "render.service"

    def begin(self, scene: Scene) -> Iterator[float]:
        scene.submit(plain(self.unit, "\n[X-Fleet]\nMachineMetadata=gpu=true\n"))
        yield _SETTLED


class HashDiffers(Fault):
    """Two deployments take turns at one unit, each with a file of its own."""

    name = "hash-differs"
    line = "a second writer submits a unit again and again, and it restarts each time"
    unit = "api.service"
    pause = 6.0
    """Seconds from one writer's turn to the other's: more than an agent's round, so that it loads
    each one's file. fleet 0.8 compares no hashes, and only the registry shows the fault."""

    def __init__(self) -> None:
        self._next: float | None = None
        self._turn = 0

    def begin(self, scene: Scene) -> Iterator[float]:
        self._submit(scene)
        yield _SETTLED
        self._next = scene.clock.now()

    def tick(self, scene: Scene) -> None:
        now = scene.clock.now()
        if self._next is not None and now >= self._next:
            self._next = now + self.pause
            self._turn = 1 - self._turn
            self._submit(scene)

    def talkative(self, scene: Scene) -> Sequence[Machine]:
        target = scene.target(self.unit)
        return [target] if target else ()

    def _submit(self, scene: Scene) -> None:
        release = ("blue", "green")[self._turn]
        scene.submit(plain(self.unit, f"Environment=RELEASE={release}\n"))


class GhostState(Fault):
    """States of units that do not run where they are said to.

    One was told without a TTL, as old releases did, by a machine that is long gone; the other is
    told anew by a fleetd that missed the end of its unit, until that process ends or somebody
    removes the key.
    """

    name = "ghost-state"
    line = "a state of a unit that was destroyed, and one told by a machine that is gone"
    destroyed = "reports.service"
    twofold = "hello.service"

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._pid = 0
        self._next = 0.0

    def begin(self, scene: Scene) -> Iterator[float]:
        machine = scene.subject
        scene.submit(plain(self.destroyed, f"\n[X-Fleet]\nMachineID={machine.id}\n"))
        yield _SETTLED
        told = f"states/{self.destroyed}/{machine.id}"
        value = scene.registry.read(told)[told]
        scene.registry.delete(f"job/{self.destroyed}")
        yield _SETTLED
        for key in (told, f"state/{self.destroyed}"):
            scene.registry.write(key, value, ttl=scene.ttl)
            self._values[key] = value
        self._pid = machine.fleet.main_pid
        self._leave_behind(scene)

    def tick(self, scene: Scene) -> None:
        now = scene.clock.now()
        if now < self._next or scene.subject.fleet.main_pid != self._pid:
            return
        self._next = now + scene.ttl / 2
        for key, value in self._values.items():
            scene.registry.write(key, value, ttl=scene.ttl, prev_exist=True)

    def _leave_behind(self, scene: Scene) -> None:
        target = scene.target(self.twofold)
        if target is not None:
            told = f"states/{self.twofold}/{target.id}"
            value = scene.registry.read(told)[told]
            gone = gone_machine(scene.subject)
            scene.registry.write(f"states/{self.twofold}/{gone}", value.replace(target.id, gone))


def gone_machine(machine: Machine) -> str:
    """ID of a machine that was taken out of the cluster of this one."""
    return replace(machine.traits, number=1000).id
