"""What a first read that was sent ahead has brought.

Where another process has decoded it, next to nothing has to be loaded to show it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from fleettui.model.cluster import Link, RegistryView
from fleettui.registry.carried import UNUSABLE, restored
from fleettui.registry.forerunner import Begun, Forerunner
from fleettui.registry.head_start import Missed, RawAnswer

if TYPE_CHECKING:
    from fleettui.registry.source import Reading, Source

_heads = msgspec.msgpack.Decoder(dict[str, RawAnswer])


class Ahead:
    """What a read that was sent ahead has brought.

    It is let go when it is taken: whoever follows makes a picture of its own, and that of a large
    registry is not to be held twice.
    """

    def __init__(
        self, readings: "Callable[[], Mapping[str, Reading]]", view: RegistryView | None = None
    ) -> None:
        """`view` is as another process has decoded it; None: it is still to be decoded here."""
        self.is_decoded = view is not None
        self.view = view
        self._readings: Callable[[], Mapping[str, Reading]] | None = readings

    def take_view(self) -> RegistryView | None:
        """For the first who asks."""
        view, self.view = self.view, None
        return view

    def take_readings(self) -> "Mapping[str, Reading]":
        """By folder; for the first who asks. Raises Missed where they were lost after all."""
        readings, self._readings = self._readings, None
        if readings is None:
            raise Missed
        return readings()


def taken(begun: Begun, url: str, source: "Callable[[], Source]") -> Ahead | None:
    """What came of it, once that is there; None where anything went wrong.

    `url` is the endpoint that was asked, and `source` opens it.
    """
    try:
        if isinstance(begun, Forerunner):
            return _taken_beside(begun, url, source)
        readings = dict(source().taken_ahead(begun.each(), begun.asked_at))
    except Missed:
        return None
    return Ahead(lambda: readings)


def _taken_beside(begun: Forerunner, url: str, source: "Callable[[], Source]") -> Ahead:
    """Raises Missed."""

    def readings() -> "Mapping[str, Reading]":
        try:
            with _undecodable_is_missed(begun):
                heads = _heads.decode(begun.take())
            answers = {part: replace(head, body=begun.take()) for part, head in heads.items()}
        finally:
            begun.end()
        return dict(source().taken_ahead(answers.items(), begun.asked_at))

    with _undecodable_is_missed(begun):
        snapshot = restored(iter(begun.take, None))
    return Ahead(readings, RegistryView(Link.LIVE, datetime.now(UTC), snapshot, endpoint=url))


@contextmanager
def _undecodable_is_missed(begun: Forerunner) -> Iterator[None]:
    """Raises Missed for what cannot be decoded, and then it is over."""
    try:
        yield
    except UNUSABLE as problem:
        begun.end()
        raise Missed from problem
