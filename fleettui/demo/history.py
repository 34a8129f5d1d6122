"""The demo cluster's past, played fast: how it came to be as it is found."""

from collections.abc import Sequence

from fleettui.demo.fault import Fault, Scene
from fleettui.demo.machine import Machine
from fleettui.demo.units import after_the_mistake, before_the_mistake

LENGTH = 420.0
"""Seconds between the start of the machines and now."""
_STEP = 0.5
_FEW = 6
"""Up to so many machines everything is played; of more, only what leaves a trace."""


class History:
    """Plays what happened to a cluster. The registry is not yet etcd, so no TTL ends here."""

    def __init__(self, scene: Scene, fault: Fault) -> None:
        self._scene, self._fault = scene, fault
        self._clock = scene.clock

    def play(self) -> None:
        """From the first start of fleetd to the present, with the fault on the way."""
        scene, fault = self._scene, self._fault
        for machine in scene.members:
            machine.fleet.start()
        self._run(3.0)
        for submission in before_the_mistake(len(scene.members)):
            scene.submit(submission)
        self._run(20.0)
        last = after_the_mistake(len(scene.members))
        if not fault.hangs_the_last:
            scene.submit(last)
            self._run(20.0)
        self._idle_until(fault.since)
        for seconds in fault.begin(scene):
            self._run(seconds)
        if fault.hangs_the_last:
            scene.submit(last)
            self._run(20.0)
        self._idle_until(0.0)

    def _run(self, seconds: float) -> None:
        self._advance(self._clock.behind() - seconds, self._scene.hosts)

    def _idle_until(self, ago: float) -> None:
        """Let time go by. A broken machine goes on complaining; the rest has nothing to tell."""
        few = len(self._scene.members) <= _FEW
        self._advance(ago, self._scene.hosts if few else self._fault.talkative(self._scene))

    def _advance(self, ago: float, machines: Sequence[Machine]) -> None:
        """Play on to so many seconds ago."""
        if not machines:
            self._clock.skip(self._clock.behind() - ago)
            return
        while self._clock.behind() > ago and self._clock.skip(_STEP):
            for machine in machines:
                machine.tick()
            self._fault.tick(self._scene)
