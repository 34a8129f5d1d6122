"""A session: how its cluster is reached, who it is, and the console on it."""

import asyncio
import contextlib
import getpass
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from platformdirs import user_state_path

if TYPE_CHECKING:
    from fleettui.access import Observer
    from fleettui.demo.cluster import DemoCluster
    from fleettui.diagnosis.finding import Finding
    from fleettui.model.cluster import Machine

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


def build(settings: Settings) -> "Observer":
    """The session's rights as an object: an observer never gets the parts that write.

    Nothing here imports etcd or asyncssh: they come with the first request, after first paint.
    """
    from fleettui.access import ClusterAddress, Observer, Operator
    from fleettui.hosts.connect import connect_hosts, hands_for, root_journals_for
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
    cluster = ClusterAddress(
        settings.endpoints, f"{settings.prefix}/", settings.username, settings.port
    )
    reader = connect_reader(settings.endpoints, settings.prefix)
    if settings.observe:
        return Observer(cluster, reader, hosts)
    writer = connect_writer(settings.endpoints, settings.prefix, reader)
    return Operator(
        cluster,
        reader,
        hosts,
        writer,
        hands_for(hosts),
        _operator_name(),
        root_journals_for(hosts),
    )


def _operator_name() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"


def records_folder(*, demo: bool = False) -> Path:
    """Where repairs are recorded; those of the demo apart from those of real clusters."""
    state = user_state_path("fleettui")
    return (state / "demo" if demo else state) / "repairs"


async def console(
    settings: Settings, records: Path, repair: "tuple[Finding, Machine | None] | None" = None
) -> None:
    """The console, and in it the wizard for a finding and its machine, if one is given."""
    from fleettui.ui.app import FleetApp

    access = build(settings)
    app = FleetApp(access, records, repair) if repair else FleetApp(access, records)
    try:
        await app.run_async()
    finally:
        await hang_up(access)
    if app.return_code:
        raise SystemExit(app.return_code)


async def hang_up(access: "Observer") -> None:
    """End every remote process of ours; a peer that does not answer is not waited for."""
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
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("the console needs a terminal on standard input and output.")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("the console needs a terminal that can be drawn on; TERM is dumb.")
