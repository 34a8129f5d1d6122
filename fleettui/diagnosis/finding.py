"""What a rule says when it recognises a fault: where, how bad, how sure, and what proves it."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from fleettui.model.untrusted import Untrusted


class Severity(IntEnum):
    """How much a fault keeps fleet from doing its work; the greater, the worse."""

    NOTE = 1
    WARNING = 2
    CRITICAL = 3


class Source(StrEnum):
    """Where a piece of evidence was read."""

    REGISTRY = "registry"
    JOURNAL = "journal"
    FILE = "file"
    SYSTEMD = "systemd"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was seen."""

    source: Source
    where: Untrusted
    """Registry key, path, or unit of the journal."""
    what: Untrusted
    """The value, the kind of file, or the line."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault that was recognised, on one machine or in the registry alone."""

    fault: str
    """The fault's id in the catalogue, such as `template-loaded`."""
    severity: Severity
    unit: Untrusted | None
    machine_id: Untrusted | None
    """None where no machine is known to be the one."""
    summary: str
    """One sentence: what it means for the operator."""
    evidence: tuple[Evidence, ...]
    gaps: tuple[str, ...] = ()
    """What was not checked, so that nothing follows from its silence."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same finding in a later picture."""
        unit = self.unit.raw if self.unit else ""
        machine = self.machine_id.raw if self.machine_id else ""
        return (self.fault, unit, machine)
