"""What a first read that was sent ahead has brought, and what a process of its own makes of it:
first the snapshot, in pieces, then the answers that it was made of, from which whoever follows
goes on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from fleettui.model.cluster import Snapshot
from fleettui.registry.carried import carried, restored
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.forerunner import Begun, Forerunner
from fleettui.registry.head_start import HeadStart, Missed, RawAnswer
from fleettui.registry.image import Image
from fleettui.registry.keys import JOB, STATES, Keys
from fleettui.registry.source import Reading, Source, open_sources

_answers = msgspec.msgpack.Decoder(dict[str, RawAnswer])


class Ahead(msgspec.Struct, frozen=True):
    """What a read that was sent ahead has brought."""

    snapshot: Snapshot | None
    """Made of it by another process; None where it is still to be made here."""
    readings: Callable[[], Mapping[str, Reading]]
    """By folder; asked for once. Raises Missed where they were lost after all."""


def taken(begun: Begun, source: Source) -> Ahead | None:
    """What came of it, once that is there; None where anything went wrong."""
    try:
        if isinstance(begun, Forerunner):
            return _taken_beside(begun, source)
        readings = dict(source.taken_ahead(begun.each(), begun.asked_at))
    except Missed:
        return None
    return Ahead(None, lambda: readings)


def found(begun: HeadStart, keys: Keys) -> Iterator[bytes]:
    """What `taken` takes: whatever answer is there is decoded while the rest is waited for.

    Raises Missed.
    """
    (source,) = open_sources((begun.url,), keys, ClusterId())
    image, answers = Image(keys), {}
    for part, raw in begun.each():
        answers[part] = raw
        for _, reading in source.taken_ahead([(part, raw)], begun.asked_at):
            image.load_folder(part, reading.node, reading.index)
        if part not in (JOB, STATES):
            image.decode_all_but_units()  # while the largest are waited for
    yield from carried(image.snapshot(begun.asked_at))
    yield msgspec.msgpack.encode(answers)


def _taken_beside(begun: Forerunner, source: Source) -> Ahead:
    """Raises Missed."""

    def readings() -> Mapping[str, Reading]:
        try:
            with _undecodable_is_missed(begun):
                answers = _answers.decode(begun.take())
        finally:
            begun.end()
        return dict(source.taken_ahead(answers.items(), begun.asked_at))

    with _undecodable_is_missed(begun):
        return Ahead(restored(iter(begun.take, None)), readings)


@contextmanager
def _undecodable_is_missed(begun: Forerunner) -> Iterator[None]:
    """Raises Missed for what cannot be decoded, and then it is over."""
    try:
        yield
    except msgspec.DecodeError as problem:
        begun.end()
        raise Missed from problem
