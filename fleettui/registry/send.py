"""Sending what changes the registry: each request once, to an endpoint that has just answered."""

from collections.abc import Callable

from fleettui.access import RegistryUnavailable, WriteUnknown
from fleettui.registry.answers import Answer, Event, event_of
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import STOOD_OTHERWISE, Denied, NotSent
from fleettui.registry.keys import Keys
from fleettui.registry.open import for_deleting, for_writing
from fleettui.registry.pace import Pace
from fleettui.registry.source import Reading, first_to_answer, open_sources
from fleettui.registry.way import STRAIGHT, Way


class Sender:
    """Requests to one cluster; all of it blocks, and any thread may call it."""

    def __init__(
        self,
        endpoints: tuple[str, ...],
        keys: Keys,
        cluster: ClusterId,
        pace: Pace,
        way: Way = STRAIGHT,
    ) -> None:
        self._endpoints = endpoints
        self._keys = keys
        self._cluster = cluster
        self._pace = pace
        self._way = way

    def look(self, path: str) -> Reading:
        """One key through the quorum. Raises RegistryUnavailable."""
        sources = open_sources(self._endpoints, self._keys, self._cluster, self._way)
        try:
            source = first_to_answer(sources, self._pace.answer_within)
            return source.look(path, self._pace.quorum_within)
        finally:
            for source in sources:
                source.close()

    def put(self, path: str, **params: str) -> Event:
        """One PUT, never repeated.

        Raises one of STOOD_OTHERWISE or another RegistryUnavailable (nothing was changed), or
        WriteUnknown (it may have been carried out).
        """
        endpoint = for_writing(self._answering(), self._way)
        try:
            return _judged(lambda: endpoint.put(path, self._pace.write_within, **params))
        finally:
            endpoint.close()

    def delete(self, path: str, **params: str) -> Event:
        """One DELETE, never repeated. Raises as `put`."""
        endpoint = for_deleting(self._answering(), self._way)
        try:
            return _judged(lambda: endpoint.delete(path, self._pace.write_within, **params))
        finally:
            endpoint.close()

    def _answering(self) -> str:
        """The address of an endpoint that answers, in the cluster that is being looked at."""
        sources = open_sources(self._endpoints, self._keys, self._cluster, self._way)
        try:
            return first_to_answer(sources, self._pace.answer_within).url
        finally:
            for source in sources:
                source.close()


def _judged(send: Callable[[], Answer]) -> Event:
    try:
        answer = send()
    except NotSent:
        raise
    except RegistryUnavailable as silent:
        raise WriteUnknown(_unknown(str(silent))) from silent
    try:
        return event_of(answer)
    except (*STOOD_OTHERWISE, Denied):
        raise
    except RegistryUnavailable as problem:
        if 300 <= answer.status < 500:
            raise
        raise WriteUnknown(_unknown(str(problem))) from problem


def _unknown(why: str) -> str:
    return f"etcd may or may not have carried out the change. {why} Look before you do anything."
