"""Run the console on a cluster whose every remote field is hostile, in the terminal it is given.

Usage: python hostile_app.py FOLDER (of the records). The test reads the raw bytes it draws.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import fakes
from fakes import MACHINES, FakeHosts, FakeRegistry, U
from msgspec import structs
from msgspec.structs import replace

from fleettui.access import (
    ClusterAddress,
    CommandResult,
    Ending,
    FleetKey,
    Observer,
    Operator,
    WriteRefused,
)
from fleettui.commands import ChangeCommand, sudo_works
from fleettui.commands.scripts import QUARANTINE_SCRIPT
from fleettui.model.clock import now
from fleettui.model.cluster import Leader, Machine, Snapshot, TargetState, Unit, UnitState
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    JournalItem,
    JournalNotice,
    NoticeKind,
    ServiceFacts,
)
from fleettui.model.lock import LockHolder
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.ui.app import FleetApp

PIECES = (
    "\x1b]0;OWNED\x07",
    "\x1b[2JOWNED",
    "\x1bP$qOWNED\x1b\\",
    "\x9b31mOWNED",
    "\x1b]52;c;T1dORUQ=\x07",
    "\u202eOWNED",
    "\x1b[?1049lOWNED",
    "[@click=app.leave]OWNED[/]",
    "[/run/fleet/units/foo.service:5] OWNED",
    "[red]OWNED[/red",
)
PAYLOAD = "".join(PIECES)
"""All that matters in one text: one by one, and more of them, are tried without a terminal."""


def hostile(payload: str) -> Observer:
    """A cluster in which machine, unit, state, file, journal and error texts all hold `payload`."""
    bad = U(payload)
    machine = Machine(MACHINES[0].id, bad, ((bad, bad),), bad)
    unit = Unit(
        U(f"{payload}.service"),
        "ab" * 20,
        bad,
        machine.id,
        bad,
        (UnitState(machine.id, bad, bad, bad, bad, 1),),
        UnitFile(U(f"[Service]\nExecStart={payload}\n")),
    )
    template = structs.replace(fakes.unit("zookeeper@.service", 0, want="loaded"), file=unit.file)
    shown = Snapshot(
        1,
        now(),
        MappingProxyType({machine.id: machine, bad: replace(machine, id=bad)}),
        MappingProxyType({unit.name: unit, template.name: template}),
        Leader(bad),
    )
    journal: list[JournalItem] = [
        fakes.entry(f"ERROR a.go:1: {payload}"),
        fakes.entry(payload),
        JournalNotice(NoticeKind.SAID, now(), bad),
        JournalNotice(NoticeKind.LOST, now(), bad),
    ]
    hosts = FakeHosts({machine.id: hostile_facts(machine, payload)}, {machine.id: journal})
    return Observer(ClusterAddress(("http://127.0.0.1:2379",), "/p/"), FakeRegistry(shown), hosts)


def hostile_facts(machine: Machine, payload: str) -> HostFacts:
    """A probe whose names, links, states and errors hold `payload`."""
    bad = U(payload)
    facts = fakes.facts(machine, broken=True)
    entry = FolderEntry(bad, EntryKind.LINK, 0, 0o777, 1, bad)
    folder = facts.folders[FLEET_UNITS]
    service = ServiceFacts(bad, bad, bad, bad, 1, fragment_path=bad)
    return replace(
        facts,
        hostname=bad,
        reported_id=bad,
        folders=MappingProxyType(
            {
                **facts.folders,
                FLEET_UNITS: replace(folder, entries={**folder.entries, bad: entry}),
                "/elsewhere": Folder("/elsewhere", {bad: entry}),
            }
        ),
        services=MappingProxyType({U(FLEET_SERVICE): service, bad: service}),
        journal_problem=bad,
    )


@dataclass(frozen=True)
class Refusing:
    """Hands and a writer that only ever answer with the payload."""

    payload: str

    async def set_target_state(self, unit: Untrusted, expected: str, wanted: TargetState) -> None:
        raise WriteRefused(self.payload)

    async def delete_key(self, key: FleetKey, index: int) -> None:
        raise WriteRefused(self.payload)

    async def delete_empty_folder(self, key: FleetKey) -> None:
        raise WriteRefused(self.payload)

    async def create_key(self, key: FleetKey, value: str) -> None:
        raise WriteRefused(self.payload)

    async def take_lock(self, holder: LockHolder, ttl: int) -> int:
        return 1

    async def keep_lock(self, holder: LockHolder, index: int, ttl: int) -> int:
        return index

    async def drop_lock(self, index: int) -> None:
        pass

    async def perform(self, machine: Machine, command: ChangeCommand) -> CommandResult:
        """What is only tried before a repair works; else none would ever be begun."""
        if command == sudo_works() or QUARANTINE_SCRIPT in command.argv:
            return CommandResult(Ending.EXITED, 0, b"writable\n")
        return CommandResult(Ending.EXITED, 1, b"", self.payload.encode(errors="replace"))


def refused(seen: Observer, why: str = "no") -> Operator:
    """The same cluster for an operator, whose every act is refused in these words."""
    refusing = Refusing(why)
    return Operator(
        seen.cluster, seen.registry, seen.hosts, writer=refusing, hands=refusing, name="ann@desk"
    )


def operator(payload: str) -> Operator:
    """The hostile cluster for an operator."""
    seen = hostile(payload)
    assert isinstance(seen.hosts, FakeHosts)
    facts = seen.hosts.reports
    seen.hosts.reports = {i: replace(f, reported_id=i) for i, f in facts.items()}
    return refused(seen, payload)


if __name__ == "__main__":
    FleetApp(operator(PAYLOAD), Path(sys.argv[1])).run()
