"""Run the console on a cluster whose every remote field is hostile, in the terminal it is given.

Usage: python hostile_app.py PAYLOAD FOLDER [watch] (a JSON string, and where records are kept; with
`watch` as an observer, who is asked about a host key while somebody hostile repairs). The names of
the screens that were opened are left in FOLDER/screens. The test reads the raw bytes it draws.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import fakes
from fakes import MACHINES, FakeHosts, FakeRegistry, U
from wizard_plans import template_plan, the_finding

from fleettui.access import (
    ClusterAddress,
    CommandResult,
    Ending,
    FleetKey,
    HostKeyAsker,
    HostKeyQuestion,
    HostUnreachable,
    KeyValue,
    Observer,
    Operator,
    SecretQuestion,
    WriteRefused,
)
from fleettui.commands import ChangeCommand, sudo_works
from fleettui.commands.scripts import QUARANTINE_SCRIPT
from fleettui.diagnosis.finding import Evidence, Source
from fleettui.model.cluster import (
    BadRecord,
    Leader,
    Link,
    Machine,
    RegistryView,
    Snapshot,
    TargetState,
    Unit,
    UnitState,
)
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    ChangeKind,
    EntryKind,
    Folder,
    FolderEntry,
    HostFacts,
    ImageFacts,
    JournalItem,
    JournalNotice,
    NoticeKind,
    ServiceFacts,
    UnitChange,
)
from fleettui.model.lock import LockHolder
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.plan_json import as_json
from fleettui.repair.records.finding_json import finding_as_json
from fleettui.repair.records.record import Record
from fleettui.ui.app import FleetApp


def hostile(payload: str) -> Observer:
    """A cluster in which machine, unit, state, file, journal and error texts all hold `payload`."""
    bad = U(payload)
    # Its address alone is good: no script is made for a machine that nobody could connect to.
    machine = Machine(MACHINES[0].id, U("10.0.0.1"), ((bad, bad),), bad)
    unit = Unit(
        U(f"{payload}.service"),
        "ab" * 20,
        bad,
        machine.id,
        bad,
        (UnitState(machine.id, bad, bad, bad, bad, 1),),
        UnitFile(U(f"[Service]\nExecStart={payload}\n")),
    )
    template = replace(fakes.unit("zookeeper@.service", 0, want="loaded"), file=unit.file)
    other = replace(machine, id=bad, public_ip=bad)
    mute = replace(other, id=U(f"{payload}0"))  # it cannot be reached
    astray = replace(unit, name=bad, target=bad, states=(replace(unit.states[0], machine_id=bad),))
    shown = Snapshot(
        1,
        fakes.now(),
        MappingProxyType({machine.id: machine, bad: other, mute.id: mute}),
        MappingProxyType({u.name: u for u in (unit, template, astray)}),
        Leader(bad),
        (BadRecord(bad, str(bad), bad),),
    )
    journal: list[JournalItem] = [
        fakes.entry(f"ERROR a.go:1: {payload}"),
        replace(fakes.entry(payload), unit=bad, identifier=bad, boot_id=bad, problem=str(bad)),
        JournalNotice(NoticeKind.SAID, fakes.now(), bad),
        JournalNotice(NoticeKind.LOST, fakes.now(), bad),
    ]
    sound = replace(hostile_facts(machine, payload, broken=False), machine_id=bad)
    reports = {machine.id: hostile_facts(machine, payload), bad: sound}
    hosts = HostileHosts(reports, {m.id: journal for m in (machine, other, mute)})
    hosts.words = payload
    hosts.changes = {machine.id: (UnitChange(bad, ChangeKind.STARTED, fakes.now()),)}
    hosts.pulled = {bad: ImageFacts(None, bad)}
    address = ClusterAddress(("http://127.0.0.1:2379",), "/p/")
    return Observer(address, HostileRegistry(shown, lost=bad), hosts)


def hostile_facts(machine: Machine, payload: str, *, broken: bool = True) -> HostFacts:
    """A probe whose names, links, states and errors hold `payload`."""
    bad = U(payload)
    facts = fakes.facts(machine, broken=broken)
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
                "/elsewhere": Folder("/elsewhere", {bad: entry}, None if broken else bad),
            }
        ),
        services=MappingProxyType({U(FLEET_SERVICE): service, bad: service}),
        journal_problem=bad,
        fleetd_version=bad,
        services_problem=bad,
    )


@dataclass
class HostileRegistry(FakeRegistry):
    """It is lost at times, for a reason in the payload's words."""

    lost: Untrusted | None = None
    is_lost: bool = False

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        super().follow(sink)
        if self.is_lost:
            sink(RegistryView(Link.LOST, fakes.now(), self.shown, self.lost, endpoint="x"))


@dataclass
class HostileHosts(FakeHosts):
    """Machines that cannot be reached say so in the payload's words."""

    words: str = ""

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        if machine.id not in self.reports:
            raise HostUnreachable(self.words)
        return await super().probe(machine, units, since)


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


