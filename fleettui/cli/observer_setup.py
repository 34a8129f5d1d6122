"""What makes the servers themselves keep an observer from changing anything: printed, not done."""

import re
import shlex
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import click

from fleettui.cli.session import Settings
from fleettui.cli.source import SettingsSource
from fleettui.model.untrusted import visible

ROLE = "fleettui-observer"
SCRIPT_PATH = "/opt/fleettui/observer-key"
"""Where the forced command is to lie on the machines; /opt can be written on CoreOS."""
KEY = "ssh-ed25519 AAAA... observer"


class Part(StrEnum):
    """What is printed."""

    ALL = "all"
    CURL = "curl"
    ETCDCTL = "etcdctl"
    SCRIPT = "script"
    KEY = "key"


@click.command("observer-setup")
@click.option(
    "--print",
    "part",
    type=click.Choice([part.value for part in Part]),
    default=Part.ALL.value,
    show_default=True,
    help="All of it, or one part: the commands for etcd, the script, the authorized_keys lines.",
)
@click.option("--user", default="observer", show_default=True, help="The etcd user to be made.")
@click.option(
    "--public-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The observer's public SSH key. [default: a placeholder]",
)
@click.pass_obj
def observer_setup(source: SettingsSource, part: str, user: str, public_key: Path | None) -> None:
    """Print what makes etcd and the machines refuse an observer's changes. Changes nothing.

    A user and a role for etcd that may only read, and an SSH key that may only run what fleettui
    reads; each with how to test it.
    """
    settings = source.resolved()
    _check_user(user)
    key = _public_key(public_key) if public_key else KEY
    parts: dict[Part, Callable[[], str]] = {
        Part.CURL: lambda: _text(curl_lines(settings, user)),
        Part.ETCDCTL: lambda: _text(etcdctl_lines(settings, user)),
        Part.SCRIPT: _script,
        Part.KEY: lambda: _text(key_lines(settings, key)),
    }
    wanted = [Part.CURL, Part.ETCDCTL, Part.KEY, Part.SCRIPT] if part == Part.ALL else [Part(part)]
    click.echo("\n".join(parts[one]() for one in wanted), nl=False)


def _check_user(user: str) -> None:
    """Raises UsageError for what a command would take as an option, a folder or etcd's own user."""
    if not re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", user):
        raise click.UsageError(
            "an etcd user has letters, digits, `_`, `.` and `-` alone, and begins with one of the "
            "first three."
        )
    if user in {"root", "guest"}:
        raise click.UsageError(f"{user} is etcd's own: give the observer a user besides it.")


