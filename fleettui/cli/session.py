"""A session: how its cluster is reached, who it is, and the console on it."""

import contextlib
import gc
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
import msgspec
from platformdirs import user_state_path

from fleettui.cli.config_file import config_path
from fleettui.cli.terminal import end_with_the_terminal
from fleettui.hosts.settings import (
    DEFAULT_SSH_CONFIG,
    DEFAULT_SSH_TIMEOUT,
    SUDO_ASKS,
    HostSettings,
    SudoMode,
    Tunnel,
)
from fleettui.model.place import NO_ADDRESSES, AddressMap
from fleettui.model.secret import Secret
from fleettui.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from fleettui.access import ClusterAddress, Observer
    from fleettui.demo.cluster import DemoCluster
    from fleettui.diagnosis.finding import Finding
    from fleettui.hosts.connect import SshHosts
    from fleettui.model.cluster import Machine
    from fleettui.model.rights import Rights
    from fleettui.registry.follow import RegistryFollower

DEFAULT = "default"
"""Where a value came from that nobody gave."""
INTERRUPTED = 130
"""Exit status after ctrl+c, as a shell gives it."""
CLOSED_WITHIN = 0.8
"""Seconds that quitting waits for connections to close."""
COLLECT_AFTER = 1.0
"""Seconds without a collection of garbage: a start makes none, and looking takes a tenth of it."""


class Settings(msgspec.Struct, frozen=True):
    """What a session needs to know about its cluster; see fleettui.cli.keys for each."""

    endpoints: tuple[str, ...]
    prefix: str
    username: str
    port: int | None
    identities: tuple[Path, ...]
    known_hosts_file: Path
    observe: bool
    own_known_hosts: Path | None = None
    """Where accepted host keys go; None = the user's state folder."""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    etcd_username: str | None = None
    etcd_password_file: Path | None = None
    etcd_password: Secret | None = None
    request_timeout: float | None = None
    tunnel: Tunnel | None = None
    ssh_config: Path | None = DEFAULT_SSH_CONFIG
    ssh_timeout: float = DEFAULT_SSH_TIMEOUT
    strict_host_key_checking: bool = True
    addresses: AddressMap = NO_ADDRESSES
    sudo: SudoMode = SudoMode.PASSWORDLESS
    theme: str = "auto"
    ascii: bool = False
    keys: Mapping[str, str] = MappingProxyType({})
    """Keys of the console by the name of what they do."""
    profile: str = ""
    """The one of the config file that is used; "" = none."""
    origins: Mapping[str, str] = MappingProxyType({})
    """Where each value came from, by key of the config file."""
    notes: tuple[str, ...] = ()
    """What is to be said about variables that are set and change nothing."""

    @property
    def are_endpoints_guessed(self) -> bool:
        """Whether nobody gave any, so that those of fleetctl are tried."""
        return self.origins.get("endpoint") == DEFAULT

    @property
    def advice(self) -> str:
        """What may be missing where etcd does not answer."""
        if not self.are_endpoints_guessed:
            return ""
        seen_from = f"the tunnel host {self.tunnel.host}" if self.tunnel else "this machine"
        return (
            f"No endpoint was given, so etcd was looked for on {seen_from}. Say where it is with "
            "--endpoint http://HOST:2379, FLEETTUI_ENDPOINT, FLEETCTL_ENDPOINT, or `endpoint` in "
            f"{config_path()}."
        )

    @property
    def cluster(self) -> "ClusterAddress":
        """Which cluster it is, and how an operator would reach its machines by hand."""
        from fleettui.access import ClusterAddress

        prefix = f"{self.prefix}/"
        return ClusterAddress(
            endpoints=self.endpoints,
            prefix=prefix,
            username=self.username,
            port=self.port,
            addresses=self.addresses,
            advice=self.advice,
            sudo=SUDO_ASKS if self.sudo is SudoMode.PASSWORD else "",
        )

    @property
    def registry(self) -> RegistrySettings:
        """What the registry needs to know of it."""
        return RegistrySettings(
            endpoints=self.endpoints,
            prefix=self.prefix,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
            username=self.etcd_username,
            password=self.etcd_password,
            request_timeout=self.request_timeout,
        )

    @property
    def hosts(self) -> HostSettings:
        """What the way to the machines needs to know of it."""
        return HostSettings(
            username=self.username,
            username_is_given=self.origins.get("ssh_username") != DEFAULT,
            port=self.port,
            identities=self.identities,
            known_hosts_file=self.known_hosts_file,
            remember=not self.observe,
            reads_only=self.observe,
            own_file=self.own_known_hosts,
            ssh_config=self.ssh_config,
            strict_host_key_checking=self.strict_host_key_checking,
            ssh_timeout=self.ssh_timeout,
            tunnel=self.tunnel,
            addresses=self.addresses,
            sudo=self.sudo,
        )


class CredentialRights(msgspec.Struct, frozen=True):
    """`fleettui.access.RightsReader` over the two ways of a session."""

    registry: "RegistryFollower"
    hosts: "SshHosts"

    async def of_registry(self) -> "Rights":
        """Whether etcd would take a write. Raises RegistryUnavailable."""
        return await self.registry.rights()

    async def on(self, machine: "Machine") -> "Rights":
        """Whether the machine would let us change it. Raises HostUnreachable."""
        return await self.hosts.rights(machine)


