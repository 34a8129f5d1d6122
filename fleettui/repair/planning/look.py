"""What was read before a plan is made, and the reasons for which none is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fleettui.access import FleetKey, KeyValue
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, HostReport, ImageFacts
from fleettui.model.untrusted import Untrusted


class NotRepairable(Exception):
    """No plan is made, and the text says why and what to do by hand."""


class NothingToRepair(NotRepairable):
    """Everything that would show the fault was read, and does not."""


class Unread(NotRepairable):
    """Something that a plan needs could not be read; what it says nothing about may be so."""


@dataclass(frozen=True, slots=True)
class Look:
    """The registry and the machines, as they were read for one plan."""

    snapshot: Snapshot
    reports: Mapping[Untrusted, HostReport]
    """By machine ID; one a machine of the registry, and of the one in question."""
    machine: Machine | None
    """Whose repair it is; None where only the registry is to be changed."""
    images: Mapping[Untrusted, ImageFacts] = field(default_factory=lambda: MappingProxyType({}))
    """Of the images that the machine's units pull, as far as it was asked."""
    keys: Mapping[FleetKey, KeyValue] = field(default_factory=lambda: MappingProxyType({}))
    """Keys of the registry that the repair would delete, each as it stands."""

    def machine_and_facts(self) -> tuple[Machine, HostFacts]:
        """The machine to be repaired and what it said. Raises NotRepairable, Unread."""
        if self.machine is None:
            raise NotRepairable("No machine is known on which this could be repaired.")
        report = self.reports.get(self.machine.id)
        if not isinstance(report, HostFacts):
            reason = report.reason if report else "it was not asked"
            raise Unread(f"{self.machine.public_ip} cannot be reached: {reason}")
        if report.reported_id != self.machine.id:
            raise NotRepairable(
                f"{self.machine.public_ip} says that its machine ID is {report.reported_id}, the "
                f"registry says {self.machine.id}: this is another machine than the one that is "
                "broken."
            )
        problem = unread(report)
        if problem is not None:
            raise Unread(f"{self.machine.public_ip}: {problem}")
        return self.machine, report

    def host_name(self, machine: Machine) -> str:
        """A name that can be typed and stands for one machine alone.

        The host's own name, unless it is no name, or another machine that was asked has it too.
        """
        named = {
            r.machine_id: r.hostname for r in self.reports.values() if isinstance(r, HostFacts)
        }
        name = named.get(machine.id, Untrusted(""))
        plain = name.raw.strip() == name.raw and name.is_plain
        alone = list(named.values()).count(name) == 1 and name.raw not in {"", "localhost"}
        return name.raw if plain and alone else machine.id.raw[:8]


def unread(facts: HostFacts) -> str | None:
    """What of a machine could not be read that a repair must know, or None."""
    for folder in facts.folders.values():
        if folder.problem is not None and "No such file" not in folder.problem.raw:
            return f"{folder.path} cannot be read: {folder.problem}"
    if facts.fleet is None:
        return f"systemd does not tell about fleet.service: {facts.services_problem or 'no answer'}"
    return None
