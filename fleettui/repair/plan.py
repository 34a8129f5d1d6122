"""A repair as data: its steps in their order, each with its literal commands, effects and proof."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from fleettui import commands
from fleettui.commands import ChangeCommand, shell_text
from fleettui.diagnosis.template_loaded import is_leftover, machine_evidence
from fleettui.model.cluster import Machine, Snapshot, TargetState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, FolderEntry, HostFacts
from fleettui.model.names import is_template, refusal
from fleettui.model.untrusted import Untrusted
from fleettui.model.version import parse_version


class Stage(StrEnum):
    """The five stages of the wizard; the first and the last only read."""

    LOCATE = "locate"
    DELETE = "delete"
    RELOAD = "reload"
    RESTART = "restart"
    VERIFY = "verify"


class Way(StrEnum):
    """How fleetd is restarted."""

    GENTLE = "gentle"
    """SIGKILL, then start: no chance for the purge, and the new fleetd takes over what runs."""
    FULL = "full"
    """`systemctl restart`: fleetd's SIGTERM handler stops every unit it manages."""


@dataclass(frozen=True, slots=True)
class TrySudo:
    """See whether root may be had without a password, before anything is changed."""


@dataclass(frozen=True, slots=True)
class Unload:
    """Set the template's target state to inactive by compare-and-swap on its present value."""

    unit: Untrusted
    expected: str


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Take fleet's file of the template away, if its bytes are still the ones that were seen."""

    unit: Untrusted
    sha256: str


@dataclass(frozen=True, slots=True)
class RemoveLink:
    """Take systemd's link to that file away."""

    unit: Untrusted


@dataclass(frozen=True, slots=True)
class Reload:
    """Have systemd forget the unit."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Give the machine a new fleetd."""

    way: Way


@dataclass(frozen=True, slots=True)
class UnitAtStake:
    """A unit of the machine, and what a restart would mean for it."""

    name: Untrusted
    state: str
    """systemd's active/sub, safe to show."""
    pulls: tuple[str, ...]
    """Commands that pull an image before it starts, safe to show."""


Action = TrySudo | Unload | RemoveFile | RemoveLink | Reload | Restart


@dataclass(frozen=True, slots=True)
class Step:
    """One stage that changes something, as it is shown, confirmed, recorded and run."""

    stage: Stage
    actions: tuple[Action, ...]
    why: str
    changes: tuple[str, ...]
    keeps: tuple[str, ...]
    """What it leaves alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one repair of one machine, in the only order in which they are run."""

    units: tuple[Untrusted, ...]
    """Every template that breaks this machine: one left behind would break it again."""
    machine: Machine
    host: str
    """What is typed to confirm a full restart: the host's name, or the short machine ID."""
    token: str
    """Names this repair in the quarantine folder and the record."""
    steps: tuple[Step, ...]
    ways: tuple[Way, ...]
    """Restarts on offer, the default first."""
    at_stake: tuple[UnitAtStake, ...]
    """The machine's units, by name."""

    def step(self, stage: Stage) -> Step:
        return next(step for step in self.steps if step.stage is stage)

    @property
    def way(self) -> Way:
        """The restart that its restart step takes."""
        actions = self.step(Stage.RESTART).actions
        return next(action.way for action in actions if isinstance(action, Restart))

    def with_way(self, way: Way) -> "Plan":
        """The same plan with another restart."""
        restart = restart_step(way, self.at_stake)
        steps = tuple(restart if step.stage is Stage.RESTART else step for step in self.steps)
        return replace(self, steps=steps)


class NotRepairable(Exception):
    """No plan is made, and the text says why and what to do by hand."""


class NothingToRepair(NotRepairable):
    """Registry, folders and journal were read, and show nothing of the template."""


def plan_repair(machine: Machine, snapshot: Snapshot, facts: HostFacts, *, token: str) -> Plan:
    """The plan against template-loaded for one machine, from what was just read.

    Raises NotRepairable where a step would have to act on something it does not understand.
    """
    units = templates_on(machine, snapshot, facts)
    _check(units, machine, facts)
    ways = ways_for(machine.version)
    stake = units_at_stake(snapshot, facts)
    steps = (delete_step(units, snapshot, facts), reload_step(), restart_step(ways[0], stake))
    return Plan(units, machine, host_name(machine, facts), token, steps, ways, stake)


