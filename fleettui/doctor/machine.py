"""The hops to one machine, up to what fleettui needs there."""

from collections.abc import Awaitable, Callable, Iterator

from fleettui.access import ClusterAddress, HostUnreachable, Observer
from fleettui.model.cluster import Machine
from fleettui.model.hop import Hop, Looked, doubtful, fine, not_checked, wrong
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted

RootProbe = Callable[[Machine], Awaitable[Untrusted | None]]
"""Asks a machine whether root may be had: None where it may, else why not."""

_LADDER = (Hop.TUNNEL, Hop.ADDRESS, Hop.JUMP, Hop.PORT, Hop.HOST_KEY, Hop.LOGIN, Hop.ANSWER)
_AFTER = (*_LADDER, Hop.JOURNAL, Hop.ROOT)


async def look_at(
    machine: Machine, observer: Observer, root: RootProbe | None
) -> tuple[Looked, ...]:
    """All hops to a machine, as far as one gets. Raises nothing.

    Without `root` nobody asks it for root.
    """
    where = machine.legend
    try:
        facts = await observer.hosts.probe(machine)
    except HostUnreachable as why:
        return tuple(_up_to(why, machine, observer.cluster))
    passed = (*_passed(machine, observer.cluster), _is_it(machine, facts), _journal(where, facts))
    return (*passed, await _root(machine, root))


def _passed(machine: Machine, cluster: ClusterAddress) -> Iterator[Looked]:
    where = machine.legend
    yield fine(Hop.ADDRESS, where, _address(machine, cluster))
    yield fine(Hop.PORT, where, "SSH answers")
    yield fine(Hop.HOST_KEY, where, "the host key is known")
    yield fine(Hop.LOGIN, where, "the login works")


def _up_to(why: HostUnreachable, machine: Machine, cluster: ClusterAddress) -> Iterator[Looked]:
    """What was passed, what was not, and what nobody could look at therefore."""
    where, ended = machine.legend, _AFTER.index(why.hop)
    for looked in _passed(machine, cluster):
        if _AFTER.index(looked.hop) < ended:
            yield looked
    yield wrong(why.hop, where, str(why))
    for hop in (Hop.PORT, Hop.HOST_KEY, Hop.LOGIN, Hop.ANSWER, Hop.JOURNAL, Hop.ROOT):
        if _AFTER.index(hop) > ended:
            yield not_checked(hop, where, f"because of the {why.hop}")


def _address(machine: Machine, cluster: ClusterAddress) -> str:
    rule = cluster.addresses.rule_of(machine)
    if rule is None:
        return f"{machine.public_ip}, as it has published"
    return f"{rule.place}, as [addresses] says of {Untrusted(rule.key)}"


def _is_it(machine: Machine, facts: HostFacts) -> Looked:
    where = machine.legend
    if facts.reported_id == machine.id:
        return fine(Hop.ANSWER, where, f"it is {facts.hostname}")
    return wrong(
        Hop.ANSWER,
        where,
        f"another machine answers there: {facts.hostname}, whose ID is {facts.reported_id}. Look "
        "at [addresses], at the machine's public_ip in fleet.conf, and for two hosts with one ID",
    )


def _journal(where: str, facts: HostFacts) -> Looked:
    problem = facts.journal_problem
    if problem is not None:
        return wrong(
            Hop.JOURNAL,
            where,
            f"the journal of fleet cannot be read ({problem}): have the SSH user added to group "
            "systemd-journal there",
        )
    if not facts.journal:
        return doubtful(
            Hop.JOURNAL,
            where,
            "no line of fleet.service was shown: either it is quiet, or the SSH user is not in "
            "group systemd-journal there",
        )
    return fine(Hop.JOURNAL, where, f"{len(facts.journal)} lines of fleet.service were read")


async def _root(machine: Machine, root: RootProbe | None) -> Looked:
    where = machine.legend
    if root is None:
        return not_checked(Hop.ROOT, where, "an observer asks nobody for root")
    refusal = await root(machine)
    if refusal is None:
        return fine(Hop.ROOT, where, "sudo works")
    return wrong(
        Hop.ROOT,
        where,
        f"{refusal}. Repairs need it: let the SSH user run sudo without a password (NOPASSWD), "
        "start with --sudo password, or work as an observer",
    )
