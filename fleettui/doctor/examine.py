"""All hops of a session: settings, tunnel, etcd, fleet, and every machine."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Protocol

import msgspec

from fleettui.access import ClusterAddress, HostUnreachable, Observer, RegistryUnavailable
from fleettui.diagnosis.leading import leader_of
from fleettui.doctor.machine import RootProbe, look_at
from fleettui.model.cluster import Snapshot
from fleettui.model.hop import Hop, Looked, Standing, doubtful, fine, not_checked, wrong
from fleettui.model.untrusted import Untrusted


class ExitStatus(IntEnum):
    """What a script is told; 2 is a usage error and not ours to give."""

    FINE = 0
    """Nothing is in the way; what is doubtful is said."""
    WRONG = 1


class EtcdWay(Protocol):
    """The hops to etcd."""

    async def look(self) -> tuple[Looked, ...]:
        """All of them, as far as one gets. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Way:
    """What is looked at; all of it reads only."""

    etcd: EtcdWay
    observer: Observer
    tunnel: Callable[[], Awaitable[None]] | None = None
    """Opens the tunnel or raises HostUnreachable; None where there is none."""
    tunnel_host: str = ""
    root: RootProbe | None = None
    """None for an observer."""
    are_endpoints_guessed: bool = False
    """Nobody gave them, so that one that answers is enough."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found on the way, in its order."""

    at: datetime
    """UTC."""
    looked: tuple[Looked, ...]
    cluster: ClusterAddress | None = None
    """None where the settings are of no use."""

    @property
    def wrong(self) -> tuple[Looked, ...]:
        """The hops that are in the way."""
        return tuple(one for one in self.looked if one.standing is Standing.WRONG)

    @property
    def doubtful(self) -> tuple[Looked, ...]:
        """The hops that may come to be in the way, and do not yet."""
        return tuple(one for one in self.looked if one.standing is Standing.DOUBTFUL)

    @property
    def exit_status(self) -> ExitStatus:
        """A doubt alone is no reason to fail."""
        return ExitStatus.WRONG if self.wrong else ExitStatus.FINE


def lost(settings: Looked) -> Verdict:
    """Where the settings are of no use, nothing else can be looked at."""
    return Verdict(datetime.now(UTC), (settings, *_nothing_behind(settings.hop)))


async def examine(settings: Sequence[Looked], way: Way) -> Verdict:
    """Look at everything once; `settings` is what was found of them. Never raises for what is
    wrong on the way: that is the result.
    """
    at, cluster = datetime.now(UTC), way.observer.cluster
    tunnel = await _tunnel(way)
    if any(one.standing is Standing.WRONG for one in tunnel):
        return Verdict(at, (*settings, *tunnel, *_nothing_behind(Hop.TUNNEL)), cluster)
    etcd, fleet = await asyncio.gather(_etcd(way), _fleet(way))
    return Verdict(at, (*settings, *tunnel, *etcd, *fleet), cluster)


async def _tunnel(way: Way) -> tuple[Looked, ...]:
    if way.tunnel is None:
        return ()
    try:
        await way.tunnel()
    except HostUnreachable as why:
        return (wrong(Hop.TUNNEL, way.tunnel_host, str(why)),)
    return (fine(Hop.TUNNEL, way.tunnel_host, "it stands"),)


def _nothing_behind(what: Hop) -> tuple[Looked, ...]:
    hops = (Hop.ENDPOINT, Hop.QUORUM, Hop.PREFIX, Hop.LEADER)
    return tuple(not_checked(hop, "", f"because of the {what}") for hop in hops)


async def _etcd(way: Way) -> tuple[Looked, ...]:
    looked = await way.etcd.look()
    if not way.are_endpoints_guessed:
        return looked
    if all(one.hop is Hop.ENDPOINT and one.standing is Standing.WRONG for one in looked):
        tried = " ".join(str(one.said) for one in looked)
        return (wrong(Hop.ENDPOINT, "", f"{way.observer.cluster.advice} {tried}"),)
    return tuple(_excused(one) if one.hop is Hop.ENDPOINT else one for one in looked)


def _excused(endpoint: Looked) -> Looked:
    """An endpoint that nobody named, and that is not needed."""
    if endpoint.standing is not Standing.WRONG:
        return endpoint
    said = Untrusted("nothing answers there, which is usual: it is a default beside the other")
    return msgspec.structs.replace(endpoint, standing=Standing.NOT_CHECKED, said=said)


async def _fleet(way: Way) -> tuple[Looked, ...]:
    """Who leads, and all machines at once."""
    try:
        snapshot = await way.observer.registry.read()
    except RegistryUnavailable:  # the hops to etcd tell why
        return (not_checked(Hop.LEADER, "", "because etcd could not be read"),)
    machines = snapshot.machines.values()
    found = await asyncio.gather(*(look_at(m, way.observer, way.root) for m in machines))
    return (_leader(snapshot), *(one for looked in found for one in looked))


def _leader(snapshot: Snapshot) -> Looked:
    if not snapshot.machines and snapshot.leader is None:
        said = "the registry lists no machine: is fleetd running anywhere?"
        return doubtful(Hop.LEADER, "", said)
    leads, said = leader_of(snapshot)
    return fine(Hop.LEADER, "", said) if leads else wrong(Hop.LEADER, "", said)
