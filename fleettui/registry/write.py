"""The few writes of a repair: compare-and-swap, sent once, over a connection that only writes."""

from functools import partial

from fleettui.access import RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.model.cluster import TargetState
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import Answer, event_of
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import ComparisonFailed, Denied, KeyMissing, NotSent, quote
from fleettui.registry.keys import Keys
from fleettui.registry.open import for_writing
from fleettui.registry.pace import Pace
from fleettui.registry.source import first_to_answer, open_sources
from fleettui.registry.threads import in_daemon_thread
from fleettui.registry.tree import JOB


class EtcdWriter:
    """A `RegistryWriter` over etcd."""

    def __init__(
        self,
        endpoints: tuple[str, ...],
        keys: Keys,
        cluster: ClusterId | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._keys = keys
        self._cluster = cluster or ClusterId()
        self._pace = pace or Pace()

    async def unload(self, unit: Untrusted, expected: str) -> None:
        """Set `job/UNIT/target-state` to `inactive` if it is `expected`, as `fleetctl unload` does.

        Raises WriteRefused or RegistryUnavailable (nothing was changed), or WriteUnknown (look
        before anything else is done). Cancelling the wait does not recall the request.
        """
        why = refusal(unit.raw)
        if why is not None:
            raise WriteRefused(f"{unit} is not unloaded: {why}. Nothing was sent to etcd.")
        path = self._keys.path(JOB, unit.raw, "target-state")
        answer = await in_daemon_thread(partial(self._swap, path, expected))
        _judge(answer, unit, expected)

    def _swap(self, path: str, expected: str) -> Answer:
        """The one PUT, to an endpoint that has just answered a read. It is never repeated."""
        sources = open_sources(self._endpoints, self._keys, self._cluster)
        try:
            url = first_to_answer(sources, self._pace.answer_within).url
        finally:
            for source in sources:
                source.close()
        endpoint = for_writing(url)
        try:
            value = TargetState.INACTIVE.value
            return endpoint.put(path, self._pace.write_within, value=value, prevValue=expected)
        except NotSent:
            raise
        except RegistryUnavailable as silent:
            raise WriteUnknown(_unknown(str(silent))) from silent
        finally:
            endpoint.close()


def _judge(answer: Answer, unit: Untrusted, expected: str) -> None:
    """Return where etcd says that it was done; raises as `unload` where it does not."""
    try:
        event_of(answer)
    except ComparisonFailed as other:
        found = quote(str(other).removeprefix(f"[{expected} != ").removesuffix("]"))
        raise WriteRefused(
            f"{unit} was not changed: its target state was to be {quote(expected)} and is {found}. "
            "Somebody else changed it meanwhile: look again."
        ) from other
    except KeyMissing as gone:
        raise WriteRefused(
            f"{unit} was not changed: it has no target state in the registry any more. Look again."
        ) from gone
    except Denied:
        raise
    except RegistryUnavailable as problem:
        if 300 <= answer.status < 500:
            raise
        raise WriteUnknown(_unknown(str(problem))) from problem


def _unknown(why: str) -> str:
    return f"etcd may or may not have carried out the change. {why} Look before you do anything."
