"""Journal items that came as columns, and are taken apart only for whoever looks at them."""

from collections.abc import Iterator, Sequence
from typing import overload

from fleettui.journal.columns import Batch, Code, cursor_of, moment
from fleettui.model.host import JournalEntry, JournalItem, JournalNotice
from fleettui.model.untrusted import Untrusted


class Packed(Sequence[JournalItem]):
    """The items of a batch. A cursor names series and number alone: enough to find its line by."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    @property
    def has_notices(self) -> bool:
        """Whether anything but lines is among them: connected, lost, refused."""
        return Code.RULE in self.batch.codes

    def __len__(self) -> int:
        return len(self.batch)

    @overload
    def __getitem__(self, index: int) -> JournalItem: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[JournalItem]: ...
    def __getitem__(self, index: int | slice) -> JournalItem | Sequence[JournalItem]:
        if isinstance(index, slice):
            return [self._item(at) for at in range(len(self))[index]]
        return self._item(range(len(self))[index])

    def __iter__(self) -> Iterator[JournalItem]:
        return (self._item(index) for index in range(len(self)))

    def _item(self, index: int) -> JournalItem:
        batch = self.batch
        begin = batch.ends[index - 1] if index else 0
        text = Untrusted(batch.text[begin : batch.ends[index] - 1].decode())
        at, origin = moment(batch.at[index]), batch.origins[batch.origin[index]]
        if origin.notice is not None:
            return JournalNotice(origin.notice, at, text)
        return JournalEntry(
            cursor_of(origin, batch.sequence[index]),
            at,
            text,
            origin.priority,
            origin.unit,
            origin.identifier,
            origin.pid,
            origin.boot_id,
            origin.problem,
        )
