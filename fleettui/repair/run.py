"""Drives the steps of a plan in their one order, records every act, and reads back what it did."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import assert_never

from fleettui.access import (
    CommandResult,
    Ending,
    HostUnreachable,
    Operator,
    RegistryUnavailable,
    WriteRefused,
    WriteUnknown,
)
from fleettui.commands import ChangeCommand, kill_fleet, restart_fleet, start_fleet
from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS, HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.checks import (
    Before,
    blocked_instances,
    leftovers,
    now,
    repaired,
    replaced_pids,
    started,
)
from fleettui.repair.outcome import Acted, Check, Confirmed, Outcome, Progress, Result, Told
from fleettui.repair.plan import (
    Action,
    Plan,
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    Stage,
    Unload,
    Way,
    host_commands,
    literal,
    summary,
)
from fleettui.repair.record import Record

ORDER = (Stage.DELETE, Stage.RELOAD, Stage.RESTART, Stage.VERIFY)

UNLOADED_WITHIN = timedelta(seconds=20)
STARTED_WITHIN = timedelta(minutes=3)
VERIFIED_WITHIN = timedelta(minutes=2)
LOOK_EVERY = timedelta(seconds=1)


class OutOfOrder(Exception):
    """A step was asked for before the one that makes it safe was read back as done."""


class Failure(Exception):
    """An act did not come to its end; carries the outcome."""

    def __init__(self, result: Result, said: str) -> None:
        super().__init__(said)
        self.outcome = Outcome(result, Untrusted(said))


class Repair:
    """One repair of one machine. Each stage runs once, and only after the one before it is done."""

    def __init__(
        self, operator: Operator, plan: Plan, record: Record, tell: Callable[[Told], None]
    ) -> None:
        self.plan = plan
        self.record = record
        self._operator = operator
        self._tell = tell
        self.interrupted: tuple[Untrusted, ...] = ()
        """Units whose main process was another one after the restart."""
        self._done: list[Stage] = []
        self._before: Before | None = None

    @property
    def next_stage(self) -> Stage | None:
        """The stage whose turn it is; None after the last."""
        return ORDER[len(self._done)] if len(self._done) < len(ORDER) else None

    async def perform(self, confirmed: Confirmed) -> Outcome:
        """Run a step's actions one by one; the first that is not done ends it.

        Raises OutOfOrder. Nothing else: what happens to the cluster is in the outcome.
        """
        step = confirmed.step
        if confirmed.machine_id != self.plan.machine.id:
            raise OutOfOrder("the confirmation is for another machine")
        self._claim(step.stage)
        self._write("confirmed", stage=step.stage, who=confirmed.who, at=confirmed.at.isoformat())
        outcome = Outcome(Result.DONE, Untrusted("nothing was left to do"))
        for action in step.actions:
            outcome = await self._recorded(action)
            self._tell(Acted(summary(action), outcome))
            if outcome.result is not Result.DONE:
                return outcome
        self._done.append(step.stage)
        return outcome

    async def verify(self) -> Outcome:
        """Watch until the machine is proven healthy. Raises OutOfOrder."""
        self._claim(Stage.VERIFY)
        outcome = await self._guarded(self._verified())
        self._write("verified", **_plain(outcome))
        if outcome.result is Result.DONE:
            self._done.append(Stage.VERIFY)
        return outcome

    def retry_restart(self) -> None:
        """Open the restart again, after a verify that failed: the other way may do it."""
        while self._done and self._done[-1] in {Stage.RESTART, Stage.VERIFY}:
            self._done.pop()

    def _claim(self, stage: Stage) -> None:
        if stage is not self.next_stage:
            raise OutOfOrder(f"{stage} cannot run now: {self.next_stage or 'nothing'} is next")

    async def _recorded(self, action: Action) -> Outcome:
        lines = literal(action, self.plan.token, self._operator.cluster.prefix)
        self._write("intent", action=type(action).__name__, commands=lines)
        outcome = await self._guarded(self._act(action))
        self._write("outcome", action=type(action).__name__, **_plain(outcome))
        return outcome

    async def _guarded(self, act: Awaitable[str]) -> Outcome:
        try:
            return Outcome(Result.DONE, Untrusted(await act))
        except Failure as failure:
            return failure.outcome
        except (RegistryUnavailable, HostUnreachable) as lost:
            return Outcome(Result.UNKNOWN, Untrusted(f"could not be read back: {lost}"))
        except OSError as disk:
            return Outcome(Result.FAILED, Untrusted(f"the record could not be written: {disk}"))

    async def _act(self, action: Action) -> str:
        match action:
            case Unload(unit, expected):
                return await self._unload(unit, expected)
            case RemoveFile(unit, sha256):
                return await self._remove_file(unit, sha256)
            case RemoveLink(unit):
                return await self._remove(action, unit)
            case Reload():
                return await self._reload(action)
            case Restart(way):
                return await self._restart(way)
            case _:
                assert_never(action)

    # --- delete ------------------------------------------------------------------------------

    async def _unload(self, unit: Untrusted, expected: str) -> str:
        try:
            await self._operator.writer.unload(unit, expected)
        except WriteRefused as refused:
            raise Failure(Result.FAILED, str(refused)) from refused
        except RegistryUnavailable as lost:
            raise Failure(Result.NOT_STARTED, str(lost)) from lost
        except WriteUnknown as unknown:
            self._write("in doubt", said=str(unknown))
        await self._until(self._unloaded, UNLOADED_WITHIN)
        return f"read back: {unit.raw} is inactive, and the engine took its target away"

    async def _unloaded(self) -> list[Check]:
        unit = (await self._operator.registry.read()).units.get(self.plan.unit)
        state = unit.target_state.raw if unit and unit.target_state else "absent"
        inactive = unit is None or unit.wanted is TargetState.INACTIVE
        target = unit.target if unit else None
        where = f"job/{self.plan.unit.raw}"
        return [
            Check(
                "target state is inactive", inactive, Untrusted(f"{where}/target-state: {state}")
            ),
            Check(
                "the engine took the target away",
                target is None,
                Untrusted(f"{where}/target: {target.raw if target else 'absent'}"),
            ),
        ]

    async def _remove_file(self, unit: Untrusted, sha256: str) -> str:
        machine, hosts = self.plan.machine, self._operator.hosts
        try:
            copy = await hosts.copy(machine, FLEET_UNITS, unit)
        except FileNotFoundError:
            return await self._remove(RemoveFile(unit, sha256), unit)
        found = hashlib.sha256(copy.content).hexdigest()
        if found != sha256:
            raise Failure(
                Result.FAILED,
                f"{FLEET_UNITS}/{unit.raw} is another file now: sha256 {found}, it was {sha256}. "
                "Nothing was removed; locate again.",
            )
        path = self.record.keep("unit", copy.content)
        self._write("kept", path=str(path), mode=f"{copy.mode:o}", uid=copy.uid, gid=copy.gid)
        return await self._remove(RemoveFile(unit, sha256), unit)

    async def _remove(self, action: RemoveFile | RemoveLink, unit: Untrusted) -> str:
        for command in host_commands(action, self.plan.token):
            result = await self._send(command)
            answer = _text(result.stdout).splitlines()
            if answer and answer[0] == "refused":
                raise Failure(Result.FAILED, f"the machine refused: {' '.join(answer[1:])}")
            if result.ending is Ending.EXITED and answer[:1] not in (["removed"], ["absent"]):
                raise Failure(Result.FAILED, _complaint(result))
        folder = FLEET_UNITS if isinstance(action, RemoveFile) else None
        left = [p for p in leftovers(unit, await self._probe()) if not folder or folder in p]
        if left and folder:
            raise Failure(Result.FAILED, f"{left[0]} is still there")
        if left:
            raise Failure(Result.FAILED, f"still there: {', '.join(left)}")
        return "read back: " + (
            f"no {unit.raw} in {folder}" if folder else "both folders are clean"
        )

    # --- reload and restart ------------------------------------------------------------------

    async def _reload(self, action: Reload) -> str:
        for command in host_commands(action, self.plan.token):
            _insist(await self._send(command))
        facts = await self._probe()
        behind = [str(name) for name, s in facts.services.items() if s.needs_daemon_reload]
        if behind:
            raise Failure(Result.FAILED, f"systemd still asks for a reload of {', '.join(behind)}")
        return f"read back: no unit of {len(facts.services)} waits for a reload"

    async def _restart(self, way: Way) -> str:
        facts, snapshot = await self._probe(), await self._operator.registry.read()
        before = self._before = Before(facts, snapshot.index)
        self._write("before", pids=_pids(facts), index=snapshot.index)
        match way:
            case Way.GENTLE:
                _insist(await self._send(kill_fleet()))
                await self._until(lambda: self._gone(before), STARTED_WITHIN)
                _insist(await self._send(start_fleet()))
            case Way.FULL:
                _insist(await self._send(restart_fleet()))
            case _:
                assert_never(way)
        await self._until(lambda: self._started(before), STARTED_WITHIN)
        after = await self._probe()
        replaced = self.interrupted = replaced_pids(before.facts, after)
        self._write("after", pids=_pids(after), replaced=[str(name) for name in replaced])
        if replaced:
            return f"fleetd is new; restarted with it: {', '.join(n.raw for n in replaced)}"
        return "fleetd is new; no unit's main PID changed"

    async def _gone(self, before: Before) -> list[Check]:
        fleet = (await self._probe()).fleet
        pid = fleet.main_pid if fleet else 0
        detail = Untrusted(f"main PID {pid}")
        return [Check("the old fleetd is gone", pid != before.main_pid, detail)]

    async def _started(self, before: Before) -> list[Check]:
        snapshot, facts = await self._operator.registry.read(), await self._probe()
        return started(self.plan.machine, before, snapshot, facts)

    # --- verify ------------------------------------------------------------------------------

    async def _verified(self) -> str:
        before = self._before
        if before is None:
            raise OutOfOrder("nothing was restarted yet")
        await self._until(lambda: self._repaired(before), VERIFIED_WITHIN)
        snapshot = await self._operator.registry.read()
        instances = blocked_instances(self.plan.unit, snapshot)
        placed = [f"{u.name} is {u.reached}" for u in instances]
        return f"repaired; {', '.join(placed)}" if placed else "repaired"

    async def _repaired(self, before: Before) -> list[Check]:
        snapshot, facts = await self._operator.registry.read(), await self._probe()
        return repaired(self.plan.unit, self.plan.machine, before, snapshot, facts)

    # --- contact -----------------------------------------------------------------------------

    async def _probe(self) -> HostFacts:
        return await self._operator.hosts.probe(self.plan.machine)

    async def _send(self, command: ChangeCommand) -> CommandResult:
        result = await self._operator.hands.perform(self.plan.machine, command)
        if result.ending is Ending.NOT_STARTED:
            raise Failure(Result.NOT_STARTED, result.reason.raw)
        if result.ending is Ending.UNKNOWN:
            self._write("in doubt", said=str(result.reason))
        return result

    async def _until(self, look: Callable[[], Awaitable[list[Check]]], within: timedelta) -> None:
        """Look again and again until all checks are met; a look that fails is looked again."""
        deadline = now() + within
        lost = ""
        checks: list[Check] = []
        while True:
            try:
                checks = await look()
                lost = ""
            except (RegistryUnavailable, HostUnreachable) as error:
                lost = str(error)
            self._tell(Progress(tuple(checks)))
            if not lost and all(check.met for check in checks):
                return
            if now() > deadline:
                unmet = "; ".join(f"{c.name}: {c.detail.raw}" for c in checks if not c.met)
                result = Result.UNKNOWN if lost else Result.FAILED
                raise Failure(result, f"not within {within.seconds} s: {lost or unmet}")
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    def _write(self, event: str, **facts: object) -> None:
        self.record.write(event, **facts)


def _insist(result: CommandResult) -> None:
    """A command that ended must have ended well; one in doubt is settled by what is read next."""
    if result.ending is Ending.EXITED and result.exit_status != 0:
        raise Failure(Result.FAILED, _complaint(result))


def _complaint(result: CommandResult) -> str:
    said = _text(result.stderr).strip() or _text(result.stdout).strip() or "nothing"
    return f"exit status {result.exit_status}; the machine said: {said}"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _pids(facts: HostFacts) -> dict[str, int]:
    return {str(name): service.main_pid for name, service in facts.services.items()}


def _plain(outcome: Outcome) -> dict[str, str]:
    return {"result": outcome.result, "said": outcome.said.raw}
