"""The way in: hosts to read for everybody, hands for an operator. SSH is loaded at first use."""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from fleettui.access import (
    CommandResult,
    Dial,
    FileCopy,
    HostKeyAsker,
    HostUnreachable,
    JournalReader,
    SecretAsker,
)
from fleettui.hosts.settings import HostSettings
from fleettui.model.cluster import Machine
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
from fleettui.model.rights import Rights
from fleettui.model.untrusted import Untrusted

if TYPE_CHECKING:
    from fleettui.commands import ChangeCommand
    from fleettui.hosts.following import Following
    from fleettui.hosts.hands import Hands
    from fleettui.hosts.reader import Reader
    from fleettui.hosts.rootjournal import RootJournals
    from fleettui.hosts.sessions import Sessions


class _Journals(ABC):
    """`fleettui.access.JournalReader` over the connections of a session."""

    def __init__(self, connections: "_Connections") -> None:
        self._connections = connections

    @asynccontextmanager
    async def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
        """A unit's journal in batches, following, until the context is left."""
        async with (await self._reader()).journal(machine, unit, span) as batches:
            yield batches

    @asynccontextmanager
    async def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AsyncIterator[AsyncIterator[Sequence[JournalRecord]]]:
        """A stretch of a unit's journal, to its end. Raises HostUnreachable."""
        async with (await self._reader()).recall(machine, unit, span, cursor) as batches:
            yield batches

    @abstractmethod
    async def _reader(self) -> JournalReader: ...


class SshHosts(_Journals):
    """`fleettui.access.HostReader` over SSH."""

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        """Where to take questions about unknown host keys; until then they are answered No."""
        self._connections.ask_with(asker)

    def ask_secrets(self, asker: SecretAsker) -> None:
        """Where to take questions for passphrases; until then nobody is asked."""
        self._connections.ask_secrets_with(asker)

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        """One round of facts. Raises HostUnreachable."""
        return await (await self._reader()).probe(machine, units, since)

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        """A regular file of a unit folder. Raises HostUnreachable; FileNotFoundError if none."""
        return await (await self._reader()).copy(machine, folder, name)

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        """What systemd did to units since then. Raises HostUnreachable."""
        return await (await self._reader()).unit_changes(machine, since)

    async def images(
        self, machine: Machine, images: Sequence[Untrusted]
    ) -> Mapping[Untrusted, ImageFacts]:
        """Whether container images are on the machine already. Raises HostUnreachable."""
        return await (await self._reader()).images(machine, images)

    async def rights(self, machine: Machine) -> Rights:
        """What the SSH user could do there, by the machine's answer. Raises HostUnreachable."""
        return await (await self._reader()).rights(machine)

    async def close(self) -> None:
        """Close every connection and end every remote process of ours."""
        await self._connections.close()

    async def _reader(self) -> "Reader":
        return _reader_over(*await self._connections.opened())


class SshHands:
    """`fleettui.access.HostHands` over the connections that reading uses too."""

    def __init__(self, connections: "_Connections") -> None:
        self._connections = connections

    async def perform(self, machine: Machine, command: "ChangeCommand") -> CommandResult:
        """Run one command once. Never raises for what happens to the connection: see Ending."""
        sessions, _ = await self._connections.opened()
        hands = _hands_over(sessions)
        return await hands.perform(machine, command)


class SshRootJournals(_Journals):
    """`fleettui.access.JournalReader` through sudo."""

    async def _reader(self) -> JournalReader:
        return _root_journals_over(*await self._connections.opened())


def connect_hosts(settings: HostSettings) -> SshHosts:
    """The machines, to be read; nothing is opened or loaded yet."""
    return SshHosts(_Connections(settings))


def hands_for(hosts: SshHosts) -> SshHands:
    """Hands that share the connections of `hosts`; made for an operator alone."""
    return SshHands(hosts._connections)


def root_journals_for(hosts: SshHosts) -> SshRootJournals:
    """Journals as root, over the connections of `hosts`; made for an operator alone."""
    return SshRootJournals(hosts._connections)


