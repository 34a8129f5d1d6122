"""One command running on a machine: its output in blocks, its end, and how we let go of it."""

import asyncio
import signal
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

import asyncssh

HELD = 512 * 1024
"""Bytes held for a slow reader; beyond them the machine is made to wait."""
BLOCK = 64 * 1024
"""Bytes of a good block: enough to be worth decoding, too few to hold anybody up."""
WINDOW = 256 * 1024
"""Bytes that a machine may send of one command before they are read."""


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of output."""

    data: bytes
    is_stderr: bool = False


class RemoteProcess(asyncssh.SSHClientSession[bytes]):
    """The client's side of one session channel."""

    def __init__(self) -> None:
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._blocks: deque[Block] = deque()
        self._held = 0
        self._paused = False
        self._ended = False
        self._news = asyncio.Event()
        self._exit_status: int | None = None
        self.broken: Exception | None = None
        """Why the connection was lost, where it was."""

    @property
    def may_have_started(self) -> bool:
        """Whether the machine was sent the command: from then on, failing does not mean not run."""
        return self._channel is not None

    @property
    def exit_status(self) -> int | None:
        """How the command ended (128 + N for signal N); None where nobody knows."""
        return self._exit_status if self.broken is None else None

    async def read(self) -> Block | None:
        """The next block of output; None at the end. Blocks that came before a break are given."""
        while not self._blocks:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        return self._take()

    def unread(self, block: Block) -> None:
        """Give a block back: it is the next to be read."""
        self._blocks.appendleft(block)
        self._held += len(block.data)

    def close(self) -> None:
        """Let go: our end of its standard input closes, which ends what has a watchdog.

        What had come by then is still given to who reads, and nothing after it.
        """
        self._ended = True
        self._news.set()
        if self._channel is not None:
            self._channel.close()

    def write(self, data: bytes) -> None:
        """Send something to its standard input; one that has ended already takes nothing."""
        if data and self._channel is not None and not self._ended:
            with suppress(BrokenPipeError):
                self._channel.write(data)

    def write_eof(self) -> None:
        """End its standard input and go on reading."""
        if self._channel is not None and not self._ended:
            self._channel.write_eof()

    def _take(self) -> Block:
        """As many blocks of one kind as make one of a good size: lines may come one a packet."""
        first = self._blocks.popleft()
        pieces, size = [first.data], len(first.data)
        while size < BLOCK and self._blocks and self._blocks[0].is_stderr == first.is_stderr:
            pieces.append(self._blocks.popleft().data)
            size += len(pieces[-1])
        self._held -= size
        if self._paused and self._held <= HELD // 2 and self._channel is not None:
            self._paused = False
            self._channel.resume_reading()
        return Block(b"".join(pieces), is_stderr=first.is_stderr)

    # What asyncssh calls:

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        if self._ended:  # given up before the machine answered: it is not sent the command
            chan.close()
        else:
            self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._ended:
            return
        self._blocks.append(Block(data, is_stderr=datatype is not None))
        self._held += len(data)
        if self._held > HELD and not self._paused and self._channel is not None:
            self._paused = True
            self._channel.pause_reading()
        self._news.set()

    def eof_received(self) -> bool:
        return True  # our end of its standard input stays open

    def exit_status_received(self, status: int) -> None:
        self._exit_status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._exit_status = 128 + _number(signal)

    def connection_lost(self, exc: Exception | None) -> None:
        self.broken = exc
        self._ended = True
        self._news.set()


def _number(name: str) -> int:
    known = getattr(signal.Signals, f"SIG{name}", None)
    return int(known) if isinstance(known, signal.Signals) else 0
