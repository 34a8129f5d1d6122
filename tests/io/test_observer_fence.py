"""The servers' own fence, set up by what `observer-setup` prints: it lets an observer see, only."""

import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncssh
import etcd
import pytest
from driving import until
from faults.etcd_servers import RealEtcd
from msgspec.structs import replace
from openssh import OpenSsh, find_sshd
from registry_keys import HASH, job, machine, state

from fleettui.cli import Settings, build
from fleettui.cli.observer_setup import SCRIPT_PATH, curl_lines, key_lines
from fleettui.commands import list_images, probe, shell_text
from fleettui.commands.forced import forced_command
from fleettui.model.rights import Could
from fleettui.model.secret import Secret
from fleettui.registry.keys import keys_under
from fleettui.ui.app import FleetApp

ID = "c31e44e1f858445cb2c1e5b3cfa4b5b2"
PREFIX = "/_coreos.com/fleet"
PASSWORDS = {"ROOT_PASSWORD": "r00t", "OBSERVER_PASSWORD": "s3e"}
LINE = (
    '{"__CURSOR":"s=a;i=1","__REALTIME_TIMESTAMP":"1790000000000000","MESSAGE":"a line of fleetd",'
    '"PRIORITY":"6","_SYSTEMD_UNIT":"fleet.service"}'
)
JOURNALCTL = f"""#!/bin/sh
echo '{LINE}'
case " $* " in *' -f '*) exec sleep 600 ;; esac
"""
SYSTEMCTL = """#!/bin/sh
printf 'Id=fleet.service\\nNames=fleet.service\\nLoadState=loaded\\nActiveState=active\\n'
printf 'SubState=running\\nMainPID=7\\n'
"""


@dataclass(frozen=True)
class Fenced:
    """A cluster of one machine, behind both fences."""

    etcd: RealEtcd
    ssh: OpenSsh
    settings: Settings
    folder: Path


@pytest.fixture(scope="module")
def fenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fenced]:
    sshd, curl = find_sshd(), shutil.which("curl")
    if sshd is None or curl is None:
        pytest.skip(f"{'curl' if sshd else 'sshd of OpenSSH'} is not installed")
    folder = tmp_path_factory.mktemp("fenced")
    programs = folder / "programs"
    programs.mkdir()
    for name, text in {"journalctl": JOURNALCTL, "systemctl": SYSTEMCTL}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    registry = RealEtcd()
    try:
        registry.start()
        fill(registry)
        ssh = OpenSsh(sshd, folder, f"{programs}:/usr/bin:/bin")
        settings = settings_of(registry, ssh, folder)
        fence(settings, ssh, folder)
        with ssh:
            yield Fenced(registry, ssh, settings, folder)
    finally:
        registry.close()


def fill(registry: RealEtcd) -> None:
    registry.put(f"machines/{ID}/object", machine(ID, "127.0.0.1"))
    registry.put("job/web.service/object", job("web.service"))
    registry.put("job/web.service/target", ID)
    registry.put("job/web.service/target-state", "launched")
    registry.put(f"states/web.service/{ID}", state(ID))
    registry.put("lease/engine-leader", ID)
    registry.put(f"unit/{HASH}", '{"Raw": "[Service]\\nExecStart=/bin/sleep 9\\n"}')


def settings_of(registry: RealEtcd, ssh: OpenSsh, folder: Path) -> Settings:
    (folder / "known_hosts").write_text(ssh.known_host)
    return Settings(
        endpoints=(registry.endpoint,),
        prefix=PREFIX,
        username=ssh.user,
        port=ssh.port,
        identities=(ssh.key,),
        known_hosts_file=folder / "known_hosts",
        observe=True,
        own_known_hosts=folder / "accepted",
        etcd_username="observer",
        etcd_password=Secret(PASSWORDS["OBSERVER_PASSWORD"]),
        ssh_config=None,
    )


def fence(settings: Settings, ssh: OpenSsh, folder: Path) -> None:
    """Do what is printed, to the letter, but for the place of the script."""
    script = folder / "observer-key"
    script.write_text(forced_command())
    script.chmod(0o755)
    lines = "\n".join(key_lines(settings, ssh.public_key))
    ssh.authorized.write_text(lines.replace(SCRIPT_PATH, str(script)))
    done = run_shell("\n".join(curl_lines(settings, "observer")))
    assert done.returncode == 0, done.stderr
    assert '"nodes"' in done.stdout, "the first test that is printed shows the registry"
    assert done.stdout.splitlines()[-1] in {"401", "403"}, "the second is refused"


def run_shell(text: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **PASSWORDS}
    argv = ["sh", "-e", "-c", text]
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def everything(fenced: Fenced) -> str:
    """All of etcd, as root sees it."""
    url = f"{fenced.etcd.endpoint}/v2/keys/?recursive=true&sorted=true"
    return run_shell(f'curl -sS -f -u root:"$ROOT_PASSWORD" "{url}"').stdout


async def test_an_observer_sees_everything_from_behind_both_fences(
    fenced: Fenced, tmp_path: Path
) -> None:
    access = build(fenced.settings)
    before = everything(fenced)
    try:
        async with FleetApp(access, tmp_path / "repairs").run_test(size=(120, 40)) as pilot:
            await until(pilot, "1 of 1 machine")
            await until(pilot, "a line of fleetd")
            text = await until(pilot, "OBSERVER by server")
            assert "web.service" in text
            assert "LIVE" in text
            await pilot.press("tab", "enter")
            await until(pilot, "ExecStart=/bin/sleep 9")
    finally:
        await access.hosts.close()
        await access.registry.close()
    assert everything(fenced) == before


