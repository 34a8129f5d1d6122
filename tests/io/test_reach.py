"""Every way to a cluster leads to the live console: real OpenSSH, real etcd with TLS and logins."""

from collections.abc import Iterator
from pathlib import Path

import driving
import pytest
import real_sshd
from reach import MACHINE_ID, Reach, running
from real_sshd import USER
from secure_etcd import SecureEtcd

from fleettui.cli.config_file import config_path, read_config
from fleettui.cli.resolve import Given, Sources, resolve
from fleettui.cli.session import Settings, build, hang_up
from fleettui.model.host import HostFacts, HostReport
from fleettui.model.untrusted import Untrusted

pytestmark = [
    pytest.mark.skipif(not real_sshd.is_there(), reason=real_sshd.MISSING),
    pytest.mark.xdist_group("reach"),
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", ROUTES)
async def test_every_way_reaches_the_live_console(
    route: str, kind: str, reach: Reach, home: Path
) -> None:
    etcd: SecureEtcd = getattr(reach, kind)
    sshds = (reach.far, reach.jump)
    before = [sshd.forwarded_to(etcd.port) for sshd in sshds]
    passed_on = reach.jump.forwarded_to(reach.far.port)
    flags = [*reach.flags(kind), *reach.ssh_flags(), *tunnel_flags(reach, route)]
    access = build(settings_of(flags))
    app = driving.app_of(access, home / "records")
    async with app.run_test(size=(120, 40)) as pilot:
        await driving.until(pilot, "● LIVE")
        await driving.when(
            lambda: is_read(app.picture.reports.get(Untrusted(MACHINE_ID))),
            "the machine was asked",
        )
        assert list(app.picture.machines) != []
    await hang_up(access)
    forwarded = [s.forwarded_to(etcd.port) - b for s, b in zip(sshds, before, strict=True)]
    assert (forwarded[0] > 0) is (route != "straight"), "etcd was reached through the tunnel"
    assert forwarded[1] == 0
    through_jump = reach.jump.forwarded_to(reach.far.port) - passed_on
    assert through_jump == (1 if "jump" in route else 0), "one connection carries it all"
