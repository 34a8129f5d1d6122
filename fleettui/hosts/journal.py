"""A unit's journal, followed over SSH: it outlives its connections and loses no line."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from fleettui.access import HostUnreachable
from fleettui.commands import Command
from fleettui.hosts.entries import decode_entry
from fleettui.hosts.position import Mark, Position
from fleettui.hosts.process import Block, RemoteProcess
from fleettui.hosts.records import LineCutter, TooLong
from fleettui.hosts.sessions import Sessions
from fleettui.hosts.text import as_text
from fleettui.hosts.turns import Patience
from fleettui.hosts.words import connection_broke
from fleettui.model.cluster import Machine
from fleettui.model.host import JournalEntry, JournalItem, JournalNotice, NoticeKind, Span
from fleettui.model.untrusted import Untrusted

FIRST_WAIT = 0.5
"""Seconds before a journal that was lost is asked for again the first time."""
LONGEST_WAIT = 5.0
"""Seconds between attempts, doubled from the first to the longest."""
QUIET = 2.0
"""Seconds after which a journalctl that had ended before is believed to run."""

_REFUSALS = (
    b"No journal files were found",
    b"due to insufficient permissions",
    b"not seeing messages from other users",
    b"in no group that may read the journal",
)
_MORE_OF_IT = (b"can see all messages", b"turn off this notice")
"""Further lines of what journalctl says to somebody who sees only his own."""
_LOST_PLACE = b"Failed to seek to cursor"


class Commands(Protocol):
    """The commands that read one journal, for whoever reads it."""

    @property
    def unit(self) -> str:
        """Whose journal; notices name it."""

    @property
    def span(self) -> Span:
        """Which lines are read first."""

    def read(self, cursor: str | None) -> Command:
        """What is there, from a cursor on or as it was asked for."""

    def follow(self, cursor: str | None) -> Command | None:
        """What is written from now on; None where the end of the asked stretch is past."""


class _Unproven(Exception):
    """What is followed does not begin with the last line that was read."""


class _Left(Exception):
    """Somebody else goes on with this journal."""


class _Told(Enum):
    """When it is told that a journal is followed."""

    AT_ONCE = "at once"
    ONCE_IT_RUNS = "once it runs"
    """A journalctl that ended the last time may do so again."""
    NEVER = "never"


class Journal:
    """One journal: where it stands, and what has been told of its troubles."""

    def __init__(
        self,
        sessions: Sessions,
        machine: Machine,
        commands: Commands,
        mark: Mark | None = None,
        *,
        quietly: bool = False,
    ) -> None:
        """With a mark it goes on behind that line; `quietly`: nothing is told of its beginning."""
        self._sessions = sessions
        self.machine = machine
        self._commands = commands
        self._position = Position(mark)
        self._quietly = quietly
        self._process: RemoteProcess | None = None
        self._left = asyncio.Event()
        self._wait = FIRST_WAIT
        self._told: set[tuple[NoticeKind, str]] = set()
        self._is_failing = False
        """Whether journalctl ended by itself the last time, and no line has come since."""

    @property
    def mark(self) -> Mark | None:
        """Where to go on: behind the last line that was given out."""
        return self._position.mark

    @property
    def can_be_left(self) -> bool:
        """Whether somebody else can go on at `mark`, and has reason to: a journalctl runs."""
        return self._process is not None and self._position.last is not None

    def leave(self) -> None:
        """Have `batches` end with the next of them, so that somebody else goes on at `mark`."""
        self._left.set()
        if self._process is not None:
            self._process.close()

    async def batches(self) -> AsyncGenerator[Sequence[JournalItem], None]:
        """What the journal says, attempt after attempt, until it is left."""
        while not self._left.is_set():
            try:
                async with aclosing(self._attempt()) as attempt:
                    async for items in attempt:
                        yield items
            except _Left:
                return
            except HostUnreachable as exc:
                if lost := self._tell(NoticeKind.LOST, str(exc)):
                    yield lost
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait):
                    await self._left.wait()
            self._wait = min(2 * self._wait, LONGEST_WAIT)

    async def _attempt(self) -> AsyncGenerator[Sequence[JournalItem], None]:
        """Read what there is, and follow what comes, until that ends. Raises HostUnreachable."""
        failing = self._is_failing
        told = _Told.NEVER if failing or self._quietly else _Told.AT_ONCE
        self._quietly = False
        while True:
            patience = Patience()
            async with aclosing(self._read(told, patience)) as reading:
                async for items in reading:
                    yield items
            if self._has_failed():
                return
            told = _Told.ONCE_IT_RUNS if failing else _Told.NEVER
            async with aclosing(self._follow(told, patience)) as following:
                async for items in following:
                    yield items
            if self._has_failed():
                return
            told, failing = _Told.NEVER, False

    def _has_failed(self) -> bool:
        return self._is_failing

    async def _read(
        self, told: _Told, patience: Patience
    ) -> AsyncGenerator[Sequence[JournalItem], None]:
        command = self._commands.read(self._position.read_on())
        await self._sessions.line(self.machine).connect()  # none waits for one that is lost
        async with (
            self._sessions.readings.one(patience) as begun,
            aclosing(self._run(command, told)) as reading,
        ):
            async for items in reading:
                if any(isinstance(item, JournalEntry) for item in items):
                    await begun()
                yield items

    async def _follow(
        self, told: _Told, patience: Patience
    ) -> AsyncGenerator[Sequence[JournalItem], None]:
        """Ends where it has to be read once more."""
        command = self._commands.follow(self._position.follow_on())
        if command is None:
            yield self._tell(NoticeKind.OVER, "the end of what was asked for")
            await self._left.wait()
            raise _Left
        await self._sessions.readings.over(patience)
        try:
            async with aclosing(self._run(command, told, endless=True)) as following:
                async for items in following:
                    yield items
        except _Unproven:
            return

    async def _run(
        self, command: Command, told: _Told, *, endless: bool = False
    ) -> AsyncGenerator[Sequence[JournalItem], None]:
        """One journalctl, from its start to its end. Raises HostUnreachable."""
        line = self._sessions.root_line(self.machine)
        async with line.start(command, endless=True) as process:
            if self._left.is_set():
                raise _Left
            started = time.monotonic()
            self._process = process
            try:
                async with aclosing(self._items(process, told)) as batches:
                    async for items in batches:
                        yield items
            finally:
                self._process = None
            if self._left.is_set():
                raise _Left
            if time.monotonic() - started > QUIET:
                self._wait = FIRST_WAIT
            if process.exit_status is None:
                where = str(self.machine.public_ip)
                raise HostUnreachable(connection_broke(process.broken, where))
            self._is_failing = endless or process.exit_status != 0
            if self._is_failing and (ending := self._ending(process.exit_status)):
                yield ending

    async def _items(
        self, process: RemoteProcess, told: _Told
    ) -> AsyncGenerator[Sequence[JournalItem], None]:
        lines, words = LineCutter(), LineCutter()
        waiting = told is _Told.ONCE_IT_RUNS
        if told is _Told.AT_ONCE:
            yield self._connected()
        while (block := await _next_block(process, QUIET if waiting else None)) is not None:
            if waiting and not block.is_stderr:
                waiting = False
                yield self._connected()
            cutter, read = (words, self._said) if block.is_stderr else (lines, self._entries)
            items = [item for line in cutter.feed(block.data) for item in read(line)]
            del block  # the wait for the next one may be long, and of a hundred machines
            if items:
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
        self._wait = FIRST_WAIT
        self._told.clear()
        before = self._position.last
        step = self._position.take(entry)
        if step.is_known:
            return ()
        if step.is_unproven:
            raise _Unproven
        gap = self._gap(entry, before) if step.is_after_gap else ()
        booted = f"{self.machine.public_ip} was booted"
        told = self._tell(NoticeKind.BOOTED, booted) if step.is_after_boot else ()
        return (*gap, *told, entry)

    def _gap(
        self, entry: JournalEntry, before: JournalEntry | Mark | None
    ) -> Sequence[JournalItem]:
        """`before` is gone from the machine; `entry` is the oldest line after it that is left."""
        since = f"{before.at:%Y-%m-%d %H:%M:%S}" if before else "before"
        return self._tell(
            NoticeKind.GAP,
            f"lines may be missing: the journal of {self.machine.public_ip} no longer has the "
            f"line of {since} that was read last (rotated away, or a new boot without a kept "
            f"journal); it goes on at {entry.at:%Y-%m-%d %H:%M:%S} UTC",
        )

    def _said(self, line: bytes | TooLong) -> Sequence[JournalItem]:
        """journalctl's standard error; what it says to those who may not read is explained."""
        words = line.head if isinstance(line, TooLong) else line
        if not words.strip() or any(more in words for more in _MORE_OF_IT):
            return ()
        if _LOST_PLACE in words and self._position.last is not None:
            return self._place_refused(words)
        if not any(refusal in words for refusal in _REFUSALS):
            return self._tell(NoticeKind.SAID, as_text(words).raw)
        who, where = self._sessions.username, self.machine.public_ip.raw
        return self._tell(
            NoticeKind.REFUSED,
            f"{who} is not in group systemd-journal on {where}; have it added there",
        )

    def _place_refused(self, words: bytes) -> Sequence[JournalItem]:
        """journalctl cannot read its own cursor: begin again as at first."""
        self._position.forget()
        return self._tell(
            NoticeKind.GAP,
            f"lines may be missing or come twice: journalctl on {self.machine.public_ip} cannot "
            f"go on where it stopped ({as_text(words).raw}) and is read anew",
        )

    def _ending(self, status: int) -> Sequence[JournalItem]:
        words = f"journalctl on {self.machine.public_ip} ended with status {status}"
        return self._tell(NoticeKind.ENDED, words)

    def _connected(self) -> Sequence[JournalItem]:
        self._told.clear()
        doing = "reading" if self._commands.follow(None) is None else "following"
        return self._tell(NoticeKind.CONNECTED, f"{doing} {self._commands.unit}")

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
