"""A broken cluster of one machine, in memory, under the fault's real rules."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from machine_model import (
    CONTENT,
    HELLO,
    MACHINE,
    SHA256,
    TEMPLATE,
    MachineModel,
    U,
    name_of,
)

from fleettui.access import (
    ClusterAddress,
    CommandResult,
    FileCopy,
    FleetKey,
    HostKeyAsker,
    KeyValue,
    LockLost,
    LockTaken,
    Operator,
    SecretAsker,
    WriteRefused,
)
from fleettui.commands import ChangeCommand
from fleettui.model.cluster import (
    Leader,
    Machine,
    RegistryView,
    Snapshot,
    TargetState,
    Unit,
    UnitState,
)
from fleettui.model.host import (
    NEWEST,
    HostFacts,
    ImageFacts,
    JournalItem,
    JournalRecord,
    Span,
    UnitChange,
)
from fleettui.model.lock import LockHolder
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

__all__ = ["CONTENT", "HELLO", "MACHINE", "SHA256", "TARGET_STATE", "TEMPLATE", "U", "World"]

TARGET_STATE: FleetKey = (U("job"), TEMPLATE, U("target-state"))


@dataclass
class World(MachineModel):
    """Registry, machine and clock; an operator's parts are its methods."""

    target_state: str | None = "loaded"
    index: int = 50
    keys: dict[FleetKey, KeyValue] = field(default_factory=dict)
    """Keys of the registry besides the template's target state; `("unit", NAME)` is a file."""
    engine_lag: timedelta = timedelta()
    """How long the engine needs to take a target away."""
    targeted_until: datetime | None = None
    leads: bool = True
    """Whether there is an engine leader."""
    lock: tuple[LockHolder, int] | None = None
    """The repair lock and its index."""
    pulled: dict[Untrusted, ImageFacts] = field(default_factory=dict)
    """Images; one that is not named is not there."""
    trouble: Callable[[str], None] = field(default=lambda _: None)
    """Called before each request with its name; what it raises takes the place of an answer."""
    after: Callable[[str], None] = field(default=lambda _: None)
    """Called after each request that changed something, before its answer."""

    def operator(self) -> Operator:
        cluster = ClusterAddress(("http://127.0.0.1:2379",), "/_coreos.com/fleet/")
        return Operator(cluster, self, self, writer=self, hands=self, name="ann@desk")

    @property
    def is_sent_template(self) -> bool:
        return self.target_state in {"loaded", "launched"}

    @property
    def is_targeted(self) -> bool:
        """Whether the engine has the template on the machine."""
        late = self.targeted_until is not None and self.clock < self.targeted_until
        return self.is_sent_template or late

    # --- registry, read ----------------------------------------------------------------------

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        raise AssertionError("a repair reads, it does not follow")

    def refresh(self) -> None:
        raise AssertionError("a repair reads by itself")

    async def close(self) -> None:
        pass

    async def read(self) -> Snapshot:
        self.trouble("read")
        self.index += 1
        machines = {self.machine.id: self.machine}
        leader = Leader(self.machine.id) if self.leads else None
        return Snapshot(self.index, self.clock, machines, self._units(), leader)

    async def key(self, key: FleetKey) -> KeyValue | None:
        self.trouble("key")
        if key == TARGET_STATE:
            state = self.target_state
            return None if state is None else KeyValue(U(state), self.index)
        if key == (U("machines"), self.machine.id, U("object")):
            return KeyValue(U("{}"), self.index if self.fleet_pid else 1)
        return self.keys.get(key)

    def _units(self) -> dict[Untrusted, Unit]:
        index = self.index if not self.in_memory else 1
        load, active, sub = (U(word) for word in self.hello)
        seen = UnitState(self.machine.id, load, active, sub, U("ab" * 20), index)
        hello = Unit(HELLO, "ab" * 20, U("launched"), self.machine.id, self.machine.id, (seen,))
        units = {HELLO: hello}
        if self.target_state is not None:
            target = self.machine.id if self.is_targeted else None
            units[TEMPLATE] = Unit(TEMPLATE, "ab" * 20, U(self.target_state), target)
        return units | {name: self._job(name) for name in {key[1] for key in self.keys}}

    def _job(self, name: Untrusted) -> Unit:
        """A unit as its keys tell it; a state is active and running."""
        states = [
            UnitState(key[2], U("loaded"), U("active"), U("running"), U("ab" * 20), found.index)
            for key, found in self.keys.items()
            if key[:2] == (U("states"), name)
        ]
        wanted = self.keys.get((U("job"), name, U("target-state")))
        file = UnitFile(U("[Service]\n")) if (U("unit"), name) in self.keys else None
        unit_hash = "cd" * 20 if file else None
        state = wanted.value if wanted else None
        return Unit(name, unit_hash, state, states=tuple(states), file=file)

    # --- registry, written -------------------------------------------------------------------

    async def set_target_state(self, unit: Untrusted, expected: str, wanted: TargetState) -> None:
        self.trouble("unload")
        self.calls.append("unload")
        key = (U("job"), unit, U("target-state"))
        found = self.target_state if key == TARGET_STATE else self.keys[key].value.raw
        if found != expected:
            raise WriteRefused(f"expected {expected}, found {found}")
        if key == TARGET_STATE:
            self.target_state = wanted.value
            self.targeted_until = self.clock + self.engine_lag
        else:
            self.put(key, wanted.value)
        self.after("unload")

    async def delete_key(self, key: FleetKey, index: int) -> None:
        self.trouble("delete key")
        self.calls.append("delete key")
        found = self.keys.get(key)
        if found is None or found.index != index:
            raise WriteRefused("somebody else wrote it since it was looked at")
        del self.keys[key]
        self.after("delete key")

    async def delete_empty_folder(self, key: FleetKey) -> None:
        self.trouble("delete folder")
        self.calls.append("delete folder")
        if any(other[: len(key)] == key for other in self.keys):
            raise WriteRefused("something is in it")
        self.after("delete folder")

    async def create_key(self, key: FleetKey, value: str) -> None:
        self.trouble("create key")
        self.calls.append("create key")
        if key in self.keys:
            raise WriteRefused("there is such a key")
        self.put(key, value)
        self.after("create key")

    def put(self, key: FleetKey, value: str) -> None:
        """Write a key, whoever does it."""
        self.index += 1
        self.keys[key] = KeyValue(U(value), self.index)

    # --- the repair lock; not among the calls, because a repair holds it on and on -------------

    async def lock_holder(self) -> LockHolder | None:
        self.trouble("lock holder")
        return self.lock[0] if self.lock else None

    def follow_lock(self, sink: Callable[[LockHolder | None], None]) -> None:
        raise AssertionError("the app follows the lock, not the repair")

    async def take_lock(self, holder: LockHolder, ttl: int) -> int:
        self.trouble("take lock")
        if self.lock is not None and self.lock[0].token != holder.token:
            raise LockTaken(self.lock[0])
        return self._hold(holder)

    async def keep_lock(self, holder: LockHolder, index: int, ttl: int) -> int:
        self.trouble("keep lock")
        self._insist_on(index)
        return self._hold(holder)

    async def drop_lock(self, index: int) -> None:
        self.trouble("drop lock")
        self._insist_on(index)
        self.lock = None

    def _hold(self, holder: LockHolder) -> int:
        self.index += 1
        self.lock = holder, self.index
        return self.index

    def _insist_on(self, index: int) -> None:
        if self.lock is None or self.lock[1] != index:
            raise LockLost("the repair lock is not ours any more")

    # --- the machine -------------------------------------------------------------------------

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        raise AssertionError("the app asks, not the repair")

    def ask_secrets(self, asker: SecretAsker) -> None:
        raise AssertionError("the app asks, not the repair")

    def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalItem]]]:
        raise AssertionError("the pane follows the journal, not the repair")

    def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalRecord]]]:
        raise AssertionError("the pane recalls the journal, not the repair")

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        self.trouble("copy")
        return self.stored()

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        self.trouble("probe")
        return self.facts(since)

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        self.trouble("changes")
        return tuple(change for change in self.changes if change.at >= since)

    async def images(
        self, machine: Machine, images: Sequence[Untrusted]
    ) -> Mapping[Untrusted, ImageFacts]:
        return {image: self.pulled.get(image, ImageFacts(present=False)) for image in images}

    async def perform(self, machine: Machine, command: ChangeCommand) -> CommandResult:
        name = name_of(command)
        self.trouble(name)
        result = await super().perform(machine, command)
        self.after(name)
        return result
