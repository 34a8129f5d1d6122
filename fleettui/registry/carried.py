"""A snapshot as bytes, for another process of the same program: in pieces, so that each is taken
in while the next is made.

Units are carried as columns of numbers, and each word that they have in common is carried once:
most of what it takes to make a unit are words, and those that arrive share them.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

import msgspec

from fleettui.model.cluster import BadRecord, Leader, Machine, Snapshot, Unit, UnitState
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

UNITS = 1000
"""Of a piece."""


StateRow = tuple[int, ...]
"""Machine ID, the three states and the hash, each by its number, and the index."""
JobRow = tuple[str | None, int | None, int | None, int | None, UnitFile | None]
"""The hash itself, then target state, target and heartbeat by their numbers, and the file."""


class _States(msgspec.Struct, array_like=True):
    """One state a row, those of a unit next to each other. Words by their number."""

    machine_ids: tuple[int, ...] = ()
    loads: tuple[int, ...] = ()
    actives: tuple[int, ...] = ()
    subs: tuple[int, ...] = ()
    unit_hashes: tuple[int, ...] = ()
    indexes: tuple[int, ...] = ()


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


class Rows:
    """Units as rows of numbers, each for a word that many have in common."""

    def __init__(self) -> None:
        self.jobs: dict[str, JobRow] = {}
        """By name."""
        self.states: dict[str, tuple[StateRow, ...] | None] = {}
        """By name, one a machine; None where that unit is not to be made of these rows."""
        self._numbers = _Numbers()
        self.number: Callable[[str], int] = self._numbers.__getitem__
        """That of a word."""
        self._with_file: set[int] = set()
        """Numbers of hashes whose file is in a piece."""

    @property
    def names(self) -> set[str]:
        """Those of the units that are here whole."""
        odd = [name for name, states in self.states.items() if states is None]
        return self.jobs.keys() - odd

    def add(self, units: Iterable[Unit]) -> None:
        """Take these in, in place of what is here of the same name."""
        for unit in units:
            name, words = unit.name.raw, (unit.target_state, unit.target, unit.heartbeat)
            wanted, target, heartbeat = (self.number(w.raw) if w else None for w in words)
            self.jobs[name] = (unit.unit_hash, wanted, target, heartbeat, unit.file)
            self.states[name] = tuple(map(self._state, unit.states))

    def pieces(self) -> Iterator[bytes]:
        """All that are here whole, in order of name."""
        names = iter(sorted(self.names))
        while some := list(islice(names, UNITS)):
            yield msgspec.msgpack.encode(self._in_columns(some))

    def _in_columns(self, names: list[str]) -> _Units:
        jobs = map(self.jobs.__getitem__, names)
        hashes, wanted, targets, heartbeats, files = zip(*jobs, strict=True)
        states = [self.states.get(name) or () for name in names]
        unit_hashes = [self.number(h) if h is not None else 0 for h in hashes]
        of_files = zip(unit_hashes, files, strict=True)
        new = {n: f for n, f in of_files if f is not None and n not in self._with_file}
        self._with_file.update(new)
        return _Units(
            files=new,
            names=names,
            unit_hashes=unit_hashes,
            target_states=[number or 0 for number in wanted],
            targets=[number or 0 for number in targets],
            heartbeats=[number or 0 for number in heartbeats],
            counts=list(map(len, states)),
            states=_States(*zip(*chain.from_iterable(states), strict=True)),
            words=self._numbers.untold(),  # when all have been asked for
        )

    def _state(self, state: UnitState) -> StateRow:
        words = (state.machine_id, state.load, state.active, state.sub, state.unit_hash)
        return (*(self.number(word.raw) for word in words), state.index)


def carried(snapshot: Snapshot, rows: Rows | None = None) -> Iterator[bytes]:
    """The snapshot's pieces, for `restored`; `rows` are units that it has besides."""
    rows = rows or Rows()
    rows.add(snapshot.units.values())
    yield from rows.pieces()
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


class _Numbers(dict[str, int]):
    """A number for each word that was asked for, in order; the first is 1."""

    def __init__(self) -> None:
        super().__init__()
        self._told = 0
        """How many of them are in pieces."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self) + 1
        return number

    def untold(self) -> list[str]:
        """Words that no piece has; from now on one does."""
        words = list(islice(self, self._told, None))
        self._told = len(self)
        return words


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
