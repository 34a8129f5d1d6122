"""A simulated machine's answers to the commands that fleettui sends, and to no others.

The scripts are recognised by their text, not run: what they would print is made from the virtual
files, units and journal.
"""

import contextlib
import hashlib
import shlex
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from fleettui.commands import scripts
from fleettui.demo.file_scripts import Place, Said, check_quarantine, remove, restore
from fleettui.demo.files import Kind
from fleettui.demo.fleet_agent import SystemdRefused
from fleettui.demo.journal import BadCursor
from fleettui.demo.journalctl import read_options
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


Stdin = Callable[[], Awaitable[bytes]]
"""All of a command's standard input, for one that reads it."""


async def _nothing() -> bytes:
    return b""


async def run(machine: Machine, text: str, stdin: Stdin = _nothing) -> Answer | Follow:
    """What a login shell on `machine` makes of `text`."""
    try:
        argv = shlex.split(text)
    except ValueError as error:
        return Answer(2, err=f"sh: syntax error: {error}\n".encode())
    if shlex.join(argv) != text or not argv:
        return _unknown(text.partition(" ")[0])  # more of a shell than this is not simulated
    match argv:
        case ["sh", "-c", scripts.PROBE_SCRIPT, _, *units]:
            span = units.pop(0) if units and units[0].startswith("--since=") else None
            return Answer(out=probe(machine, units, span))
        case ["sh", "-c", scripts.JOURNAL_SCRIPT, _, *options]:
            return _journalctl(machine, options)
        case ["sh", "-c", scripts.COPY_SCRIPT, _, folder, name]:
            return _copy(machine, folder, name)
        case ["sh", "-c", scripts.IMAGES_SCRIPT, _]:
            return _images(machine)
        case ["sh", "-c", scripts.RIGHTS_SCRIPT, _]:
            groups = "core" if machine.sudo_refusal else "core sudo docker systemd-journal"
            fields = ("fleettui-rights-1", "core", groups, "", "end")
            return Answer(out="".join(f"{field}\0" for field in fields).encode())
        case ["journalctl", "-o", "json", "--no-pager", since, "_PID=1", *ids]:
            return _unit_changes(machine, since, ids)
        case ["sudo", "-n", *rest]:
            return await _sudo(machine, rest, stdin)
    return _unknown(argv[0])


async def _sudo(machine: Machine, argv: Sequence[str], stdin: Stdin) -> Answer | Follow:
    if machine.sudo_refusal:
        return Answer(1, err=f"{machine.sudo_refusal}\n".encode())
    match argv:
        case ["true"]:
            return Answer()
        case ["sh", "-c", scripts.JOURNAL_SCRIPT, _, *options]:
            return _journalctl(machine, options, as_root=True)
        case ["sh", "-c", script, _, *arguments]:
            sent = await stdin() if script == scripts.RESTORE_SCRIPT else b""
            with machine.systemd.lock:
                said = _file_script(machine, script, arguments, sent)
            if said is not None:
                return Answer(out="".join(f"{line}\n" for line in said).encode())
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


def _file_script(
    machine: Machine, script: str, arguments: Sequence[str], stdin: bytes
) -> Said | None:
    """What one of the scripts that change files says; None for any other."""
    match script, arguments:
        case scripts.QUARANTINE_SCRIPT, [quarantine, _, *_]:
            return check_quarantine(machine.files, quarantine, machine.quarantine_refusal)
        case scripts.REMOVE_SCRIPT, [folder, name, kind, want, quarantine, token]:
            place = Place(folder, name, kind, want, quarantine, token)
            return remove(machine.files, place)
        case scripts.RESTORE_SCRIPT, [folder, name, kind, want, quarantine, token, mode, owner]:
            place = Place(folder, name, kind, want, quarantine, token)
            return restore(machine.files, place, (mode, owner), stdin)
    return None


def _images(machine: Machine) -> Answer:
    """`docker images`, and no other such program."""
    rows = ["REPOSITORY          TAG                 IMAGE ID            CREATED"]
    for image in sorted(machine.systemd.images):
        last = image.rpartition("/")[2]
        tag = last.partition(":")[2]
        name = image.removesuffix(f":{tag}") if tag else image
        digest = hashlib.sha256(image.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        rows.append(f"{name:20}{tag or 'latest':20}{digest:20}8 weeks ago")
    fields = ("fleettui-images-1", "docker", "0", "\n".join(rows), "end")
    return Answer(out=b"".join(f.encode("utf-8", "surrogateescape") + b"\0" for f in fields))


# --- journalctl and systemctl ----------------------------------------------------------------


def _journalctl(
    machine: Machine, options: Sequence[str], *, as_root: bool = False
) -> Answer | Follow:
    if machine.journal_refusal and not as_root:
        return Answer(1, err=f"{machine.journal_refusal}\n".encode())
    try:
        asked = read_options(options, machine.journal)
    except BadCursor:
        return Answer(1, err=b"Failed to seek to cursor: Invalid argument\n")
    except ValueError as wrong:
        return Answer(1, err=f"{wrong}\n".encode())
    if asked.follow:
        return Follow(asked.lines(machine.journal))
    return Answer(out=asked.now(machine.journal))


def _unit_changes(machine: Machine, since: str, ids: Sequence[str]) -> Answer:
    """systemd's own lines with one of the message IDs, from `--since=@SECONDS` on."""
    if machine.journal_refusal:
        return Answer(1, err=f"{machine.journal_refusal}\n".encode())
    begin = since.removeprefix("--since=@")
    if not begin.isdecimal():
        return Answer(1, err=f"Failed to parse timestamp: {begin}\n".encode())
    wanted = {word.removeprefix("MESSAGE_ID=") for word in ids}
    entries = machine.journal.marked(wanted, int(begin))
    return Answer(out=b"".join(entry.line + b"\n" for entry in entries))


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
        case [("start" | "stop" | "restart") as verb, "--no-block", unit] | [
            ("start" | "stop" | "restart") as verb,
            "--no-block",
            "--",
            unit,
        ]:
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
