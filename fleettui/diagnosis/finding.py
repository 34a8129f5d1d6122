"""What a rule says when it recognises a fault: where, how bad, how sure, and what proves it."""

from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec

from fleettui.model.untrusted import Untrusted


class Severity(IntEnum):
    """How much a fault keeps fleet from doing its work; the greater, the worse."""

    NOTE = 1
    WARNING = 2
    CRITICAL = 3


class Confidence(StrEnum):
    """How sure a finding is."""

    PROVEN = "proven"
    """Seen in two independent sources, or in the place that decides."""
    LIKELY = "likely"
    """Seen in one source that has rarely another reason."""
    HINTED = "hinted"
    """Seen once, or in a way that has other reasons too; look at it before you act."""


class Source(StrEnum):
    """Where a piece of evidence was read."""

    REGISTRY = "registry"
    JOURNAL = "journal"
    FILE = "file"
    SYSTEMD = "systemd"


class Evidence(msgspec.Struct, frozen=True):
    """One thing that was seen."""

    source: Source
    where: Untrusted
    """Registry key, path, or unit of the journal."""
    what: Untrusted
    """The value, the kind of file, or the line."""
    machine_id: Untrusted | None = None
    """Whose file, journal or systemd; None for the registry's."""
    cursor: str = ""
    """Of a journal line, so that it can be shown among its neighbours; empty where it has none."""
    at: datetime | None = None
    """UTC, by the machine's clock: of a journal line."""


class Finding(msgspec.Struct, frozen=True):
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
    confidence: Confidence = Confidence.LIKELY
    remedy: str = ""
    """The known way out, and who does it: fleettui, or the operator by hand and why."""
    issues: tuple[int, ...] = ()
    """Issues of coreos/fleet that tell of the fault."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same finding in a later picture."""
        unit = self.unit.raw if self.unit else ""
        machine = self.machine_id.raw if self.machine_id else ""
        return (self.fault, unit, machine)


class Grounds(msgspec.Struct, frozen=True):
    """What a finding rests on."""

    evidence: tuple[Evidence, ...]
    confidence: Confidence
    gaps: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True):
    """An entry of the catalogue: what is the same in every finding of one fault."""

    id: str
    severity: Severity
    issues: tuple[int, ...]
    """Of coreos/fleet."""
    remedy: str

    def found(
        self,
        summary: str,
        grounds: Grounds,
        *,
        unit: Untrusted | None = None,
        machine_id: Untrusted | None = None,
    ) -> Finding:
        """A finding of this fault."""
        return Finding(
            fault=self.id,
            severity=self.severity,
            unit=unit,
            machine_id=machine_id,
            summary=summary,
            evidence=grounds.evidence,
            gaps=grounds.gaps,
            confidence=grounds.confidence,
            remedy=self.remedy,
            issues=self.issues,
        )
