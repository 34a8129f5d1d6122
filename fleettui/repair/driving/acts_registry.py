"""The acts on the registry: looked at, written once by comparison, and read back."""

from fleettui.access import FleetKey, KeyValue
from fleettui.model.cluster import Snapshot, TargetState
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.contact import Contact
from fleettui.repair.driving.ledger import Failure
from fleettui.repair.planning.action import (
    CreateKey,
    DeleteFolder,
    DeleteKey,
    SetTargetState,
    joined,
)
from fleettui.repair.records.outcome import Result

JOB = Untrusted("job")
STATES = Untrusted("states")
TARGET_STATE = Untrusted("target-state")


async def set_target_state(contact: Contact, action: SetTargetState) -> str:
    """As fleetctl does; nothing is sent where it is what is wanted already."""
    key = (JOB, action.unit, TARGET_STATE)
    if not is_wanted(action, await _value(contact, key)):
        writer = contact.operator.writer
        await contact.write(writer.set_target_state(action.unit, action.expected, action.wanted))
    state = await _value(contact, key)
    said = "absent" if state is None else state
    if not is_wanted(action, state):
        raise Failure(Result.FAILED, f"read back: target-state is {said}")
    return f"read back: target-state of {action.unit.raw} is {said}"


def is_wanted(action: SetTargetState, state: str | None) -> bool:
    """Whether a target state is the one that is to be set; no job at all wants nothing."""
    return state == action.wanted or (state is None and action.wanted is TargetState.INACTIVE)


async def delete_key(contact: Contact, action: DeleteKey) -> str:
    """Delete a key as it was read; what anybody wrote since stays."""
    name = joined(action.key)
    found = await contact.key(action.key)
    if found is None:
        return f"read back: {name} was gone already"
    if not is_what_was_read(action, found):
        raise Failure(
            Result.FAILED,
            f"{name} was written again since it was read: it holds {found.value} now. "
            "Nothing was deleted; locate again.",
        )
    if action.key[0] == JOB:
        await _insist_on_orphan(contact, action.key[1])
    await contact.write(contact.operator.writer.delete_key(action.key, found.index))
    again = await contact.key(action.key)
    if again is not None:
        same = again.index == found.index
        why = "is still there" if same else f"was written again at once: {again.value}"
        raise Failure(Result.FAILED, f"read back: {name} {why}")
    return f"read back: {name} is gone"


async def _insist_on_orphan(contact: Contact, unit: Untrusted) -> None:
    """A job that got its file again, or that a machine reports, keeps its old keys besides.

    Raises Failure: fleetctl submits a unit's file anew without writing `job/UNIT/object` again.
    """
    job = (await contact.snapshot()).units.get(unit)
    if job is None:
        return
    if job.file is not None:
        said = f"{unit.raw} has its unit file again: nothing more was deleted; locate again"
        raise Failure(Result.FAILED, said)
    if job.heartbeat is not None or job.states:
        said = f"a machine reports {unit.raw} by now: nothing more was deleted; locate again"
        raise Failure(Result.FAILED, said)


def is_what_was_read(action: DeleteKey, found: KeyValue) -> bool:
    """Whether a key still is what was to be deleted.

    An agent writes its states anew twice in a TTL: one that still says the same is the same.
    """
    if action.key[0] == STATES:
        return found.value == action.value
    return found.index == action.index


async def delete_folder(contact: Contact, action: DeleteFolder) -> str:
    """Delete an empty folder; one in doubt is tried once more, because that can do no harm."""
    name, writer = joined(action.key), contact.operator.writer
    try:
        for _ in range(2):
            if await contact.write(writer.delete_empty_folder(action.key)):
                return f"etcd deleted the folder {name}"
    except Failure as refusal:
        is_there = has_job(await contact.snapshot(), action.key[-1])
        if is_there or refusal.outcome.result is not Result.FAILED:
            raise
        return f"read back: nothing that fleet reads is left of {name} ({refusal})"
    raise Failure(Result.UNKNOWN, f"etcd gave no answer, twice, about the folder {name}")


async def create_key(contact: Contact, action: CreateKey) -> str:
    """Write a deleted key again, where nobody did meanwhile."""
    name = joined(action.key)
    if await _value(contact, action.key) != action.value.raw:
        await contact.write(contact.operator.writer.create_key(action.key, action.value.raw))
    value = await _value(contact, action.key)
    if value != action.value.raw:
        said = "absent" if value is None else str(Untrusted(value))
        raise Failure(Result.FAILED, f"read back: {name} is {said}")
    return f"read back: {name} holds what it held"


async def _value(contact: Contact, key: FleetKey) -> str | None:
    found = await contact.key(key)
    return found.value.raw if found else None


def has_job(snapshot: Snapshot, unit: Untrusted) -> bool:
    """Whether the registry shows anything of a job; its empty folder does not show."""
    job = snapshot.units.get(unit)
    parts = (job.unit_hash, job.target_state, job.target, job.heartbeat) if job else ()
    return any(part is not None for part in parts)
