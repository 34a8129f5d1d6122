"""Who may do what: Observer and Operator as types, and the protocols they are made of.

`cli` builds one of the two. An observer's session never holds an object with a method that changes
anything, so there is nothing to switch on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from fleettui.commands import ChangeCommand
from fleettui.model.cluster import Machine, RegistryView, Snapshot
from fleettui.model.host import HostFacts, JournalItem
from fleettui.model.untrusted import Untrusted


class RegistryUnavailable(Exception):
    """The registry could not be read or written; the text says what, where and what to do."""


class WriteRefused(Exception):
    """A compare-and-swap found another value than expected; nothing was written."""


class WriteUnknown(Exception):
    """A write was sent and no answer came: look before anything else is done."""


class HostUnreachable(Exception):
    """A machine could not be asked; the text says why, in the words of SSH or of the machine."""


class RegistryReader(Protocol):
    """Follows the registry. Views arrive from another thread; only the newest matters."""

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        """Start following; `sink` must be safe to call from any thread. Called once."""

    def refresh(self) -> None:
        """Have the follower read everything afresh, now."""

    async def read(self) -> Snapshot:
        """A fresh read of everything through the quorum. Raises RegistryUnavailable."""

    async def close(self) -> None:
        """End following without waiting for a watch that blocks."""


class RegistryWriter(Protocol):
    """The few writes a repair needs; each is sent at most once."""

    async def unload(self, unit: Untrusted, expected: str) -> None:
        """Set `job/UNIT/target-state` to `inactive` if it is `expected`, as `fleetctl unload` does.

        Raises WriteRefused, WriteUnknown or RegistryUnavailable (nothing was sent).
        """


@dataclass(frozen=True, slots=True)
class HostKeyQuestion:
    """A machine showed a host key that no known_hosts file holds."""

    host: Untrusted
    port: int
    algorithm: str
    sha256: str
    """As OpenSSH prints it: `SHA256:...`."""
    md5: str
    """As old fleetctl prints it: `MD5:aa:bb:...`."""
    remembered_in: str | None
    """The file a yes is written to; None where nothing is written (observer mode)."""


HostKeyAsker = Callable[[HostKeyQuestion], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A unit file's bytes as they were on the machine."""

    content: bytes
    mode: int
    uid: int
    gid: int


class HostReader(Protocol):
    """Asks machines over SSH, one connection a machine, opened on demand."""

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        """Where to take questions about unknown host keys; until then they are answered No."""

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        """One round of facts; see `fleettui.commands.probe`. Raises HostUnreachable."""

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        """A regular file of a unit folder. Raises HostUnreachable; FileNotFoundError if none."""

    def journal(
        self, machine: Machine, unit: str
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalItem]]]:
        """A unit's journal in batches, following; reconnects by itself and resumes at its cursor.

        Only what is lost for good is told as a notice. Leaving the context ends the remote
        process.
        """

    async def close(self) -> None:
        """Close every connection and end every remote process of ours."""


class Ending(StrEnum):
    """How a command sent to a machine ended, as far as we know."""

    EXITED = "exited"
    UNKNOWN = "unknown"
    """It was sent and the connection broke: it may have run, wholly or in part."""
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The end of one command on one machine."""

    ending: Ending
    exit_status: int | None = None
    """Set if and only if `ending` is EXITED; death by signal N is 128 + N."""
    stdout: bytes = b""
    stderr: bytes = b""
    reason: Untrusted = Untrusted("")
    """Why it did not start, or how the connection broke."""


class HostHands(Protocol):
    """Changes machines. Only an Operator has them."""

    async def perform(self, machine: Machine, command: ChangeCommand) -> CommandResult:
        """Run one command once. Never raises for what happens to the connection: see Ending."""


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Which cluster this is, for the header and the record."""

    endpoints: tuple[str, ...]
    prefix: str


@dataclass(frozen=True, slots=True)
class Observer:
    """May look at everything and change nothing."""

    cluster: ClusterAddress
    registry: RegistryReader
    hosts: HostReader


@dataclass(frozen=True, slots=True)
class Operator(Observer):
    """An observer with hands."""

    writer: RegistryWriter
    hands: HostHands
    name: str
    """user@host at the keyboard, for the record."""
