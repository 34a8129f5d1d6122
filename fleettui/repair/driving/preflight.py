"""Preflight: everything that could stop a repair halfway, tried before its first change."""

import asyncio
import contextlib
import os
import secrets
from dataclasses import replace
from pathlib import Path

from fleettui.access import (
    CommandResult,
    Ending,
    HostHands,
    HostUnreachable,
    Operator,
    RegistryReader,
    RegistryUnavailable,
)
from fleettui.commands import check_quarantine, sudo_works
from fleettui.diagnosis.leading import leader_of
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.words import answered, complaint, refused
from fleettui.repair.planning.action import RemoveFile, RemoveLink
from fleettui.repair.planning.look import unread
from fleettui.repair.planning.plan import Plan
from fleettui.repair.records.outcome import Check

ROOM = 256 * 1024
"""Bytes that must fit onto the record's disk: many times what a repair writes."""


async def preflight(
    operator: Operator, plan: Plan, records: Path, own: str | None = None
) -> tuple[Check, ...]:
    """All of it at once, each with a plain sentence; changes nothing.

    `own` names a repair that is taken up: its lock may still be there, because its process was
    killed, and what it did may have left the cluster without an engine leader for a while.
    """
    registry, lock, disk, machine = await asyncio.gather(
        _registry(operator.registry, is_required=own is None),
        _lock(operator.registry, own or plan.token),
        asyncio.to_thread(_disk, records),
        _machine(operator, plan),
    )
    return (*machine, *registry, lock, disk)


async def _machine(operator: Operator, plan: Plan) -> tuple[Check, ...]:
    """Of the machine that is changed, if one is."""
    machine = plan.machine
    if machine is None:
        return ()
    removes = any(isinstance(a, RemoveFile | RemoveLink) for s in plan.steps for a in s.actions)
    looked, *tried = await asyncio.gather(
        _answers(operator, machine),
        root_check(operator.hands, machine),
        *((_quarantine(operator.hands, machine, plan.token),) if removes else ()),
    )
    return (*looked, *tried)


async def _answers(operator: Operator, machine: Machine) -> tuple[Check, ...]:
    name, folders = "the machine answers", "both unit folders are where they should be"
    try:
        facts = await operator.hosts.probe(machine)
    except HostUnreachable as reason:
        return (
            _check(name, met=False, said=str(reason)),
            _check(folders, met=False, said="the machine could not be asked"),
        )
    is_it = facts.reported_id == machine.id
    who = f"{facts.hostname.raw}, machine ID {facts.reported_id.raw}"
    other = f"; the registry says {machine.id.raw}: this is another machine"
    problem = unread(facts)
    return (
        _check(name, met=is_it, said=who if is_it else who + other),
        _check(folders, met=problem is None, said=problem or _found(facts)),
    )


def _found(facts: HostFacts) -> str:
    found = [path for path, folder in facts.folders.items() if folder.problem is None]
    return f"read: {', '.join(found)}"


async def root_check(hands: HostHands, machine: Machine) -> Check:
    """Whether sudo gives root as repairs need it. Changes nothing."""
    name = "root may be had through sudo"
    result = await hands.perform(machine, sudo_works())
    said = f"sudo does not work: {complaint(result)}"
    return _check(
        name, met=_worked(result), said="sudo ran a command as root" if _worked(result) else said
    )


async def _quarantine(hands: HostHands, machine: Machine, token: str) -> Check:
    """A probe file is written there, compared and removed."""
    result = await hands.perform(machine, check_quarantine(token))
    writable = _worked(result) and answered(result) == ["writable"]
    said = "a file was written there, read back and removed"
    why = refused(result) or complaint(result)
    return _check(
        "removed files can be kept on the machine", met=writable, said=said if writable else why
    )


def _worked(result: CommandResult) -> bool:
    return result.ending is Ending.EXITED and result.exit_status == 0


async def _registry(reader: RegistryReader, *, is_required: bool) -> tuple[Check, ...]:
    quorum, leader = "etcd answers with its quorum", "an engine leads the cluster"
    try:
        snapshot = await reader.read()
    except RegistryUnavailable as lost:
        return (
            _check(quorum, met=False, said=str(lost)),
            _check(leader, met=False, said="the registry could not be read"),
        )
    return (
        _check(quorum, met=True, said=f"read through the quorum at index {snapshot.index}"),
        replace(_leads(leader, snapshot), required=is_required),
    )


def _leads(name: str, snapshot: Snapshot) -> Check:
    met, said = leader_of(snapshot)
    return _check(name, met=met, said=said)


async def _lock(reader: RegistryReader, own: str) -> Check:
    name = "nobody else repairs"
    try:
        holder = await reader.lock_holder()
    except RegistryUnavailable as lost:
        return _check(name, met=False, said=str(lost))
    if holder is None:
        return _check(name, met=True, said="the repair lock is free")
    if holder.token.raw == own and holder.problem is None:
        return _check(name, met=True, said="the repair lock is still that of this very repair")
    said = holder.problem or (
        f"{holder.who.raw} repairs {holder.subject.raw} since {holder.since:%H:%M:%S} UTC, "
        f"at the stage {holder.stage.raw}"
    )
    return _check(name, met=False, said=said)


def _disk(records: Path) -> Check:
    name = "the record can be written"
    try:
        _fill(records)
    except OSError as error:
        return _check(name, met=False, said=f"{records}: {error.strerror or error}")
    return _check(name, met=True, said=f"{ROOM // 1024} kB were written to {records} and flushed")


def _fill(records: Path) -> None:
    """Write as much as a record may need, have the disk hold it, and remove it. Raises OSError."""
    records.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = records / f".preflight-{secrets.token_hex(6)}"
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        data = secrets.token_bytes(ROOM)  # nothing that a filesystem could pack
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _check(name: str, *, met: bool, said: str) -> Check:
    return Check(name, met, Untrusted(said))
