"""A cluster in which every text that is not ours is hostile, and each tells which field it is.

The fields are found in the types themselves: whoever adds one has to make it hostile here, else
`test_hostile_text.py` fails.
"""

import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any

import fakes
import msgspec
from fakes import MACHINES, FakeHosts, FakeRegistry, U
from hostile_app import refused
from msgspec.structs import replace

from fleettui.access import (
    ClusterAddress,
    CommandResult,
    HostKeyQuestion,
    HostUnreachable,
    KeyValue,
    Observer,
    Operator,
)
from fleettui.diagnosis.finding import Finding
from fleettui.model.clock import now
from fleettui.model.cluster import (
    BadRecord,
    Leader,
    Link,
    Machine,
    RegistryView,
    Snapshot,
    Unit,
    UnitState,
)
from fleettui.model.host import (
    FLEET_UNITS,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    HostReport,
    ImageFacts,
    JournalItem,
    JournalNotice,
    JournalRecord,
    NoticeKind,
    ServiceFacts,
    UnitChange,
)
from fleettui.model.lock import LockHolder
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

ESCAPES = (
    *("\x1b]0;OWNED\x07", "\x1b]2;OWNED\x1b\\", "\x1bkOWNED\x1b\\", "\x1b]1;OWNED\x07"),  # titles
    *("\x1b[2J", "\x1b[3J", "\x1b[H", "\x1b[?1049l", "\x1bc", "\x1b[!p", "\x1b#8"),  # the screen
    *("\x1bP$qOWNED\x1b\\", "\x1b_OWNED\x1b\\", "\x1b^OWNED\x1b\\", "\x1bX1\x1b\\"),  # strings
    *("\x1b]52;c;T1dORUQ=\x07", "\x1b]8;;http://OWNED\x07x", "\x1b]4;1;?\x07"),  # clipboard, link
    *("\x1b[6n", "\x1b[c", "\x1b[>q", "\x1b[21t", "\x05"),  # what the terminal would answer
    *("\x9b31m", "\x9d0;OWNED\x9c", "\x90q\x9c", "\x85", "\x84"),  # C1
    *("\u202eOWNED", "\u2066x\u2069", "\u200bx\u200f", "\ufeffx", "\u2028x\u2029"),  # hidden
    *("\U000e0041x", "e\u0301\u0315", "\x08\x7f", "\r\nx", "\x0e\x0f", "\x00\x07", "\t|\x0b\x0c"),
)
MARKUP = (
    *("[@click=app.owned]x[/]", "[@click='app.owned']x[/]", "[@click=app.owned()]x[/]"),
    *("[@click=screen.dismiss(True)]x[/]", "[@click=app.leave]x", "[@click=quit]x[/]"),
    *("[link=http://OWNED]x[/link]", "[link='http://OWNED']x[/]", "[red]x[/red]", "[b]x[/b]"),
    *("[red]x[/red", "[/]", "[/b]", "[[x]]", r"\[red]x", "[$error]x[/]", "[on red]x[/]"),
    *("[/run/fleet/units/a.service:5] x", "[blink reverse]x[/]", ":skull: [:x]"),
)
PAYLOADS = (*ESCAPES, *MARKUP)
ROOTS = (
    *(Snapshot, RegistryView, HostFacts, HostReport, JournalItem, JournalRecord, UnitChange),
    *(ImageFacts, LockHolder, HostKeyQuestion, KeyValue, CommandResult, Finding),
)
"""What comes from etcd and from machines, as the console gets it."""


def remote_fields(kinds: Sequence[Any] = ROOTS) -> frozenset[str]:
    """Each field of a type, and of what it is made of, that holds remote text: `Unit.name`."""
    found: set[str] = set()
    waiting, seen = list(kinds), set[Any]()
    while waiting:
        kind = waiting.pop()
        if kind in seen:
            continue
        seen.add(kind)
        for name, hint in _hints(kind):
            parts = set(_parts(hint))
            if Untrusted in parts:
                found.add(f"{kind.__name__}.{name}")
            waiting += parts - {Untrusted}
        waiting += [] if isinstance(kind, type) else _parts(kind)
    return frozenset(found)


def _hints(kind: Any) -> Iterator[tuple[str, Any]]:
    if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        hints = typing.get_type_hints(kind)
        names = [f.name for f in fields(kind)] if is_dataclass(kind) else kind.__struct_fields__
        yield from ((name, hints[name]) for name in names)


def _parts(hint: Any) -> list[Any]:
    """The types that a type is made of: of `Mapping[Untrusted, Unit] | None` both."""
    if typing.get_origin(hint) is None and not isinstance(hint, types.UnionType):
        return [hint]
    return [part for inner in typing.get_args(hint) for part in _parts(inner)]


class Ink:
    """Writes the hostile texts; each piece tells its field and payload: `~KKPP`, in letters."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        """By field."""

    def __call__(self, field: str, first: str = "") -> Untrusted:
        """All payloads behind each other, those of one field beginning elsewhere than another's."""
        number = self.numbers.setdefault(field, len(self.numbers))
        order = [(n + number * 7) % len(PAYLOADS) for n in range(len(PAYLOADS))]
        return U(first + "".join(_mark(number, n) + PAYLOADS[n] for n in order))

    def marks(self, field: str) -> set[str]:
        """What stands before each payload of a field."""
        return {_mark(self.numbers[field], n) for n in range(len(PAYLOADS))}


