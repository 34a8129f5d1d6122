"""Reading machines: probes, files and journals. Nothing in here takes a command that changes."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, datetime

import msgspec

from fleettui.access import FileCopy, HostUnreachable
from fleettui.commands import copy_file, list_images, probe, unit_changes, who_am_i
from fleettui.commands.journal import JournalCommands, recall_journal
from fleettui.commands.templates import ReadCommand
from fleettui.hosts.answers import Answer, gather
from fleettui.hosts.changes import read_changes
from fleettui.hosts.copies import read_copy
from fleettui.hosts.following import Following
from fleettui.hosts.images import read_images
from fleettui.hosts.probe import ANSWER_LIMIT, ProbeUnreadable, read_probe
from fleettui.hosts.recall import recall
from fleettui.hosts.rights import read_rights
from fleettui.hosts.sessions import Sessions
from fleettui.hosts.text import last_words
from fleettui.hosts.words import connection_broke
from fleettui.model.cluster import Machine
from fleettui.model.host import (
    NEWEST,
    HostFacts,
    ImageFacts,
    JournalItem,
    JournalRecord,
    Span,
    UnitChange,
)
from fleettui.model.rights import Rights
from fleettui.model.untrusted import Untrusted

DEADLINE_SECONDS = 15
"""For one command that reads."""


class Reader:
    """Asks machines; see `fleettui.access.HostReader`."""

    def __init__(self, sessions: Sessions, following: Following) -> None:
        self._sessions = sessions
        self._following = following

    async def probe(
        self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
    ) -> HostFacts:
        """One round of facts. Raises HostUnreachable."""
        names = [unit.raw for unit in units]
        asked_at = datetime.now(UTC)
        answer = await self._ask(machine, probe(names, since))
        try:
            facts = read_probe(answer.stdout, machine.id, datetime.now(UTC), names)
        except ProbeUnreadable as exc:
            said = last_words(answer.stderr)
            raise ProbeUnreadable(f"{machine.public_ip}: {exc}{said and f' ({said})'}") from exc
        return msgspec.structs.replace(facts, asked_at=asked_at)

    async def copy(self, machine: Machine, folder: str, name: Untrusted) -> FileCopy:
        """A regular file of a unit folder. Raises HostUnreachable; FileNotFoundError if none."""
        answer = await self._ask(machine, copy_file(folder, name.raw))
        if answer.exit_status == 3:
            raise FileNotFoundError(f"no regular file {name} in {folder} on {machine.public_ip}")
        if answer.exit_status != 0:
            raise HostUnreachable(
                f"{machine.public_ip} could not read {folder}/{name}: "
                f"{last_words(answer.stderr) or f'exit status {answer.exit_status}'}"
            )
        return read_copy(answer.stdout)

    async def unit_changes(self, machine: Machine, since: datetime) -> tuple[UnitChange, ...]:
        """What systemd did to units since then, by the machine's clock, oldest first.

        Raises HostUnreachable, also where its journal cannot be read.
        """
        answer = await self._ask(machine, unit_changes(since))
        with _told_of(machine):
            return read_changes(answer, since)

    async def images(
        self, machine: Machine, images: Sequence[Untrusted]
    ) -> Mapping[Untrusted, ImageFacts]:
        """Whether container images are on the machine already. Raises HostUnreachable."""
        if not images:
            return {}
        answer = await self._ask(machine, list_images())
        with _told_of(machine):
            return read_images(answer.stdout, images)

    async def rights(self, machine: Machine) -> Rights:
        """What the SSH user could do there, by the machine's answer. Raises HostUnreachable."""
        answer = await self._ask(machine, who_am_i())
        with _told_of(machine):
            return read_rights(answer.stdout)

    def journal(
        self, machine: Machine, unit: str, span: Span = NEWEST
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalItem]]]:
        """A unit's journal, following."""
        return self._following.follow(machine, JournalCommands(unit, span))

    def recall(
        self, machine: Machine, unit: str, span: Span, cursor: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[Sequence[JournalRecord]]]:
        """A stretch of a unit's journal, to its end."""
        command = recall_journal(unit, span, from_cursor=cursor or None)
        return recall(self._sessions, machine, command)

    async def _ask(self, machine: Machine, command: ReadCommand) -> Answer:
        """Run a command that leaves the machine as it is, to its end. Raises HostUnreachable."""
        line = self._sessions.line(machine)
        async with line.start(command) as process:
            answer = await gather(process, seconds=DEADLINE_SECONDS, limit=ANSWER_LIMIT)
        if answer.exit_status is not None:
            return answer
        if answer.timed_out:
            raise HostUnreachable(
                f"{machine.public_ip} did not answer in {DEADLINE_SECONDS} s "
                f"({len(answer.stdout)} bytes came)"
            )
        raise HostUnreachable(connection_broke(answer.broken, str(machine.public_ip)))


@contextmanager
def _told_of(machine: Machine) -> Iterator[None]:
    """Say which machine it is whose answer cannot be read."""
    try:
        yield
    except HostUnreachable as exc:
        raise HostUnreachable(f"{machine.public_ip}: {exc}") from exc
