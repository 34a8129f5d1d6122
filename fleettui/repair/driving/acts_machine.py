"""The acts on a machine: each sent once, and judged by what is read afterwards."""

import hashlib
from datetime import datetime

from fleettui.access import Ending, FileCopy
from fleettui.commands import daemon_reload, remove_file, remove_link, start_unit, sudo_works
from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.ledger import Failure
from fleettui.repair.driving.watch import Watch
from fleettui.repair.driving.words import answered, complaint, refused
from fleettui.repair.planning.action import RemoveFile, RemoveLink, StartUnit
from fleettui.repair.records.outcome import Check, Progress, Result


async def try_sudo(contact: Contact) -> str:
    """Whether root may be had; nothing of the step runs where it may not."""
    result = await contact.send(sudo_works())
    if result.ending is not Ending.EXITED or result.exit_status != 0:
        said = f"sudo does not work: {complaint(result)}"
        raise Failure(Result.NOT_STARTED, said)
    return "sudo works"


async def remove_unit_file(contact: Contact, action: RemoveFile) -> str:
    """Keep a copy here, then quarantine the file there, if its bytes are those that were seen."""
    path = f"{FLEET_UNITS}/{action.unit.raw}"
    try:
        copy = await contact.operator.hosts.copy(contact.machine, FLEET_UNITS, action.unit)
    except FileNotFoundError as missing:
        if action.unit in (await contact.read_back()).folders[FLEET_UNITS].entries:
            said = f"no copy of {path} could be taken, so it was not removed: {missing}"
            raise Failure(Result.FAILED, said) from missing
        return f"read back: {path} was gone already"
    found = hashlib.sha256(copy.content).hexdigest()
    if found != action.sha256:
        raise Failure(
            Result.FAILED,
            f"{path} is another file now: sha256 {found}, it was {action.sha256}. "
            "Nothing was removed; locate again.",
        )
    _keep(contact, action, copy)
    return await _remove(contact, action)


def _keep(contact: Contact, action: RemoveFile, copy: FileCopy) -> None:
    path = contact.ledger.keep(action.unit, copy.content)
    contact.ledger.note_first(
        "kept",
        unit=action.unit,
        path=path,
        sha256=action.sha256,
        mode=f"{copy.mode:o}",
        uid=copy.uid,
        gid=copy.gid,
        token=contact.token,
    )


async def remove_unit_link(contact: Contact, action: RemoveLink) -> str:
    """Quarantine systemd's link, if it still points to fleet's file."""
    return await _remove(contact, action)


async def _remove(contact: Contact, action: RemoveFile | RemoveLink) -> str:
    unit, token = action.unit.raw, contact.token
    if isinstance(action, RemoveFile):
        folder, command = FLEET_UNITS, remove_file(unit, action.sha256, token)
    else:
        folder, command = SYSTEMD_UNITS, remove_link(unit, token)
    result = await contact.send(command)
    why = refused(result)
    if why is not None:
        raise Failure(Result.FAILED, f"the machine refused: {why}")
    answer = answered(result)
    if action.unit in (await contact.read_back()).folders[folder].entries:
        said = "it is still there" if answer else complaint(result)
        raise Failure(Result.FAILED, f"{folder}/{unit}: {said}")
    if answer[:1] == ["removed"] and len(answer) > 1 and isinstance(action, RemoveFile):
        contact.ledger.note("quarantined", unit=action.unit, path=answer[1])
    return f"read back: no {unit} in {folder}"


async def reload_systemd(contact: Contact) -> str:
    """Have systemd read its files; one in doubt is sent once more, because that does no harm."""
    result = await contact.send(daemon_reload())
    if result.ending is Ending.UNKNOWN:
        result = await contact.send(daemon_reload())
    if result.ending is Ending.UNKNOWN:
        raise Failure(Result.UNKNOWN, f"no answer, twice: {result.reason.raw}")
    if result.exit_status != 0:
        raise Failure(Result.FAILED, complaint(result))
    services = (await contact.read_back()).services
    behind = [str(name) for name, s in services.items() if s.needs_daemon_reload]
    if behind:
        raise Failure(Result.FAILED, f"systemd still asks for a reload of {', '.join(behind)}")
    return f"systemd reloaded; no unit of {len(services)} waits for another reload"


async def start(contact: Contact, action: StartUnit, watch: Watch) -> str:
    """Start a unit that the registry wants here, and wait until it is active."""
    name = action.unit
    unit = (await contact.snapshot()).units.get(name)
    if unit is None or unit.wanted is not TargetState.LAUNCHED:
        said = f"the registry does not want {name.raw} launched any more: nothing was sent"
        raise Failure(Result.FAILED, said)
    if not unit.is_global and unit.target != contact.machine.id:
        there = unit.target.raw if unit.target else "no machine"
        said = f"the registry sends {name.raw} to {there} by now: nothing was sent"
        raise Failure(Result.FAILED, said)
    facts = await contact.read_back()
    if not _activity(name, facts, facts.clock).met:
        await contact.insist(start_unit(name.raw))

    async def look() -> Progress:
        return Progress((_activity(name, await contact.probe(), facts.clock),))

    await watch.until(look, watch.pace.started_within)
    return f"read back: {name.raw} is active"


def _activity(unit: Untrusted, facts: HostFacts, sent_at: datetime) -> Check:
    """Whether a unit is active. Raises Failure where it failed after `sent_at`."""
    service = facts.services.get(unit)
    active = service is not None and service.active.raw == "active"
    said = f"{service.load} {service.active} {service.sub}" if service else "not known to systemd"
    failed = service is not None and service.active.raw == "failed"
    if service and failed and service.since and service.since > sent_at:
        raise Failure(Result.FAILED, f"{unit.raw} did not start: systemd says {said}")
    return Check(f"{unit} is active", active, Untrusted(said))
