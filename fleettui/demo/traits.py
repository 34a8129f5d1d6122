"""What is particular to one machine of the demo."""

import hashlib
from dataclasses import dataclass

WORDINGS = (
    "is not valid.",
    "is missing the instance name.",
    "is neither a valid invocation ID nor unit name.",
)
"""How systemds of different age refuse the name of a template, oldest first."""


_FIRST_ADDRESS = 11


def address(number: int) -> str:
    """Where the host of that number is, from 1: one of this system's own loopback addresses."""
    return f"127.0.0.{_FIRST_ADDRESS + number - 1}"


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
    clone_of: int = 0
    """Number of the machine that this host was copied from, ID and all; 0 = of none."""

    @property
    def id(self) -> str:
        """/etc/machine-id, the same in every run."""
        return _digest(f"fleettui demo machine {self.clone_of or self.number}")

    @property
    def boot_id(self) -> str:
        """Of the host, so that a clone of another has its own."""
        return _digest(f"fleettui demo boot {self.number}")

    @property
    def hostname(self) -> str:
        """Such as `core-02`."""
        return f"core-{self.number:02}"


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