def _mark(number: int, payload: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "~" + "".join(letters[n // 26] + letters[n % 26] for n in (number, payload))


class HostileHosts(FakeHosts):
    """Machines of which one does not answer, in hostile words."""

    why = U("")

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        if machine.id not in self.reports:
            raise HostUnreachable(str(self.why))
        return self.reports[machine.id]


def operator(ink: Ink) -> Operator:
    """The cluster of `fakes` with hostile texts: the first machine is broken, but can be reached,
    so that a repair can be begun; the second says that it is another; the third does not answer.
    """
    machine = Machine(
        MACHINES[0].id,
        MACHINES[0].public_ip,
        ((ink("Machine.metadata"), ink("Machine.metadata")),),
        ink("Machine.version"),
    )
    silent = replace(machine, id=ink("Machine.id"), public_ip=ink("Machine.public_ip"))
    shown = _snapshot(ink, (machine, MACHINES[1], silent))
    other = fakes.facts(MACHINES[1])
    folders = {**other.folders, "/elsewhere": Folder("/elsewhere", {}, ink("Folder.problem"))}
    reported = replace(other, reported_id=ink("HostFacts.reported_id"), folders=folders)
    reports = {machine.id: _facts(ink, machine), MACHINES[1].id: reported}
    hosts = HostileHosts(reports, {machine.id: _journal(ink)})
    hosts.why = ink("NotChecked.reason")
    cluster = ClusterAddress(("http://127.0.0.1:2379",), "/_coreos.com/fleet/")
    return refused(Observer(cluster, FakeRegistry(shown), hosts))


def _snapshot(ink: Ink, machines: Sequence[Machine]) -> Snapshot:
    machine = machines[0]
    file = UnitFile(U(f"[Service]\nExecStart=/bin/{_line(ink('UnitFile.raw'))}\n"))
    template = msgspec.structs.replace(
        fakes.unit("zookeeper@.service", None, want="loaded"), target=machine.id, file=file
    )
    state = UnitState(
        ink("UnitState.machine_id"),
        ink("UnitState.load"),
        ink("UnitState.active"),
        ink("UnitState.sub"),
        ink("UnitState.unit_hash"),
        1,
    )
    unit = Unit(
        ink("Unit.name"),
        "ab" * 20,
        ink("Unit.target_state"),
        ink("Unit.target"),
        ink("Unit.heartbeat"),
        (state, msgspec.structs.replace(state, machine_id=machine.id)),
        file,
    )
    units = {u.name: u for u in (unit, template, fakes.unit("zookeeper@1.service", 1))}
    return Snapshot(
        1,
        now(),
        MappingProxyType({m.id: m for m in machines}),
        MappingProxyType(units),
        Leader(ink("Leader.machine_id")),
        (BadRecord(ink("BadRecord.key"), "no JSON", ink("BadRecord.raw")),),
    )


def _line(text: Untrusted) -> str:
    """A text within one line of a unit file: its own line ends would end the option."""
    return text.raw.replace("\r\n", "")


def _facts(ink: Ink, machine: Machine) -> HostFacts:
    facts = fakes.facts(MACHINES[0], broken=True)
    entry = FolderEntry(
        ink("FolderEntry.name"), EntryKind.LINK, 0, 0o777, 1, ink("FolderEntry.target")
    )
    units = facts.folders[FLEET_UNITS]
    service = ServiceFacts(
        ink("ServiceFacts.name"),
        ink("ServiceFacts.load"),
        ink("ServiceFacts.active"),
        ink("ServiceFacts.sub"),
        1,
        fragment_path=ink("ServiceFacts.fragment_path"),
    )
    folders = {
        **facts.folders,
        FLEET_UNITS: replace(units, entries={**units.entries, entry.name: entry}),
    }
    return replace(
        facts,
        machine_id=machine.id,
        reported_id=machine.id,
        hostname=ink("HostFacts.hostname"),
        fleetd_version=ink("HostFacts.fleetd_version"),
        folders=MappingProxyType(folders),
        services=MappingProxyType({**facts.services, service.name: service}),
        journal_problem=ink("HostFacts.journal_problem"),
        services_problem=ink("HostFacts.services_problem"),
    )


def _journal(ink: Ink) -> list[JournalItem]:
    line = fakes.entry("", 50)
    hostile = replace(
        line,
        message=ink("JournalEntry.message"),
        unit=ink("JournalEntry.unit"),
        identifier=ink("JournalEntry.identifier"),
        boot_id=ink("JournalEntry.boot_id"),
    )
    said = JournalNotice(NoticeKind.SAID, now(), ink("JournalNotice.text"))
    return [fakes.entry(fakes.LOOP, 40), hostile, said, fakes.entry(fakes.LOOP, 59)]


def holder(ink: Ink) -> LockHolder:
    """Somebody who repairs, whose every word is hostile."""
    return LockHolder(
        ink("LockHolder.token"),
        ink("LockHolder.who"),
        ink("LockHolder.machine_id"),
        ink("LockHolder.subject"),
        now(),
        ink("LockHolder.stage"),
    )


def lost(ink: Ink, shown: Snapshot) -> RegistryView:
    """The registry is gone, for a hostile reason."""
    return RegistryView(Link.LOST, now(), shown, ink("RegistryView.reason"))


def payload_of(mark: str) -> int:
    """Which payload stands behind a mark."""
    return (ord(mark[3]) - ord("a")) * 26 + ord(mark[4]) - ord("a")
