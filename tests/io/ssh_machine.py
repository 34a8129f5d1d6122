"""A machine to log in to: a real SSH server on loopback that runs what a test tells it to."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from fleettui.hosts.settings import HostSettings
from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted

Process = asyncssh.SSHServerProcess[bytes]
Program = Callable[[Process, list[str]], Awaitable[None]]
"""What the machine does with a command; it gets the process and the command's words."""


async def silent_success(process: Process, words: list[str]) -> None:
    """Say nothing, exit 0."""
    process.exit(0)


@dataclass
class SshMachine:
    """One SSH server. `asked` holds every command it was sent, `logins` every login."""

    program: Program = silent_success
    host_key: asyncssh.SSHKey = field(
        default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519")
    )
    users: frozenset[str] = frozenset({"core"})
    options: dict[str, object] = field(default_factory=dict)
    address: str = "127.0.0.1"
    port: int = 0
    asked: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    running: int = 0
    """Commands that have not ended yet."""
    hung_up: int = 0
    """Commands whose standard input has ended."""
    forwarded: list[tuple[str, int]] = field(default_factory=list)
    """Where connections went on to from here, if this is a jump host."""
    is_jump_host: bool = False
    _acceptor: asyncssh.SSHAcceptor | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the port of the last time."""
        options: dict[str, object] = {
            "server_host_keys": [self.host_key],
            "server_factory": lambda: _Login(self),
            "process_factory": self._run,
            "encoding": None,
            **self.options,
        }
        self._acceptor = await asyncssh.listen(self.address, self.port, **options)
        self.port = self._acceptor.get_port()

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        if self._acceptor is not None:
            self._acceptor.close()
        self.cut()
        await asyncio.gather(*(c.wait_closed() for c in self.connections))

    def cut(self) -> None:
        """Drop every connection without a word."""
        for connection in self.connections:
            connection.abort()

    @property
    def known_host(self) -> str:
        """The line of a known_hosts file that knows this machine."""
        return f"[{self.address}]:{self.port} {public(self.host_key)}\n"

    async def _run(self, process: Process) -> None:
        command = process.command or ""
        self.asked.append(command)
        self.running += 1
        try:
            await self.program(process, shlex.split(command))
        finally:
            self.running -= 1

    async def until_hung_up(self, process: Process) -> None:
        """Wait for the end of a command's standard input."""
        while await process.stdin.read(1024):
            pass
        self.hung_up += 1


class _Login(asyncssh.SSHServer):
    def __init__(self, machine: SshMachine) -> None:
        self._machine = machine

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._machine.connections.append(conn)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username in self._machine.users

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        self._machine.forwarded.append((dest_host, dest_port))
        return self._machine.is_jump_host

    def auth_completed(self) -> None:
        connection = self._machine.connections[-1]
        self._machine.logins.append(str(connection.get_extra_info("username")))


def public(key: asyncssh.SSHKey) -> str:
    """A public key as files hold it: type and base64."""
    return key.export_public_key().decode().strip()


@dataclass(frozen=True)
class Home:
    """An operator's home folder: one private key, and known_hosts files where a test puts them."""

    folder: Path

    @property
    def openssh(self) -> Path:
        return self.folder / ".ssh" / "known_hosts"

    @property
    def fleetctl(self) -> Path:
        return self.folder / ".fleetctl" / "known_hosts"

    @property
    def own(self) -> Path:
        return self.folder / "state" / "fleettui" / "known_hosts"

    @property
    def identity(self) -> Path:
        return self.folder / ".ssh" / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        return self.folder / ".ssh" / "config"

    def settings(self, machine: SshMachine, *, remember: bool = True) -> HostSettings:
        """Settings of a session that starts in this home."""
        return HostSettings(
            port=machine.port,
            identities=(self.identity,),
            known_hosts_file=self.fleetctl,
            remember=remember,
            own_file=self.own,
            openssh_file=self.openssh,
            ssh_config=self.ssh_config,
        )

    def write(self, file: str, text: str) -> None:
        """Write one of the known_hosts files: openssh, fleetctl or own."""
        path: Path = getattr(self, file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def knows(self, *machines: SshMachine) -> None:
        """Write the machines' keys to OpenSSH's file."""
        self.openssh.write_text("".join(m.known_host for m in machines))


def make_home(folder: Path) -> Home:
    """A home with a key pair and nothing else."""
    home = Home(folder)
    home.openssh.parent.mkdir(parents=True)
    home.fleetctl.parent.mkdir()
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(home.identity))
    return home


def machine_at(address: str = "127.0.0.1") -> Machine:
    """The cluster's member that answers at `address`."""
    return Machine(Untrusted("0a1b2c3d4e5f60718293a4b5c6d7e8f9"), Untrusted(address))


async def until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait for a condition, failing after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what tests wait for has no event to tell
            await asyncio.sleep(0.01)
