"""Reading fleet's registry from one etcd endpoint, and finding one of several that answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fleettui.access import RegistryUnavailable
from fleettui.registry.answers import Answer, Event, Node, event_of, index_of
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import KeyMissing, NoQuorum, Silent, Unreachable
from fleettui.registry.keys import Keys
from fleettui.registry.open import MAX_ANSWER, for_reading

if TYPE_CHECKING:
    from fleettui.registry.client import Endpoint


@dataclass(frozen=True, slots=True)
class Reading:
    """The whole folder of a fleet at one index; no node where the prefix does not exist."""

    node: Node | None
    index: int
    asked_at: datetime
    """UTC: the picture is at least as new as that."""


class Source:
    """Fleet's folder as one endpoint shows it; any thread may ask."""

    def __init__(self, endpoint: "Endpoint", keys: Keys, cluster: ClusterId) -> None:
        self._endpoint = endpoint
        self._keys = keys
        self._cluster = cluster

    @property
    def url(self) -> str:
        return self._endpoint.url

    def check_answers(self, seconds: float) -> None:
        """A small plain read: does the endpoint answer at all? Raises RegistryUnavailable."""
        answer = self._endpoint.get(self._keys.path(), seconds)
        self._read(answer)
        index_of(answer)

    def lease_index(self, seconds: float) -> int:
        """modifiedIndex of the engine's lease, read through the quorum; 0 where nobody holds it.

        fleet renews it every two seconds: a watch that has not come that far is behind. Raises
        RegistryUnavailable.
        """
        event = self._read(self._agreed(self._keys.path("lease", "engine-leader"), seconds))
        return event.node.modified_index if event else 0

    def read(self, seconds: float, *, quorum: bool) -> Reading:
        """Everything below the prefix; `seconds` for it to begin. Raises RegistryUnavailable."""
        path = self._keys.path()
        asked_at = datetime.now(UTC)
        if quorum:
            answer = self._agreed(path, seconds, recursive="true")
        else:
            answer = self._endpoint.get(path, seconds, recursive="true")
        event = self._read(answer)
        return Reading(event.node if event else None, index_of(answer), asked_at)

    def watch(self, after: int, seconds: float) -> Event | None:
        """The next event after an index; None where there was none in `seconds`.

        Raises RegistryUnavailable, or HistoryCleared.
        """
        answer = self._endpoint.watch(
            self._keys.path(), seconds, recursive="true", waitIndex=str(after + 1)
        )
        if answer is None:
            return None
        event = self._read(answer) if answer.body else None
        if event is None:
            raise Unreachable(f"{self.url} ended a watch without an event.")
        return event

    def close(self) -> None:
        """Close idle connections."""
        self._endpoint.close()

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
    endpoints: Sequence[str], keys: Keys, cluster: ClusterId, limit: int = MAX_ANSWER
) -> tuple[Source, ...]:
    """One source an endpoint, each with connections that carry GET only."""
    return tuple(Source(for_reading(url, limit), keys, cluster) for url in endpoints)


def first_to_answer(sources: Sequence[Source], seconds: float) -> Source:
    """The first that answers within `seconds`. Raises RegistryUnavailable with what each said."""
    said: list[RegistryUnavailable] = []
    for source in sources:
        try:
            source.check_answers(seconds)
        except RegistryUnavailable as problem:
            said.append(problem)
        else:
            return source
    kinds = {type(problem) for problem in said}
    kind = kinds.pop() if len(kinds) == 1 else Unreachable
    raise kind(" ".join(str(problem) for problem in said))
