"""The way to a cluster hop by hop: what is passed, where it ends, and how it is put into words."""

import json
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from cluster_model import U, World
from msgspec import structs

from fleettui.access import HostUnreachable, Observer, RegistryUnavailable
from fleettui.doctor import report
from fleettui.doctor.examine import ExitStatus, Verdict, Way, examine, lost
from fleettui.model.cluster import Machine
from fleettui.model.hop import Hop, Looked, Standing, fine, wrong
from fleettui.model.host import HostFacts
from fleettui.model.place import AddressMap, parse_rule
from fleettui.model.untrusted import Untrusted

SETTINGS = (fine(Hop.SETTINGS, "", "all are defaults"),)
ETCD = (
    fine(Hop.ENDPOINT, "http://a:2379", "it answers"),
    fine(Hop.QUORUM, "http://a:2379", "its members agree"),
)
ALL = {
    Hop.SETTINGS, Hop.ENDPOINT, Hop.QUORUM, Hop.LEADER, Hop.ADDRESS, Hop.PORT, Hop.HOST_KEY,
    Hop.LOGIN, Hop.ANSWER, Hop.JOURNAL, Hop.ROOT,
}  # fmt: skip # one a line reads worse


class Etcd:
    """Hops to etcd, as told."""

    def __init__(self, *looked: Looked) -> None:
        self._looked = looked or ETCD

    async def look(self) -> tuple[Looked, ...]:
        return self._looked


def raising(problem: Exception, at: str) -> Callable[[str], None]:
    def trouble(request: str) -> None:
        if request == at:
            raise problem

    return trouble


async def root_is_had(machine: Machine) -> Untrusted | None:
    return None


async def root_is_refused(machine: Machine) -> Untrusted | None:
    return U("sudo does not work without a password: a password is required")


async def no_tunnel() -> None:
    raise HostUnreachable("there is no tunnel through gate: gate refuses connections", Hop.TUNNEL)


def way(world: World, *etcd: Looked) -> Way:
    operator = world.operator()
    observer = Observer(operator.cluster, operator.registry, operator.hosts)
    return Way(Etcd(*etcd), observer, root=root_is_had)


def hops(verdict: Verdict, standing: Standing) -> set[Hop]:
    return {one.hop for one in verdict.looked if one.standing is standing}


async def test_a_way_without_fault_is_fine_at_every_hop() -> None:
    verdict = await examine(SETTINGS, way(World()))
    assert hops(verdict, Standing.FINE) == ALL
    assert len(verdict.looked) == len(ALL)
    assert verdict.exit_status is ExitStatus.FINE
    text = report.as_text(verdict)
    assert "fine   aaaaaaaa.../10.0.0.1: address, SSH port, host key, login, " in text
    assert text.splitlines()[-1].startswith("nothing is wrong, at 20")


@pytest.mark.parametrize(
    "hop",
    [Hop.ADDRESS, Hop.JUMP, Hop.PORT, Hop.HOST_KEY, Hop.LOGIN, Hop.ANSWER],
)
async def test_a_machine_is_fine_up_to_where_the_way_ends_and_unchecked_behind(hop: Hop) -> None:
    world = World(trouble=raising(HostUnreachable("10.0.0.1: \x1bbroken", hop), "probe"))
    verdict = await examine(SETTINGS, way(world))
    assert hops(verdict, Standing.WRONG) == {hop}
    passed, unchecked = hops(verdict, Standing.FINE), hops(verdict, Standing.NOT_CHECKED)
    assert passed | unchecked | {hop} == ALL | {hop}
    order = list(Hop)
    assert all(order.index(one) < order.index(hop) for one in passed)
    assert all(order.index(one) > order.index(hop) for one in unchecked)
    assert verdict.exit_status is ExitStatus.WRONG
    text = report.as_text(verdict)
    assert f"WRONG  aaaaaaaa.../10.0.0.1: {hop}: 10.0.0.1: \u241bbroken" in text
    assert text.splitlines()[-1].startswith("1 thing is wrong, at 20")


