"""The hops to etcd, looked at one by one with small reads; nothing here can send more than GET."""

from collections.abc import Callable, Iterator
from functools import partial

from fleettui.access import Dial, HostUnreachable, RegistryUnavailable
from fleettui.model.hop import Hop, Looked, Standing, doubtful, fine, wrong
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.errors import (
    Denied,
    NoQuorum,
    NotEtcd,
    NoTls,
    NoWay,
    OtherCluster,
    TlsBroken,
    WantsTls,
)
from fleettui.registry.keys import keys_under
from fleettui.registry.pace import Pace, pace_of
from fleettui.registry.settings import RegistrySettings
from fleettui.registry.source import Source, open_sources
from fleettui.registry.threads import as_they_end, in_daemon_thread
from fleettui.registry.way import way_of

_LADDER = (Hop.TUNNEL, Hop.ENDPOINT, Hop.TLS, Hop.API, Hop.ACCESS, Hop.CLUSTER, Hop.QUORUM)
_KINDS: tuple[tuple[type[RegistryUnavailable], Hop], ...] = (
    (Denied, Hop.ACCESS),
    (OtherCluster, Hop.CLUSTER),
    (NoQuorum, Hop.QUORUM),
    (NoTls, Hop.TLS),
    (TlsBroken, Hop.TLS),
    (WantsTls, Hop.TLS),
    (NotEtcd, Hop.API),
)


def hop_of(problem: RegistryUnavailable) -> Hop:
    """How far a request came."""
    if isinstance(problem, NoWay):
        return Hop.TUNNEL if isinstance(problem.__cause__, HostUnreachable) else Hop.TLS
    return next((hop for kind, hop in _KINDS if isinstance(problem, kind)), Hop.ENDPOINT)


class EtcdHops:
    """Every endpoint of a session, and fleet's keys at the first that is as it should be."""

    def __init__(
        self, settings: RegistrySettings, dial: Dial | None = None, pace: Pace | None = None
    ) -> None:
        """Connects to nothing yet. Raises ValueError for a bad prefix or user name."""
        self._settings = settings
        self._keys = keys_under(settings.prefix)
        self._way = way_of(settings, dial)
        self._cluster = ClusterId()
        self._pace = pace or pace_of(settings)

    async def look(self) -> tuple[Looked, ...]:
        """All at once, by endpoint in the order of the settings. Raises nothing."""
        return await in_daemon_thread(self._look)

    def _look(self) -> tuple[Looked, ...]:
        urls = self._settings.endpoints
        sources = open_sources(urls, self._keys, self._cluster, self._way)
        works: dict[str, Callable[[], tuple[Looked, ...]]] = {
            source.url: partial(self._endpoint, source) for source in sources
        }
        seen = dict(as_they_end(works))
        found = [looked for source in sources for looked in seen[source.url]]
        asked = next((source for source in sources if _is_fine(seen[source.url])), None)
        return (*found, *(self._prefix(asked) if asked else ()))

    def _endpoint(self, source: Source) -> tuple[Looked, ...]:
        """One endpoint, as far as one gets."""
        for probe in (self._plain, self._agreed):
            try:
                probe(source)
            except RegistryUnavailable as problem:
                return tuple(self._passed(source.url, hop_of(problem), str(problem)))
        return tuple(self._passed(source.url))

    def _plain(self, source: Source) -> None:
        source.check_answers(self._pace.answer_within)

    def _agreed(self, source: Source) -> None:
        source.lease_index(self._pace.quorum_within)

    def _passed(self, url: str, broken: Hop | None = None, said: str = "") -> Iterator[Looked]:
        """What was passed on the way, and where it ended."""
        for hop in _LADDER:
            if hop is broken:
                yield wrong(hop, url, said)
                return
            words = self._words(hop, url)
            if words:
                yield fine(hop, url, words)

    def _words(self, hop: Hop, url: str) -> str:
        """What it means that a hop was passed; empty for one that is not on this way."""
        way = self._way
        match hop:
            case Hop.ENDPOINT:
                return "it takes connections"
            case Hop.TLS if url.startswith("https:"):
                known = (
                    f"the authority of {way.ca_file}" if way.ca_file else "an authority known here"
                )
                own = f"; our certificate is {way.cert_file}" if way.cert_file else ""
                return f"its certificate is signed by {known}{own}"
            case Hop.API:
                return "it speaks etcd v2"
            case Hop.ACCESS:
                return f"user {way.login.user} may read" if way.login else "everybody may read"
            case Hop.CLUSTER if self._cluster.known:
                return f"its ID is {self._cluster.known}"
            case Hop.QUORUM:
                return "its members agree"
            case _:
                return ""

    def _prefix(self, source: Source) -> Iterator[Looked]:
        where = self._keys.prefix
        try:
            node = source.look(self._keys.path(), self._pace.quorum_within).node
        except RegistryUnavailable as problem:
            yield wrong(hop_of(problem), source.url, str(problem))
            return
        if node is None:
            yield wrong(
                Hop.PREFIX,
                where,
                "there is no such folder in this etcd: fleet keeps its keys elsewhere "
                "(--etcd-key-prefix), or never ran with this etcd (--endpoint)",
            )
        elif not node.dir:
            yield wrong(Hop.PREFIX, where, "it is a key and no folder: look at --etcd-key-prefix")
        elif not node.nodes:
            yield doubtful(Hop.PREFIX, where, "the folder is empty: has fleetd ever started?")
        else:
            yield fine(Hop.PREFIX, where, f"there, with {len(node.nodes)} folders")


def _is_fine(looked: tuple[Looked, ...]) -> bool:
    return all(one.standing is Standing.FINE for one in looked)