def _text(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _script() -> str:
    from fleettui.commands.forced import forced_command

    return forced_command()


def _public_key(file: Path) -> str:
    """The key of a file, without anything that could become an option of the line."""
    words = file.read_text(errors="replace").split()
    kind, body, *comment = [*words, "", ""]
    is_kind = re.fullmatch("(ssh|ecdsa|sk)-[A-Za-z0-9@.-]+", kind)
    if not (is_kind and re.fullmatch("[A-Za-z0-9+/]+=*", body)):
        raise click.UsageError(f"{visible(str(file))} holds no public key of OpenSSH.")
    return f"{kind} {body} {visible(comment[0])}".rstrip()


def _readable(settings: Settings) -> tuple[str, ...]:
    """The paths that the role may read: fleet's, fleettui's lock, and the role's own mark."""
    from fleettui.registry.rights import MARK

    return f"{settings.prefix}*", "/fleettui*", f"{MARK}*"


_WARNING = """\
# etcd, by {how}. Nothing of this was done: read it, then run it where etcd's root is known.
# fleetd writes to etcd too. As soon as `guest` may not write, each fleetd needs a user of its own
# that may (etcd_username and etcd_password in /etc/fleet/fleet.conf, where your fleetd knows
# them); every other program that uses etcd as well. A fleetd that cannot log in stops working
# when `guest` is revoked: give it its user first."""


def curl_lines(settings: Settings, user: str) -> Iterator[str]:
    """Requests to /v2/auth, in their order."""
    url = settings.endpoints[0]
    paths = ", ".join(f'"{path}"' for path in _readable(settings))
    yield _WARNING.format(how="curl")
    yield "# Set ROOT_PASSWORD and OBSERVER_PASSWORD first: neither holds a quote or a backslash."
    yield f"ETCD={shlex.quote(url)}"
    yield _put("users/root", '{"user": "root", "password": "\'"$ROOT_PASSWORD"\'"}', root=False)
    yield 'curl -sS -f -X PUT "$ETCD/v2/auth/enable"'
    yield _put(f"roles/{ROLE}", f'{{"role": "{ROLE}"}}')
    grant = f'{{"role": "{ROLE}", "grant": {{"kv": {{"read": [{paths}]}}}}}}'
    yield _put(f"roles/{ROLE}", grant)
    who = f'"user": "{user}", "password": "\'"$OBSERVER_PASSWORD"\'"'
    yield _put(f"users/{user}", f'{{{who}, "roles": ["{ROLE}"]}}')
    revoke = '{"role": "guest", "revoke": {"kv": {"read": ["/*"], "write": ["/*"]}}}'
    yield _put("roles/guest", revoke)
    yield "# Test: the first prints the registry, the second must say 401 or 403."
    key = f'"$ETCD/v2/keys{settings.prefix}'
    login = f'-u {shlex.quote(user)}:"$OBSERVER_PASSWORD"'
    yield f'curl -sS {login} {key}/"'
    yield f"curl -sS -o /dev/null -w '%{{http_code}}\\n' {login} -X PUT {key}/probe\" -d value=x"


def _put(path: str, body: str, *, root: bool = True) -> str:
    who = '-u root:"$ROOT_PASSWORD" ' if root else ""
    return f"curl -sS -f {who}-X PUT \"$ETCD/v2/auth/{path}\" -d '{body}'"


def etcdctl_lines(settings: Settings, user: str) -> Iterator[str]:
    """The same for etcd's own client."""
    etcdctl = f"ETCDCTL_API=2 etcdctl --endpoints {shlex.quote(settings.endpoints[0])}"
    as_root = f"{etcdctl} -u root"
    yield _WARNING.format(how="etcdctl")
    yield "# Each asks for the passwords that it needs."
    yield f"{etcdctl} user add root"
    yield f"{etcdctl} auth enable"
    yield f"{as_root} role add {ROLE}"
    for path in _readable(settings):
        yield f"{as_root} role grant {ROLE} -path {shlex.quote(path)} -read"
    yield f"{as_root} user add {shlex.quote(user)}"
    yield f"{as_root} user grant {shlex.quote(user)} -roles {ROLE}"
    yield f"{as_root} role revoke guest -path '/*' -readwrite"
    as_user = f"{etcdctl} -u {shlex.quote(user)}"
    yield "# Test: the first lists the registry, the second must be refused."
    yield f"{as_user} ls {shlex.quote(settings.prefix)}"
    yield f"{as_user} set {shlex.quote(settings.prefix + '/probe')} x"


def key_lines(settings: Settings, key: str) -> Iterator[str]:
    """Lines of authorized_keys, for sshds of both ages."""
    command = f'command="{SCRIPT_PATH}"'
    old = "no-port-forwarding,no-X11-forwarding,no-agent-forwarding,no-pty,no-user-rc"
    yield "# Each machine: the script of `fleettui observer-setup --print script` goes to"
    yield f"# {SCRIPT_PATH} (owner root, mode 755, in a folder that only root may change),"
    yield f"# and one of these lines to ~{settings.username}/.ssh/authorized_keys, in place of any"
    yield "# other line of the same key. On CoreOS: a file for update-ssh-keys -a, or cloud-config."
    yield "# From OpenSSH 7.2 on:"
    yield f"restrict,{command} {key}"
    yield "# Before (sshd -V tells), where sshd does not know `restrict`:"
    yield f"# {command},{old} {key}"
    if settings.tunnel is not None:
        places = ",".join(f'permitopen="{_place(url)}"' for url in settings.endpoints)
        yield f"# On {settings.tunnel}, through which etcd is reached, this line instead:"
        yield f"# restrict,port-forwarding,{places},{command} {key}"
    yield "# Test, with the observer's key: the first must be refused, the second says `fenced`."
    yield f"# ssh -i KEY {settings.username}@MACHINE 'touch /tmp/x'"
    yield "# fleettui --observe ..., then Rights in the palette (ctrl+p)"


def _place(url: str) -> str:
    return url.partition("://")[2]
