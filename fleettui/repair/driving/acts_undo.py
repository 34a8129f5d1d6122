"""Putting back what a repair removed: byte for byte, with mode and owner, and read back."""

import hashlib

from fleettui.access import FileCopy
from fleettui.commands import ChangeCommand, Owned, restore_file, restore_link
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.ledger import Failure
from fleettui.repair.driving.words import answered, complaint, refused
from fleettui.repair.planning.action import RestoreFile, RestoreLink
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.past import Kept


async def restore_unit_file(contact: Contact, action: RestoreFile) -> str:
    """From quarantine on the machine, or from the copy kept here; never over anything."""
    kept = contact.ledger.kept(action.unit, action.sha256)
    if kept is None:
        said = f"no copy of {action.unit.raw} with sha256 {action.sha256} is on record"
        raise Failure(Result.NOT_STARTED, said)
    owned = Owned(kept.mode, kept.uid, kept.gid)
    unit, content = action.unit.raw, _content(kept)
    await _send(contact, restore_file(unit, action.sha256, kept.token, owned, content))
    try:
        copy = await contact.operator.hosts.copy(contact.machine, FLEET_UNITS, action.unit)
    except FileNotFoundError as missing:
        raise Failure(Result.FAILED, f"read back: {missing}") from missing
    wrong = _difference(kept, copy)
    if wrong is not None:
        raise Failure(Result.FAILED, f"read back: {FLEET_UNITS}/{action.unit.raw} has {wrong}")
    return f"read back: {FLEET_UNITS}/{action.unit.raw} is there again, byte for byte"


async def restore_unit_link(contact: Contact, action: RestoreLink) -> str:
    """A link to fleet's file, made anew where nothing is."""
    unit, wanted = action.unit.raw, f"{FLEET_UNITS}/{action.unit.raw}"
    await _send(contact, restore_link(unit, contact.token))
    entry = (await contact.read_back()).folders[SYSTEMD_UNITS].entries.get(action.unit)
    if entry is None or entry.target != Untrusted(wanted):
        found = f"a link to {entry.target}" if entry and entry.target else "no link"
        raise Failure(Result.FAILED, f"read back: {SYSTEMD_UNITS}/{unit} is {found}")
    return f"read back: {SYSTEMD_UNITS}/{unit} points to {wanted} again"


async def _send(contact: Contact, command: ChangeCommand) -> None:
    """One that is in doubt is sent once more: what is there already is left as it is."""
    result = await contact.send(command)
    if not answered(result):
        result = await contact.send(command)
    why = refused(result)
    if why is not None:
        raise Failure(Result.FAILED, f"the machine refused: {why}")
    if not answered(result):
        raise Failure(Result.UNKNOWN, complaint(result))


def _content(kept: Kept) -> bytes:
    """The copy kept here, if it is whole; without it only the quarantine can give the file."""
    try:
        content = kept.path.read_bytes()
    except OSError:
        return b""
    return content if hashlib.sha256(content).hexdigest() == kept.sha256 else b""


def _difference(kept: Kept, copy: FileCopy) -> str | None:
    """What is not as it was, or None."""
    found = hashlib.sha256(copy.content).hexdigest()
    if found != kept.sha256:
        return f"sha256 {found}, not {kept.sha256}"
    if copy.mode != kept.mode:
        return f"mode {copy.mode:o}, not {kept.mode:o}"
    if (copy.uid, copy.gid) != (kept.uid, kept.gid):
        return f"owner {copy.uid}:{copy.gid}, not {kept.uid}:{kept.gid}"
    return None
