"""The hands that change a machine: every command is sent once, and its end is told as it was."""

from fleettui.access import CommandResult, Ending, HostUnreachable
from fleettui.commands import ChangeCommand
from fleettui.hosts.answers import Answer, gather
from fleettui.hosts.line import Unanswered
from fleettui.hosts.sessions import Sessions
from fleettui.hosts.words import connection_broke
from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted

DEADLINE_SECONDS = 60
"""For one command that changes something; what became of it is looked at afterwards."""
OUTPUT_LIMIT = 1024 * 1024
"""Bytes kept of each stream."""


class Hands:
    """Runs change commands over the sessions that reading uses too."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def perform(self, machine: Machine, command: ChangeCommand) -> CommandResult:
        """Run one command once; see `fleettui.access.HostHands`."""
        try:
            line = self._sessions.root_line(machine)
            async with line.start(command) as process:
                answer = await gather(
                    process,
                    seconds=DEADLINE_SECONDS,
                    limit=OUTPUT_LIMIT,
                    stdin=command.stdin,
                )
        except Unanswered as exc:
            return CommandResult(Ending.UNKNOWN, reason=Untrusted(str(exc)))
        except HostUnreachable as exc:
            return CommandResult(Ending.NOT_STARTED, reason=Untrusted(str(exc)))
        return _result(answer, machine)


def _result(answer: Answer, machine: Machine) -> CommandResult:
    if answer.exit_status is None:
        return CommandResult(
            Ending.UNKNOWN,
            stdout=answer.stdout,
            stderr=answer.stderr,
            reason=Untrusted(_why_unknown(answer, machine)),
        )
    return CommandResult(Ending.EXITED, answer.exit_status, answer.stdout, answer.stderr)


def _why_unknown(answer: Answer, machine: Machine) -> str:
    if answer.timed_out:
        return f"{machine.public_ip} did not finish the command in {DEADLINE_SECONDS} s"
    return connection_broke(answer.broken, str(machine.public_ip))