def templates_on(machine: Machine, snapshot: Snapshot, facts: HostFacts) -> tuple[Untrusted, ...]:
    """Templates that the registry sent to a machine, or that its folders or journal show."""
    sent = {u.name for u in snapshot.units.values() if u.is_template and u.target == machine.id}
    return tuple(sorted(sent | {name for name, _ in machine_evidence(facts)}))


def host_name(machine: Machine, facts: HostFacts) -> str:
    """A name that can be typed and stands for one machine alone."""
    name = facts.hostname
    plain = name.raw.strip() == name.raw and name.is_plain
    return name.raw if plain and name.raw not in {"", "localhost"} else machine.id.raw[:8]


def _check(units: Sequence[Untrusted], machine: Machine, facts: HostFacts) -> None:
    for unit in units:
        why = refusal(unit.raw)
        if why is not None:
            raise NotRepairable(f"fleettui does not act on {unit}: {why}. Remove it by hand.")
    if facts.reported_id != machine.id:
        raise NotRepairable(
            f"{machine.public_ip} says that its machine ID is {facts.reported_id}, the registry "
            f"says {machine.id}: this is another machine than the one that is broken."
        )
    problem = unread(facts)
    if problem is not None:
        raise NotRepairable(f"{machine.public_ip}: {problem}")
    if not units:
        raise NothingToRepair(
            f"Nothing to repair on {machine.public_ip}: the registry sends no template there, and "
            "both unit folders and the journal show none."
        )


def unread(facts: HostFacts) -> str | None:
    """What of a machine could not be read that a repair must know, or None."""
    for folder in facts.folders.values():
        if folder.problem is not None and "No such file" not in folder.problem.raw:
            return f"{folder.path} cannot be read: {folder.problem}"
    if facts.fleet is None:
        return f"systemd does not tell about fleet.service: {facts.services_problem or 'no answer'}"
    return None


def ways_for(version: Untrusted) -> tuple[Way, ...]:
    """Restarts that fleetd of this version takes, the default first (measured 0.8.3 to 1.0.0)."""
    parsed = parse_version(version.raw)
    if parsed is not None and (0, 8, 0) <= parsed < (0, 13, 0):
        return (Way.GENTLE, Way.FULL)
    return (Way.FULL,)


def delete_step(units: Sequence[Untrusted], snapshot: Snapshot, facts: HostFacts) -> Step:
    """Registry first, because otherwise fleetd writes the file again within a second."""
    named = ", ".join(str(unit) for unit in units)
    actions = (
        *(action for unit in units for action in _unloads(unit, snapshot)),
        *(action for unit in units for action in _removals(unit, facts)),
    )
    return Step(
        Stage.DELETE,
        (TrySudo(), *actions) if actions else (),
        "The registry goes first: while it still targets this machine, fleetd writes the file "
        "again within a second of any restart.",
        (
            f"Registry: {named} becomes inactive, and the engine takes its target away.",
            "The template stays submitted, so instances can be loaded from it.",
            "Machine: its file and its link go into quarantine; a copy is kept here first.",
        ),
        ("No running unit is touched: a template has no process.",),
    )


def _unloads(unit: Untrusted, snapshot: Snapshot) -> Iterator[Action]:
    job = snapshot.units.get(unit)
    if job is not None and job.target_state is not None and job.wanted is not TargetState.INACTIVE:
        yield Unload(unit, job.target_state.raw)


def _removals(unit: Untrusted, facts: HostFacts) -> Iterator[Action]:
    file = _entry(facts, FLEET_UNITS, unit)
    if file is not None:
        if file.sha256 is None:
            raise NotRepairable(
                f"{FLEET_UNITS}/{unit} is no regular file that can be read: look at it by hand."
            )
        yield RemoveFile(unit, file.sha256)
    link = _entry(facts, SYSTEMD_UNITS, unit)
    if link is not None and is_leftover(SYSTEMD_UNITS, link):
        yield RemoveLink(unit)


def reload_step() -> Step:
    """systemd forgets the template."""
    return Step(
        Stage.RELOAD,
        (Reload(),),
        "systemd still knows the unit file that is gone; it reads its files anew.",
        ("systemd on this machine forgets the template.",),
        (
            "No unit is stopped or started.",
            "fleetd still holds the name in memory: its loop goes on.",
        ),
    )


