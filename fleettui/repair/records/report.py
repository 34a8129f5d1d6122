"""The report of a repair, as Markdown for an engineer and as JSON for a program; pure.

Whoever reads it needs neither fleettui nor the record: it tells what was found and on what
evidence, every command word for word with its time and outcome, what it cost, and the proof.
"""

import json
import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from fleettui.diagnosis.finding import Evidence, Finding
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Step, Way
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.plan_json import as_json as plan_as_json
from fleettui.repair.planning.stake import told
from fleettui.repair.records.finding_json import finding_as_json
from fleettui.repair.records.markdown import block, cell, code, prose
from fleettui.repair.records.past import Kept, PastState
from fleettui.repair.records.reported import Act, Away, Moment, Report, Told, report_of

__all__ = ["SCHEMA", "Report", "as_json", "as_markdown", "report_of"]

SCHEMA = "fleettui.repair/1"
"""Within one version fields of the JSON are only added."""


def as_markdown(report: Report) -> str:
    """All of it, in sections; remote text in it is code or escaped, and marks nothing up."""
    lines = [*_title(report)]
    if report.problem:
        lines += ["", f"The record cannot be read: {prose(report.problem)}"]
    else:
        lines += [
            *_facts(report),
            *_found(report.finding),
            *_checks("Before the first change", report.checks),
            *_done(report),
            *_cost(report),
            *_checks("Proof", report.proof, report.proven),
            *_kept(report.kept),
            *_moments(report),
            *_legend(),
        ]
    return "\n".join(lines) + "\n"


def _title(report: Report) -> Iterator[str]:
    plan = report.plan
    what = f"{plan.fault} on {_place(plan)}" if plan else report.token
    yield f"# {prose(f'{report.outcome.capitalize()}: {what}')}"


def _place(plan: Plan) -> str:
    return str(Untrusted(plan.host)) if plan.machine else "the registry"


def _facts(report: Report) -> Iterator[str]:
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in _rows(report))


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    plan = report.plan
    yield "Outcome", prose(report.outcome)
    yield "Cluster", ", ".join(cell(url) for url in report.cluster)
    yield "Keys under", cell(report.prefix)
    if plan is not None:
        yield "Fault", prose(plan.fault)
        yield "Unit", ", ".join(cell(unit) for unit in plan.units)
    if plan is not None and plan.machine is not None:
        machine = plan.machine
        yield "Machine", f"{cell(plan.host)}, {cell(machine.public_ip)}, ID {cell(machine.id)}"
        yield "fleetd", cell(machine.version)
    yield "By", ", ".join(cell(who) for who in report.who)
    yield "Begun", _time(report.begun_at)
    yield "Last entry", f"{_time(report.ended_at)}, after {_span(report.begun_at, report.ended_at)}"
    yield "Repair", cell(report.token)
    yield "Record", cell(report.record)


def _found(finding: Finding | None) -> Iterator[str]:
    if finding is None:
        return
    yield from ("", "## What was found", "")
    yield f"{prose(finding.summary)} ({finding.severity.name.lower()}, {finding.confidence})"
    yield ""
    yield from (_evidence(evidence) for evidence in finding.evidence)
    yield from (f"- not checked: {prose(gap)}" for gap in finding.gaps)
    if finding.issues:
        yield ""
        yield f"Known as coreos/fleet {', '.join(f'#{issue}' for issue in finding.issues)}."


def _evidence(evidence: Evidence) -> str:
    at = f" at {_time(evidence.at)}" if evidence.at else ""
    who = f" on {code(evidence.machine_id)}" if evidence.machine_id else ""
    return f"- {evidence.source}{who}{at}: {code(evidence.where)}: {code(evidence.what)}"


def _checks(title: str, checks: Iterable[Told], said: Untrusted | None = None) -> Iterator[str]:
    checks = tuple(checks)
    if not checks and not (said and said.raw):
        return
    yield from ("", f"## {title}", "")
    for check in checks:
        yield f"- {'met' if check.met else 'NOT MET'}: {prose(check.name)}: {prose(check.detail)}"
    if said and said.raw:
        yield from ("", prose(said))


# --- what was done ------------------------------------------------------------------------------


def _done(report: Report) -> Iterator[str]:
    yield from ("", "## What was done")
    if not report.acts:
        yield from ("", "Nothing was changed.")
    scripts: dict[str, str] = {}
    stage = ""
    for act in report.acts:
        name = f"{act.stage}, undone" if act.is_undo else act.stage
        if name != stage:
            stage = name
            yield from _stage(name, act, report)
        yield from _act(act, scripts)


def _stage(name: str, act: Act, report: Report) -> Iterator[str]:
    yield from ("", f"### {prose(name.capitalize())}")
    steps = report.plan.steps if report.plan else ()
    step: Step | None = next((step for step in steps if step.stage.value == act.stage), None)
    if step is not None and not act.is_undo:
        yield from ("", prose(step.why))
    for moment in report.confirmed:
        stage, _, who = moment.words.raw.partition(": ")
        if stage == act.stage and not act.is_undo:
            yield from ("", f"Confirmed by {code(who)} at {_time(moment.at)}.")


def _act(act: Act, scripts: dict[str, str]) -> Iterator[str]:
    number = f"{act.number}. "
    indent = " " * len(number)
    ended = f"read back {_clock(act.ended_at)}" if act.ended_at else "no outcome was recorded"
    yield from ("", f"{number}{prose(act.title)}")
    yield ""
    yield f"{indent}sent {_clock(act.at)}, {ended}: **{prose(act.result)}** {prose(act.said)}"
    for command in act.commands:
        yield ""
        yield from block(_shortened(command, act.number, scripts), indent)


