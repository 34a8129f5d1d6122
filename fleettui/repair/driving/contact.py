"""The cluster as one repair touches it: looked at afresh, and every request sent once."""

from collections.abc import Awaitable, Coroutine

from fleettui.access import (
    CommandResult,
    Ending,
    FleetKey,
    HostUnreachable,
    KeyValue,
    LockLost,
    Operator,
    RegistryUnavailable,
    WriteRefused,
    WriteUnknown,
)
from fleettui.commands import ChangeCommand
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, UnitChange
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.ledger import Failure, Ledger
from fleettui.repair.driving.lock import RepairLock
from fleettui.repair.driving.words import complaint
from fleettui.repair.planning.look import unread
from fleettui.repair.planning.plan import Plan
from fleettui.repair.records.before import Before
from fleettui.repair.records.outcome import Outcome, Result


class Contact:
    """One machine, if the plan has one, and the registry."""

    def __init__(self, operator: Operator, plan: Plan, ledger: Ledger, lock: RepairLock) -> None:
        """`lock` is held: every single change first makes sure that it still is."""
        self.operator = operator
        self.ledger = ledger
        self.token = plan.token
        self._machine = plan.machine
        self._lock = lock
        self._sent = False
        self._in_doubt = False

    @property
    def machine(self) -> Machine:
        """Raises TypeError for a plan that has none: its steps ask for none either."""
        if self._machine is None:
            raise TypeError("this repair changes no machine")
        return self._machine

    async def guarded(self, act: Awaitable[str]) -> Outcome:
        """An act's outcome, whatever became of the connections."""
        self._sent = self._in_doubt = False
        try:
            return Outcome(Result.DONE, Untrusted(await act))
        except Failure as failure:
            if self._in_doubt and failure.outcome.result is Result.FAILED:
                # What got no answer may still come to its effect: one look does not settle that.
                return Outcome(Result.UNKNOWN, failure.outcome.said)
            return failure.outcome
        except (RegistryUnavailable, HostUnreachable) as lost:
            if self._sent:
                return Outcome(Result.UNKNOWN, Untrusted(f"could not be read back: {lost}"))
            return Outcome(Result.NOT_STARTED, Untrusted(f"nothing was sent: {lost}"))

    # --- looking -----------------------------------------------------------------------------

    async def snapshot(self) -> Snapshot:
        """The registry, afresh. Raises RegistryUnavailable."""
        return await self.operator.registry.read()

    async def key(self, key: FleetKey) -> KeyValue | None:
        """One key of the registry, afresh. Raises RegistryUnavailable."""
        return await self.operator.registry.key(key)

    async def registered(self) -> int:
        """modifiedIndex of the machine's own key, 0 where there is none.

        Raises RegistryUnavailable.
        """
        found = await self.key((Untrusted("machines"), self.machine.id, Untrusted("object")))
        return found.index if found else 0

    async def probe(self, since: str | None = None) -> HostFacts:
        """The machine, afresh; `since` as journalctl takes it.

        Raises HostUnreachable, or Failure where another machine answers at its address by now.
        """
        facts = await self.operator.hosts.probe(self.machine, (), since)
        if facts.reported_id != self.machine.id:
            raise Failure(
                Result.UNKNOWN if self._sent else Result.NOT_STARTED,
                f"at {self.machine.public_ip.raw} another machine answers by now: its ID is "
                f"{facts.reported_id.raw}, not {self.machine.id.raw}",
            )
        return facts

    async def read_back(self) -> HostFacts:
        """The machine after something was sent to it.

        Raises HostUnreachable, or Failure where the answer does not tell what must be known.
        """
        facts = await self.probe()
        problem = unread(facts)
        if problem is not None:
            raise Failure(Result.UNKNOWN, f"could not be read back: {problem}")
        return facts

    async def changes(self, before: Before) -> tuple[UnitChange, ...]:
        """What systemd did to units since then; nothing where its journal does not tell."""
        try:
            return await self.operator.hosts.unit_changes(self.machine, before.at)
        except HostUnreachable:
            return ()

    # --- acting ------------------------------------------------------------------------------

    async def send(self, command: ChangeCommand, *, anyway: bool = False) -> CommandResult:
        """One command, sent once. Raises Failure where it was not even started.

        `anyway` is for what brings back what an act has stopped: it needs no lock.
        """
        if not anyway:
            await self._insist_on_lock()
        result = await self.operator.hands.perform(self.machine, command)
        if result.ending is Ending.NOT_STARTED:
            raise Failure(Result.NOT_STARTED, result.reason.raw)
        self._sent = True
        if result.ending is Ending.UNKNOWN:
            self._doubt(result.reason)
        return result

    async def insist(self, command: ChangeCommand, *, anyway: bool = False) -> None:
        """One command that must end well if it ended; one in doubt is settled by looking."""
        result = await self.send(command, anyway=anyway)
        if result.ending is Ending.EXITED and result.exit_status != 0:
            raise Failure(Result.FAILED, complaint(result))

    async def write(self, request: Coroutine[None, None, None]) -> bool:
        """One request of the writer, sent once; False where no answer came, and only looking tells.

        Raises Failure where the registry refused it, or could not be asked.
        """
        try:
            await self._insist_on_lock()
        except Failure:
            request.close()
            raise
        self._sent = True
        try:
            await request
        except WriteRefused as refusal:
            raise Failure(Result.FAILED, str(refusal)) from refusal
        except RegistryUnavailable as lost:
            raise Failure(Result.NOT_STARTED, str(lost)) from lost
        except WriteUnknown as unknown:
            self._doubt(Untrusted(str(unknown)))
            return False
        return True

    async def _insist_on_lock(self) -> None:
        """Raises Failure where somebody else may repair by now."""
        try:
            await self._lock.ensure()
        except LockLost as lost:
            self.ledger.note("lock lost", said=str(lost))
            result = Result.FAILED if self._sent else Result.NOT_STARTED
            raise Failure(result, f"nothing more is sent: {lost}") from lost

    def _doubt(self, said: Untrusted) -> None:
        self._in_doubt = True
        self.ledger.note("in doubt", said=said)
