"""A stretch of a journal read once more, whole, to its end."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from fleettui.access import HostUnreachable
from fleettui.commands import Command
from fleettui.hosts.entries import decode_entry
from fleettui.hosts.process import RemoteProcess
from fleettui.hosts.records import LineCutter, TooLong
from fleettui.hosts.sessions import Sessions
from fleettui.hosts.text import last_words
from fleettui.hosts.words import connection_broke
from fleettui.model.cluster import Machine
from fleettui.model.host import JournalRecord

LONGEST = 16 * 1024 * 1024
"""Bytes of the longest record that is read whole."""


@asynccontextmanager
async def recall(
    sessions: Sessions, machine: Machine, command: Command
) -> AsyncIterator[AsyncIterator[Sequence[JournalRecord]]]:
    """See `fleettui.access.JournalReader.recall`."""
    line = sessions.root_line(machine)
    async with (
        line.start(command, endless=True) as process,
        aclosing(_records(process, machine)) as batches,
    ):
        yield batches


async def _records(
    process: RemoteProcess, machine: Machine
) -> AsyncGenerator[Sequence[JournalRecord], None]:
    lines, words = LineCutter(LONGEST), b""
    while (block := await process.read()) is not None:
        if block.is_stderr:
            words = (words + block.data)[-4096:]
        elif records := [_record(line) for line in lines.feed(block.data) if _is_record(line)]:
            yield records
    if process.exit_status is None:
        raise HostUnreachable(connection_broke(process.broken, str(machine.public_ip)))
    if process.exit_status != 0:
        said = last_words(words) or f"exit status {process.exit_status}"
        raise HostUnreachable(f"journalctl on {machine.public_ip}: {said}")


def _is_record(line: bytes | TooLong) -> bool:
    return isinstance(line, TooLong) or not (not line or line.startswith(b"-- "))


def _record(line: bytes | TooLong) -> JournalRecord:
    return JournalRecord(decode_entry(line), line.head if isinstance(line, TooLong) else line)
