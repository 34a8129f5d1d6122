"""The lines of all journals of a collector, on their way to the console in few large frames."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from fleettui.hosts.collector.frames import Columns, Lines, packed
from fleettui.hosts.position import Mark
from fleettui.journal.columns import Packer
from fleettui.model.host import JournalItem, JournalNotice, NoticeKind

PAUSE = 0.1
"""Seconds between two frames while lines keep coming; the first of them is sent at once."""
PAUSE_FLOOD = 0.25
"""The same after a frame of more than `FLOOD` lines: nobody reads them as they pass, and a frame
costs the console something for each journal."""
FLOOD = 250
"""Lines in a frame."""
HELD = 4 * 1024 * 1024
"""Characters that wait at most, about; beyond them the machines are made to wait."""
_LINE = 200
"""What a line counts for beside its text."""
Send = Callable[[Lines], Awaitable[None]]
"""Sends a frame; returns when the next one may come."""


class _Waiting:
    """What has come of one journal and was not sent yet."""

    def __init__(self) -> None:
        self.packer = Packer()
        self.items: list[JournalItem] = []
        self.weight = 0
        self.mark: Mark | None = None

    def pack(self, stream: int) -> Columns:
        items, self.items, self.weight = self.items, [], 0
        columns = packed(stream, self.mark, self.packer.pack(items))
        if any(_is_commented(item) for item in items):
            self.packer = Packer()
        return columns


class Outbox:
    """Gathers what comes, and sends it as often as somebody can look at it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: dict[int, _Waiting] = {}
        self._held = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    def open(self, stream: int) -> None:
        """Begin with a journal."""
        self._waiting[stream] = _Waiting()

    def close(self, stream: int) -> None:
        """Nobody waits for this journal any more."""
        self._held -= self._waiting.pop(stream).weight
        self._room.set()

    async def put(self, stream: int, items: Sequence[JournalItem], mark: Mark | None) -> None:
        """Take what came of a journal, which stands at `mark` behind it."""
        while self._held >= HELD:
            self._room.clear()
            await self._room.wait()
        waiting = self._waiting[stream]
        waiting.items += items
        waiting.mark = mark
        weight = sum(_LINE + _length(item) for item in items)
        waiting.weight += weight
        self._held += weight
        self._news.set()

    async def send_all(self) -> None:
        """Send what comes, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            full = [(stream, w) for stream, w in self._waiting.items() if w.items]
            self._held = 0
            self._room.set()
            is_flood = sum(len(waiting.items) for _, waiting in full) > FLOOD
            await self._send(Lines(tuple(waiting.pack(stream) for stream, waiting in full)))
            await asyncio.sleep(PAUSE_FLOOD if is_flood else PAUSE)


def _length(item: JournalItem) -> int:
    return len(item.text.raw if isinstance(item, JournalNotice) else item.message.raw)


def _is_commented(item: JournalItem) -> bool:
    """Whether the console may put words of its own behind it: then no later line may count its
    distance to an earlier one, as a fold does."""
    return isinstance(item, JournalNotice) and item.kind is NoticeKind.REFUSED
