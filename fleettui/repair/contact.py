"""The cluster as one repair touches it: looked at afresh, and every request sent once."""

from collections.abc import Awaitable

from fleettui.access import (
    CommandResult,
    Ending,
    FleetKey,
    HostUnreachable,
    KeyValue,
    Operator,
    RegistryUnavailable,
    WriteRefused,
    WriteUnknown,
)
from fleettui.commands import ChangeCommand
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, UnitChange
from fleettui.model.untrusted import Untrusted
from fleettui.repair.before import Before
from fleettui.repair.ledger import Failure, Ledger
from fleettui.repair.look import unread
from fleettui.repair.outcome import Outcome, Result
from fleettui.repair.plan import Plan
from fleettui.repair.words import complaint


class Contact:
    """One machine, if the plan has one, and the registry."""

    def __init__(self, operator: Operator, plan: Plan, ledger: Ledger) -> None:
        self.operator = operator
        self.ledger = ledger
        self.token = plan.token
        self._machine = plan.machine
        self._sent = False

    @property
    def machine(self) -> Machine:
        """Raises TypeError for a plan that has none: its steps ask for none either."""
        if self._machine is None:
            raise TypeError("this repair changes no machine")
        return self._machine

    async def guarded(self, act: Awaitable[str]) -> Outcome:
        """An act's outcome, whatever became of the connections."""
        self._sent = False
        try:
            return Outcome(Result.DONE, Untrusted(await act))
        except Failure as failure:
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

    async def probe(self, since: str | None = None) -> HostFacts:
        """The machine, afresh; `since` as journalctl takes it. Raises HostUnreachable."""
        return await self.operator.hosts.probe(self.machine, (), since)

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

    async def send(self, command: ChangeCommand) -> CommandResult:
        """One command, sent once. Raises Failure where it was not even started."""
        result = await self.operator.hands.perform(self.machine, command)
        if result.ending is Ending.NOT_STARTED:
            raise Failure(Result.NOT_STARTED, result.reason.raw)
        self._sent = True
        if result.ending is Ending.UNKNOWN:
            self.ledger.note("in doubt", said=result.reason)
        return result

    async def insist(self, command: ChangeCommand) -> None:
        """One command that must end well if it ended; one in doubt is settled by looking."""
        result = await self.send(command)
        if result.ending is Ending.EXITED and result.exit_status != 0:
            raise Failure(Result.FAILED, complaint(result))

    async def write(self, request: Awaitable[None]) -> bool:
        """One request of the writer, sent once; False where no answer came, and only looking tells.

        Raises Failure where the registry refused it, or could not be asked.
        """
        self._sent = True
        try:
            await request
        except WriteRefused as refusal:
            raise Failure(Result.FAILED, str(refusal)) from refusal
        except RegistryUnavailable as lost:
            raise Failure(Result.NOT_STARTED, str(lost)) from lost
        except WriteUnknown as unknown:
            self.ledger.note("in doubt", said=str(unknown))
            return False
        return True
