"""What the wizard says about its steps, as content; pure."""

from collections.abc import Iterable, Iterator

from textual.content import Content

from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostReport, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.repair.locate import Located
from fleettui.repair.outcome import Check, Outcome, Result
from fleettui.repair.plan import Plan, Stage, Step, Way, literal, summary, unread
from fleettui.ui.paint import Piece, Tone, paint

_TITLES = {
    Stage.LOCATE: "Locate",
    Stage.DELETE: "Delete",
    Stage.RELOAD: "Reload",
    Stage.RESTART: "Restart",
    Stage.VERIFY: "Verify",
}


def stepper(now: Stage, done: Iterable[Stage], *, failed: bool) -> Content:
    """The five stages and where one is."""
    finished = set(done)
    pieces: list[Piece] = []
    for number, stage in enumerate(Stage, 1):
        title = f" {number} {_TITLES[stage]} "
        if stage in finished:
            pieces.append((f"✔{title}", Tone.GOOD))
        elif stage is now:
            pieces.append((f"{'✖' if failed else '▶'}{title}", Tone.BAD if failed else Tone.ACCENT))
        else:
            pieces.append((f"○{title}", Tone.DIM))
        pieces.append(("─ ", Tone.DIM) if stage is not Stage.VERIFY else "")
    return paint(*pieces)


def target_lines(
    unit: Untrusted, machine: Machine | None, host: str, cluster: str
) -> Iterator[Content]:
    """What is being repaired, in full words."""
    if machine is None:
        yield paint((unit, Tone.STRONG), " on ", ("a machine not known yet", Tone.WARN))
        yield paint((f"cluster {cluster}", Tone.DIM))
        return
    yield paint(
        (unit, Tone.STRONG), " on ", (host, Tone.STRONG), " ", (machine.public_ip, Tone.STRONG),
        (f"  fleetd {machine.version}", Tone.DIM),
    )  # fmt: skip
    yield paint(("machine ", Tone.DIM), machine.id, (f"  cluster {cluster}", Tone.DIM))


def located_lines(unit: Untrusted, located: Located) -> Iterator[Content]:
    """The registry's view, then a verdict for each machine; what was not asked is never clean."""
    snapshot = located.snapshot
    if snapshot is None:
        yield paint(("Asking the registry and every machine ...", Tone.DIM))
        return
    yield paint(("Registry", Tone.ACCENT))
    job = snapshot.units.get(unit)
    if job is None:
        yield paint("  knows nothing of it any more: only the machines can tell")
    else:
        where = snapshot.machine_name(job.target) if job.target else "no machine"
        state = job.target_state or "absent"
        yield paint("  target state ", (state, Tone.STRONG), f", target {where}")
    yield paint("")
    yield paint(("Machines", Tone.ACCENT), ("  both unit folders and fleet's journal", Tone.DIM))
    for report in located.reports:
        yield from _located(unit, snapshot, report)
    plan = located.plan
    if plan is not None and len(plan.units) > 1:
        others = ", ".join(str(u) for u in plan.units if u != unit)
        yield paint("")
        yield paint(("On the same machine, and repaired with it: ", Tone.WARN), others)


def _located(unit: Untrusted, snapshot: Snapshot, report: HostReport) -> Iterator[Content]:
    name = snapshot.machine_name(report.machine_id)
    if isinstance(report, NotChecked):
        yield paint("  ", ("? NOT CHECKED ", Tone.WARN), name, "  ", (report.reason, Tone.WARN))
        return
    seen = [evidence for found, evidence in machine_evidence(report) if found == unit]
    problem = unread(report) or report.journal_problem
    mark: Piece = ("● clean       ", Tone.GOOD)
    if seen:
        mark = ("✖ AFFECTED    ", Tone.BAD)
    elif problem is not None:
        mark = ("? NOT CHECKED ", Tone.WARN)
    yield paint("  ", mark, name, (f"  {report.hostname}", Tone.DIM))
    for evidence in seen:
        yield paint("      ", (f"{evidence.source}: ", Tone.DIM), evidence.where)
    if problem is not None:
        yield paint("      ", ("not read: ", Tone.WARN), (problem, Tone.WARN))


def asked(stage: Stage, must: str, plan: Plan | None) -> Content:
    """What is to be typed, and what it confirms."""
    host = Untrusted(plan.host) if plan else ""
    what = f"to delete it on {host}" if stage is Stage.DELETE else "to stop all its units"
    return paint("Type ", (Untrusted(must), Tone.STRONG), f" {what}: ")


def step_lines(step: Step, plan: Plan, prefix: str) -> Iterator[Content]:
    """Why, what it changes, what it leaves alone, and what will run, word for word."""
    yield paint(("Why", Tone.ACCENT), f"   {step.why}")
    yield from _block("It changes", step.changes)
    yield from _block("It leaves alone", step.keeps)
    yield paint("")
    if not step.actions:
        yield paint(("Nothing is left to do here", Tone.GOOD), ": it was done before.")
        return
    yield paint(("What will run, word for word", Tone.ACCENT))
    for number, action in enumerate(step.actions, 1):
        yield paint(f"  {number}. ", (summary(action), Tone.STRONG))
        for line in literal(action, plan.token, prefix):
            for physical in line.split("\n"):
                yield paint("     ", (Untrusted(physical), Tone.DIM))


def verify_lines() -> Iterator[Content]:
    """What counts as proof."""
    yield paint(
        ("Why", Tone.ACCENT), "   a repair is done when fresh reads no longer show the fault."
    )
    yield from _block(
        "It reads, once a second",
        (
            "12 s of the fleet journal without a line of the fault",
            "the machine's states in the registry, written anew, beside systemd's",
            "both unit folders, and the diagnosis over all of it",
        ),
    )


def repaired_lines(interrupted: Iterable[Untrusted]) -> Iterator[Content]:
    """The end of a repair, with what it cost."""
    names = [str(name) for name in interrupted]
    cost = f"{len(names)} services interrupted"
    yield paint(
        ("Repaired, and read back from the cluster. ", Tone.GOOD), (f"{cost}.", Tone.STRONG)
    )
    if names:
        yield paint(("Stopped and started again: ", Tone.DIM), ", ".join(names))


def _block(title: str, lines: Iterable[str]) -> Iterator[Content]:
    yield paint("")
    yield paint((title, Tone.ACCENT))
    yield from (paint(f"  {line}") for line in lines)


def check_lines(checks: Iterable[Check]) -> Iterator[Content]:
    """Conditions being watched, as they stand."""
    for check in checks:
        mark: Piece = ("✔ ", Tone.GOOD) if check.met else ("◌ ", Tone.WARN)
        yield paint(mark, check.name, "  ", (check.detail, Tone.DIM))


def outcome_lines(title: str, outcome: Outcome) -> Iterator[Content]:
    """How an act ended, and what was read back or the host's own words."""
    if outcome.result is Result.DONE:
        yield paint(("✔ ", Tone.GOOD), outcome.said)
    else:
        yield paint((f"✖ {outcome.result.upper()} ", Tone.BAD), (title, Tone.STRONG))
        yield paint("    ", (outcome.said, Tone.WARN))


def doing(stage: Stage, way: Way | None) -> str:
    """What the button that acts says."""
    match stage:
        case Stage.RESTART if way is Way.FULL:
            return "Stop all units and restart"
        case Stage.RESTART:
            return "Restart gently"
        case _:
            return _TITLES[stage]
