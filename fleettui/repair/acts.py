"""The single acts of a repair: each sent once, and judged by what is read afterwards."""

import hashlib
from collections.abc import Awaitable
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
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.outcome import Outcome, Result
from fleettui.repair.plan import (
    Action,
    Plan,
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    TrySudo,
    Unload,
    host_commands,
    unread,
)
from fleettui.repair.record import Record

_ANSWERS = ("removed", "absent", "refused")


class Failure(Exception):
    """An act did not come to its end; carries the outcome."""

    def __init__(self, result: Result, said: str) -> None:
        super().__init__(said)
        self.outcome = Outcome(result, Untrusted(said))


class Acts:
    """Contact with one machine and the registry, for one plan."""

    def __init__(self, operator: Operator, plan: Plan, record: Record) -> None:
        self._operator = operator
        self._machine = plan.machine
        self._token = plan.token
        self._record = record
        self._sent = False
        self._unrecorded = ""

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

    def recorded(self, event: str, outcome: Outcome, **facts: object) -> Outcome:
        """Write an outcome down; where that fails, the outcome itself stays what it was."""
        self.note(event, result=outcome.result, said=outcome.said.raw, **facts)
        if not self._unrecorded:
            return outcome
        said = f"{outcome.said.raw}; but the record could not be written: {self._unrecorded}"
        return Outcome(outcome.result, Untrusted(said))

    def note(self, event: str, **facts: object) -> None:
        """Record what has happened already: a full disk must not change what is true."""
        try:
            self._record.write(event, **facts)
        except OSError as disk:
            self._unrecorded = str(disk)

    def note_first(self, event: str, **facts: object) -> None:
        """Record what must be known before the act that follows; without it, that is not sent."""
        try:
            self._record.write(event, **facts)
        except OSError as disk:
            raise Failure(Result.NOT_STARTED, f"the record cannot be written: {disk}") from disk

    async def probe(self) -> HostFacts:
        """Fresh facts of the machine. Raises HostUnreachable."""
        return await self._operator.hosts.probe(self._machine)

    async def perform(self, action: Action) -> str:
        """One action but a restart, and what was read back. Raises Failure and the lost ones."""
        match action:
            case TrySudo():
                return await self._try_sudo(action)
            case Unload():
                return await self._unload(action)
            case RemoveFile():
                return await self._remove_file(action)
            case RemoveLink():
                return await self._remove(action, SYSTEMD_UNITS)
            case Reload():
                return await self._reload(action)
            case Restart():
                raise TypeError("a restart is watched: see Repair")
            case _:
                assert_never(action)

    async def kill(self) -> None:
        insist(await self._send(kill_fleet()))

    async def start(self) -> None:
        insist(await self._send(start_fleet()))

    async def restart_fully(self) -> None:
        insist(await self._send(restart_fleet()))

    async def _try_sudo(self, action: TrySudo) -> str:
        for command in host_commands(action, self._token):
            result = await self._send(command)
            if result.ending is not Ending.EXITED or result.exit_status != 0:
                said = f"sudo does not work without a password: {complaint(result)}"
                raise Failure(Result.NOT_STARTED, said)
        return "sudo works without a password"

    async def _unload(self, action: Unload) -> str:
        self._sent = True
        try:
            await self._operator.writer.unload(action.unit, action.expected)
        except WriteRefused as refused:
            raise Failure(Result.FAILED, str(refused)) from refused
        except RegistryUnavailable as lost:
            raise Failure(Result.NOT_STARTED, str(lost)) from lost
        except WriteUnknown as unknown:
            self.note("in doubt", said=str(unknown))
        unit = (await self._operator.registry.read()).units.get(action.unit)
        state = unit.target_state.raw if unit and unit.target_state else "absent"
        if state not in {"inactive", "absent"}:
            raise Failure(Result.FAILED, f"read back: target-state is {state}")
        return f"read back: target-state of {action.unit.raw} is {state}"

    async def _remove_file(self, action: RemoveFile) -> str:
        path = f"{FLEET_UNITS}/{action.unit.raw}"
        try:
            copy = await self._operator.hosts.copy(self._machine, FLEET_UNITS, action.unit)
        except FileNotFoundError as missing:
            if action.unit in (await self.probe()).folders[FLEET_UNITS].entries:
                said = f"no copy of {path} could be taken, so it was not removed: {missing}"
                raise Failure(Result.FAILED, said) from missing
            return f"read back: {path} was gone already"
        found = hashlib.sha256(copy.content).hexdigest()
        if found != action.sha256:
            raise Failure(
                Result.FAILED,
                f"{path} is another file now: sha256 {found}, it was {action.sha256}. "
                "Nothing was removed; locate again.",
            )
        self._keep(action.unit, copy.content)
        self.note_first("kept", mode=f"{copy.mode:o}", uid=copy.uid, gid=copy.gid, sha256=found)
        return await self._remove(action, FLEET_UNITS)

    def _keep(self, unit: Untrusted, content: bytes) -> None:
        try:
            self._record.keep(unit.raw, content)
        except OSError as disk:
            raise Failure(Result.NOT_STARTED, f"the copy cannot be kept: {disk}") from disk

    async def _remove(self, action: RemoveFile | RemoveLink, folder: str) -> str:
        (command,) = host_commands(action, self._token)
        result = await self._send(command)
        answer = _answer(result)
        if answer[:1] == ["refused"]:
            raise Failure(Result.FAILED, f"the machine refused: {' '.join(answer[1:])}")
        facts = await self.probe()
        problem = unread(facts)
        if problem is not None:
            raise Failure(Result.UNKNOWN, f"could not be read back: {problem}")
        if action.unit in facts.folders[folder].entries:
            said = complaint(result) if not answer else "it is still there"
            raise Failure(Result.FAILED, f"{folder}/{action.unit.raw}: {said}")
        return f"read back: no {action.unit.raw} in {folder}"

    async def _reload(self, action: Reload) -> str:
        (command,) = host_commands(action, self._token)
        result = await self._send(command)
        if result.ending is Ending.UNKNOWN:
            result = await self._send(command)  # to read the files twice does no harm
        if result.ending is Ending.UNKNOWN:
            raise Failure(Result.UNKNOWN, f"no answer, twice: {result.reason.raw}")
        insist(result)
        facts = await self.probe()
        problem = unread(facts)
        if problem is not None:
            raise Failure(Result.UNKNOWN, f"could not be read back: {problem}")
        behind = [str(name) for name, s in facts.services.items() if s.needs_daemon_reload]
        if behind:
            raise Failure(Result.FAILED, f"systemd still asks for a reload of {', '.join(behind)}")
        return f"systemd reloaded; no unit of {len(facts.services)} waits for another reload"

    async def _send(self, command: ChangeCommand) -> CommandResult:
        result = await self._operator.hands.perform(self._machine, command)
        if result.ending is Ending.NOT_STARTED:
            raise Failure(Result.NOT_STARTED, result.reason.raw)
        self._sent = True
        if result.ending is Ending.UNKNOWN:
            self.note("in doubt", said=str(result.reason))
        return result


def insist(result: CommandResult) -> None:
    """A command that ended must have ended well; one in doubt is settled by what is read next."""
    if result.ending is Ending.EXITED and result.exit_status != 0:
        raise Failure(Result.FAILED, complaint(result))


def complaint(result: CommandResult) -> str:
    """How a command ended, in the machine's own words."""
    if result.ending is not Ending.EXITED:
        return result.reason.raw or "the connection broke"
    said = _text(result.stderr).strip() or _text(result.stdout).strip() or "nothing"
    return f"exit status {result.exit_status}; the machine said: {said}"


def _answer(result: CommandResult) -> list[str]:
    """The lines of REMOVE_SCRIPT's answer, after whatever the login shell greeted with."""
    lines = _text(result.stdout).splitlines()
    first = next((n for n, line in enumerate(lines) if line in _ANSWERS), len(lines))
    return lines[first:]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
