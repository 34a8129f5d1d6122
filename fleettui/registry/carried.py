"""A snapshot as bytes, for another process of the same program: in pieces, so that each is taken
in while the next is made.

Units are carried as columns of numbers, and each word that they have in common is carried once:
most of what it takes to make a unit are words, and those that arrive share them.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any

import msgspec

from fleettui.model.cluster import BadRecord, Leader, Machine, Snapshot, Unit, UnitState
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

UNITS = 1000
"""Of a piece."""


class _States(msgspec.Struct, array_like=True):
    """One state a row, those of a unit next to each other. Words by their number."""

    machine_ids: list[int]
    loads: list[int]
    actives: list[int]
    subs: list[int]
    unit_hashes: list[int]
    indexes: list[int]


class _Units(msgspec.Struct, array_like=True, tag="units"):
    """The next units in order, one a row. Words by their number, 0 for none."""

    words: list[str]
    """Those that no piece before had; the first of all has number 1."""
    files: dict[int, UnitFile]
    """By the number of their hash, those that no piece before had."""
    names: list[str]
    unit_hashes: list[int]
    target_states: list[int]
    targets: list[int]
    heartbeats: list[int]
    counts: list[int]
    """How many states each has."""
    states: _States


class _Rest(msgspec.Struct, array_like=True, tag="rest"):
    """The last piece."""

    index: int
    read_at: datetime
    machines: list[Machine]
    leader: Leader | None
    bad: tuple[BadRecord, ...]


_decoder = msgspec.msgpack.Decoder(_Units | _Rest)
UNUSABLE = (msgspec.DecodeError, ValueError, IndexError)
"""What pieces raise that are none."""


def carried(snapshot: Snapshot) -> Iterator[bytes]:
    """The snapshot's pieces, for `restored`."""
    numbers, with_file = _Numbers(), set[int]()
    left = iter(snapshot.units.values())
    while units := list(islice(left, UNITS)):
        yield msgspec.msgpack.encode(_in_columns(units, numbers, with_file))
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

    Raises msgspec.DecodeError where the last pieces are missing, or one of UNUSABLE for anything
    else that is not what `carried` made.
    """
    arrivals = _Arrivals()
    for piece in map(_decoder.decode, pieces):
        if isinstance(piece, _Rest):
            return Snapshot(
                index=piece.index,
                read_at=piece.read_at,
                machines=MappingProxyType({machine.id: machine for machine in piece.machines}),
                units=MappingProxyType(arrivals.units),
                leader=piece.leader,
                bad=piece.bad,
            )
        arrivals.take(piece)
    raise msgspec.DecodeError("the last piece is missing")


class _Numbers(dict[str | None, int]):
    """A number for each word that was asked for, in order."""

    def __init__(self) -> None:
        super().__init__({None: 0})
        self.told = 1
        """How many of them are in pieces."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number

    def untold(self) -> list[str]:
        """Words that no piece has; from now on one does."""
        words = [word for word in islice(self, self.told, None) if word is not None]
        self.told = len(self)
        return words


def _in_columns(units: Sequence[Unit], numbers: _Numbers, with_file: set[int]) -> _Units:
    """`with_file` are the numbers of hashes whose file is in a piece; those of these join them."""
    states = [state for unit in units for state in unit.states]
    unit_hashes = [numbers[unit.unit_hash] for unit in units]
    files = {n: u.file for n, u in zip(unit_hashes, units, strict=True) if n and u.file}
    new = {number: files[number] for number in files.keys() - with_file}
    with_file.update(new)
    return _Units(
        files=new,
        names=[unit.name.raw for unit in units],
        unit_hashes=unit_hashes,
        target_states=[numbers[u.target_state.raw if u.target_state else None] for u in units],
        targets=[numbers[u.target.raw if u.target else None] for u in units],
        heartbeats=[numbers[u.heartbeat.raw if u.heartbeat else None] for u in units],
        counts=[len(unit.states) for unit in units],
        states=_States(
            machine_ids=[numbers[state.machine_id.raw] for state in states],
            loads=[numbers[state.load.raw] for state in states],
            actives=[numbers[state.active.raw] for state in states],
            subs=[numbers[state.sub.raw] for state in states],
            unit_hashes=[numbers[state.unit_hash.raw] for state in states],
            indexes=[state.index for state in states],
        ),
        words=numbers.untold(),  # when all have been asked for
    )


class _Arrivals:
    """What has come of a snapshot."""

    def __init__(self) -> None:
        self.units: dict[Untrusted, Unit] = {}
        """In the order in which they came."""
        self._texts: list[str | None] = [None]
        self._words: list[Any] = [None]
        """The same as untrusted text. Any, for only some columns may have none."""
        self._files: dict[int, UnitFile] = {}

    def take(self, piece: _Units) -> None:
        """The next piece. What is done for each unit is done by few loops of Python's."""
        self._texts += piece.words
        self._words += map(Untrusted, piece.words)
        self._files |= piece.files
        text, word = self._texts.__getitem__, self._words.__getitem__
        told = piece.states
        states = map(
            UnitState,
            map(word, told.machine_ids),
            map(word, told.loads),
            map(word, told.actives),
            map(word, told.subs),
            map(word, told.unit_hashes),
            told.indexes,
        )
        names = [Untrusted(name) for name in piece.names]
        units = map(
            Unit,
            names,
            map(text, piece.unit_hashes),
            map(word, piece.target_states),
            map(word, piece.targets),
            map(word, piece.heartbeats),
            [tuple(islice(states, count)) for count in piece.counts],
            map(self._files.get, piece.unit_hashes),
        )
        self.units.update(zip(names, units, strict=True))
