"""A simulated machine's answers to the commands that fleettui sends, and to no others.

The scripts are recognised by their text, not run: what they would print is made from the virtual
files, units and journal.
"""

import contextlib
import shlex
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from fleettui import commands
from fleettui.demo.files import Entry, Kind
from fleettui.demo.fleet_agent import SystemdRefused
from fleettui.demo.journal import BadCursor
from fleettui.demo.machine import Machine
from fleettui.demo.probe import probe
from fleettui.model.host import FLEET_SERVICE

_KILLED_BY_TERM = 143


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and what it printed."""

    status: int = 0
    out: bytes = b""
    err: bytes = b""


@dataclass(frozen=True, slots=True)
class Follow:
    """A command that goes on until its standard input closes, and the status it then ends with."""

    output: AsyncGenerator[bytes, None]
    status: int = _KILLED_BY_TERM


async def run(machine: Machine, text: str) -> Answer | Follow:
    """What a login shell on `machine` makes of `text`."""
    try:
        argv = shlex.split(text)
    except ValueError as error:
        return Answer(2, err=f"sh: syntax error: {error}\n".encode())
    if shlex.join(argv) != text or not argv:
        return _unknown(text.partition(" ")[0])  # more of a shell than this is not simulated
    match argv:
        case ["sh", "-c", commands.PROBE_SCRIPT, _, *units]:
            span = units.pop(0) if units and units[0].startswith("--since=") else None
            return Answer(out=probe(machine, units, span))
        case ["sh", "-c", commands.JOURNAL_SCRIPT, _, *options]:
            return _journalctl(machine, options)
        case ["sh", "-c", commands.COPY_SCRIPT, _, folder, name]:
            return _copy(machine, folder, name)
        case ["sudo", "-n", *rest]:
            return await _sudo(machine, rest)
    return _unknown(argv[0])


async def _sudo(machine: Machine, argv: Sequence[str]) -> Answer:
    if machine.sudo_refusal:
        return Answer(1, err=f"{machine.sudo_refusal}\n".encode())
    match argv:
        case ["true"]:
            return Answer()
        case ["sh", "-c", commands.REMOVE_SCRIPT, _, folder, name, kind, want, quarantine, token]:
            with machine.systemd.lock:
                lines = _remove(machine, (folder, name), kind, want, (quarantine, token))
            return Answer(out="".join(f"{line}\n" for line in lines).encode())
        case ["systemctl", *rest]:
            return await _systemctl(machine, rest)
    return Answer(1, err=f"sudo: {argv[0] if argv else ''}: command not found\n".encode())


def _unknown(name: str) -> Answer:
    return Answer(127, err=f"sh: {name}: command not found\n".encode("utf-8", "surrogateescape"))


# --- files -----------------------------------------------------------------------------------


def _copy(machine: Machine, folder: str, name: str) -> Answer:
    with machine.systemd.lock:
        entry = machine.files.look(folder, name)
    if entry is None or entry.kind is not Kind.FILE:
        return Answer(3)
    stat = f"{entry.mode:o} {entry.uid} {entry.gid} {entry.links} {entry.size}\n"
    return Answer(out=stat.encode() + entry.content)


def _remove(
    machine: Machine, place: tuple[str, str], kind: str, want: str, keep: tuple[str, str]
) -> tuple[str, ...]:
    files, (folder, name) = machine.files, place
    if folder not in files.folders:
        return "refused", f"cannot enter {folder}"
    entry = files.look(folder, name)
    if entry is None:
        return ("absent",)
    found = _look(entry, kind, want)
    if found != "as-expected":
        return "refused", f"{folder}/{name} is {found}"
    quarantine, kept = keep[0], f"{keep[1]}.{kind}"
    if files.look(quarantine, kept) is not None:
        return "refused", f"{quarantine}/{kept} is there already"
    files.remove(folder, name)
    files.put(quarantine, kept, entry)
    return "removed", f"{quarantine}/{kept}"


def _look(entry: Entry, kind: str, want: str) -> str:
    if kind == "link":
        if entry.kind is not Kind.LINK:
            return "not a symbolic link"
        target = entry.content.decode("utf-8", "surrogateescape")
        return "as-expected" if target == want else f"a link to {target}"
    if entry.kind is not Kind.FILE:
        return "a symbolic link" if entry.kind is Kind.LINK else "not a regular file"
    if entry.links != 1:
        return "a file with more than one hard link"
    return "as-expected" if entry.sha256 == want else f"a file with sha256 {entry.sha256}"


# --- journalctl and systemctl ----------------------------------------------------------------


def _journalctl(machine: Machine, options: Sequence[str]) -> Answer | Follow:
    if machine.journal_refusal:
        return Answer(1, err=f"{machine.journal_refusal}\n".encode())
    match options:
        case ["-u", unit, "-o", "json", "-f", "--no-pager", "-n", count] if count.isdecimal():
            return Follow(_lines(machine, unit, int(count), None))
        case ["-u", unit, "-o", "json", "-f", "--no-pager", "--no-tail", since] if since.startswith(
            "--after-cursor="
        ):
            cursor = since.removeprefix("--after-cursor=")
            try:
                machine.journal.after([unit], cursor)
            except BadCursor:
                return Answer(1, err=b"Failed to seek to cursor: Invalid argument\n")
            return Follow(_lines(machine, unit, 0, cursor))
    return Answer(1, err=f"journalctl: unrecognized option in {options}\n".encode())


async def _lines(
    machine: Machine, unit: str, count: int, cursor: str | None
) -> AsyncGenerator[bytes, None]:
    follow = machine.journal.follow([unit], count=count, cursor=cursor)
    async with contextlib.aclosing(follow) as batches:
        async for batch in batches:
            if batch:
                yield b"".join(entry.line + b"\n" for entry in batch)


async def _systemctl(machine: Machine, argv: Sequence[str]) -> Answer:
    match argv:
        case ["daemon-reload"]:
            machine.systemd.reload()
            return Answer()
        case [
            "kill",
            "-s",
            ("KILL" | "HUP" | "TERM") as signal,
            "--kill-who=main",
            "fleet.service",
        ]:
            machine.fleet.kill(signal)
            return Answer()
        case [("start" | "stop" | "restart") as verb, "--no-block", unit]:
            return _job(machine, verb, unit)
        case [("start" | "stop" | "restart") as verb, unit]:
            answer = _job(machine, verb, unit)
            await _settled(machine, unit)
            return answer
    return Answer(1, err=f"Unknown operation '{shlex.join(argv)}'.\n".encode())


def _job(machine: Machine, verb: str, unit: str) -> Answer:
    fleet, systemd = machine.fleet, machine.systemd
    if unit == FLEET_SERVICE:
        {"start": fleet.start, "stop": fleet.stop, "restart": fleet.restart}[verb]()
        return Answer()
    try:
        if verb != "start":
            systemd.stop(unit)
        if verb != "stop":
            systemd.start(unit)
    except SystemdRefused as error:
        return Answer(5, err=f"Failed to {verb} {unit}: {error}\n".encode())
    return Answer()


async def _settled(machine: Machine, unit: str) -> None:
    """Wait as systemctl does without --no-block, until nothing is on its way."""

    def active() -> str:
        if unit == FLEET_SERVICE:
            return machine.fleet.active
        try:
            return machine.systemd.unit(unit).active
        except SystemdRefused:
            return "inactive"

    # systemd says a line at every change, so the unit's journal tells when to look again.
    async with contextlib.aclosing(machine.journal.follow([unit], count=0)) as news:
        async for _ in news:
            if active() not in {"activating", "deactivating"}:
                return
