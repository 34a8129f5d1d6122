"""A unit's journal, followed over SSH: it outlives its connections and loses no line."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

from fleettui.access import HostUnreachable
from fleettui.commands import follow_journal, shell_text
from fleettui.hosts.entries import decode_entry
from fleettui.hosts.process import Block, RemoteProcess
from fleettui.hosts.records import LineCutter, TooLong
from fleettui.hosts.sessions import Sessions
from fleettui.hosts.text import as_text
from fleettui.hosts.words import connection_broke
from fleettui.model.cluster import Machine
from fleettui.model.host import JournalItem, JournalNotice, NoticeKind
from fleettui.model.untrusted import Untrusted

FIRST_WAIT = 0.5
LONGEST_WAIT = 5.0
"""Seconds between attempts, doubled from the first to the longest."""
QUIET = 2.0
"""Seconds after which a journalctl that had ended before is believed to run."""

_REFUSALS = (b"No journal files were found", b"due to insufficient permissions")


@asynccontextmanager
async def follow(
    sessions: Sessions, machine: Machine, unit: str
) -> AsyncIterator[AsyncIterator[Sequence[JournalItem]]]:
    """See `fleettui.access.HostReader.journal`; a slow reader makes the machine wait."""
    async with aclosing(_Journal(sessions, machine, unit).batches()) as batches:
        yield batches


class _Journal:
    """One journal: where it stands, and what has been told of its troubles."""

    def __init__(self, sessions: Sessions, machine: Machine, unit: str) -> None:
        self._sessions = sessions
        self._machine = machine
        self._unit = unit
        self._cursor: str | None = None
        self._wait = FIRST_WAIT
        self._told: set[tuple[NoticeKind, str]] = set()
        self._is_failing = False
        """Whether journalctl ended by itself the last time, and no line has come since."""

    async def batches(self) -> AsyncGenerator[Sequence[JournalItem], None]:
        """What the journal says, attempt after attempt, for as long as somebody reads."""
        while True:
            begun = time.monotonic()
            try:
                async with aclosing(self._attempt()) as attempt:
                    async for items in attempt:
                        yield items
            except HostUnreachable as exc:
                if lost := self._tell(NoticeKind.LOST, str(exc)):
                    yield lost
            else:
                if time.monotonic() - begun > QUIET:
                    self._wait = FIRST_WAIT
            await asyncio.sleep(self._wait)
            self._wait = min(2 * self._wait, LONGEST_WAIT)

    async def _attempt(self) -> AsyncGenerator[Sequence[JournalItem], None]:
        """One journalctl, from its start to its end. Raises HostUnreachable."""
        command = follow_journal(self._unit, after_cursor=self._cursor)
        line = self._sessions.line(self._machine)
        async with line.start(shell_text(command), endless=True) as process:
            async with aclosing(self._read(process)) as batches:
                async for items in batches:
                    yield items
            if ending := self._ending(process):
                yield ending

    async def _read(self, process: RemoteProcess) -> AsyncGenerator[Sequence[JournalItem], None]:
        lines, words = LineCutter(), LineCutter()
        connected = not self._is_failing
        if connected:
            yield self._connected()
        while (block := await _next_block(process, None if connected else QUIET)) is not None:
            if not connected and not block.is_stderr:
                connected = True
                yield self._connected()
            cutter, read = (words, self._said) if block.is_stderr else (lines, self._entries)
            if items := [item for line in cutter.feed(block.data) for item in read(line)]:
                yield items
            await asyncio.sleep(0)  # a flood of blocks leaves nobody else without a turn
        if (last := words.flush()) and (items := [*self._said(last)]):
            yield items

    def _entries(self, line: bytes | TooLong) -> Sequence[JournalItem]:
        if not line:
            return ()
        if isinstance(line, bytes) and line.startswith(b"-- "):
            return self._tell(NoticeKind.SAID, as_text(line).raw)  # old journalctl: -- Reboot --
        entry = decode_entry(line)
        self._cursor = entry.cursor or self._cursor
        self._wait, self._is_failing = FIRST_WAIT, False
        self._told.clear()
        return (entry,)

    def _said(self, line: bytes | TooLong) -> Sequence[JournalItem]:
        """journalctl's standard error; what it says to those who may not read is explained."""
        words = line.head if isinstance(line, TooLong) else line
        if not words.strip():
            return ()
        if not any(refusal in words for refusal in _REFUSALS):
            return self._tell(NoticeKind.SAID, as_text(words).raw)
        who, where = self._sessions.username, self._machine.public_ip.raw
        return self._tell(
            NoticeKind.REFUSED,
            f"{who} is not in group systemd-journal on {where}; have it added there "
            f"(journalctl: {as_text(words).raw})",
        )

    def _ending(self, process: RemoteProcess) -> Sequence[JournalItem]:
        where = self._machine.public_ip
        if process.exit_status is None:
            return self._tell(NoticeKind.LOST, connection_broke(process.broken, str(where)))
        self._is_failing = True
        return self._tell(
            NoticeKind.ENDED, f"journalctl on {where} ended with status {process.exit_status}"
        )

    def _connected(self) -> Sequence[JournalItem]:
        self._told.clear()
        return self._tell(NoticeKind.CONNECTED, f"following {self._unit}")

    def _tell(self, kind: NoticeKind, text: str) -> Sequence[JournalItem]:
        """A notice, unless it was told already and nothing has happened since."""
        if (kind, text) in self._told:
            return ()
        self._told.add((kind, text))
        return (JournalNotice(kind, datetime.now(UTC), Untrusted(text)),)


async def _next_block(process: RemoteProcess, patience: float | None) -> Block | None:
    """The next block; an empty one where none came for `patience` seconds, None at the end."""
    try:
        async with asyncio.timeout(patience):
            return await process.read()
    except TimeoutError:
        return Block(b"")
