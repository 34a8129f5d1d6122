"""What is particular to one machine of the demo."""

import hashlib
from dataclasses import dataclass

WORDINGS = (
    "is not valid.",
    "is missing the instance name.",
    "is neither a valid invocation ID nor unit name.",
)
"""How systemds of different age refuse the name of a template, oldest first."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What makes one machine differ from the next."""

    number: int
    ip: str
    metadata: tuple[tuple[str, str], ...]
    version: str
    """fleetd's."""
    ttl: int
    """fleet's agent_ttl, in seconds."""
    lease_ttl: int
    wording: str
    pull: float
    """Seconds that one image pull takes."""

    @property
    def id(self) -> str:
        """/etc/machine-id, the same in every run."""
        return _digest(f"fleettui demo machine {self.number}")

    @property
    def boot_id(self) -> str:
        return _digest(f"fleettui demo boot {self.number}")

    @property
    def hostname(self) -> str:
        return f"core-{self.number:02}"


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
