"""What an operator has for OpenSSH works with its server: agent, certificates, configuration."""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import asyncssh
import pytest
import real_sshd
from real_sshd import USER, RealSshd
from ssh_machine import machine_at

from fleettui.access import HostUnreachable
from fleettui.hosts.connect import SshHosts, connect_hosts
from fleettui.hosts.settings import HostSettings

pytestmark = pytest.mark.skipif(not real_sshd.is_there(), reason=real_sshd.MISSING)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSshd]:
    with closing(RealSshd(tmp_path_factory.mktemp("openssh") / "sshd")) as server:
        server.wait()
        yield server


@pytest.fixture
def home(sshd: RealSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose owner knows the server's key under its alias, and is in its configuration."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    ssh = tmp_path / ".ssh"
    ssh.mkdir()
    (ssh / "known_hosts").write_text(f"[core-one]:{sshd.port} {sshd.public_host_key}\n")
    (ssh / "config").write_text(
        f"Host 127.0.0.1\n Port {sshd.port}\n User {USER}\n HostKeyAlias core-one\n"
    )
    return tmp_path


def make_key(file: Path, **form: object) -> str:
    """A private key in a file; its public half as authorized_keys has it."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(file), "openssh", **form)
    file.chmod(0o600)
    public = key.export_public_key()
    file.with_name(f"{file.name}.pub").write_bytes(public)
    return public.decode().strip()


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


@asynccontextmanager
async def session(*identities: Path) -> AsyncIterator[SshHosts]:
    """As the command line makes it where no user is named."""
    hosts = connect_hosts(HostSettings(username_is_given=False, identities=identities))
    try:
        yield hosts
    finally:
        await hosts.close()


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An SSH agent that holds nothing yet."""
    socket = tmp_path / "agent"
    said = subprocess.run(
        ("ssh-agent", "-s", "-a", str(socket)), capture_output=True, text=True, check=True
    ).stdout
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    yield
    os.kill(int(said.partition("SSH_AGENT_PID=")[2].partition(";")[0]), signal.SIGTERM)


async def test_a_key_of_the_agent_lets_in(sshd: RealSshd, home: Path, agent: None) -> None:
    key = home / "key"
    sshd.authorize(make_key(key))
    run("ssh-add", "-q", str(key))
    key.unlink()
    async with session() as hosts:
        assert (await hosts.probe(machine_at())).hostname


async def test_a_key_of_the_configuration_lets_in_though_the_agent_holds_others(
    sshd: RealSshd, home: Path, agent: None
) -> None:
    key, other = home / "key", home / "other"
    sshd.authorize(make_key(key))
    make_key(other)
    run("ssh-add", "-q", str(other))
    with (home / ".ssh" / "config").open("a") as config:
        config.write(f" IdentityFile {key}\n IdentitiesOnly yes\n")
    async with session() as hosts:
        assert (await hosts.probe(machine_at())).hostname


async def test_a_certificate_beside_the_key_lets_in(sshd: RealSshd, home: Path) -> None:
    key, authority = home / "key", home / "authority"
    sshd.authorize(f"cert-authority {make_key(authority)}")
    make_key(key)
    run("ssh-keygen", "-q", "-s", str(authority), "-I", "ann", "-n", USER, f"{key}.pub")
    async with session(key) as hosts:
        assert (await hosts.probe(machine_at())).hostname
    key.with_name("key-cert.pub").unlink()
    async with session(key) as hosts:
        with pytest.raises(HostUnreachable, match=f"refused the login: user {USER}"):
            await hosts.probe(machine_at())
