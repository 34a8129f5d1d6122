"""Whether what an act was to bring about is true now, told from fresh reads alone."""

from dataclasses import dataclass
from typing import assert_never

from fleettui.model.cluster import Snapshot
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.acts_registry import JOB, TARGET_STATE, has_job, is_wanted
from fleettui.repair.driving.contact import Contact
from fleettui.repair.planning.action import (
    Action,
    CreateKey,
    DeleteFolder,
    DeleteKey,
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    StartUnit,
    TrySudo,
    joined,
)
from fleettui.repair.planning.look import unread
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import Check


@dataclass(frozen=True, slots=True)
class Standing:
    """The cluster as it was just read, and what tells of a restart."""

    contact: Contact
    snapshot: Snapshot
    facts: HostFacts | None
    """None for a repair of the registry alone."""
    before: Before | None

    async def of(self, action: Action) -> Check:
        """Whether the action has, or needs, no effect any more. Raises RegistryUnavailable."""
        match action:
            case SetTargetState() | DeleteKey() | CreateKey():
                return await self._key(action)
            case DeleteFolder(key):
                left = has_job(self.snapshot, key[-1])
                return _check(f"nothing is left of {joined(key)}", met=not left, said="read")
            case _:
                return self._on_machine(action)

    async def _key(self, action: SetTargetState | DeleteKey | CreateKey) -> Check:
        key = (JOB, action.unit, TARGET_STATE) if isinstance(action, SetTargetState) else action.key
        found = await self.contact.key(key)
        said = f"it holds {found.value}" if found else "it is not there"
        match action:
            case SetTargetState(unit, _, wanted):
                met = is_wanted(action, found.value.raw if found else None)
                return _check(f"the target state of {unit} is {wanted}", met=met, said=said)
            case DeleteKey():
                return _check(f"{joined(key)} is gone", met=found is None, said=said)
            case CreateKey(value=value):
                met = found is not None and found.value == value
                return _check(f"{joined(key)} holds what it held", met=met, said=said)

    def _on_machine(
        self,
        action: TrySudo
        | RemoveFile
        | RemoveLink
        | Reload
        | Restart
        | StartUnit
        | RestoreFile
        | RestoreLink,
    ) -> Check:
        facts = self.facts
        problem = "the machine was not asked" if facts is None else unread(facts)
        if facts is None or problem is not None:
            return _check("the machine can be read", met=False, said=problem or "")
        match action:
            case TrySudo():
                return _check("root may be had", met=True, said="tried anew with the next act")
            case RemoveFile(unit):
                return _gone(unit, FLEET_UNITS, facts)
            case RemoveLink(unit):
                return _gone(unit, SYSTEMD_UNITS, facts)
            case RestoreFile(unit, sha256):
                return _there(unit, FLEET_UNITS, facts, sha256)
            case RestoreLink(unit):
                return _there(unit, SYSTEMD_UNITS, facts, None)
            case Reload():
                return _reloaded(facts)
            case StartUnit(unit):
                return _active(unit, facts)
            case Restart():
                return self._replaced(facts)
            case _:
                assert_never(action)

    def _replaced(self, facts: HostFacts) -> Check:
        name = "fleetd was replaced"
        pid = facts.fleet.main_pid if facts.fleet else 0
        if self.before is None:
            return _check(name, met=False, said="it was not begun")
        said = f"main PID {self.before.main_pid} -> {pid}"
        return _check(name, met=pid not in {0, self.before.main_pid}, said=said)


def _gone(unit: Untrusted, folder: str, facts: HostFacts) -> Check:
    found = facts.folders.get(folder)
    there = found is None or unit in found.entries
    return _check(f"no {unit} in {folder}", met=not there, said="there" if there else "gone")


def _there(unit: Untrusted, folder: str, facts: HostFacts, sha256: str | None) -> Check:
    found = facts.folders.get(folder)
    entry = found.entries.get(unit) if found else None
    met = entry is not None and entry.sha256 == sha256
    return _check(f"{folder}/{unit} is there", met=met, said="there" if entry else "gone")


def _reloaded(facts: HostFacts) -> Check:
    behind = [name.raw for name, s in facts.services.items() if s.needs_daemon_reload]
    said = f"waiting: {', '.join(behind)}" if behind else "none waits"
    return _check("no unit waits for a reload", met=not behind, said=said)


def _active(unit: Untrusted, facts: HostFacts) -> Check:
    service = facts.services.get(unit)
    said = f"{service.load} {service.active} {service.sub}" if service else "not known to systemd"
    met = service is not None and service.active.raw == "active"
    return _check(f"{unit} is active", met=met, said=said)


def _check(name: str, *, met: bool, said: str) -> Check:
    return Check(name, met, Untrusted(said))
