"""The journals that are being received: one task each, ended when it is shown no more."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from textual.worker import Worker

from fleettui.journal.columns import Batch, Packer
from fleettui.journal.packed import Packed
from fleettui.journal.sources import Choice, Source
from fleettui.model.clock import now
from fleettui.model.host import JournalItem, JournalNotice, NoticeKind
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted

Key = tuple[object, ...]
_TROUBLES = {
    NoticeKind.LOST: "connection lost",
    NoticeKind.REFUSED: "may not be read",
    NoticeKind.ENDED: "journalctl ended",
}


class Tail(msgspec.Struct):
    """One journal being received."""

    source: Source
    stream: int
    packer: Packer
    worker: Worker[None] | None = None
    trouble: str = ""
    """Why nothing comes, in two words; empty while it is received."""
    is_over: bool = False
    """Whether all that was asked for was read, such as a boot that is past."""

    def heard(self, items: Sequence[JournalItem]) -> Batch:
        """Take note of how the stream fares, and pack what came of it."""
        if not isinstance(items, Packed):
            self._note(items)
            return self.packer.pack(items)
        self._note(items if items.has_notices else items[-1:])
        self.packer = Packer()  # it cannot know what others have packed
        return items.batch

    def _note(self, items: Sequence[JournalItem]) -> None:
        for item in items:
            if isinstance(item, JournalNotice):
                self.is_over = item.kind is NoticeKind.OVER
            if not isinstance(item, JournalNotice) or item.kind is NoticeKind.CONNECTED:
                self.trouble = ""
            elif item.kind is not NoticeKind.ENDED or not self.trouble:
                self.trouble = _TROUBLES.get(item.kind, self.trouble)


class Tails:
    """What is received for a choice; what two choices share goes on from one to the next."""

    def __init__(
        self, begin: Callable[[Source, Choice], Tail], end: Callable[[Tail], None]
    ) -> None:
        self._begin, self._end = begin, end
        self._tails: dict[Key, Tail] = {}

    @property
    def by_stream(self) -> Mapping[int, Tail]:
        """What is received now, by its stream's number in the ring."""
        return {tail.stream: tail for tail in self._tails.values()}

    def receive(self, choice: Choice) -> bool:
        """Begin and end what has to; whether anything that was received before goes on."""
        wanted = {_key(source, choice): source for source in choice.sources}
        kept = self._tails.keys() & wanted.keys()
        for key in self._tails.keys() - kept:
            self._end(self._tails.pop(key))
        for key, source in wanted.items():
            if key not in self._tails:
                self._tails[key] = self._begin(source, choice)
        return bool(kept)


def unreadable(source: Source) -> list[JournalItem]:
    """Why a journal is not asked for at all; nothing where it is."""
    why = refusal(source.unit)
    if why is None:
        return []
    words = f"{Untrusted(source.unit)}: no journal is asked for under this name: {why}"
    return [JournalNotice(NoticeKind.REFUSED, now(), Untrusted(words))]


def with_help(items: Sequence[JournalItem]) -> Sequence[JournalItem]:
    """The items, and behind each refusal among them what an operator may do."""
    if isinstance(items, Packed) and not items.has_notices:
        return items
    words = Untrusted("S reads this journal through sudo")
    helped: list[JournalItem] = []
    for item in items:
        helped.append(item)
        if isinstance(item, JournalNotice) and item.kind is NoticeKind.REFUSED:
            helped.append(JournalNotice(NoticeKind.SAID, item.at, words))
    return items if len(helped) == len(items) else helped


def _key(source: Source, choice: Choice) -> Key:
    return source.place, choice.span, choice.as_root
