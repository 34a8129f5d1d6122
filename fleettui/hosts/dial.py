"""Opening one SSH connection: the user's SSH configuration, our own host-key policy."""

import asyncio
import logging
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_public_key_algs

from fleettui.access import HostUnreachable
from fleettui.hosts.hostkeys import HostKeys, ShownKey
from fleettui.hosts.keyring import Keyring, LockedKey, identity_files
from fleettui.hosts.known_hosts import HostLines, Standing
from fleettui.hosts.opening import TunnelConnector
from fleettui.hosts.resolve import connect_to
from fleettui.hosts.settings import HostSettings
from fleettui.hosts.words import connecting_failed, failed_at
from fleettui.model.hop import Hop

KEEPALIVE_SECONDS = 5
"""Between two questions over a silent connection whether its machine is there still."""
KEEPALIVE_COUNT = 2
"""Unanswered ones that asyncssh lets pass: a machine that falls silent is lost after 15 s."""
CIPHERS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
"""Before all others, unless the SSH configuration names its own: a packet is one call of the crypto
library, where asyncssh's first choice, chacha20-poly1305, is several: a sixth of a login's time."""
_PREFERRED = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
)
_SIGNED_AS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}

# asyncssh warns through Python's last-resort handler, which would write over the screen.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Address:
    """Whom to connect to; equal addresses share one connection."""

    host: str
    username: str | None
    """None: as the SSH configuration says (jump hosts)."""
    port: int | None
    usual: str | None = None
    """Who logs in where `username` is None and the SSH configuration names nobody either."""

    def __str__(self) -> str:
        return self.host if self.port in {None, 22} else f"{self.host} port {self.port}"


class UnknownKey(Exception):
    """The host showed a key that nobody knows: to be asked about, with no connection held open."""

    def __init__(self, shown: ShownKey) -> None:
        super().__init__(shown.refusal())
        self.shown = shown


class Doorkeeper(asyncssh.SSHClient):
    """Judges the host's key in asyncssh's stead, and remembers what it was shown."""

    def __init__(self, lines: HostLines, timer: asyncio.Timeout) -> None:
        self._lines = lines
        self._timer = timer
        self.shown: ShownKey | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        with suppress(RuntimeError):  # nobody waits any more: it is being let go of
            self._timer.reschedule(None)  # from here on the login timeout counts

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        judgement = self._lines.judge(key.public_data)
        self.shown = ShownKey(host, port, key.public_data, judgement)
        return judgement.standing is Standing.MATCH

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        judgement = self._lines.judge_authority(key.public_data)
        self.shown = ShownKey(host, port, key.public_data, judgement, is_authority=True)
        return judgement.standing is Standing.MATCH


