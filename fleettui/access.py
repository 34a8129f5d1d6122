"""Who may do what: Observer and Operator as types, and the protocols they are made of.

`cli` builds one of the two. An observer's session never holds an object with a method that changes
anything, so there is nothing to switch on.
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from fleettui.model.cluster import Machine, RegistryView, Snapshot, TargetState
from fleettui.model.hop import Hop
from fleettui.model.host import (
    NEWEST,
    HostFacts,
    ImageFacts,
    JournalItem,
    JournalRecord,
    Span,
    UnitChange,
)
from fleettui.model.lock import LockHolder
from fleettui.model.place import NO_ADDRESSES, AddressMap
from fleettui.model.rights import Rights
from fleettui.model.secret import Secret
from fleettui.model.unavailable import RegistryUnavailable as RegistryUnavailable  # noqa: PLC0414 - see there
from fleettui.model.untrusted import Untrusted

if TYPE_CHECKING:
    from fleettui.commands import ChangeCommand


class WriteRefused(Exception):
    """A compare-and-swap found another value than expected; nothing was written."""


class WriteUnknown(Exception):
    """A write was sent and no answer came: look before anything else is done."""


class HostUnreachable(Exception):
    """A machine could not be asked; the text says why, in the words of SSH or of the machine."""

    def __init__(self, why: str, hop: Hop = Hop.ANSWER) -> None:
        """`hop` is how far the way to it was open."""
        super().__init__(why)
        self.hop = hop


Dial = Callable[[str, int, float], socket.socket]
"""Opens a connection to a host and port as a tunnel's far end sees them; for any thread but the
loop's. It blocks, at most so many seconds once the tunnel stands. Raises HostUnreachable where
there is no tunnel, OSError where only this address takes no connection.
"""

FleetKey = tuple[Untrusted, ...]
"""Segments of a key below fleet's prefix, such as `("states", UNIT, MACHINE)`."""


class KeyValue(msgspec.Struct, frozen=True):
    """One key of the registry as it stands."""

    value: Untrusted
    index: int
    """etcd's modifiedIndex: another one means that somebody wrote it since."""


class RegistryReader(Protocol):
    """Follows the registry. Views arrive from another thread; only the newest matters."""

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        """Start following; `sink` must be safe to call from any thread. Called once."""

    def refresh(self) -> None:
        """Have the follower read everything afresh, now."""

    async def read(self) -> Snapshot:
        """A fresh read of everything through the quorum. Raises RegistryUnavailable."""

    async def lock_holder(self) -> LockHolder | None:
        """Who holds the repair lock, read through the quorum. Raises RegistryUnavailable."""

    async def key(self, key: FleetKey) -> KeyValue | None:
        """One key below fleet's prefix, through the quorum. Raises RegistryUnavailable."""

    def follow_lock(self, sink: Callable[[LockHolder | None], None]) -> None:
        """Tell `sink` of every change of the repair lock; it must be safe to call from any thread.

        Called once. Nothing is told while the lock cannot be read: `follow` tells of that.
        """

    async def close(self) -> None:
        """End following without waiting for a watch that blocks."""


class LockTaken(Exception):
    """Somebody else holds the repair lock."""

    def __init__(self, holder: LockHolder) -> None:
        said = f"{holder.who} is repairing {holder.subject} since {holder.since:%H:%M}"
        if holder.problem is not None:
            said = f"somebody holds the repair lock, but it cannot be read: {holder.problem}"
        super().__init__(said)
        self.holder = holder


class LockLost(Exception):
    """The repair lock is not ours any more: it expired, or somebody removed it."""


class RegistryWriter(Protocol):
    """The few writes a repair needs; each is sent at most once.

    All of them raise WriteRefused (the registry stands otherwise than expected, nothing was
    written), WriteUnknown (sent, no answer) or RegistryUnavailable (nothing was sent).
    """

    async def set_target_state(self, unit: Untrusted, expected: str, wanted: TargetState) -> None:
        """Set `job/UNIT/target-state` to `wanted` if it is `expected`, as fleetctl does."""

    async def delete_key(self, key: FleetKey, index: int) -> None:
        """Delete a key under `job/` or `states/` if its modifiedIndex is still `index`."""

    async def delete_empty_folder(self, key: FleetKey) -> None:
        """Delete a folder under `job/` or `states/` that holds nothing any more."""

    async def create_key(self, key: FleetKey, value: str) -> None:
        """Write a key under `job/` that is not there: what undoes its deletion."""

    async def take_lock(self, holder: LockHolder, ttl: int) -> int:
        """Take the repair lock for `ttl` seconds; its modifiedIndex. Raises LockTaken besides."""

    async def keep_lock(self, holder: LockHolder, index: int, ttl: int) -> int:
        """Hold it for `ttl` seconds more, with what the holder says now; the new modifiedIndex.

        Raises LockLost besides, where it is not the one of `index` any more.
        """

    async def drop_lock(self, index: int) -> None:
        """Give it back; raises LockLost besides, where it is not ours any more."""


