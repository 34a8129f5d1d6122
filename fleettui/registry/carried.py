"""A snapshot as bytes, for another process of the same program: in pieces, so that each is taken
in while the next is made.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from types import MappingProxyType

import msgspec
from msgspec.structs import force_setattr, replace

from fleettui.model.cluster import BadRecord, Leader, Machine, Snapshot, Unit
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

UNITS = 1000
"""Of a piece."""


class _Units(msgspec.Struct, array_like=True, tag="units"):
    files: dict[str, UnitFile]
    """By hash, those that no piece before had: each is carried once, however many units have it."""
    units: list[Unit]
    """The next in order, without their files."""


class _Rest(msgspec.Struct, array_like=True, tag="rest"):
    """The last piece."""

    index: int
    read_at: datetime
    machines: list[Machine]
    leader: Leader | None
    bad: tuple[BadRecord, ...]


_decoder = msgspec.msgpack.Decoder(_Units | _Rest)


def carried(snapshot: Snapshot) -> Iterator[bytes]:
    """The snapshot's pieces, for `restored`."""
    known: set[str] = set()
    left = iter(snapshot.units.values())
    while units := list(islice(left, UNITS)):
        files = {unit.unit_hash: unit.file for unit in units if unit.unit_hash and unit.file}
        new = {unit_hash: files[unit_hash] for unit_hash in files.keys() - known}
        known |= new.keys()
        yield msgspec.msgpack.encode(_Units(new, [replace(unit, file=None) for unit in units]))
    yield msgspec.msgpack.encode(
        _Rest(
            snapshot.index,
            snapshot.read_at,
            list(snapshot.machines.values()),
            snapshot.leader,
            snapshot.bad,
        )
    )


def restored(pieces: Iterable[bytes]) -> Snapshot:
    """The snapshot that was carried; no piece behind its last is asked for.

    Raises msgspec.DecodeError.
    """
    files: dict[str, UnitFile] = {}
    units: dict[Untrusted, Unit] = {}
    for piece in map(_decoder.decode, pieces):
        if isinstance(piece, _Rest):
            return Snapshot(
                index=piece.index,
                read_at=piece.read_at,
                machines=MappingProxyType({machine.id: machine for machine in piece.machines}),
                units=MappingProxyType(units),
                leader=piece.leader,
                bad=piece.bad,
            )
        files |= piece.files
        for unit in piece.units:  # made by the decoder, and known to nobody else yet
            force_setattr(unit, "file", files.get(unit.unit_hash or ""))
            units[unit.name] = unit
    raise msgspec.DecodeError("the last piece is missing")