async def test_what_a_machine_refuses_is_told_each_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    facts = World.facts

    def stranger(self: World, since: str | None) -> HostFacts:
        problem = U("No journal files were found.")
        return structs.replace(
            facts(self, since), reported_id=U("b" * 32), journal=(), journal_problem=problem
        )

    monkeypatch.setattr(World, "facts", stranger)
    verdict = await examine(SETTINGS, replace(way(world), root=root_is_refused))
    assert hops(verdict, Standing.WRONG) == {Hop.ANSWER, Hop.JOURNAL, Hop.ROOT}
    text = report.as_text(verdict)
    assert f"another machine answers there: core-01, whose ID is {'b' * 32}" in text
    assert "No journal files were found.): have the SSH user added to group systemd-jou" in text
    assert "a password is required. Repairs need it: let the SSH user run sudo" in text


async def test_an_observer_asks_nobody_for_root() -> None:
    world = World()
    verdict = await examine(SETTINGS, replace(way(world), root=None))
    assert hops(verdict, Standing.NOT_CHECKED) == {Hop.ROOT}
    assert verdict.exit_status is ExitStatus.FINE
    assert world.calls == []


async def test_without_etcd_nothing_is_said_of_machines() -> None:
    broken = wrong(Hop.QUORUM, "http://a:2379", "no quorum: start the members that are missing")
    world = World(trouble=raising(RegistryUnavailable("no quorum"), "read"))
    verdict = await examine(SETTINGS, way(world, broken))
    assert [one.hop for one in verdict.wrong] == [Hop.QUORUM]
    assert hops(verdict, Standing.NOT_CHECKED) == {Hop.LEADER}


async def test_a_tunnel_that_does_not_stand_hides_all_that_is_behind_it() -> None:
    verdict = await examine(SETTINGS, replace(way(World()), tunnel=no_tunnel))
    assert [str(one.said) for one in verdict.wrong] == [
        "there is no tunnel through gate: gate refuses connections"
    ]
    assert hops(verdict, Standing.FINE) == {Hop.SETTINGS}
    assert "engine leader (because of the tunnel)" in report.as_text(verdict)


async def test_a_default_endpoint_is_not_missed_where_the_other_answers() -> None:
    absent = wrong(Hop.ENDPOINT, "http://127.0.0.1:4001", "connection refused")
    guessed = replace(way(World(), *ETCD, absent), are_endpoints_guessed=True)
    verdict = await examine(SETTINGS, guessed)
    assert verdict.wrong == ()
    named = await examine(SETTINGS, replace(guessed, are_endpoints_guessed=False))
    assert named.wrong == (absent,)
    nobody = await examine(SETTINGS, replace(guessed, etcd=Etcd(absent)))
    assert [(one.hop, str(one.where)) for one in nobody.wrong] == [(Hop.ENDPOINT, "")]


async def test_no_leader_is_wrong_and_a_mapped_address_is_named() -> None:
    mapped = way(World(leads=False))
    addresses = AddressMap((parse_rule("aaaaaaaa", "gate:2222"),))
    cluster = msgspec.structs.replace(mapped.observer.cluster, addresses=addresses)
    mapped = replace(mapped, observer=structs.replace(mapped.observer, cluster=cluster))
    verdict = await examine(SETTINGS, mapped)
    assert [one.hop for one in verdict.wrong] == [Hop.LEADER]
    (address,) = (one for one in verdict.looked if one.hop is Hop.ADDRESS)
    assert str(address.said) == "gate:2222, as [addresses] says of aaaaaaaa"


def test_long_lines_are_broken_between_words_where_a_terminal_has_an_edge() -> None:
    said = "there is no tunnel through gate: gate refuses connections: does sshd run there?"
    verdict = lost(wrong(Hop.SETTINGS, "", said))
    lines = report.as_text(verdict, 60).splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert " ".join(line.strip() for line in lines[:2]) == f"WRONG  settings: {said}"
    assert lines[1].startswith(" " * 7)
    assert f"settings: {said}\n" in report.as_text(verdict)


def test_settings_of_no_use_end_the_way_before_it_begins() -> None:
    verdict = lost(wrong(Hop.SETTINGS, "", "config.toml: ssh_port: expected a whole number"))
    document = json.loads(report.as_json(verdict))
    assert document["schema"] == "fleettui.doctor/1"
    assert (document["status"], document["wrong"], document["cluster"]) == ("wrong", 1, None)
    assert [hop["hop"] for hop in document["hops"]][:2] == ["settings", "endpoint"]
    assert document["hops"][1]["standing"] == "not checked"
