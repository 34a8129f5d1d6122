"""The servers that ways to a cluster lead through: etcd in four kinds, two sshds, one machine."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncssh
from certificates import Authority, Pair
from real_sshd import USER, RealSshd
from secure_etcd import SecureEtcd, Tls

MACHINE_ID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
PASSWORD = "pässword"
LOOKER = "looker"


@dataclass(frozen=True)
class Reach:
    """Everything runs on loopback; `far` is machine and tunnel host, `jump` stands before it."""

    folder: Path
    ca: Authority
    other_ca: Authority
    client: Pair
    plain: SecureEtcd
    tls: SecureEtcd
    mutual: SecureEtcd
    """Demands a client certificate."""
    login: SecureEtcd
    """Demands a user and a password."""
    far: RealSshd
    jump: RealSshd
    identity: Path
    restricted: Path
    """A key that may log in at `far`, and have nothing forwarded."""

    @property
    def password_file(self) -> Path:
        return self.folder / "password"

    def flags(self, kind: str) -> list[str]:
        """What the command line needs for one of the four kinds of etcd."""
        etcd: SecureEtcd = getattr(self, kind)
        ca = ["--ca-file", str(self.ca.file)]
        pair = ["--cert-file", str(self.client.certificate), "--key-file", str(self.client.key)]
        login = ["--etcd-username", LOOKER, "--etcd-password-file", str(self.password_file)]
        more = {"plain": [], "tls": ca, "mutual": [*ca, *pair], "login": login}
        return ["--endpoint", etcd.endpoint, *more[kind]]

    def ssh_flags(self) -> list[str]:
        """What it needs for the machine."""
        port = ["--ssh-username", USER, "--ssh-port", str(self.far.port)]
        return [*port, "--identity", str(self.identity)]

    def make_home(self, home: Path) -> None:
        """A home folder whose owner knows both sshds, and reaches `bastion` through `jump`."""
        (home / ".ssh").mkdir(parents=True, exist_ok=True)
        (home / ".ssh" / "known_hosts").write_text(self.far.known_host + self.jump.known_host)
        (home / ".ssh" / "config").write_text(
            f"Host bastion\n HostName 127.0.0.1\n Port {self.far.port}\n ProxyJump outpost\n"
            f"Host outpost\n HostName 127.0.0.1\n Port {self.jump.port}\n User {USER}\n"
            f" IdentityFile {self.identity}\n"
        )


@contextmanager
def running() -> Iterator[Reach]:
    """All of it, started at once."""
    folder = Path(tempfile.mkdtemp(prefix="fleettui-reach-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        reach = _make(folder, stack)
        etcds = (reach.plain, reach.tls, reach.mutual, reach.login)
        for etcd in etcds:
            etcd.begin()
        for sshd in (reach.far, reach.jump):
            sshd.wait()
            restricted = f"no-port-forwarding {public(reach.restricted)}"
            sshd.authorize(public(reach.identity), restricted)
        for etcd in etcds:
            etcd.wait()
            _fill(etcd)
        reach.login.require_login(LOOKER, PASSWORD)
        yield reach


def _make(folder: Path, stack: ExitStack) -> Reach:
    ca = Authority(folder, "authority")
    server, client = ca.issue("server", "127.0.0.1", "etcd.example"), ca.issue("operator")
    (folder / "password").write_text(f"{PASSWORD}\n")
    (folder / "password").chmod(0o600)
    one, both = Tls(server, ca.file, client), Tls(server, ca.file, client, wants_client=True)

    def started(tls: Tls | None = None) -> SecureEtcd:
        etcd = SecureEtcd(tls)
        stack.callback(etcd.close)
        return etcd

    def key(name: str) -> Path:
        file = folder / name
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(file))
        return file

    def sshd(name: str) -> RealSshd:
        server = RealSshd(folder / name)
        stack.callback(server.close)
        return server

    return Reach(
        folder=folder,
        ca=ca,
        other_ca=Authority(folder, "others"),
        client=client,
        plain=started(),
        tls=started(one),
        mutual=started(both),
        login=started(),
        far=sshd("far"),
        jump=sshd("jump"),
        identity=key("identity"),
        restricted=key("restricted"),
    )


def public(identity: Path) -> str:
    """The public half of a private key file, as authorized_keys has it."""
    return asyncssh.read_private_key(str(identity)).export_public_key().decode().strip()


def _fill(etcd: SecureEtcd) -> None:
    """A cluster of one machine and no unit."""
    machine = {"ID": MACHINE_ID, "PublicIP": "127.0.0.1", "Metadata": None, "Version": "0.11.8"}
    etcd.put(f"machines/{MACHINE_ID}/object", quote(json.dumps(machine)))
