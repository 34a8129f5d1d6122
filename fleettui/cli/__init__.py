"""The command line: settings from flags and variables, real I/O, and who this session is."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from fleettui.cli.about import COMPLETE_VARIABLE, PROGRAM, completion, print_version
from fleettui.cli.config_file import profile_names
from fleettui.cli.keys import KEYS
from fleettui.cli.kinds import Texts
from fleettui.cli.resolve import Given
from fleettui.cli.session import (
    INTERRUPTED,
    Settings,
    build,
    check_terminal,
    console,
    demo_settings,
    hang_up,
    headless,
    need_terminal,
    records_folder,
    run_console,
)
from fleettui.cli.source import SettingsSource

if TYPE_CHECKING:
    from fleettui.check.examine import Examination

__all__ = ["Settings", "build", "cli", "demo_settings", "main"]

_ELSEWHERE = {
    "config": "config",
    "doctor": "doctor",
    "observer-setup": "observer_setup",
    "repair": "repairs",
    "repairs": "repairs",
    "replay": "replay",
}
"""Commands, and the module of this package that has each: loaded when it is asked for."""


class _Commands(click.Group):
    """Those of this module, and those that are elsewhere."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"fleettui.cli.{_ELSEWHERE[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


def _with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each setting. Variables are read later, with the config file."""
    for key in reversed(KEYS):
        option = (
            click.option(key.flag, key.name, is_flag=True, help=key.help)
            if key.is_switch
            else click.option(
                key.flag,
                key.name,
                multiple=True,  # the last one counts where the setting is one value
                metavar=key.metavar,
                help=key.help,
            )
        )
        command = option(command)
    return command


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version, with those of the libraries, and exit.",
)
@click.option(
    "--profile",
    metavar="NAME",
    default="",
    shell_complete=profile_names,
    help="Which profile of the config file.",
)
@_with_settings
@click.option(
    "--observe",
    is_flag=True,
    help="Look at everything, change nothing: the session holds nothing that writes.",
)
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Record what the console is told into a new file, for `fleettui replay`.",
)
@click.pass_context
def cli(
    context: click.Context,
    /,
    *,
    profile: str,
    observe: bool,
    record: Path | None,
    **flags: Texts | bool,
) -> None:
    """A console for CoreOS fleet clusters: see what is broken, prove it, repair it.

    Without a command it opens the console on the cluster of --endpoint. Every option can be set
    by a variable too (FLEETTUI_ENDPOINT for --endpoint) or in the config file: `fleettui config`
    shows all of them and where each came from.
    """
    texts = {name: ("true",) if given is True else given for name, given in flags.items()}
    given = {name: several for name, several in texts.items() if several}
    context.obj = SettingsSource(Given(given, observe=observe, profile=profile), record)
    if context.invoked_subcommand is None:
        settings = context.obj.settings()
        check_terminal()
        run_console(settings, records_folder(), record=record)


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
    source: SettingsSource,
    machines: int,
    fault: str,
    fleet_version: str,
    observe: bool,
) -> None:
    """Open the console on an embedded cluster with a fault in it.

    It needs nothing but Python and the extra `demo`, and touches no real cluster.
    """
    import asyncio

    need_terminal()
    is_observer = observe or source.is_observer()
    asyncio.run(_demo(machines, fault, fleet_version, source, observe=is_observer))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object (schema in README).")
@click.option(
    "--journal-since",
    metavar="WHEN",
    help="How far back journals are read, in journalctl's words, such as '1 hour ago'. "
    "[default: the newest 60 lines of each machine]",
)
@click.option(
    "--watch",
    "seconds",
    metavar="SECONDS",
    type=click.IntRange(5, 900),  # the diagnosis remembers no more than a quarter of an hour
    help="Watch registry and machines for so many seconds before the diagnosis, machines that "
    "leave the registry included. Some faults show only over time: 60 is enough for most of "
    "them, two comings and goings of a machine may take 300. [default: one look]",
)
@click.pass_obj
def check(
    source: SettingsSource, as_json: bool, journal_since: str | None, seconds: int | None
) -> None:
    """Diagnose once, without a screen, and without holding anything that writes.

    Exit status: 0 healthy, 1 findings, 2 usage, 3 something could not be read (it is listed;
    what was found stands), 130 interrupted.
    """
    import asyncio

    from fleettui.check import report
    from fleettui.commands.templates import is_time

    source.refuse_record("check")
    settings = source.settings()
    if journal_since is not None and not is_time(journal_since):
        raise click.UsageError(f"--journal-since {journal_since!r} is no time for journalctl.")
    try:
        seen = asyncio.run(_examined(replace(settings, observe=True), journal_since, seconds))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None  # click would say 1, which is for findings
    click.echo(report.as_json(seen) if as_json else report.as_text(seen), nl=False)
    raise SystemExit(seen.exit_status)


async def _examined(
    settings: Settings, journal_since: str | None, seconds: int | None
) -> "Examination":
    from fleettui.check.examine import examine
    from fleettui.check.watch import watch

    access = headless(settings)
    try:
        if seconds is None:
            return await examine(access, journal_since)
        return await watch(access, timedelta(seconds=seconds), journal_since)
    finally:
        await hang_up(access)


async def _demo(
    machines: int,
    fault: str,
    version: str,
    source: SettingsSource,
    *,
    observe: bool,
) -> None:
    from fleettui.demo.cluster import DemoCluster, DemoSettings, NoLoopback
    from fleettui.demo.etcd import NoEtcd

    try:
        wanted = DemoSettings(machines=machines, fault=fault, version=version)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(f"Starting a demo cluster of {machines} machines ...", err=True)
    records = records_folder(demo=True)
    async with contextlib.AsyncExitStack() as running:
        try:
            cluster = await running.enter_async_context(DemoCluster(wanted))
        except (NoEtcd, NoLoopback) as missing:
            raise click.ClickException(str(missing)) from missing
        settings = demo_settings(cluster, observe=observe)
        settings = replace(settings, **source.looks())
        await console(settings, records, record=source.record)


cli.add_command(completion)


def main() -> None:
    """The console script."""
    cli(prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE)
