"""The bytes that `scripts.PROBE_SCRIPT` would print on a simulated machine."""

import json
import re
from collections.abc import Iterable, Sequence

from fleettui.demo.files import Kind
from fleettui.demo.fleet_agent import SystemdRefused
from fleettui.demo.machine import Machine
from fleettui.demo.systemd import Unit
from fleettui.model.host import FLEET_SERVICE, FLEET_UNITS, SYSTEMD_UNITS

_JOURNAL_LINES = 60
_MOST_LINES = 5000
_AGO = re.compile(r"--since=(\d{1,6}) ?(s|sec|min|h|hour|hours|d|day|days) ago")
_SPANS = {"s": 1, "sec": 1, "min": 60} | dict.fromkeys(("h", "hour", "hours"), 3600)
_SPANS |= dict.fromkeys(("d", "day", "days"), 86_400)


def probe(machine: Machine, units: Sequence[str], since: str | None = None) -> bytes:
    """Facts of a machine, with `units` besides those of fleet's folder; NUL-terminated fields.

    `since` is journalctl's option; the machine understands `--since=N min ago` and its like.
    """
    with machine.systemd.lock:
        said = [
            "fleettui-probe-1",
            f"{machine.clock.wall(machine.clock.now()):.9f}",
            f"{machine.uptime:.2f}",
            machine.id,
            machine.traits.hostname,
        ]
        for path in (FLEET_UNITS, SYSTEMD_UNITS):
            said += _folder(machine, path)
        said += ["version", f"fleetd version {machine.traits.version}"]
        said += ["services", _services(machine, [FLEET_SERVICE, *units, *_managed(machine)])]
    said += ["journal", _journal(machine, since), "end"]
    return b"".join(field.encode("utf-8", "surrogateescape") + b"\0" for field in said)


def _folder(machine: Machine, path: str) -> Iterable[str]:
    entries = machine.files.folders.get(path)
    if entries is None:
        yield from ("missing", path, f"ls: cannot access '{path}/.': No such file or directory")
        return
    yield from ("folder", path, path)
    for name, entry in entries.items():
        target = entry.content.decode("utf-8", "surrogateescape")
        yield from ("entry", name, entry.kind, str(entry.size), f"{entry.mode:o}")
        yield from (str(entry.links), target if entry.kind is Kind.LINK else "")
    for name, entry in sorted(entries.items()):
        if entry.kind is Kind.FILE and not name.startswith("."):
            yield from ("sha256", name, entry.sha256)


def _managed(machine: Machine) -> list[str]:
    names = machine.files.folders.get(FLEET_UNITS, {})
    return sorted(n for n in names if "." in n and "@." not in n and not n.startswith("."))


def _services(machine: Machine, names: Iterable[str]) -> str:
    return "\n\n".join(_show(machine, name) for name in names)


def _show(machine: Machine, name: str) -> str:
    if name == FLEET_SERVICE:
        return "\n".join(_fleet_properties(machine))
    try:
        unit = machine.systemd.unit(name)
    except SystemdRefused as error:
        return f"Failed to get properties: {error}"
    return "\n".join(_properties(machine, unit))


def _fleet_properties(machine: Machine) -> Iterable[str]:
    fleet = machine.fleet
    yield f"MainPID={fleet.main_pid}"
    yield from (f"Id={FLEET_SERVICE}", f"Names={FLEET_SERVICE}", "LoadState=loaded")
    yield from (f"ActiveState={fleet.active}", f"SubState={fleet.sub}")
    yield f"FragmentPath=/usr/lib/systemd/system/{FLEET_SERVICE}"
    yield from _stamps(machine, fleet.active_since, fleet.inactive_since)
    yield "NeedDaemonReload=no"
    yield from _job(fleet.job)


def _properties(machine: Machine, unit: Unit) -> Iterable[str]:
    if unit.is_service:
        yield f"MainPID={unit.main_pid}"
    yield from (f"Id={unit.name}", f"Names={unit.name}", f"LoadState={unit.load}")
    yield from (f"ActiveState={unit.active}", f"SubState={unit.sub}")
    found = unit.text is not None and machine.files.look(SYSTEMD_UNITS, unit.name)
    yield f"FragmentPath={f'{FLEET_UNITS}/{unit.name}' if found else ''}"
    yield from _stamps(machine, unit.active_since, unit.inactive_since)
    yield f"NeedDaemonReload={'yes' if machine.systemd.needs_reload(unit) else 'no'}"
    yield from _job(unit.job)


def _job(number: int) -> Iterable[str]:
    """systemctl names a job only where there is one."""
    return (f"Job={number}",) if number else ()


def _stamps(machine: Machine, active: float, inactive: float) -> Iterable[str]:
    yield f"ActiveEnterTimestampMonotonic={machine.microseconds(active)}"
    yield f"InactiveEnterTimestampMonotonic={machine.microseconds(inactive)}"


def _journal(machine: Machine, since: str | None) -> str:
    if machine.journal_refusal:
        return machine.journal_refusal
    if since is None:
        entries = machine.journal.tail([FLEET_SERVICE], _JOURNAL_LINES)
        return _text(entry.line for entry in entries)
    found = _AGO.fullmatch(since)
    if found is None:
        return f"Failed to parse timestamp: {since.removeprefix('--since=')}"
    begin = machine.clock.wall(machine.clock.now()) - int(found[1]) * _SPANS[found[2]]
    entries = machine.journal.tail([FLEET_SERVICE], _MOST_LINES)
    return _text(entry.line for entry in entries if _written_at(entry.line) >= begin)


def _written_at(line: bytes) -> float:
    return int(json.loads(line)["__REALTIME_TIMESTAMP"]) / 1e6


def _text(lines: Iterable[bytes]) -> str:
    return b"\n".join(lines).decode("utf-8", "surrogateescape")
