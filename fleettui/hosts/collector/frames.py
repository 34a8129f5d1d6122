"""What the console and its collector say to each other: one msgpack value a frame."""

import asyncio
import os
from array import array
from pathlib import Path

import msgspec

from fleettui.hosts.position import Mark
from fleettui.hosts.settings import HostSettings
from fleettui.journal.columns import Batch, Origin
from fleettui.model.cluster import Machine
from fleettui.model.host import Span

LENGTH = 4
"""Bytes before each frame: how many follow, big end first."""
_KNOWN = 4096
"""Origins that are remembered."""


class Connect(msgspec.Struct, tag=True, frozen=True):
    """Open the connection to a machine; answered by `Connected`."""

    question: int
    machine: Machine


class Follow(msgspec.Struct, tag=True, frozen=True):
    """Follow a unit's journal; answered by its lines, in `Lines`, until `Leave`."""

    stream: int
    machine: Machine
    unit: str
    span: Span
    mark: Mark | None
    """Where to go on; None = from the beginning of the span."""


class Leave(msgspec.Struct, tag=True, frozen=True):
    """Follow a journal no longer."""

    stream: int


class Settled(msgspec.Struct, tag=True, frozen=True):
    """What became of a key that was shown."""

    question: int
    refusal: str
    """Why it is not accepted; empty where it is."""


class Connected(msgspec.Struct, tag=True, frozen=True):
    """Whether a connection is open now."""

    question: int
    is_open: bool


class KeyShown(msgspec.Struct, tag=True, frozen=True):
    """A host showed a key that no known_hosts file holds; answered by `Settled`."""

    question: int
    host: str
    port: int
    blob: bytes
    is_authority: bool


class Columns(msgspec.Struct, array_like=True, frozen=True):
    """Lines of one journal, as `fleettui.journal.columns.Batch` has them."""

    stream: int
    mark: Mark | None
    """Where the journal stands behind these lines."""
    text: bytes
    ends: bytes
    at: bytes
    sequence: bytes
    origin: bytes
    codes: bytes
    back: bytes
    origins: tuple[msgspec.Raw, ...]


class Lines(msgspec.Struct, tag=True, frozen=True):
    """What came since the last of these frames."""

    batches: tuple[Columns, ...]


Order = Connect | Follow | Leave | Settled
News = Connected | KeyShown | Lines

_ENCODER = msgspec.msgpack.Encoder(enc_hook=os.fsencode)
_ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_NEWS: msgspec.msgpack.Decoder[News] = msgspec.msgpack.Decoder(News)


def frame(value: Order | News | HostSettings) -> bytes:
    """A value as it goes through the pipe, its length before it."""
    body = _ENCODER.encode(value)
    return len(body).to_bytes(LENGTH, "big") + body


async def read(reader: asyncio.StreamReader) -> bytes:
    """The next frame's value. Raises IncompleteReadError at the end."""
    length = int.from_bytes(await reader.readexactly(LENGTH), "big")
    return await reader.readexactly(length)


def order(body: bytes) -> Order:
    """What the console asks of the collector."""
    return _ORDERS.decode(body)


def news(body: bytes) -> News:
    """What the collector tells the console."""
    return _NEWS.decode(body)


def settings(body: bytes) -> HostSettings:
    """The first frame of all."""
    return msgspec.msgpack.decode(body, type=HostSettings, dec_hook=_path)


def _path(kind: type, value: object) -> Path:
    assert kind is Path, f"{kind} is in no frame"
    assert isinstance(value, bytes), "paths travel as the bytes they are"
    return Path(os.fsdecode(value))


def packed(stream: int, mark: Mark | None, batch: Batch) -> Columns:
    """A batch for the pipe."""
    return Columns(
        stream,
        mark,
        batch.text,
        batch.ends.tobytes(),
        batch.at.tobytes(),
        batch.sequence.tobytes(),
        batch.origin.tobytes(),
        batch.codes,
        batch.back.tobytes(),
        tuple(msgspec.Raw(_ENCODER.encode(origin)) for origin in batch.origins),
    )


class Unpacker:
    """Takes batches from the pipe. Most of them name the same few origins again."""

    def __init__(self) -> None:
        self._origins: dict[bytes, Origin] = {}

    def batch(self, columns: Columns) -> Batch:
        """The columns as a batch; an origin that was named before is the same object."""
        return Batch(
            columns.text,
            _array("I", columns.ends),
            _array("q", columns.at),
            _array("Q", columns.sequence),
            _array("H", columns.origin),
            columns.codes,
            _array("H", columns.back),
            tuple(self._origin(bytes(raw)) for raw in columns.origins),
        )

    def _origin(self, raw: bytes) -> Origin:
        known = self._origins.get(raw)
        if known is None:
            if len(self._origins) >= _KNOWN:
                self._origins.clear()
            known = self._origins[raw] = msgspec.msgpack.decode(raw, type=Origin)
        return known


def _array(kind: str, data: bytes) -> "array[int]":
    return array(kind, data)
