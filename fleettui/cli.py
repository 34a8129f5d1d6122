"""The command line: settings from flags and variables, real I/O, and who this session is."""

import asyncio
import contextlib
import getpass
import os
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from platformdirs import user_state_path

from fleettui import __version__

if TYPE_CHECKING:
    from fleettui.access import Observer
    from fleettui.check.examine import Examination
    from fleettui.demo.cluster import DemoCluster

DEFAULT_PREFIX = "/_coreos.com/fleet/"
CLOSED_WITHIN = 0.8
"""Seconds that quitting waits for connections to close."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a session needs to know about its cluster."""

    endpoints: tuple[str, ...]
    prefix: str
    username: str
    port: int | None
    identities: tuple[Path, ...]
    known_hosts_file: Path
    observe: bool
    own_known_hosts: Path | None = None
    """Where accepted host keys go; None = the user's state folder."""


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fleettui")
@click.option(
    "--endpoint",
    "endpoints",
    multiple=True,
    envvar=["FLEETTUI_ENDPOINT", "FLEETCTL_ENDPOINT"],
    help="URL of an etcd member; repeatable, or separated by commas. "
    "[default: as fleetctl, http://127.0.0.1:2379 and http://127.0.0.1:4001]",
)
@click.option(
    "--etcd-key-prefix",
    "prefix",
    envvar=["FLEETTUI_ETCD_KEY_PREFIX", "FLEETCTL_ETCD_KEY_PREFIX"],
    default=DEFAULT_PREFIX,
    show_default=True,
    help="Where fleet keeps its keys in etcd.",
)
@click.option(
    "--ssh-username",
    "username",
    envvar=["FLEETTUI_SSH_USERNAME", "FLEETCTL_SSH_USERNAME"],
    default="core",
    show_default=True,
    help="User on the machines.",
)
@click.option(
    "--ssh-port",
    "port",
    type=click.IntRange(1, 65535),
    envvar="FLEETTUI_SSH_PORT",
    help="SSH port of the machines. [default: as ssh_config says, else 22]",
)
@click.option(
    "--identity",
    "identities",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="FLEETTUI_IDENTITY",
    help="Private key for the machines; repeatable. [default: the SSH agent and the usual keys]",
)
@click.option(
    "--known-hosts-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=["FLEETTUI_KNOWN_HOSTS_FILE", "FLEETCTL_KNOWN_HOSTS_FILE"],
    default=Path("~/.fleetctl/known_hosts"),
    show_default=True,
    help="fleetctl's known hosts, read beside OpenSSH's own.",
)
@click.option(
    "--observe",
    is_flag=True,
    envvar="FLEETTUI_OBSERVE",
    help="Look at everything, change nothing: the session holds nothing that writes.",
)
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """A console for CoreOS fleet clusters: see what is broken, prove it, repair it.

    Without a command it opens the console on the cluster of --endpoint.
    """
    settings = _settings(**options)
    context.obj = settings
    if context.invoked_subcommand is None:
        _need_terminal()
        asyncio.run(_console(settings, state_folder() / "repairs"))