def _shortened(command: str, number: int, scripts: dict[str, str]) -> str:
    """A command word for word; a script that was shown before is named instead."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    for script in (word for word in words if "\n" in word):
        where = scripts.setdefault(script, f"the script of {number}")
        if where != f"the script of {number}":
            command = command.replace(shlex.quote(script), f"<{where}, word for word>")
    return command


# --- what it cost, what is left -----------------------------------------------------------------


def _cost(report: Report) -> Iterator[str]:
    if report.replaced is None and not report.away:
        return
    yield from ("", "## Units and their absence", "")
    replaced = report.replaced or ()
    yield (
        f"Units that ran before: {report.units}. With another main process since: {len(replaced)}"
        f"{': ' if replaced else '.'}{', '.join(code(name) for name in replaced)}"
    )
    if report.plan is not None and report.plan.way is Way.FULL:
        yield from ("", "Before it was confirmed, this was known to be at stake:", "")
        yield from (f"- {prose(told(unit))}" for unit in report.plan.at_stake)
    if report.away:
        yield from ("", "| unit | away | since (the machine's clock) | now |", "|---|---|---|---|")
        yield from (f"| {' | '.join(_absence(away))} |" for away in report.away)


def _absence(away: Away) -> tuple[str, ...]:
    seconds = "not known" if away.seconds is None else f"{away.seconds:.1f} s"
    now = f"moved to {cell(away.place)}" if away.place.raw else "back"
    return (
        cell(away.unit),
        seconds if away.is_over or away.seconds is not None else "until the end of this record",
        cell(away.since) if away.since.raw else "not known",
        now if away.is_over else "away",
    )


def _kept(kept: Iterable[Kept]) -> Iterator[str]:
    kept = tuple(kept)
    if not kept:
        return
    yield from ("", "## What is kept", "")
    for file in kept:
        where = f", and on the machine as {code(file.quarantine)}" if file.quarantine.raw else ""
        yield (
            f"- {code(file.unit)}, mode {file.mode:o}, owner {file.uid}:{file.gid}, sha256 "
            f"{code(file.sha256)}: as {code(str(file.path))}{where}"
        )


def _moments(report: Report) -> Iterator[str]:
    moments: tuple[Moment, ...] = report.moments
    if not moments:
        return
    yield from ("", "## How it went", "")
    yield from (f"- {_clock(moment.at)} {prose(moment.words)}" for moment in moments)
    if report.state is PastState.RUNNING:
        yield "- it is under way as this is written"


def _legend() -> Iterator[str]:
    yield ""
    yield (
        "Times are UTC by the clock of the operator's machine, unless they are said to be the "
        "machine's. `done` was read back from the cluster; `failed` was tried and is not so; "
        "`not started` was never sent; `unknown` and `in doubt` may or may not have happened."
    )


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"


def _span(begun: datetime, ended: datetime) -> str:
    seconds = max(0, int((ended - begun).total_seconds()))
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


# --- JSON ---------------------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """One object; remote text stands in it byte-exact, escaped to ASCII; ends in a newline."""
    return json.dumps(_document(report), ensure_ascii=True, indent=2) + "\n"


def _document(report: Report) -> dict[str, Any]:
    plan = report.plan
    machine = plan.machine if plan else None
    return {
        "schema": SCHEMA,
        "repair": report.token,
        "record": report.record,
        "state": report.state,
        "outcome": report.outcome,
        "problem": report.problem or None,
        "begun_at": report.begun_at.isoformat(),
        "ended_at": report.ended_at.isoformat(),
        "who": [who.raw for who in report.who],
        "cluster": {"endpoints": [url.raw for url in report.cluster], "prefix": report.prefix.raw},
        "fault": plan.fault if plan else None,
        "units": [unit.raw for unit in plan.units] if plan else [],
        "machine": {
            "id": machine.id.raw,
            "ip": machine.public_ip.raw,
            "fleetd": machine.version.raw,
            "host": plan.host if plan else "",
        }
        if machine
        else None,
        "finding": finding_as_json(report.finding) if report.finding else None,
        "plan": plan_as_json(plan) if plan else None,
        "preflight": [_told(check) for check in report.checks],
        "acts": [_act_document(act) for act in report.acts],
        "restart": _restart(report),
        "proof": {"said": report.proven.raw, "checks": [_told(check) for check in report.proof]},
        "kept": [_kept_document(kept) for kept in report.kept],
        "events": [
            {"at": moment.at.isoformat(), "what": moment.words.raw} for moment in report.moments
        ],
    }


def _told(check: Told) -> dict[str, object]:
    return {"name": check.name.raw, "met": check.met, "detail": check.detail.raw}


def _act_document(act: Act) -> dict[str, object]:
    return {
        "n": act.number,
        "stage": act.stage,
        "title": act.title,
        "undo": act.is_undo,
        "commands": list(act.commands),
        "at": act.at.isoformat(),
        "ended_at": act.ended_at.isoformat() if act.ended_at else None,
        "result": act.result,
        "said": act.said.raw,
    }


def _restart(report: Report) -> dict[str, object] | None:
    if report.replaced is None and not report.away:
        return None
    return {
        "units": report.units,
        "replaced": [name.raw for name in report.replaced or ()],
        "away": [
            {
                "unit": away.unit.raw,
                "since": away.since.raw or None,
                "seconds": away.seconds,
                "place": away.place.raw or None,
                "is_over": away.is_over,
            }
            for away in report.away
        ],
    }


def _kept_document(kept: Kept) -> dict[str, object]:
    return {
        "unit": kept.unit.raw,
        "path": str(kept.path),
        "quarantine": kept.quarantine.raw or None,
        "sha256": kept.sha256,
        "mode": f"{kept.mode:o}",
        "uid": kept.uid,
        "gid": kept.gid,
    }