def build(settings: Settings, *, ahead: bool = False) -> "Observer":
    """The session's rights as an object: an observer never gets the parts that write.

    `ahead` sends the first read of the registry at once, for whoever follows it later.

    Nothing here imports etcd or asyncssh: they come with the first request, after first paint.
    """
    begun = None
    if ahead and not settings.tunnel:
        from fleettui.registry.ahead import send_ahead

        begun = send_ahead(settings.registry)  # before anything is loaded that it does without

    from fleettui.access import Observer, Operator
    from fleettui.hosts.connect import connect_hosts, dial_through, hands_for, root_journals_for
    from fleettui.registry.connect import reader_for, writer_for

    hosts = connect_hosts(settings.hosts)
    cluster = settings.cluster
    dial = dial_through(hosts) if settings.tunnel else None
    reader = reader_for(settings.registry, dial, begun)
    if settings.observe:
        return Observer(cluster, reader, hosts, rights=CredentialRights(reader, hosts))
    return Operator(
        cluster,
        reader,
        hosts,
        writer=writer_for(settings.registry, reader, dial),
        hands=hands_for(hosts),
        name=_operator_name(),
        root_journals=root_journals_for(hosts),
    )


def headless(settings: Settings) -> "Observer":
    """As `build`, for a command without a console: the terminal stands in for the modal."""
    from fleettui.cli.prompt import ask_at_terminal

    access = build(settings)
    ask_at_terminal(access)
    return access


def _operator_name() -> str:
    import getpass

    return f"{getpass.getuser()}@{socket.gethostname()}"


def records_folder(*, demo: bool = False) -> Path:
    """Where repairs are recorded; those of the demo apart from those of real clusters."""
    state = user_state_path("fleettui")
    return (state / "demo" if demo else state) / "repairs"


def run_console(settings: Settings, records: Path, *, record: Path | None = None) -> None:
    """The console of a cluster, whose first read is sent before anything else is begun, or even
    loaded.
    """
    gc.disable()
    access = build(settings, ahead=True)
    end_with_the_terminal()
    import asyncio

    asyncio.run(console(settings, records, record=record, access=access))


async def console(
    settings: Settings,
    records: Path,
    repair: "tuple[Finding, Machine | None] | None" = None,
    *,
    record: Path | None = None,
    access: "Observer | None" = None,
) -> None:
    """The console, and in it the wizard for a finding and its machine, if one is given.

    `record` is the file that the session is recorded into. Raises click.ClickException where it
    cannot be made.
    """
    import asyncio

    asyncio.get_running_loop().call_later(COLLECT_AFTER, _collect)
    gc.disable()
    try:
        if access is None:
            access = build(settings, ahead=True)  # while all that a screen takes is imported
        await _opened(access, settings, records, repair, record)
    finally:
        gc.enable()


async def _opened(
    access: "Observer",
    settings: Settings,
    records: Path,
    repair: "tuple[Finding, Machine | None] | None",
    record: Path | None,
) -> None:
    from fleettui.ui.app import FleetApp
    from fleettui.ui.themes import looks

    check_keys(settings.keys)
    with recording(access, record) as told:
        welcomed = records.parent / "welcomed"  # an observer writes into this folder alone
        seen = looks(settings.theme, is_ascii=settings.ascii, welcomed=welcomed)
        app = FleetApp(told, records, repair, seen, settings.keys)
        try:
            await app.run_async()
        finally:
            await hang_up(access)
    if app.return_code:
        raise SystemExit(app.return_code)


def check_keys(keys: Mapping[str, str]) -> None:
    """Raises click.UsageError for an action or a key of the config file that there is not."""
    from fleettui.ui.keys import wrong_key

    if problem := wrong_key(keys):
        raise click.UsageError(f"the config file: {problem}")


def _collect() -> None:
    """Collect garbage from now on, but never look through what has been made until now."""
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def recording(access: "Observer", path: Path | None) -> Iterator["Observer"]:
    """The session as it is to be used: recorded into a file, or as it was."""
    if path is None:
        yield access
        return
    from fleettui.recording.file import RecordingFile
    from fleettui.recording.recorder import head_of, recorded

    try:
        file = RecordingFile(path, head_of(access))
    except FileExistsError as there:
        raise click.ClickException(f"--record: {path} is there already.") from there
    except OSError as disk:
        raise click.ClickException(f"--record: {path}: {disk.strerror or disk}.") from disk
    try:
        yield recorded(access, file)
    finally:
        file.close()
        if file.problem:
            click.echo(f"fleettui: the recording is not whole: {file.problem}", err=True)


async def hang_up(access: "Observer") -> None:
    """End every remote process of ours; a peer that does not answer is not waited for."""
    import asyncio

    closing = (access.hosts.close(), access.registry.close())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSED_WITHIN):
            await asyncio.gather(*closing)


def demo_settings(cluster: "DemoCluster", *, observe: bool) -> Settings:
    """How a started demo cluster is reached."""
    return Settings(
        endpoints=(cluster.endpoint,),
        prefix=cluster.prefix,
        username=cluster.username,
        port=cluster.ssh_port,
        identities=(cluster.identity,),
        known_hosts_file=cluster.known_hosts,
        observe=observe,
        own_known_hosts=cluster.known_hosts.with_name("accepted"),
    )


def need_terminal() -> None:
    """Raises click.UsageError where the console cannot be drawn; from then on the end of the
    terminal is the program's.
    """
    check_terminal()
    end_with_the_terminal()


def check_terminal() -> None:
    """Raises click.UsageError where the console cannot be drawn."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the console needs a terminal on standard input and output.")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("the console needs a terminal that can be drawn on; TERM is dumb.")