def restart_step(way: Way, stake: Sequence[UnitAtStake]) -> Step:
    """A new fleetd, because the old one holds the template's name in memory."""
    why = "fleetd holds the template's name in memory and fails until it is replaced."
    keeps: tuple[str, ...]
    match way:
        case Way.GENTLE:
            changes: tuple[str, ...] = (
                "fleetd's main process is killed (SIGKILL) and started anew.",
                "If it led the engine, another machine leads within 10 s.",
            )
            keeps = (
                f"Stops nothing: the units of this machine ({len(stake)}) keep running.",
                "Killed, fleetd has no chance to stop them; the new one takes over what runs.",
            )
        case Way.FULL:
            changes = (
                f"STOPS EVERY UNIT of this machine ({len(stake)}): fleetd unloads them all",
                "when it ends, and they are started again afterwards, here or elsewhere.",
                *(_at_stake(unit) for unit in stake),
            )
            keeps = ("Units on other machines keep running.",)
        case _:
            assert_never(way)
    return Step(Stage.RESTART, (Restart(way),), why, changes, keeps)


def units_at_stake(snapshot: Snapshot, facts: HostFacts) -> tuple[UnitAtStake, ...]:
    """The fleet units that a machine holds, with what their unit files do before a start."""
    folder = facts.folders.get(FLEET_UNITS)
    names = sorted(name for name in (folder.entries if folder else ()))
    return tuple(_stake(n, snapshot, facts) for n in names if not is_template(n.raw))


def _stake(name: Untrusted, snapshot: Snapshot, facts: HostFacts) -> UnitAtStake:
    service, job = facts.services.get(name), snapshot.units.get(name)
    state = f"{service.active} {service.sub}" if service else "state not known"
    pulls = job.file.image_pulls if job and job.file else ()
    return UnitAtStake(name, state, tuple(str(Untrusted(pull)) for pull in pulls))


def host_commands(action: Action, token: str) -> tuple[ChangeCommand, ...]:
    """The commands of an action in their order; none for one that only writes to the registry."""
    match action:
        case TrySudo():
            return (commands.sudo_works(),)
        case Unload():
            return ()
        case RemoveFile(unit, sha256):
            return (commands.remove_file(unit.raw, sha256, token),)
        case RemoveLink(unit):
            return (commands.remove_link(unit.raw, token),)
        case Reload():
            return (commands.daemon_reload(),)
        case Restart(way):
            gentle = (commands.kill_fleet(), commands.start_fleet())
            return gentle if way is Way.GENTLE else (commands.restart_fleet(),)
        case _:
            assert_never(action)


def summary(action: Action) -> str:
    """What an action does, in a line that is safe to show."""
    match action:
        case TrySudo():
            return "root may be had without a password: changes nothing"
        case Unload(unit, expected):
            return f"registry: {unit} from {Untrusted(expected)} to inactive"
        case RemoveFile(unit, sha256):
            return f"quarantine {FLEET_UNITS}/{unit}, if its sha256 is still {sha256[:12]}..."
        case RemoveLink(unit):
            return f"quarantine the link {SYSTEMD_UNITS}/{unit}"
        case Reload():
            return "systemd reads its unit files anew"
        case Restart(way):
            gentle = "fleetd is killed and started; nothing else is"
            return gentle if way is Way.GENTLE else "fleetd is restarted, and all its units"
        case _:
            assert_never(action)


def literal(action: Action, token: str, prefix: str) -> tuple[str, ...]:
    """What will run, word for word: etcd's request, or the line the machine's shell gets."""
    if isinstance(action, Unload):
        key = f"{prefix}job/{action.unit}/target-state"
        return (f"etcd PUT {key}?prevValue={Untrusted(action.expected)}  value=inactive",)
    return tuple(shell_text(command) for command in host_commands(action, token))


def _entry(facts: HostFacts, folder: str, unit: Untrusted) -> FolderEntry | None:
    found = facts.folders.get(folder)
    return found.entries.get(unit) if found else None


def _at_stake(unit: UnitAtStake) -> str:
    pulls = f"; pulls an image before it starts: {'; '.join(unit.pulls)}" if unit.pulls else ""
    return f"{unit.name} ({unit.state}){pulls}"
