"""The answer of the probe script, read into facts; see `fleettui.commands.scripts.PROBE_SCRIPT`."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import MappingProxyType

from msgspec.structs import replace

from fleettui.access import HostUnreachable
from fleettui.hosts.entries import decode_entry
from fleettui.hosts.systemctl import read_services, said_besides
from fleettui.hosts.text import as_name, as_text, last_words
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    SYSTEMD_UNITS,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    JournalEntry,
)
from fleettui.model.untrusted import Untrusted

ANSWER_LIMIT = 2 * 1024 * 1024
"""Bytes of the longest answer that is read. Some 500 are said of a unit; while it is taken apart
it is held up to three times."""

_BEGIN = b"fleettui-probe-1\0"
_FIELDS = {
    b"folder": 2,
    b"entry": 6,
    b"sha256": 2,
    b"missing": 2,
    b"version": 1,
    b"services": 1,
    b"journal": 1,
    b"end": 0,
}
_FOLDERS = (FLEET_UNITS, SYSTEMD_UNITS)
_KINDS = {b"f": EntryKind.FILE, b"l": EntryKind.LINK}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProbeUnreadable(HostUnreachable):
    """The machine answered, but not with a whole answer of the probe script."""


@dataclass(slots=True)
class _Answer:
    """The groups of an answer, as they come."""

    clock: datetime = _EPOCH
    booted: datetime = _EPOCH
    machine_id: Untrusted = Untrusted("")
    hostname: Untrusted = Untrusted("")
    entries: dict[str, dict[Untrusted, FolderEntry]] = field(default_factory=dict)
    """By folder; the last one is being listed."""
    problems: dict[str, Untrusted] = field(default_factory=dict)
    version: Untrusted = Untrusted("")
    services: str = ""
    journal: bytes = b""

    def folder(self, path: str) -> Folder:
        if path not in self.entries:
            return Folder(path, problem=self.problems.get(path, Untrusted("not looked at")))
        return Folder(path, MappingProxyType(self.entries[path]), self.problems.get(path))


def read_probe(
    answer: bytes, machine_id: Untrusted, taken_at: datetime, units: Collection[str] = ()
) -> HostFacts:
    """The facts of a probe's answer; `units` are the names it was asked for.

    Raises ProbeUnreadable where the answer was cut or is not the script's.
    """
    read = _read(answer)
    journal, problem = _read_journal(read.journal)
    wanted = {FLEET_SERVICE, *units, *(n.raw for n in read.entries.get(FLEET_UNITS, ()))}
    return HostFacts(
        machine_id=machine_id,
        taken_at=taken_at,
        clock=read.clock,
        reported_id=read.machine_id,
        hostname=read.hostname,
        folders=MappingProxyType({path: read.folder(path) for path in _FOLDERS}),
        services=MappingProxyType(read_services(read.services, wanted, read.booted)),
        journal=journal,
        fleetd_version=read.version,
        journal_problem=problem,
        services_problem=said_besides(read.services),
    )


def _read(answer: bytes) -> _Answer:
    # A login shell's greeting may stand before the answer.
    begin = answer.find(_BEGIN)
    if begin < 0:
        raise ProbeUnreadable(f"no answer of fleettui's script: {last_words(answer) or 'silence'}")
    fields = iter(answer[begin + len(_BEGIN) :].split(b"\0")[:-1])
    read = _Answer()
    try:
        _header(read, *islice(fields, 4))
        for tag, *values in _groups(fields):
            if tag == b"end":
                return read
            _take(read, tag, values)
    except (TypeError, ValueError, OverflowError, LookupError) as exc:
        raise ProbeUnreadable(f"a muddled answer of fleettui's script: {exc}") from exc
    raise ProbeUnreadable(f"the answer was cut after {len(answer)} bytes")


def _header(
    read: _Answer,
    clock: bytes = b"",
    uptime: bytes = b"",
    machine_id: bytes = b"",
    hostname: bytes = b"",
) -> None:
    read.clock = _EPOCH + timedelta(seconds=_seconds(clock))
    read.booted = read.clock - timedelta(seconds=_seconds(uptime))
    read.machine_id = as_text(machine_id)
    read.hostname = as_text(hostname)


def _seconds(text: bytes) -> float:
    found = re.match(rb"[0-9]{1,12}(\.[0-9]{1,9})?", text)
    if not found:
        raise ValueError(f"no time: {last_words(text)}")
    return float(found[0])


def _groups(fields: Iterator[bytes]) -> Iterator[tuple[bytes, ...]]:
    """Tagged groups up to the first that is not whole."""
    for tag in fields:
        if tag not in _FIELDS:
            raise ValueError(f"no such group: {last_words(tag)}")
        values = tuple(islice(fields, _FIELDS[tag]))
        if len(values) < _FIELDS[tag]:
            return
        yield (tag, *values)


def _take(read: _Answer, tag: bytes, values: Sequence[bytes]) -> None:
    match tag, values:
        case b"folder", [path, real]:
            read.entries[_folder(path)] = {}
            if path != real:
                read.problems[_folder(path)] = Untrusted(f"it is really {as_name(real).raw}")
        case b"missing", [path, why]:
            read.problems[_folder(path)] = as_text(why)
        case b"entry", _:
            entry = _entry(values)
            _listed(read)[entry.name] = entry
        case b"sha256", [name, digest]:
            found = _listed(read).get(as_name(name))
            if found is not None:  # else it came after the folder was listed
                _listed(read)[found.name] = replace(found, sha256=_sha256(digest))
        case b"version", [text]:
            read.version = as_text(text.removeprefix(b"fleetd version "))
        case b"services", [text]:
            read.services = as_text(text).raw
        case b"journal", [text]:
            read.journal = text


def _listed(read: _Answer) -> dict[Untrusted, FolderEntry]:
    """The folder that is being listed."""
    return read.entries[next(reversed(read.entries), "")]


def _folder(path: bytes) -> str:
    name = path.decode("ascii", "backslashreplace")
    if name not in _FOLDERS:
        raise ValueError(f"nobody asked for folder {Untrusted(name)}")
    return name


def _entry(values: Sequence[bytes]) -> FolderEntry:
    name, kind, size, mode, links, target = values
    return FolderEntry(
        name=as_name(name),
        kind=_KINDS.get(kind, EntryKind.OTHER),
        size=int(size),
        mode=int(mode, 8),
        links=int(links),
        target=as_name(target) if kind == b"l" else None,
    )


def _sha256(digest: bytes) -> str | None:
    """The digest, None for a file that could not be read."""
    text = digest.decode("ascii", "replace")
    return text if re.fullmatch("[0-9a-f]{64}", text) else None


def _read_journal(text: bytes) -> tuple[tuple[JournalEntry, ...], Untrusted | None]:
    """The records, and what journalctl said besides (its standard error stands among them)."""
    lines = [line for line in text.split(b"\n") if line and not line.startswith(b"-- ")]
    records = tuple(decode_entry(line) for line in lines if line.startswith(b"{"))
    said = b" ".join(line for line in lines if not line.startswith(b"{"))
    return records, as_text(said) if said else None
