"""What a command said and how it ended, gathered within bounds."""

import asyncio
from dataclasses import dataclass

from fleettui.hosts.process import RemoteProcess


@dataclass(frozen=True, slots=True)
class Answer:
    """The output of a command that has ended, or that was given up."""

    exit_status: int | None
    """128 + N for signal N; None where nobody knows."""
    stdout: bytes
    stderr: bytes
    is_cut: bool = False
    """Whether more was said than was kept."""
    broken: Exception | None = None
    timed_out: bool = False


async def gather(
    process: RemoteProcess, *, seconds: float, limit: int, stdin: bytes = b""
) -> Answer:
    """Read a command to its end, `limit` bytes of each stream at most, for `seconds` at most.

    Its standard input is `stdin`, and then it ends.
    """
    kept = (bytearray(), bytearray())
    said = 0
    timed_out = False
    process.write(stdin)
    process.write_eof()
    try:
        async with asyncio.timeout(seconds):
            while (block := await process.read()) is not None:
                stream = kept[block.is_stderr]
                stream += block.data[: limit - len(stream)]
                said += len(block.data)
    except TimeoutError:
        timed_out = True
    stdout, stderr = (bytes(stream) for stream in kept)
    is_cut = said > len(stdout) + len(stderr)
    return Answer(process.exit_status, stdout, stderr, is_cut, process.broken, timed_out)
