"""The demo cluster's past, played fast: how it came to be as it is found."""

from collections.abc import Sequence

from fleettui.demo.clock import Clock
from fleettui.demo.machine import Machine
from fleettui.demo.shared_registry import SharedRegistry
from fleettui.demo.units import (
    TEMPLATE,
    Submission,
    after_the_mistake,
    before_the_mistake,
    the_mistake,
)
from fleettui.model.host import FLEET_UNITS

LENGTH = 420.0
"""Seconds between the start of the machines and now."""
SINCE_MISTAKE = 300.0
_STEP = 0.5
_FEW = 6
"""Up to so many machines everything is played; of more, only what leaves a trace."""


class History:
    """Plays what happened to a cluster. The registry is not yet etcd, so no TTL ends here."""

    def __init__(self, clock: Clock, machines: Sequence[Machine], registry: SharedRegistry) -> None:
        self._clock, self._machines, self._registry = clock, machines, registry

    def play(self, *, mistake: bool) -> None:
        """From the first start of fleetd to the present; with a template loaded, or without."""
        for machine in self._machines:
            machine.fleet.start()
        self._run(3.0)
        for submission in before_the_mistake(len(self._machines)):
            self._submit(submission)
        self._run(20.0)
        self._idle(LENGTH - SINCE_MISTAKE - 23.0)
        if mistake:
            self._submit(the_mistake())
            self._run(4.0)
        self._submit(after_the_mistake(len(self._machines)))
        self._run(20.0)
        self._idle(LENGTH)

    def _submit(self, submission: Submission) -> None:
        for key, value in submission.keys().items():
            self._registry.write(key, value)

    def _run(self, seconds: float) -> None:
        self._advance(seconds, self._machines)

    def _idle(self, seconds: float) -> None:
        """Let time go by. A broken machine goes on complaining; the rest has nothing to tell."""
        broken = [m for m in self._machines if is_broken(m)]
        self._advance(seconds, self._machines if len(self._machines) <= _FEW else broken)

    def _advance(self, seconds: float, machines: Sequence[Machine]) -> None:
        if not machines:
            self._clock.skip(seconds)
            return
        for _ in range(int(seconds / _STEP)):
            if not self._clock.skip(_STEP):
                return
            for machine in machines:
                machine.tick()


def is_broken(machine: Machine) -> bool:
    """Whether a template lies among the machine's unit files."""
    with machine.systemd.lock:
        return TEMPLATE in machine.files.folders[FLEET_UNITS]