class Dialling:
    """Connecting to one address; the SSH configuration and the keys are read once."""

    def __init__(
        self, address: Address, settings: HostSettings, keys: HostKeys, keyring: Keyring
    ) -> None:
        self.address = address
        self._keyring = keyring
        self._username = address.username
        self._settings = settings
        self._keys = keys
        self._options: asyncssh.SSHClientConnectionOptions | None = None
        self._doorkeeper: Doorkeeper | None = None

    async def jump_hosts(self) -> tuple[Address, ...]:
        """The hosts that the SSH configuration puts before this one, the nearest first.

        asyncssh would connect to them by itself, and ask no policy of ours.
        """
        options = await self._prepared()
        named = options.tunnel if isinstance(options.tunnel, str) else ""
        return tuple(_jump_host(part) for part in named.split(",") if part)

    async def connect(
        self, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        """A logged-in connection. Raises HostUnreachable, UnknownKey or LockedKey."""
        options = await self._prepared()
        name = options.host_key_alias or options.host
        lines = self._keys.known(name, options.port)
        try:
            async with asyncio.timeout(self._settings.ssh_timeout) as timer:
                self._doorkeeper = Doorkeeper(lines, timer)
                connection = await self._open(options, lines, tunnel)
        except (asyncssh.Error, OSError, ValueError) as exc:
            raise self._failure(exc, options) from exc
        if connection.is_closed():
            raise HostUnreachable(
                f"{self.address} closed the connection during the login", Hop.LOGIN
            )
        return connection

    async def _open(
        self,
        options: asyncssh.SSHClientConnectionOptions,
        lines: HostLines,
        tunnel: asyncssh.SSHClientConnection | None,
    ) -> asyncssh.SSHClientConnection:
        doorkeeper = self._doorkeeper
        # First: where nobody answers, all the rest would be worked out for nothing.
        opened = await self._socket(options) if tunnel is None else None
        try:
            keys = [*self._keyring.unlocked(self._files(options)), *(options.client_keys or ())]
            return await asyncssh.connect(
                self.address.host,
                **self._who(),
                options=options,
                config=None,
                tunnel=tunnel and TunnelConnector(tunnel),
                sock=opened,
                client_factory=lambda: doorkeeper,
                known_hosts=lambda host, addr, port: ([], [], _revoked(lines)),
                server_host_key_algs=_host_key_algorithms(lines),
                **({} if options.config.get("Ciphers") else {"encryption_algs": CIPHERS}),
                **({"client_keys": keys} if keys else {}),
                **({"agent_identities": agent} if (agent := options.agent_identities) else {}),
            )
        except BaseException:
            if opened is not None:
                opened.close()  # it may not have come so far as to take it over
            raise

    async def _socket(self, options: asyncssh.SSHClientConnectionOptions) -> socket.socket | None:
        """A connection opened by us; None where asyncssh must, as the SSH configuration routes it.

        asyncssh would work out all of a login first, and look names up in a thread of its own.
        """
        if bool(options.proxy_command) or bool(options.local_addr):
            return None
        return await connect_to(options.host, options.port, options.family)

    async def _prepared(self) -> asyncssh.SSHClientConnectionOptions:
        if self._options is None:
            try:
                self._options = await self._read_options()
            except (asyncssh.Error, OSError, ValueError) as exc:
                raise HostUnreachable(self._words(exc, ""), Hop.LOGIN) from exc
        return self._options

    async def _read_options(self) -> asyncssh.SSHClientConnectionOptions:
        """Options of this address, with all switched off that the SSH configuration could add."""
        config = self._settings.ssh_config
        readable = config is not None and config.expanduser().is_file()
        identities = [str(path.expanduser()) for path in self._settings.identities]
        keys = {"client_keys": identities} if identities else {}
        options: asyncssh.SSHClientConnectionOptions
        options = await asyncssh.SSHClientConnectionOptions.construct(
            host=self.address.host,
            **self._who(),
            **keys,
            config=[str(config.expanduser())] if config is not None and readable else None,
            known_hosts=lambda host, addr, port: ([], [], []),
            ignore_encrypted=True,  # a locked key may still be in the agent
            x509_trusted_certs=None,
            canonicalize_hostname=False,  # the key is judged under the name that was asked for
            login_timeout=self._settings.ssh_timeout,
            connect_timeout=None,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVE_COUNT,
            agent_forwarding=False,
            x11_forwarding=False,
            env=None,
            send_env=None,
        )
        named = options.config.get("User")
        self._username = self._username or (None if named else self.address.usual)
        return options

    def _who(self) -> dict[str, object]:
        """Host settings that are given only where they are set, so that the rest may be read."""
        given: dict[str, object] = {}
        if self._username is not None:
            given["username"] = self._username
        if self.address.port is not None:
            given["port"] = self.address.port
        return given

    def _failure(
        self, exc: Exception, options: asyncssh.SSHClientConnectionOptions
    ) -> HostUnreachable | UnknownKey | LockedKey:
        shown = self._doorkeeper.shown if self._doorkeeper else None
        if isinstance(exc, asyncssh.HostKeyNotVerifiable) and shown is not None:
            match shown.judgement.standing:
                case Standing.UNKNOWN:
                    return UnknownKey(shown)
                case Standing.CHANGED | Standing.REVOKED:
                    return HostUnreachable(shown.refusal(), Hop.HOST_KEY)
        words = self._words(exc, self._tried(options))
        if isinstance(exc, asyncssh.PermissionDenied):
            locked = self._keyring.locked(self._files(options))
            if locked is not None:
                return LockedKey(locked, words)
        return HostUnreachable(words, failed_at(exc))

    def _files(self, options: asyncssh.SSHClientConnectionOptions) -> tuple[Path, ...]:
        return identity_files(self._settings.identities, options)

    def _words(self, exc: Exception, who: str) -> str:
        return connecting_failed(exc, str(self.address), who, self._settings.ssh_timeout)

    def _tried(self, options: asyncssh.SSHClientConnectionOptions) -> str:
        """As whom and with which keys a login was tried."""
        named = [str(path) for path in self._settings.identities]
        keys = named or (["the keys of ~/.ssh"] if options.client_keys else [])
        if options.agent_path:
            keys = [*keys, "and those of the SSH agent"]
        tried = " ".join(keys) or "no key at all: none is in ~/.ssh, and no SSH agent runs"
        return f"user {self._username or options.username}, tried with {tried}"


def _jump_host(named: str) -> Address:
    """`[USER@]HOST[:PORT]` of a ProxyJump. Raises HostUnreachable."""
    username, at, rest = named.strip().rpartition("@")
    host, colon, port = rest.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = rest, ""
    if port and not port.isdigit():
        raise HostUnreachable(
            f"the SSH configuration names a jump host without sense: {named}", Hop.JUMP
        )
    return Address(host.strip("[]"), username if at else None, int(port) if port else None)


def _host_key_algorithms(lines: HostLines) -> list[str]:
    """The host's known key types first, then all others.

    Were the others left out, a changed key of another type would look like a network failure.
    """
    possible = [name.decode("ascii") for name in get_public_key_algs()]
    known = [name for kind in lines.kinds for name in _SIGNED_AS.get(kind, (kind,))]
    wanted = [*_certificates(lines), *known, *_PREFERRED, *possible]
    offered = {*possible, *_certificates(lines)}
    return [name for name in dict.fromkeys(wanted) if name in offered and name != "ssh-dss"]


def _certificates(lines: HostLines) -> list[str]:
    """Certificates are asked for only where an authority is known that could have signed one."""
    return [a.decode("ascii") for a in get_default_certificate_algs()] if lines.authorities else []


def _revoked(lines: HostLines) -> list[asyncssh.SSHKey]:
    """Revoked keys for asyncssh to look for in a certificate; plain keys we judge ourselves."""
    return list(_importable(lines)) if lines.authorities else []


def _importable(lines: HostLines) -> Iterator[asyncssh.SSHKey]:
    for line in lines.revoked:
        try:
            yield asyncssh.import_public_key(f"{line.kind} {b64encode(line.blob).decode()}")
        except asyncssh.KeyImportError:
            continue  # of a type that asyncssh does not know, so no host can show it
