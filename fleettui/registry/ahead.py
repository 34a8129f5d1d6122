"""The first read of a registry, sent before anybody follows: beside this process, or within it."""

from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from fleettui.model.cluster import Snapshot
from fleettui.registry.forerunner import Forerunner, Found, can_run
from fleettui.registry.head_start import HeadStart, Missed
from fleettui.registry.image import Image
from fleettui.registry.keys import Keys
from fleettui.registry.source import Reading, Source
from fleettui.registry.tree import PARTS

Begun = HeadStart | Forerunner
_DECODED_WITHIN = 10.0
"""Seconds that decoding may take, beside all that loads a screen."""


class Ahead(msgspec.Struct, frozen=True):
    """What a read that was sent ahead has brought."""

    snapshot: Snapshot | None
    """Made of it by another process; None where it is still to be made here."""
    readings: Callable[[], Mapping[str, Reading]]
    """By folder; asked for once. Raises Missed where they were lost after all."""


def begin(source: Source, keys: Keys, seconds: float) -> Begun:
    """Ask for all folders now; the answers have to come within `seconds`."""
    if can_run():
        with suppress(OSError):
            find = _finding(source, keys, seconds)
            return Forerunner(find, seconds=seconds + _DECODED_WITHIN)
    return source.read_ahead(PARTS, seconds)


def _finding(source: Source, keys: Keys, seconds: float) -> Callable[[], Found]:
    """What a process of its own does: it decodes what is there while it waits for the rest."""

    def find() -> Found:
        begun, image, answers = source.read_ahead(PARTS, seconds), Image(keys), {}
        for part, raw in begun.each():
            answers[part] = raw
            for _, reading in source.taken_ahead([(part, raw)], begun.asked_at):
                image.load_folder(part, reading.node, reading.index)
        return image.snapshot(begun.asked_at), answers

    return find


def taken(begun: Begun, source: Source) -> Ahead | None:
    """What came of it, once that is there; None where anything went wrong."""
    if isinstance(begun, Forerunner):
        snapshot = begun.snapshot()
        if snapshot is None:
            return None
        return Ahead(
            snapshot, lambda: dict(source.taken_ahead(begun.answers().items(), begun.asked_at))
        )
    try:
        readings = dict(source.taken_ahead(begun.each(), begun.asked_at))
    except Missed:
        return None
    return Ahead(None, lambda: readings)
