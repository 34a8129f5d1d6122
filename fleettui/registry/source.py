"""Reading fleet's registry from one etcd endpoint, and finding one of several that answers."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from fleettui.model.unavailable import RegistryUnavailable
from fleettui.registry.answers import Answer, Event, Node, event_of, index_of
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.collector import collector_paused
from fleettui.registry.errors import KeyMissing, NoQuorum, NoWay, Refused, Silent, Unreachable
from fleettui.registry.head_start import Missed, RawAnswer
from fleettui.registry.keys import PARTS, UNIT, Keys
from fleettui.registry.open import MAX_ANSWER, for_reading
from fleettui.registry.threads import as_they_end
from fleettui.registry.way import STRAIGHT, Way

if TYPE_CHECKING:
    from fleettui.registry.client import Endpoint
    from fleettui.registry.streaming import Streaming


_HESITATION = 1.0
"""Seconds that a source may take to answer before the next one is asked as well."""


class Reading(msgspec.Struct, frozen=True):
    """A key or a folder, with what is in it, at one index; no node where there is none."""

    node: Node | None
    index: int
    asked_at: datetime
    """UTC: the picture is at least as new as that."""


class Source:
    """Fleet's folder as one endpoint shows it; any thread may ask."""

    def __init__(
        self, url: str, open_endpoint: Callable[[str], "Endpoint"], keys: Keys, cluster: ClusterId
    ) -> None:
        """The endpoint is opened when it is first asked: python-etcd is imported then."""
        self.url = url
        self._open = open_endpoint
        self._opening = threading.Lock()
        self._opened: Endpoint | None = None
        self._keys = keys
        self._cluster = cluster

    @property
    def _endpoint(self) -> "Endpoint":
        with self._opening:
            if self._opened is None:
                self._opened = self._open(self.url)
            return self._opened

    def check_answers(self, seconds: float) -> int:
        """A small plain read: does the endpoint answer at all? Raises RegistryUnavailable.

        Returns how far its store has come.
        """
        answer = self._endpoint.get(self._keys.path(), seconds)
        self._read(answer)
        return index_of(answer)

    def lease_index(self, seconds: float) -> int:
        """modifiedIndex of the engine's lease, read through the quorum; 0 where nobody holds it.

        fleet renews it every two seconds: a watch that has not come that far is behind. Raises
        RegistryUnavailable.
        """
        event = self._read(self._agreed(self._keys.path("lease", "engine-leader"), seconds))
        return event.node.modified_index if event else 0

    def read(self, seconds: float, *, quorum: bool) -> Reading:
        """All that fleet uses below the prefix, each folder at an index of its own.

        The index is that of the newest. `seconds` for each to begin. Raises RegistryUnavailable.
        """
        asked_at = datetime.now(UTC)
        found = dict(self.read_folders(PARTS, seconds, quorum=quorum))
        nodes = tuple(reading.node for reading in found.values() if reading.node is not None)
        index = max(reading.index for reading in found.values())
        return Reading(Node(dir=True, nodes=nodes) if nodes else None, index, asked_at)

    def read_folders(
        self, parts: Iterable[str], seconds: float, *, quorum: bool
    ) -> Iterator[tuple[str, Reading]]:
        """These folders with all below them, read at once; the first to come is the first.

        Python collects nothing until all are taken, however long etcd takes: most of what is read
        is compared and dropped. Raises RegistryUnavailable.
        """
        asked = {part: partial(self._folder, part, seconds, quorum=quorum) for part in parts}
        with collector_paused():
            yield from as_they_end(asked)

    def read_files(self, hashes: Collection[str], seconds: float) -> dict[str, Node | None]:
        """Unit files by hash, None for what is not there. Raises RegistryUnavailable."""
        return dict(as_they_end({h: partial(self._file, h, seconds) for h in hashes}))

    def stream(self, part: str, seconds: float) -> tuple["Streaming", int]:
        """All events below a folder from now on, and the index after which they come.

        Raises Refused where the server, or what lies between, does not stream; else as `read`.
        """
        streaming = self._endpoint.stream(self._keys.path(part), seconds, recursive="true")
        try:
            return streaming, self._start_of(streaming)
        except RegistryUnavailable:
            streaming.close()
            raise

    def watch_folder(self, part: str, after: int, seconds: float) -> Event | None:
        """As `watch`, of one folder."""
        return self._watch(self._keys.path(part), after, seconds, recursive="true")

    def look(self, path: str, seconds: float) -> Reading:
        """One key, or a folder and the names in it, through the quorum.

        `path` is one of `Keys`. Raises RegistryUnavailable.
        """
        asked_at = datetime.now(UTC)
        return self._reading(self._agreed(path, seconds), asked_at)

    def watch(self, after: int, seconds: float) -> Event | None:
        """The next event after an index; None where there was none in `seconds`.

        Raises RegistryUnavailable, or HistoryCleared.
        """
        return self._watch(self._keys.path(), after, seconds, recursive="true")

    def watch_key(self, path: str, after: int, seconds: float) -> Event | None:
        """The same of one key, whose path is one of `Keys`."""
        return self._watch(path, after, seconds)

    def ask(self, path: str, seconds: float) -> Answer:
        """One GET of any path, its answer unjudged. Raises RegistryUnavailable."""
        return self._endpoint.get(path, seconds)

    def close(self) -> None:
        """Close idle connections."""
        if self._opened is not None:
            self._opened.close()

    def taken_ahead(
        self, answers: Iterable[tuple[str, RawAnswer]], asked_at: datetime
    ) -> Iterator[tuple[str, Reading]]:
        """What was read ahead, by folder. Raises Missed for anything but good answers: the ordinary
        way finds words for it.
        """
        for part, raw in answers:
            answer = Answer(self.url, raw.status, raw.headers, raw.body)
            try:
                yield part, self._reading(answer, asked_at)
            except RegistryUnavailable as problem:
                raise Missed from problem

    def _folder(self, part: str, seconds: float, *, quorum: bool) -> Reading:
        ask = self._agreed if quorum else self._endpoint.get
        asked_at = datetime.now(UTC)
        return self._reading(ask(self._keys.path(part), seconds, recursive="true"), asked_at)

    def _file(self, unit_hash: str, seconds: float) -> Node | None:
        event = self._read(self._endpoint.get(self._keys.path(UNIT, unit_hash), seconds))
        return event.node if event else None

    def _start_of(self, streaming: "Streaming") -> int:
        head = streaming.head
        self._cluster.check(head)
        if head.status != 200 or not streaming.is_open_ended:
            raise Refused(f"{self.url} answers a stream with {head.status} and an end.")
        return index_of(head)

    def _watch(self, path: str, after: int, seconds: float, **params: str) -> Event | None:
        answer = self._endpoint.watch(path, seconds, waitIndex=str(after + 1), **params)
        if answer is None:
            return None
        event = self._read(answer) if answer.body else None
        if event is None:
            raise Unreachable(f"{self.url} ended a watch without an event.")
        return event

    def _reading(self, answer: Answer, asked_at: datetime) -> Reading:
        event = self._read(answer)
        return Reading(event.node if event else None, index_of(answer), asked_at)

    def _agreed(self, path: str, seconds: float, **params: str) -> Answer:
        try:
            return self._endpoint.get(path, seconds, quorum="true", **params)
        except Silent as silent:
            raise NoQuorum(f"no quorum, or etcd hangs: {silent}") from silent

    def _read(self, answer: Answer) -> Event | None:
        """The body of a good answer, None for a key that is not there."""
        self._cluster.check(answer)
        try:
            return event_of(answer)
        except KeyMissing:
            return None


