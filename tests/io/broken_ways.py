"""Ways to a cluster that are broken in one place each, and what has to be said of them."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncssh
from certificates import Pair
from reach import PASSWORD, Reach
from real_sshd import USER

from fleettui.demo.etcd import free_port

UNREAD = 3
USAGE = 2


@dataclass(frozen=True)
class Bench:
    """What a set-up is made of: the good servers, a home, and whatever has to be ended."""

    reach: Reach
    home: Path
    stack: contextlib.ExitStack

    def tunnel(self, *more: str) -> list[str]:
        return [*self.reach.flags("plain"), "--tunnel", self.far, *self.reach.ssh_flags(), *more]

    @property
    def far(self) -> str:
        return f"{USER}@127.0.0.1:{self.reach.far.port}"

    def knows(self, text: str) -> None:
        (self.home / ".ssh" / "known_hosts").write_text(text)

    def key(self, **form: object) -> Path:
        """A private key that no sshd knows, or that a set-up authorizes."""
        file = self.home / ".ssh" / "other"
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(str(file), **form)
        return file


@dataclass(frozen=True)
class BrokenWay:
    """A set-up as flags, and the words that tell what is wrong with it and what to do."""

    name: str
    flags: Callable[[Bench], list[str]]
    words: tuple[str, ...]
    status: int = UNREAD


def _refused(bench: Bench) -> list[str]:
    return ["--endpoint", f"http://127.0.0.1:{free_port('127.0.0.1')}"]


def _hanging(bench: Bench) -> list[str]:
    deaf = bench.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return ["--endpoint", f"http://127.0.0.1:{deaf.getsockname()[1]}"]


def _https_to_plain(bench: Bench) -> list[str]:
    return ["--endpoint", bench.reach.plain.endpoint.replace("http:", "https:")]


def _http_to_tls(bench: Bench) -> list[str]:
    return ["--endpoint", bench.reach.tls.endpoint.replace("https:", "http:")]


def _unknown_authority(bench: Bench) -> list[str]:
    return ["--endpoint", bench.reach.tls.endpoint]


def _other_authority(bench: Bench) -> list[str]:
    return ["--endpoint", bench.reach.tls.endpoint, "--ca-file", str(bench.reach.other_ca.file)]


def _expired(bench: Bench) -> list[str]:
    pair = bench.reach.ca.issue("expired", "127.0.0.1", lasts=timedelta(hours=-1))
    port = bench.stack.enter_context(_tls_server(pair))
    return ["--endpoint", f"https://127.0.0.1:{port}", "--ca-file", str(bench.reach.ca.file)]


def _other_name(bench: Bench) -> list[str]:
    named = bench.reach.tls.endpoint.replace("127.0.0.1", "localhost")
    return ["--endpoint", named, "--ca-file", str(bench.reach.ca.file)]


def _no_certificate(bench: Bench) -> list[str]:
    return ["--endpoint", bench.reach.mutual.endpoint, "--ca-file", str(bench.reach.ca.file)]


def _foreign_certificate(bench: Bench) -> list[str]:
    pair = bench.reach.other_ca.issue("foreigner")
    files = ["--cert-file", str(pair.certificate), "--key-file", str(pair.key)]
    return [*_no_certificate(bench), *files]


def _foreign_key(bench: Bench) -> list[str]:
    files = ["--cert-file", str(bench.reach.client.certificate)]
    other = bench.reach.ca.issue("another")
    return [*_no_certificate(bench), *files, "--key-file", str(other.key)]


def _no_login(bench: Bench) -> list[str]:
    return ["--endpoint", bench.reach.login.endpoint]


def _login(bench: Bench, user: str, password: str) -> list[str]:
    file = bench.home / "password"
    file.write_text(password)
    file.chmod(0o600)
    named = ["--etcd-username", user, "--etcd-password-file", str(file)]
    return ["--endpoint", bench.reach.login.endpoint, *named]


def _password_of_everybody(bench: Bench) -> list[str]:
    flags = _login(bench, "looker", PASSWORD)
    (bench.home / "password").chmod(0o644)
    return flags


def _tunnel_refused(bench: Bench) -> list[str]:
    port = free_port("127.0.0.1")
    return [*bench.reach.flags("plain"), "--tunnel", f"127.0.0.1:{port}", *bench.reach.ssh_flags()]


def _tunnel_silent(bench: Bench) -> list[str]:
    silent = bench.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    named = f"127.0.0.1:{silent.getsockname()[1]}"
    return [*bench.reach.flags("plain"), "--tunnel", named, *bench.reach.ssh_flags()]


def _tunnel_unknown(bench: Bench) -> list[str]:
    bench.knows("")
    return bench.tunnel()


def _tunnel_changed(bench: Bench) -> list[str]:
    bench.knows(f"[127.0.0.1]:{bench.reach.far.port} {bench.reach.jump.public_host_key}\n")
    return bench.tunnel()


def _jump_changed(bench: Bench) -> list[str]:
    far, jump = bench.reach.far, bench.reach.jump
    bench.knows(f"{far.known_host}[127.0.0.1]:{jump.port} {far.public_host_key}\n")
    return [*bench.reach.flags("plain"), "--tunnel", "bastion", *bench.reach.ssh_flags()]


def _tunnel_login(bench: Bench) -> list[str]:
    other = bench.key()
    named = ["--tunnel", bench.far, "--ssh-username", USER, "--identity", str(other)]
    return [*bench.reach.flags("plain"), *named]


def _locked_key(bench: Bench) -> list[str]:
    locked = bench.key(passphrase="secret", rounds=16, ignore_few_rounds=True)
    named = ["--tunnel", bench.far, "--ssh-username", USER, "--identity", str(locked)]
    return [*bench.reach.flags("plain"), *named]


def _no_forwarding(bench: Bench) -> list[str]:
    named = ["--tunnel", bench.far, "--identity", str(bench.reach.restricted)]
    return [*bench.reach.flags("plain"), "--ssh-username", USER, *named]


def _nothing_behind(bench: Bench) -> list[str]:
    nowhere = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    return ["--endpoint", nowhere, "--tunnel", bench.far, *bench.reach.ssh_flags()]


def _machine_refused(bench: Bench) -> list[str]:
    port = ["--ssh-port", str(free_port("127.0.0.1"))]
    return [*bench.reach.flags("plain"), *port, "--ssh-username", USER]


ETCD = (
    BrokenWay("nothing listens at the endpoint", _refused, ("connection refused", "--endpoint")),
    BrokenWay("the endpoint hangs", _hanging, ("does not answer", "nothing came within")),
    BrokenWay("nobody is named where a login is needed", _no_login, ("wants a user and a",)),
    BrokenWay(
        "a wrong password",
        lambda bench: _login(bench, "looker", "wrong"),
        ("denies access to user looker", "a wrong password, or a role that lacks the right"),
    ),
    BrokenWay(
        "a user without rights",
        lambda bench: _login(bench, "nobody", "nothing"),
        ("denies access to user nobody", "read on /_coreos.com/fleet*"),
    ),
    BrokenWay(
        "a password that everybody may read",
        _password_of_everybody,
        ("holds a password and others may use it",),
        USAGE,
    ),
    BrokenWay(
        "a machine without sshd", _machine_refused, ("refuses connections: does sshd run there?",)
    ),
)
TLS = (
    BrokenWay("https is spoken to http", _https_to_plain, ("does not speak TLS", "as http://")),
    BrokenWay("http is spoken to https", _http_to_tls, ("speak TLS", "as https://")),
    BrokenWay("an unknown authority", _unknown_authority, ("known here", "--ca-file")),
    BrokenWay("another authority", _other_authority, ("not signed by the authority of",)),
    BrokenWay("an expired certificate", _expired, ("has expired", "the clock here")),
    BrokenWay("a certificate for others", _other_name, ("not made for localhost",)),
    BrokenWay(
        "no client certificate", _no_certificate, ("demand", "client certificate", "--cert-file")
    ),
    BrokenWay(
        "a client certificate of others", _foreign_certificate, ("refuses the client certificate",)
    ),
    BrokenWay("the key of another certificate", _foreign_key, ("is not the key of",)),
)
SSH = (
    BrokenWay("no sshd at the tunnel host", _tunnel_refused, ("no tunnel", "does sshd run there")),
    BrokenWay("a silent tunnel host", _tunnel_silent, ("no tunnel", "did not finish the login")),
    BrokenWay("an unknown tunnel host", _tunnel_unknown, ("is unknown and was not accepted",)),
    BrokenWay("a tunnel host with another key", _tunnel_changed, ("has CHANGED", "known_hosts:1")),
    BrokenWay("a jump host with another key", _jump_changed, ("has CHANGED", "known_hosts:2")),
    BrokenWay("a login refused at the tunnel host", _tunnel_login, ("refused the login",)),
    BrokenWay("a locked key, and nobody to ask", _locked_key, ("locked with a", "ssh-add")),
    BrokenWay("a tunnel host that forwards nothing", _no_forwarding, ("forwards nothing for us",)),
    BrokenWay("no etcd behind the tunnel", _nothing_behind, ("as seen from 127.0.0.1",)),
)


@contextlib.contextmanager
def _tls_server(pair: Pair) -> Iterator[int]:
    """Something that shows a certificate, and gets no further; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):  # the listener was closed, or the guest left
                while True:
                    guest, _ = listener.accept()
                    with guest, contextlib.suppress(OSError):
                        context.wrap_socket(guest, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()