def dial_through(hosts: SshHosts) -> Dial:
    """Connections as the tunnel host of `hosts` sees the network, for other threads than the one
    of the running loop. Their errors: `fleettui.hosts.tunnel.Tunnelling.dial`.
    """
    return partial(_dial, hosts._connections, asyncio.get_running_loop())


def tunnel_of(hosts: SshHosts) -> Callable[[], Awaitable[None]]:
    """Has the tunnel of `hosts` stand, or raises HostUnreachable."""
    return hosts._connections.need_tunnel


def _dial(
    connections: "_Connections",
    loop: asyncio.AbstractEventLoop,
    host: str,
    port: int,
    seconds: float,
) -> socket.socket:
    dialling = connections.dial(host, port, seconds)
    try:
        return asyncio.run_coroutine_threadsafe(dialling, loop).result()
    except (RuntimeError, CancelledError) as left:  # the loop has ended
        dialling.close()
        raise HostUnreachable("the tunnel is closed: leaving") from left


class _Connections:
    """The sessions of this process, made when the first machine is asked."""

    def __init__(self, settings: HostSettings) -> None:
        self._settings = settings
        self._asker: HostKeyAsker | None = None
        self._secret_asker: SecretAsker | None = None
        self._opened: tuple[Sessions, Following] | None = None
        self._closed = False

    async def opened(self) -> "tuple[Sessions, Following]":
        """The connections, and the journals that are followed over them."""
        if self._opened is None:
            open_sessions = await asyncio.to_thread(_load_sessions)
            self._opened = self._opened or open_sessions(self._settings)
            if self._asker is not None:
                self._opened[0].ask_host_keys(self._asker)
            if self._secret_asker is not None:
                self._opened[0].ask_secrets(self._secret_asker)
            if self._closed:
                await self.close()
        return self._opened

    async def need_tunnel(self) -> None:
        """Raises HostUnreachable where no tunnel stands."""
        tunnel = (await self.opened())[0].tunnel
        if tunnel is None:
            raise HostUnreachable("there is no tunnel", Hop.TUNNEL)
        await tunnel.connect()

    async def dial(self, host: str, port: int, seconds: float) -> socket.socket:
        """Raises HostUnreachable, OSError or TimeoutError."""
        tunnel = (await self.opened())[0].tunnel
        if tunnel is None:
            raise HostUnreachable("there is no tunnel")
        return await tunnel.dial(host, port, seconds)

    def ask_with(self, asker: HostKeyAsker) -> None:
        self._asker = asker
        if self._opened is not None:
            self._opened[0].ask_host_keys(asker)

    def ask_secrets_with(self, asker: SecretAsker) -> None:
        self._secret_asker = asker
        if self._opened is not None:
            self._opened[0].ask_secrets(asker)

    async def close(self) -> None:
        self._closed = True
        if self._opened is not None:
            sessions, following = self._opened
            await asyncio.gather(following.close(), sessions.close())


# asyncssh takes a fifth of a second to import, and nobody's first paint waits for it. Hence these
# imports in functions, the first of them in a thread.


def _load_sessions() -> "Callable[[HostSettings], tuple[Sessions, Following]]":
    from fleettui.hosts.following import Following
    from fleettui.hosts.sessions import Sessions

    def opened(settings: HostSettings) -> tuple[Sessions, Following]:
        sessions = Sessions(settings)
        return sessions, Following(sessions)

    return opened


def _reader_over(sessions: "Sessions", following: "Following") -> "Reader":
    from fleettui.hosts.reader import Reader

    return Reader(sessions, following)


def _hands_over(sessions: "Sessions") -> "Hands":
    from fleettui.hosts.hands import Hands

    return Hands(sessions)


def _root_journals_over(sessions: "Sessions", following: "Following") -> "RootJournals":
    from fleettui.hosts.rootjournal import RootJournals

    return RootJournals(sessions, following)
