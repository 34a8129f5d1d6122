"""Repairs on the command line: a plan that is only looked at, and the repairs of the past."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from msgspec.structs import replace

from fleettui.cli.session import (
    Settings,
    console,
    hang_up,
    headless,
    need_terminal,
    records_folder,
)
from fleettui.cli.source import SettingsSource

if TYPE_CHECKING:
    from fleettui.access import Observer
    from fleettui.check.examine import Examination
    from fleettui.diagnosis.finding import Finding
    from fleettui.model.cluster import Machine
    from fleettui.repair.planning.locate import Located
    from fleettui.repair.planning.plan import Plan
    from fleettui.repair.records.past import PastRepair


class ExitStatus(IntEnum):
    """What a script is told; 2 is a usage error and not ours to give."""

    PLAN = 0
    NOTHING = 1
    """Nothing that was asked for is broken, as far as could be seen."""
    UNREAD = 3
    """Something could not be read that a plan needs, so silence means nothing."""
    BY_HAND = 4
    """A fault was found that fleettui does not repair, and what to do is said."""


class Answer(msgspec.Struct, frozen=True):
    """What is printed, and how it ends."""

    status: ExitStatus
    out: str = ""
    notes: tuple[str, ...] = ()
    """For standard error."""


@click.command()
@click.argument("unit", required=False)
@click.option(
    "--machine",
    metavar="ID",
    help="The machine to repair, where several are broken: its ID, the beginning of it, or its "
    "address.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the whole plan and change nothing: every step with its reasons, its literal "
    "commands, what it changes, what undoes it, and what a restart puts at stake.",
)
@click.option(
    "--script",
    is_flag=True,
    help="Print the plan as a POSIX shell script, to be run by hand with curl and ssh. Changes "
    "nothing either.",
)
@click.pass_obj
def repair(
    source: SettingsSource, unit: str | None, machine: str | None, dry_run: bool, script: bool
) -> None:
    """Repair the worst fault that can be repaired, or the one of UNIT, in the wizard.

    With --dry-run or --script it only reads, and ends with 0 for a plan, 1 if there is nothing
    to repair, 2 for wrong usage, 3 if something could not be read that a plan needs, 4 for a
    fault that is to be repaired by hand (how is printed).
    """
    settings = source.settings()
    wanted = Wanted(unit, machine, is_script=script)
    if dry_run or script:
        source.refuse_record("--dry-run or --script")
        answer = asyncio.run(_planned(replace(settings, observe=True), wanted))
    elif settings.observe:
        raise click.UsageError("an observer repairs nothing; --dry-run shows the plan.")
    else:
        need_terminal()
        answer = asyncio.run(_opened(settings, wanted, source.record))
    for note in answer.notes:
        click.echo(note, err=True)
    click.echo(answer.out, nl=False)
    raise SystemExit(answer.status)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the findings is to be repaired."""

    unit: str | None
    machine: str | None
    is_script: bool = False

    def of(self, seen: "Examination") -> "list[Finding]":
        """The findings that fit, those with a cure first, and the worst of them first.

        Raises click.UsageError where more than one machine is called so.
        """
        from fleettui.repair.planning.plan import CURES

        called = [machine for machine in seen.machines.values() if self._is(machine)]
        if len(called) > 1:
            names = ", ".join(f"{machine.id}/{machine.public_ip}" for machine in called)
            raise click.UsageError(
                f"{len(called)} machines are called {_safe(self.machine or '')}: {names}."
            )
        fitting = [finding for finding in seen.findings if self._fits(finding, seen)]
        return sorted(fitting, key=lambda finding: finding.fault not in CURES)

    def _fits(self, finding: "Finding", seen: "Examination") -> bool:
        if self.unit is not None and (finding.unit is None or finding.unit.raw != self.unit):
            return False
        if self.machine is None:
            return True
        machine = _known(finding, seen)
        return machine is not None and self._is(machine)

    def _is(self, machine: "Machine") -> bool:
        wanted = self.machine or ""
        return bool(wanted) and (
            machine.id.raw.startswith(wanted.removesuffix("...")) or machine.public_ip.raw == wanted
        )


async def _opened(settings: Settings, wanted: Wanted, record: Path | None) -> Answer:
    """The console with the wizard on what is to be repaired; it looks for itself again."""
    from fleettui.check.examine import examine

    access = headless(replace(settings, observe=True))
    try:
        seen = await examine(access)
    finally:
        await hang_up(access)
    findings = wanted.of(seen)
    if not findings:
        return _nothing(seen, wanted)
    chosen = findings[0], _known(findings[0], seen)
    await console(settings, records_folder(), chosen, record=record)
    return Answer(ExitStatus.PLAN)


async def _planned(settings: Settings, wanted: Wanted) -> Answer:
    """Look, plan, and put it into words; nothing here holds anything that writes."""
    from fleettui.check.examine import examine
    from fleettui.repair.planning.locate import locate

    access = headless(settings)
    try:
        seen = await examine(access)
        findings = wanted.of(seen)
        if not findings:
            return _nothing(seen, wanted)
        located = await locate(access, findings[0], _known(findings[0], seen))
    finally:
        await hang_up(access)
    notes = tuple(_notes(findings, located, seen))
    if located.plan is None:
        return Answer(_status(located), notes=(*notes, located.problem))
    try:
        return Answer(ExitStatus.PLAN, _put(located.plan, settings, access, wanted), notes)
    except ValueError as refused:
        return Answer(ExitStatus.BY_HAND, notes=(*notes, str(refused)))


