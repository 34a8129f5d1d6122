"""Real SSH servers on loopback, one a machine, that let in the demo's own key."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import asyncssh

from fleettui.demo.machine import Machine
from fleettui.demo.shell import Answer, run

USERNAME = "core"
MAX_SESSIONS = 10
"""sshd's own limit on sessions of one connection."""
CommandLog = list[tuple[str, str]]


class SshKeys:
    """The key that the demo lets in, and the servers' keys, as files in a private folder."""

    def __init__(self, folder: Path, machines: Sequence[Machine]) -> None:
        """`folder` is readable by its owner only."""
        self.identity = folder / "identity"
        self.known_hosts = folder / "known_hosts"
        client = asyncssh.generate_private_key("ssh-ed25519", comment="fleettui demo")
        self.identity.touch(mode=0o600)
        client.write_private_key(str(self.identity))
        self.client = client.public_data
        self.of_host = {m.ip: asyncssh.generate_private_key("ssh-ed25519") for m in machines}

    def write_known_hosts(self, port: int) -> None:
        """The file that `known_hosts` names: a line for each address with this port."""
        lines = [
            f"[{ip}]:{port} {key.export_public_key().decode().strip()}\n"
            for ip, key in self.of_host.items()
        ]
        self.known_hosts.write_text("".join(lines))


class Sshd:
    """The SSH server of one machine. Lives in one event loop."""

    def __init__(self, machine: Machine, port: int, keys: SshKeys, log: CommandLog) -> None:
        self._machine, self._port, self._keys, self._log = machine, port, keys, log
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()

    async def start(self) -> None:
        """Raises OSError where the port is taken or the address is none of this system's."""
        if self._acceptor is not None:
            return
        self._acceptor = await asyncssh.listen(
            self._machine.ip,
            self._port,
            server_factory=self._session,
            server_host_keys=[self._keys.of_host[self._machine.ip]],
            encoding=None,
            backlog=128,
        )

    async def stop(self) -> None:
        """Stop listening and break every connection."""
        if self._acceptor is None:
            return
        self._acceptor.close()
        await self._acceptor.wait_closed()
        self._acceptor = None
        for connection in list(self._connections):
            connection.abort()

    def _session(self) -> "_Session":
        return _Session(self._machine, self._keys.client, self._connections, self._log)


class _Session(asyncssh.SSHServer):
    """One connection: who may come in, and how many sessions it may have."""

    def __init__(
        self,
        machine: Machine,
        client: bytes,
        connections: set[asyncssh.SSHServerConnection],
        log: CommandLog,
    ) -> None:
        self._machine, self._client = machine, client
        self._connections, self._log = connections, log
        self._sessions = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USERNAME and key.public_data == self._client

    def session_requested(self) -> asyncssh.SSHServerProcess[bytes]:
        if self._sessions >= MAX_SESSIONS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")
        self._sessions += 1
        return asyncssh.SSHServerProcess(self._serve, None, sftp_version=3, allow_scp=False)

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        try:
            await _execute(self._machine, process, self._log)
        finally:
            self._sessions -= 1


async def _execute(
    machine: Machine, process: asyncssh.SSHServerProcess[bytes], log: CommandLog
) -> None:
    command = process.command
    log.append((machine.ip, command or ""))
    if command is None:
        process.stderr.write(b"the demo's machines have no interactive shell\n")
        process.exit(1)
        return
    answer = await run(machine, command, process.stdin.read)
    if isinstance(answer, Answer):
        process.stdout.write(answer.out)
        process.stderr.write(answer.err)
        process.exit(answer.status)
        return
    async with contextlib.aclosing(answer.output) as output:
        await _follow(process, output)
    process.exit(answer.status)


async def _follow(
    process: asyncssh.SSHServerProcess[bytes], output: AsyncGenerator[bytes, None]
) -> None:
    """Send what comes until the other end closes our standard input, or is gone."""
    pump = asyncio.create_task(_pump(process, output))
    closed = asyncio.create_task(_until_closed(process))
    try:
        await asyncio.wait({pump, closed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (pump, closed):
            task.cancel()
        await asyncio.gather(pump, closed, return_exceptions=True)


async def _pump(
    process: asyncssh.SSHServerProcess[bytes], output: AsyncGenerator[bytes, None]
) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        async for chunk in output:
            process.stdout.write(chunk)
            await process.stdout.drain()


async def _until_closed(process: asyncssh.SSHServerProcess[bytes]) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while await process.stdin.read(4096):
            pass