class HostKeyQuestion(msgspec.Struct, frozen=True):
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


class SecretQuestion(msgspec.Struct, frozen=True):
    """Something is needed that only the operator knows."""

    what: str
    """Such as `Passphrase of the private key FILE`."""
    why: str = ""
    """Why it is asked again."""


SecretAsker = Callable[[SecretQuestion], Awaitable[Secret | None]]
"""None: the operator does not say."""


class FileCopy(msgspec.Struct, frozen=True):
    """A unit file's bytes as they were on the machine."""

    content: bytes
    mode: int
    uid: int
    gid: int


class JournalReader(Protocol):
    """Reads the journals of machines."""

    def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalItem]]]:
        """A unit's journal in batches, following; reconnects by itself and goes on where it was.

        Only what is lost for good is told as a notice. Leaving the context ends the remote
        process.
        """

    def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalRecord]]]:
        """A stretch of a unit's journal in batches, to its end, every field in full.

        With a cursor it begins at that line. Raises HostUnreachable while it is read.
        """


class HostReader(JournalReader, Protocol):
    """Asks machines over SSH, one connection a machine, opened on demand."""

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        """Where to take questions about unknown host keys; until then they are answered No."""

    def ask_secrets(self, asker: SecretAsker) -> None:
        """Where to take questions for passphrases; until then nobody is asked."""

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        """One round of facts; see `fleettui.commands.probe`. Raises HostUnreachable."""

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        """A regular file of a unit folder. Raises HostUnreachable; FileNotFoundError if none."""

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        """What systemd did to units since then, by the machine's clock, oldest first.

        Raises HostUnreachable, also where its journal cannot be read.
        """

    async def images(
        self, machine: Machine, images: Sequence[Untrusted]
    ) -> Mapping[Untrusted, ImageFacts]:
        """Whether container images are on the machine already. Raises HostUnreachable."""

    async def close(self) -> None:
        """Close every connection and end every remote process of ours."""


class Ending(StrEnum):
    """How a command sent to a machine ended, as far as we know."""

    EXITED = "exited"
    UNKNOWN = "unknown"
    """It was sent and the connection broke: it may have run, wholly or in part."""
    NOT_STARTED = "not started"


class CommandResult(msgspec.Struct, frozen=True):
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

    async def perform(self, machine: Machine, command: "ChangeCommand") -> CommandResult:
        """Run one command once. Never raises for what happens to the connection: see Ending."""


class ClusterAddress(msgspec.Struct, frozen=True):
    """Which cluster this is and how its machines are reached: for the header, the record, and
    what an operator runs by hand.
    """

    endpoints: tuple[str, ...]
    prefix: str
    username: str = "core"
    """Of SSH."""
    port: int | None = None
    """Of SSH; None = as ssh_config says."""
    addresses: AddressMap = NO_ADDRESSES
    """Where machines are reached that published no address, or one of no use."""
    advice: str = ""
    """What an operator may have forgotten to say, where etcd cannot be reached."""
    sudo: str = ""
    """What is sent for `sudo -n` of the commands that are shown; empty where just that is."""


class RightsReader(Protocol):
    """Finds out what the credentials of a session could do, by reading alone."""

    async def of_registry(self) -> Rights:
        """Whether etcd would take a write. Raises RegistryUnavailable."""

    async def on(self, machine: Machine) -> Rights:
        """Whether the machine would let us change it. Raises HostUnreachable."""


class Observer(msgspec.Struct, frozen=True):
    """May look at everything and change nothing."""

    cluster: ClusterAddress
    registry: RegistryReader
    hosts: HostReader
    rights: RightsReader | None = None
    """None where nobody wants to know."""


class Operator(Observer, frozen=True, kw_only=True):
    """An observer with hands."""

    writer: RegistryWriter
    hands: HostHands
    name: str
    """user@host at the keyboard, for the record."""
    root_journals: JournalReader | None = None
    """Journals read through sudo, where the operator chooses to."""
