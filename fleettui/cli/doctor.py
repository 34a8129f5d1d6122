"""`fleettui doctor`: the way to the cluster hop by hop, what is fine, what is not, what to do."""

import asyncio
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from fleettui.cli.prompt import ask_at_terminal
from fleettui.cli.session import DEFAULT, INTERRUPTED, Settings, hang_up
from fleettui.cli.source import SettingsSource
from fleettui.model.hop import Hop, Looked, doubtful, fine, wrong

if TYPE_CHECKING:
    from fleettui.access import HostHands
    from fleettui.doctor.examine import Verdict, Way
    from fleettui.doctor.machine import RootProbe


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (schema in README).")
@click.pass_obj
def doctor(source: SettingsSource, *, as_json: bool) -> None:
    """Look at the way to the cluster hop by hop, and change nothing.

    Settings, tunnel, etcd and its TLS, users and quorum, fleet's keys and its leader, and of each
    machine the address, SSH port, host key, login, journal and sudo: what is fine, what is not,
    and what to do. An unknown host key is not asked about but told. Only an operator asks the
    machines for root (`sudo -n true`, which they log); with --observe nobody does.

    Exit status: 0 nothing is in the way, 1 something is, 2 usage, 130 interrupted.
    """
    from fleettui.doctor import report

    try:
        verdict = asyncio.run(_examined(source))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    text = report.as_json(verdict) if as_json else report.as_text(verdict, _columns())
    click.echo(text, nl=False)
    raise SystemExit(verdict.exit_status)


def _columns() -> int | None:
    """Of the terminal; None where the output goes elsewhere, to be searched for whole lines."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


async def _examined(source: SettingsSource) -> "Verdict":
    from fleettui.doctor.examine import examine, lost

    try:
        settings = source.settings()
        way = _way(settings)
    except (click.UsageError, ValueError) as error:
        said = error.message if isinstance(error, click.UsageError) else str(error)
        return lost(wrong(Hop.SETTINGS, "", said))
    ask_at_terminal(way.observer)
    try:
        return await examine(tuple(_settings(settings, source)), way)
    finally:
        await hang_up(way.observer)


def _way(settings: Settings) -> "Way":
    """What is looked at. Nothing of it writes: no key is remembered, and of what an operator may
    send to a machine it is the one question for root.
    """
    from fleettui.access import Observer
    from fleettui.doctor.examine import Way
    from fleettui.hosts.connect import connect_hosts, dial_through, hands_for, tunnel_of
    from fleettui.registry.connect import reader_for
    from fleettui.registry.hops import EtcdHops

    hosts = connect_hosts(replace(settings.hosts, remember=False))
    dial = dial_through(hosts) if settings.tunnel else None
    return Way(
        etcd=EtcdHops(settings.registry, dial),
        observer=Observer(settings.cluster, reader_for(settings.registry, dial), hosts),
        tunnel=tunnel_of(hosts) if settings.tunnel else None,
        tunnel_host=str(settings.tunnel or ""),
        root=None if settings.observe else _root_probe(hands_for(hosts)),
        are_endpoints_guessed=settings.are_endpoints_guessed,
    )


def _root_probe(hands: "HostHands") -> "RootProbe":
    """The question for root, as a repair asks it before its first change."""
    from fleettui.model.cluster import Machine
    from fleettui.model.untrusted import Untrusted
    from fleettui.repair.driving.preflight import root_check

    async def refusal(machine: Machine) -> Untrusted | None:
        check = await root_check(hands, machine)
        return None if check.met else check.detail

    return refusal


def _settings(settings: Settings, source: SettingsSource) -> Iterator[Looked]:
    """Where they came from, and what of them is not as it should be."""
    origins = sorted({o for o in settings.origins.values() if o != DEFAULT})
    said = f"from {', '.join(origins)}" if origins else "all are defaults"
    yield fine(Hop.SETTINGS, "", f"{said} (fleettui config shows them)")
    yield from (doubtful(Hop.SETTINGS, "", note) for note in settings.notes if _matters(note))
    yield from _files(settings, source.sources().config.path)


def _matters(note: str) -> bool:
    return note.startswith("not obeyed")


def _files(settings: Settings, config: Path) -> Iterator[Looked]:
    """Files that others could read or write, and should not."""
    for path in (settings.key_file, *settings.identities):
        if path is not None and _mode(path) & 0o077:
            said = f"{path} is a private key that others may read: chmod 600 {path}"
            yield doubtful(Hop.SETTINGS, "", said)
    if _mode(config) & 0o022:
        said = f"{config} says where you connect, and others may write to it: chmod 600 {config}"
        yield doubtful(Hop.SETTINGS, "", said)


def _mode(path: Path) -> int:
    """Mode bits; 0 for what is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