def open_sources(
    endpoints: Sequence[str],
    keys: Keys,
    cluster: ClusterId,
    way: Way = STRAIGHT,
    limit: int = MAX_ANSWER,
) -> tuple[Source, ...]:
    """One source an endpoint, each with connections that carry GET only."""

    def opened(url: str) -> "Endpoint":
        return for_reading(url, limit, way)

    return tuple(Source(url, opened, keys, cluster) for url in endpoints)


def first_to_answer(sources: Sequence[Source], seconds: float) -> Source:
    """The first that answers within `seconds` of being asked.

    They are asked in their order; the next one not only when one has failed, but also when all
    before it hesitate. Raises RegistryUnavailable with what each said.
    """
    answers: SimpleQueue[tuple[Source, RegistryUnavailable | None]] = SimpleQueue()
    said: dict[Source, RegistryUnavailable] = {}
    asked = 0
    while len(said) < len(sources):
        if asked < len(sources):
            _ask(sources[asked], seconds, answers)
            asked += 1
        with suppress(Empty):
            source, problem = answers.get(timeout=_HESITATION if asked < len(sources) else None)
            if problem is None:
                return source
            if isinstance(problem, NoWay):
                raise problem  # the next would say the same
            said[source] = problem
    problems = [said[source] for source in sources]
    kinds = {type(problem) for problem in problems}
    kind = kinds.pop() if len(kinds) == 1 else Unreachable
    raise kind(" ".join(str(problem) for problem in problems))


def _ask(
    source: Source,
    seconds: float,
    answers: "SimpleQueue[tuple[Source, RegistryUnavailable | None]]",
) -> None:
    """Have a thread ask whether a source answers."""

    def ask() -> None:
        problem = None
        try:
            source.check_answers(seconds)
        except RegistryUnavailable as why:
            problem = why
        answers.put((source, problem))

    threading.Thread(target=ask, name="etcd request", daemon=True).start()