def _settings(
    endpoints: tuple[str, ...], prefix: str, known_hosts_file: Path, **options: Any
) -> Settings:
    from fleettui.registry.connect import DEFAULT_ENDPOINTS, checked_endpoints
    from fleettui.registry.keys import keys_under

    try:
        return Settings(
            endpoints=checked_endpoints(endpoints or DEFAULT_ENDPOINTS),
            prefix=keys_under(prefix).prefix,
            known_hosts_file=known_hosts_file.expanduser(),
            **options,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _known_fault(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """A fault of the demo by name; `list` tells them all and ends the program."""
    from fleettui.demo.faults import described, fault_named

    if name == "list":
        click.echo(described())
        context.exit()
    try:
        fault_named(name)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error
    return name


@cli.command()
@click.option(
    "--machines",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    help="How many machines the cluster has.",
)
@click.option(
    "--fault",
    metavar="NAME",
    default="template",
    show_default=True,
    is_eager=True,
    callback=_known_fault,
    help="What is wrong with it; `none` for nothing, `list` to see what there is.",
)
@click.option(
    "--fleet-version",
    default="0.11.8",
    show_default=True,
    help="The fleetd it simulates: 0.8.3 to 1.0.0 differ in how they take a restart.",
)
@click.option("--observe", is_flag=True, help="Open it as an observer.")
@click.pass_obj
def demo(
    settings: Settings,
    machines: int,
    fault: str,
    fleet_version: str,
    observe: bool,
) -> None:
    """Open the console on an embedded cluster with a fault in it.

    It needs nothing but Python and the extra `demo`, and touches no real cluster.
    """
    _need_terminal()
    asyncio.run(_demo(machines, fault, fleet_version, observe=observe or settings.observe))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (schema in README).")
@click.option(
    "--journal-since",
    metavar="WHEN",
    help="How far back journals are read, in journalctl's words, such as '1 hour ago'. "
    "[default: the newest 60 lines of each machine]",
)
@click.pass_obj
def check(settings: Settings, as_json: bool, journal_since: str | None) -> None:
    """Diagnose once, without a screen, and without holding anything that writes.

    Exit status: 0 healthy, 1 findings, 2 usage, 3 something could not be read (it is listed;
    what was found stands).
    """
    from fleettui.check import report

    seen = asyncio.run(_examined(replace(settings, observe=True), journal_since))
    click.echo(report.as_json(seen) if as_json else report.as_text(seen), nl=False)
    raise SystemExit(seen.exit_status)


async def _examined(settings: Settings, journal_since: str | None) -> "Examination":
    from fleettui.check.examine import examine

    access = build(settings)
    try:
        return await examine(access, journal_since)
    finally:
        await _hang_up(access)


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the console needs a terminal on standard input and output.")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("the console needs a terminal that can be drawn on; TERM is dumb.")


def build(settings: Settings) -> "Observer":
    """The session's rights as an object: an observer never gets the parts that write.

    Nothing here imports etcd or asyncssh: they come with the first request, after first paint.
    """
    from fleettui.access import ClusterAddress, Observer, Operator
    from fleettui.hosts.connect import connect_hosts, hands_for
    from fleettui.hosts.settings import HostSettings
    from fleettui.registry.connect import connect_reader, connect_writer

    hosts = connect_hosts(
        HostSettings(
            username=settings.username,
            port=settings.port,
            identities=settings.identities,
            known_hosts_file=settings.known_hosts_file,
            remember=not settings.observe,
            own_file=settings.own_known_hosts,
        )
    )
    cluster = ClusterAddress(settings.endpoints, f"{settings.prefix}/")
    reader = connect_reader(settings.endpoints, settings.prefix)
    if settings.observe:
        return Observer(cluster, reader, hosts)
    writer = connect_writer(settings.endpoints, settings.prefix, reader)
    return Operator(cluster, reader, hosts, writer, hands_for(hosts), _operator_name())


def _operator_name() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def state_folder() -> Path:
    """Where repairs are recorded; those of the demo apart from those of real clusters."""
    return user_state_path("fleettui")


async def _console(settings: Settings, records: Path) -> None:
    from fleettui.ui.app import FleetApp

    access = build(settings)
    app = FleetApp(access, records)
    try:
        await app.run_async()
    finally:
        await _hang_up(access)
    if app.return_code:
        raise SystemExit(app.return_code)


async def _hang_up(access: "Observer") -> None:
    """End every remote process of ours; a peer that does not answer is not waited for."""
    closing = (access.hosts.close(), access.registry.close())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSED_WITHIN):
            await asyncio.gather(*closing)


async def _demo(machines: int, fault: str, version: str, *, observe: bool) -> None:
    from fleettui.demo.cluster import DemoCluster, DemoSettings, NoLoopback
    from fleettui.demo.etcd import NoEtcd

    try:
        wanted = DemoSettings(machines=machines, fault=fault, version=version)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"Starting a demo cluster of {machines} machines ...", err=True)
    records = state_folder() / "demo" / "repairs"
    async with contextlib.AsyncExitStack() as running:
        try:
            cluster = await running.enter_async_context(DemoCluster(wanted))
        except (NoEtcd, NoLoopback) as missing:
            raise click.ClickException(str(missing)) from missing
        await _console(demo_settings(cluster, observe=observe), records)


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


def main() -> None:
    """The console script."""
    cli(auto_envvar_prefix=None)