Call = Callable[[Any], object]

WRITES: dict[str, Call] = {
    "write": lambda c: c.write(f"{PREFIX}/k", "v"),
    "write over": lambda c: c.write(f"{PREFIX}/job/web.service/target-state", "inactive"),
    "write with a comparison": lambda c: c.write(
        f"{PREFIX}/lease/engine-leader", "v", prevValue=ID
    ),
    "write in order": lambda c: c.write(f"{PREFIX}/k", "v", append=True),
    "set": lambda c: c.set(f"{PREFIX}/k", "v"),
    "update": lambda c: c.update(
        etcd.EtcdResult(node={"key": f"{PREFIX}/k", "value": "v", "modifiedIndex": 1})
    ),
    "refresh": lambda c: c.refresh(f"{PREFIX}/lease/engine-leader", ttl=1),
    "test_and_set": lambda c: c.test_and_set(f"{PREFIX}/lease/engine-leader", "v", ID),
    "delete": lambda c: c.delete(f"{PREFIX}/job/web.service/target"),
    "delete all below": lambda c: c.delete(PREFIX, recursive=True, dir=True),
    "pop": lambda c: c.pop(f"{PREFIX}/lease/engine-leader"),
    "fleettui's lock": lambda c: c.write(keys_under(PREFIX).lock.removeprefix("/v2/keys"), "v"),
    "the role itself": lambda c: c.api_execute_json(
        "/v2/auth/roles/fleettui-observer",
        "PUT",
        {"role": "fleettui-observer", "grant": {"kv": {"read": ["/*"], "write": ["/*"]}}},
    ),
}
"""What python-etcd has for writing, by somebody who leaves fleettui aside."""


@pytest.mark.parametrize("who", ["observer", "guest"])
def test_etcd_refuses_every_write_of_an_observer(fenced: Fenced, who: str) -> None:
    place = urlsplit(fenced.etcd.endpoint)
    login = {"username": "observer", "password": PASSWORDS["OBSERVER_PASSWORD"]}
    client = etcd.Client(
        host=place.hostname, port=place.port, **(login if who == "observer" else {})
    )
    before = everything(fenced)
    assert len(WRITES) == 13
    for name, call in WRITES.items():
        with pytest.raises(etcd.EtcdException) as refused:
            call(client)
        words = str(refused.value).lower()
        assert any(word in words for word in ("credentials", "permission", "auth")), (name, words)
    assert everything(fenced) == before
    client.http.clear()


SHELL = {
    "a command": "touch TRACE",
    "a shell": "sh",
    "a shell of one's own": "bash -i",
    "sudo": "sudo -n touch TRACE",
    "something behind a read": shell_text(probe()) + "; touch TRACE",
    "something within a read": shell_text(probe()) + " $(touch TRACE)",
    "another script under a read's name": "sh -c 'touch TRACE' fleettui-probe",
    "options that journalctl has besides": "journalctl -o json --no-pager --vacuum-size=1",
    "copying a file": "scp -t TRACE",
    "systemctl": "systemctl restart fleet.service",
}


async def test_sshd_refuses_everything_but_reads(fenced: Fenced) -> None:
    trace = fenced.folder / "trace"
    assert len(SHELL) == 10
    async with logged_in(fenced) as connection:
        for name, text in SHELL.items():
            done = await connection.run(text.replace("TRACE", str(trace)))
            assert done.exit_status == 126, name
            assert "this key may not run that" in str(done.stderr)
        shell = await connection.create_process(stdin=asyncssh.DEVNULL)
        assert (await shell.wait()).exit_status == 126
        with pytest.raises(asyncssh.SFTPError):
            await connection.start_sftp_client()
    assert not trace.exists()


async def test_a_key_opens_nothing_but_commands_whatever_the_age_of_sshd(fenced: Fenced) -> None:
    """With `restrict`, and with the options of before: no terminal, no forwarding."""
    lines = fenced.ssh.authorized.read_text()
    old = next(line for line in lines.splitlines() if ",no-pty," in line).removeprefix("# ")
    try:
        for authorized in (lines, f"{old}\n"):
            fenced.ssh.authorized.write_text(authorized)
            async with logged_in(fenced) as connection:
                read = shell_text(list_images())
                assert (await connection.run(read)).exit_status == 0
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.run(read, term_type="xterm")
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.open_connection("127.0.0.1", fenced.ssh.port)
    finally:
        fenced.ssh.authorized.write_text(lines)


@contextlib.asynccontextmanager
async def logged_in(fenced: Fenced) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with asyncssh.connect(
        "127.0.0.1",
        fenced.ssh.port,
        username=fenced.ssh.user,
        client_keys=[str(fenced.ssh.key)],
        known_hosts=str(fenced.folder / "known_hosts"),
        config=None,
        agent_path=None,
    ) as connection:
        yield connection


async def test_what_credentials_could_do_is_told_as_it_is(fenced: Fenced) -> None:
    """With fences, as etcd's root, as somebody whose role is another, and without any fence."""
    told = {}
    for user, password in (("observer", "s3e"), ("root", "r00t")):
        settings = replace(fenced.settings, etcd_username=user, etcd_password=Secret(password))
        access = build(settings)
        assert access.rights is not None
        told[user] = (await access.rights.of_registry()).could
        await access.registry.close()
        await access.hosts.close()
    assert told == {"observer": Could.FENCED, "root": Could.WRITE}