def operator(payload: str) -> Operator:
    """The same cluster for an operator, whose every act is refused in the payload's words."""
    seen = hostile(payload)
    assert isinstance(seen.hosts, FakeHosts)
    facts = seen.hosts.reports
    seen.hosts.reports = {i: replace(f, reported_id=i) for i, f in facts.items()}
    refusing = Refusing(payload)
    return Operator(seen.cluster, seen.registry, seen.hosts, refusing, refusing, "ann@desk")


def watching(payload: str) -> Observer:
    """An observer of the same cluster, while somebody repairs whose every word is hostile."""
    seen, bad = hostile(payload), U(payload)
    assert isinstance(seen.registry, HostileRegistry)
    seen.registry.is_lost = True
    seen.registry.lock = LockHolder(bad, bad, bad, bad, fakes.now(), bad)
    seen.registry.keys = {(U("job"), bad): KeyValue(bad, 1)}
    return seen


def question(payload: str) -> HostKeyQuestion:
    """A machine of a hostile name; its key's type and fingerprints are our own words."""
    return HostKeyQuestion(U(payload), 22, "ssh-ed25519", "SHA256:abc", "MD5:aa:bb", None)


def left_record(folder: Path, payload: str, name: str = "t", prefix: str = "/p/") -> Path:
    """A repair that was left, and whose every word was written by somebody hostile."""
    finding = replace(
        the_finding(),
        unit=U(payload),
        machine_id=U(payload),
        evidence=(Evidence(Source.JOURNAL, U(payload), U(payload), U(payload)),),
    )
    head = {"fault": finding.fault, "finding": finding_as_json(finding)}
    where = {"cluster": ("http://127.0.0.1:2379", payload), "prefix": prefix}
    plan = replace(template_plan(), units=(U(payload),))
    record = Record.begin(folder, name, {"who": payload, **where, **head, "plan": as_json(plan)})
    told = {"said": payload, "who": payload, "why": payload, "way": "gentle", "result": "failed"}
    check = {"name": payload, "met": True, "detail": payload}
    record.write("preflight", checks=[check])
    record.write("confirmed", stage="delete", **told)
    record.write(
        "intent", n=1, stage="delete", action=payload, what={"do": "TrySudo"}, commands=(payload,)
    )
    record.write("outcome", n=1, **told)
    record.write(
        "before", index=1, main_pid=1, machine_at=fakes.now().isoformat(), pids={payload: 1}
    )
    record.write("after", replaced=[payload])
    record.write("absences", units=[{"unit": payload, "since": payload, "place": payload}])
    record.write(
        "kept", unit=payload, path="x", sha256="0" * 64, mode="644", uid=0, gid=0, token="t"
    )
    record.write("quarantined", unit=payload, path=payload)
    record.write("verified", checks=[check], **told)
    record.write("left", **told)
    record.close()
    return record.path


class HostileApp(FleetApp):
    """The app, with a list of the screens that were opened and a trap for what a text would run."""

    CSS_PATH = str(Path(sys.modules[FleetApp.__module__].__file__ or "").with_name("app.tcss"))

    def __init__(self, access: Observer, folder: Path, asks: HostKeyQuestion | None) -> None:
        super().__init__(access, folder / "repairs")
        self._hosts = access.hosts
        self._asks = asks
        self._seen = folder / "screens"
        self.owned = 0
        """How often an action was run that only a payload names."""

    async def _asked_twice(self, asker: HostKeyAsker, about: HostKeyQuestion) -> None:
        """About a host key, and about a secret of the same hostile machine."""
        assert not await asker(about)
        assert await self._told(SecretQuestion(about.host.raw, about.host.raw)) is None

    def push_screen(self, screen: Any, *arguments: Any, **named: Any) -> Any:
        pushed = super().push_screen(screen, *arguments, **named)
        self._note()
        return pushed

    def pop_screen(self) -> Any:
        popped = super().pop_screen()
        self._note()
        return popped

    def _note(self) -> None:
        """Write down which screen is the uppermost now."""
        with self._seen.open("a") as file:
            file.write(f"{type(self.screen).__name__}\n")

    def action_owned(self) -> None:
        self.owned += 1

    def _begin(self) -> None:
        super()._begin()
        if self._asks is not None:
            assert isinstance(self._hosts, FakeHosts)
            assert self._hosts.asker is not None
            self.run_worker(self._asked_twice(self._hosts.asker, self._asks))


def app_on(payload: str, folder: Path, *, watch: bool = False) -> HostileApp:
    """The app on a cluster of one payload, with a repair of it that was left."""
    left_record(folder / "repairs", payload, "a", prefix=payload)
    left_record(folder / "repairs", payload)
    if watch:
        return HostileApp(watching(payload), folder, question(payload))
    return HostileApp(operator(payload), folder, None)


if __name__ == "__main__":
    app_on(json.loads(sys.argv[1]), Path(sys.argv[2]), watch="watch" in sys.argv[3:]).run()
