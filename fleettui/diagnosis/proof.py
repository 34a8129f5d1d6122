"""Pieces of evidence: a registry key, a file, a journal line, a word of systemd's."""

from fleettui.diagnosis.finding import Evidence, Source
from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.signals import Signal
from fleettui.model.cluster import Unit, UnitState
from fleettui.model.host import FLEET_SERVICE, FLEET_UNITS, HostFacts
from fleettui.model.untrusted import Untrusted

ABSENT = Untrusted("absent")


def key(path: str, value: Untrusted) -> Evidence:
    """A registry key, named from fleet's prefix on, and its value."""
    return Evidence(Source.REGISTRY, Untrusted(path), value)


def job_key(unit: Unit, leaf: str, value: Untrusted | None) -> Evidence:
    """`job/UNIT/LEAF` and its value, or that there is none."""
    return key(f"job/{unit.name.raw}/{leaf}", ABSENT if value is None else value)


def machine_key(machine_id: Untrusted, value: Untrusted = ABSENT) -> Evidence:
    """`machines/ID/object`."""
    return key(f"machines/{machine_id.raw}/object", value)


def state_key(unit: Unit, state: UnitState) -> Evidence:
    """`states/UNIT/ID` and its three words."""
    words = f"{state.load.raw} {state.active.raw} {state.sub.raw}"
    return key(f"states/{unit.name.raw}/{state.machine_id.raw}", Untrusted(words))


def unit_file(facts: HostFacts, unit: Untrusted) -> Evidence:
    """The unit's file in fleet's folder, or that there is none."""
    folder = facts.folders.get(FLEET_UNITS)
    entry = folder.entries.get(unit) if folder else None
    what = Untrusted(f"{entry.kind}, {entry.size} bytes") if entry else ABSENT
    return Evidence(Source.FILE, Untrusted(f"{FLEET_UNITS}/{unit.raw}"), what, facts.machine_id)


def systemd(facts: HostFacts, unit: Untrusted, what: str) -> Evidence:
    """What `systemctl show` says of a unit."""
    return Evidence(Source.SYSTEMD, unit, Untrusted(what), facts.machine_id)


def line(machine_id: Untrusted, *signals: Signal) -> tuple[Evidence, ...]:
    """The last of several journal lines of a kind, counted; nothing for none."""
    if not signals:
        return ()
    last = signals[-1].entry
    count = f", {len(signals)} lines since {signals[0].at:%H:%M:%S}" if len(signals) > 1 else ""
    where = Untrusted(f"{FLEET_SERVICE}{count}")
    return (Evidence(Source.JOURNAL, where, last.message, machine_id, last.cursor, last.at),)


def harmless(reading: Reading) -> tuple[Evidence, ...]:
    """How many lines of a machine's journal mean nothing; nothing for none."""
    noise, sample = reading.noise, reading.noise.sample
    if sample is None:
        return ()
    what = Untrusted(f"{noise.lines} harmless line{'s'[: noise.lines > 1]} not counted")
    where, machine_id = Untrusted(FLEET_SERVICE), reading.facts.machine_id
    return (Evidence(Source.JOURNAL, where, what, machine_id, sample.cursor, sample.at),)


def own_id(facts: HostFacts) -> Evidence:
    """/etc/machine-id of the host that answered."""
    what = Untrusted(f"{facts.reported_id.raw} on {facts.hostname.raw}")
    return Evidence(Source.FILE, Untrusted("/etc/machine-id"), what, facts.machine_id)