def _known(finding: "Finding", seen: "Examination") -> "Machine | None":
    return seen.machines.get(finding.machine_id) if finding.machine_id else None


def _put(plan: "Plan", settings: Settings, access: "Observer", wanted: Wanted) -> str:
    """The plan in the words that were asked for. Raises ValueError where no script is made."""
    from fleettui.repair.planning.plan_text import as_text
    from fleettui.repair.script.script import SshTarget, as_script

    prefix = access.cluster.prefix
    if not wanted.is_script:
        return as_text(plan, prefix, access.cluster.sudo)
    machine = plan.machine
    reached = (settings.username, settings.port, settings.addresses)
    ssh = SshTarget.of(machine, *reached) if machine else None
    return as_script(plan, (), settings.endpoints[0], prefix, ssh)


def _status(located: "Located") -> ExitStatus:
    if located.is_clean:
        return ExitStatus.NOTHING
    return ExitStatus.UNREAD if located.is_unread else ExitStatus.BY_HAND


def _nothing(seen: "Examination", wanted: Wanted) -> Answer:
    """Nothing fits what was asked for."""
    about = f" of {wanted.unit}" if wanted.unit else ""
    about += f" on {wanted.machine}" if wanted.machine else ""
    notes = [f"Nothing to repair was found{_safe(about)}."]
    notes += [f"found besides: {_named(finding, seen)}" for finding in seen.findings]
    notes += ["Not everything could be read, so there may be more:"] if seen.unread else []
    notes += [f"could not be read: {line}" for line in seen.unread]
    return Answer(ExitStatus.UNREAD if seen.unread else ExitStatus.NOTHING, notes=tuple(notes))


def _notes(findings: "Sequence[Finding]", located: "Located", seen: "Examination") -> Iterator[str]:
    """What is known besides the plan, which is about the first of the findings."""
    about, *others = findings
    yield f"found: {_named(about, seen)}: {about.summary}"
    for evidence in about.evidence:
        yield f"  {evidence.source}: {evidence.where}: {evidence.what}"
    if len(located.affected) > 1:
        names = ", ".join(f"{m.short_id}/{m.public_ip}" for m in located.affected)
        yield f"affected machines, each with a plan of its own (--machine): {names}"
    yield from (f"found besides: {_named(finding, seen)}" for finding in others)


def _named(finding: "Finding", seen: "Examination") -> str:
    machine = _known(finding, seen)
    where = f" on {machine.short_id}/{machine.public_ip}" if machine else ""
    return f"{finding.fault} of {finding.unit}{where}" if finding.unit else finding.fault + where


def _safe(text: str) -> str:
    from fleettui.model.untrusted import visible

    return visible(text)


# --- repairs of the past ------------------------------------------------------------------------


@click.group(invoke_without_command=True)
@click.option("--demo", is_flag=True, help="Those of demo clusters instead.")
@click.pass_context
def repairs(context: click.Context, *, demo: bool) -> None:
    """List the repairs of the past, newest first; `show` prints the report of one."""
    context.obj = records_folder(demo=demo)
    if context.invoked_subcommand is None:
        from fleettui.repair.records.past import past_repairs

        for line in _listed(past_repairs(context.obj)):
            click.echo(line)


@repairs.command()
@click.argument("token")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def show(context: click.Context, token: str, *, as_json: bool) -> None:
    """Print the report of the repair TOKEN, or of the one whose name begins so, as Markdown."""
    from fleettui.repair.records import report
    from fleettui.repair.records.past import past_repairs

    found = [past for past in past_repairs(context.obj) if past.path.stem.startswith(token)]
    exact = [past for past in found if past.path.stem == token]
    if len(exact or found) != 1:
        how_many = "no repair is" if not found else f"{len(found)} repairs are"
        raise click.UsageError(f"{how_many} called {_safe(token)} in {context.obj}.")
    told = report.report_of((exact or found)[0])
    click.echo(report.as_json(told) if as_json else report.as_markdown(told), nl=False)


def _listed(past: "Iterable[PastRepair]") -> Iterator[str]:
    """A line a repair, in columns as wide as what they hold."""
    rows = [("REPAIR", "BEGUN (UTC)", "STATE", "BY", "WHAT", "WHERE"), *map(_row, past)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _row(past: "PastRepair") -> tuple[str, ...]:
    if past.problem:
        return (_safe(past.path.stem), "-", past.state.value, "-", past.problem, "-")
    units = ", ".join(str(unit) for unit in past.units)
    return (
        _safe(past.path.stem),
        f"{past.begun_at:%Y-%m-%d %H:%M}",
        past.closed.value if past.closed else past.state.value,
        str(past.who),
        f"{past.fault}: {units}",
        f"{_safe(past.machine_id.raw[:8])}.../{past.ip}" if past.machine_id.raw else "the registry",
    )
