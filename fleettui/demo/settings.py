"""What the demo cluster is to be like."""

from dataclasses import dataclass

from fleettui.demo.faults import fault_named
from fleettui.demo.traits import WORDINGS, Traits, address
from fleettui.demo.units import role

MAX_MACHINES = 100
"""Machines that a demo can have."""


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """What the demo cluster is to be like."""

    machines: int = 3
    fault: str = "template"
    """One of `faults.FAULTS`, or its short name."""
    version: str = "0.11.8"
    """fleetd's, on every machine that the fault does not need to be of another."""
    ttl: int = 30
    """fleet's agent_ttl in seconds; tests lower it."""
    lease_ttl: int = 10
    """Seconds of the engine's lease."""
    wording: str = WORDINGS[0]
    """How systemd refuses the name of a template."""
    pull: float = 3.0
    """Seconds that a `docker pull` takes."""
    record_requests: bool = False
    """Have `endpoint` lead through a wiretap that notes every request in `DemoCluster.requests`."""

    def __post_init__(self) -> None:
        """Raises ValueError for a fault that there is not, or a number of machines."""
        if not 1 <= self.machines <= MAX_MACHINES:
            raise ValueError(f"the demo has 1 to {MAX_MACHINES} machines, not {self.machines}")
        fault = fault_named(self.fault)
        if self.machines < fault.least:
            raise ValueError(f"the fault {fault.name} takes at least {fault.least} machines")

    def traits(self, number: int) -> Traits:
        """The machine of that number, from 1."""
        metadata = {"az": f"az{(number - 1) % 3 + 1}", "region": "demo"}
        metadata["role"] = role(number, self.machines)
        return Traits(
            number=number,
            ip=address(number),
            metadata=tuple(metadata.items()),
            version=self.version,
            ttl=self.ttl,
            lease_ttl=self.lease_ttl,
            wording=self.wording,
            pull=self.pull,
        )
