"""Every way to a cluster leads to the live console: real OpenSSH, real etcd with TLS and logins."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import driving
import pytest
import real_sshd
from broken_ways import ETCD, SSH, TLS, Bench, BrokenWay
from click.testing import CliRunner
from reach import MACHINE_ID, Reach, public, running
from real_sshd import USER, RealSshd
from secure_etcd import SecureEtcd

from fleettui.cli import cli
from fleettui.cli.config_file import config_path, read_config
from fleettui.cli.resolve import Given, Sources, resolve
from fleettui.cli.session import Settings, build, hang_up
from fleettui.model.hop import Hop
from fleettui.model.host import HostFacts, HostReport
from fleettui.model.untrusted import Untrusted

pytestmark = [
    pytest.mark.skipif(not real_sshd.is_there(), reason=real_sshd.MISSING),
    pytest.mark.timeout(300),  # each holds many ways, one after the other
]
ROUTES = ("straight", "tunnel", "tunnel through a jump host")
KINDS = ("plain", "tls", "mutual", "login")


@pytest.fixture(scope="module")
def reach() -> Iterator[Reach]:
    with running() as servers:
        yield servers


@pytest.fixture
def home(reach: Reach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    reach.make_home(tmp_path)
    return tmp_path


def settings_of(flags: list[str]) -> Settings:
    """As the command line makes them."""
    given = {
        flag.removeprefix("--").replace("-", "_"): (value,)
        for flag, value in zip(flags[::2], flags[1::2], strict=True)
    }
    return resolve(Sources(Given(given), {}, read_config(config_path())))


def tunnel_flags(reach: Reach, route: str) -> list[str]:
    match route:
        case "tunnel":
            return ["--tunnel", f"{USER}@127.0.0.1:{reach.far.port}"]
        case "tunnel through a jump host":
            return ["--tunnel", "bastion"]
        case _:
            return []


def is_read(report: HostReport | None) -> bool:
    return isinstance(report, HostFacts)


@pytest.mark.parametrize("route", ROUTES)
async def test_every_way_reaches_the_live_console(route: str, reach: Reach, home: Path) -> None:
    for kind in KINDS:
        etcd: SecureEtcd = getattr(reach, kind)
        before = reach.far.forwarded_to(etcd.port), reach.jump.forwarded_to(reach.far.port)
        flags = [*reach.flags(kind), *reach.ssh_flags(), *tunnel_flags(reach, route)]
        await _see_it_live(settings_of(flags), home)
        assert (reach.far.forwarded_to(etcd.port) > before[0]) is (route != "straight"), kind
        through_jump = reach.jump.forwarded_to(reach.far.port) - before[1]
        assert through_jump == (1 if "jump" in route else 0), "one connection carries it all"


async def _see_it_live(settings: Settings, home: Path) -> None:
    access = build(settings)
    app = driving.app_of(access, home / "records")
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await driving.until(pilot, "● LIVE")
            await driving.when(
                lambda: is_read(app.picture.reports.get(Untrusted(MACHINE_ID))),
                "the machine was asked",
            )
    finally:
        await hang_up(access)


async def test_a_tunnel_that_is_lost_is_told_and_comes_back_by_itself(
    reach: Reach, home: Path
) -> None:
    with closing(RealSshd(home / "bastion")) as bastion:
        bastion.wait()
        bastion.authorize(public(reach.identity))
        (home / ".ssh" / "known_hosts").write_text(bastion.known_host)
        named = ["--tunnel", f"{USER}@127.0.0.1:{bastion.port}"]
        access = build(settings_of([*reach.flags("plain"), *reach.ssh_flags(), *named]))
        app = driving.app_of(access, home / "records")
        async with app.run_test(size=(160, 40)) as pilot:
            await driving.until(pilot, "● LIVE")
            bastion.hang_up()
            reach.plain.put("job/seen.service/target-state", "launched")
            await driving.until(pilot, "seen.service")
            bastion.kill()
            told = (
                "STALE since",
                "next in",
                "there is no tunnel through 127.0.0.1",
                "seen.service",
            )
            await driving.when(
                lambda: all(words in driving.screen_text(pilot) for words in told),
                "all of it on one screen; a machine may tell of the tunnel first",
            )
            bastion.begin()
            await driving.until(pilot, "● LIVE")
            bastion.kill()
            began = time.monotonic()
        await hang_up(access)
        assert time.monotonic() - began < 5, "it leaves at once, whatever it waits for"


async def test_an_unknown_tunnel_host_is_asked_about_in_the_console(
    reach: Reach, home: Path
) -> None:
    (home / ".ssh" / "known_hosts").write_text("")
    flags = [*reach.flags("plain"), *reach.ssh_flags(), *tunnel_flags(reach, "tunnel")]
    access = build(settings_of(flags))
    app = driving.app_of(access, home / "records")
    async with app.run_test(size=(120, 40)) as pilot:
        await driving.until(pilot, "Unknown host key")
        await pilot.press("tab", "enter")
        await driving.until(pilot, "● LIVE")
    await hang_up(access)


WITHIN = 12.0
"""Seconds until an operator knows what is wrong."""


def check(flags: list[str]) -> tuple[int, str]:
    """`fleettui check`: its exit status and all it said, in time.

    On a loaded machine even that takes its time: the best of three counts.
    """
    for _ in range(3):
        began = time.monotonic()
        result = CliRunner().invoke(cli, [*flags, "check"])
        if time.monotonic() - began <= WITHIN:
            return result.exit_code, result.output
    raise AssertionError(f"took more than {WITHIN} s three times: {result.output}")


@pytest.mark.parametrize("ways", [ETCD, TLS, SSH], ids=["etcd", "TLS", "SSH"])
def test_every_broken_way_has_a_sentence_of_its_own(
    ways: tuple[BrokenWay, ...], reach: Reach, home: Path
) -> None:
    sentences: dict[str, str] = {}
    for way in ways:
        with ExitStack() as stack:
            flags = way.flags(Bench(reach, home, stack))
            status, said = check(flags)
            if status != way.status or not all(words in said for words in way.words):
                sentences[way.name] = f"{status}: {said}"
            reach.make_home(home)
    assert sentences == {}


ENDS_AT = {
    Hop.SETTINGS: {"a password that everybody may read"},
    Hop.TUNNEL: {way.name for way in SSH} - {"no etcd behind the tunnel"},
    Hop.ENDPOINT: {
        "nothing listens at the endpoint", "no etcd behind the tunnel", "the endpoint hangs",
        "http is spoken to https",
    },
    Hop.TLS: {way.name for way in TLS} - {"http is spoken to https"},
    Hop.ACCESS: {
        "nobody is named where a login is needed", "a wrong password", "a user without rights",
    },
    Hop.PORT: {"a machine without sshd"},
}  # fmt: skip # one a line reads worse
WAY = ("tunnel", "endpoint", "tls", "access", "quorum", "port", "host_key", "login")
"""What the servers here can be right about: no fleetd runs behind them."""
SLOW = {"the endpoint hangs", "a silent tunnel host"}
"""Ways that take as long as a connection may: once is enough."""


def doctor(flags: list[str]) -> tuple[int, list[dict[str, str]]]:
    """`fleettui doctor`: its exit status and what it found at each hop."""
    patient = ["--request-timeout", "60", "--ssh-timeout", "60"]  # nothing here is about time
    result = CliRunner().invoke(cli, [*flags, *patient, "doctor", "--json"])
    return result.exit_code, json.loads(result.stdout)["hops"]


def test_the_doctor_finds_a_good_way_fine_and_the_hop_where_a_broken_one_ends(
    reach: Reach, home: Path
) -> None:
    flags = [*reach.flags("mutual"), *reach.ssh_flags(), "--tunnel", "bastion", "--observe"]
    _, hops = doctor(flags)
    found = {hop["hop"]: hop["standing"] for hop in hops}
    assert {hop: found[hop] for hop in WAY} == dict.fromkeys(WAY, "fine")
    ends: dict[str, list[str]] = {}
    for way in (*ETCD, *TLS, *SSH):
        if way.name in SLOW:
            continue
        with ExitStack() as stack:
            status, hops = doctor(way.flags(Bench(reach, home, stack)))
            assert status == 1, way.name
            broken = [hop["hop"] for hop in hops if hop["standing"] == "wrong"]
            ends[way.name] = [hop for hop in broken if hop != "leader"]  # no fleetd leads here
            reach.make_home(home)
    wanted = {name: [hop.name.lower()] for hop, names in ENDS_AT.items() for name in names}
    assert ends == {name: hops for name, hops in wanted.items() if name not in SLOW}
