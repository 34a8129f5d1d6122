"""Every command that fleettui ever sends to a machine, as argv tuples; nothing else makes one.

A `ReadCommand` changes nothing and needs no rights but to read: it is one of the templates of
`fleettui.commands.templates`. A `ChangeCommand` runs through `sudo -n`. The two are different
types, so that what may only read cannot be handed a change. All of it works with systemd 215, its
journalctl, and the coreutils of that time.
"""

import math
import re
import shlex
from collections.abc import Sequence
from datetime import datetime

import msgspec

from fleettui.commands.scripts import QUARANTINE_SCRIPT, REMOVE_SCRIPT, RESTORE_SCRIPT
from fleettui.commands.templates import MESSAGE_IDS, ReadCommand, ReadTemplate
from fleettui.model.host import FLEET_SERVICE, FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.names import is_template, refusal

QUARANTINE = "/run/fleettui/quarantine"
"""Where removed files go on the machine: on the tmpfs of both unit folders, outside of them."""

_SUDO = ("sudo", "-n")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_LONGEST_KEPT = 160
"""Characters of a unit's name that fit into a name in quarantine, which has at most 255."""


class ChangeCommand(msgspec.Struct, frozen=True):
    """A command that changes the machine, as root."""

    argv: tuple[str, ...]
    stdin: bytes = b""
    """What it reads from its standard input, which is closed after it."""


class Owned(msgspec.Struct, frozen=True):
    """Mode and owner of a file; by default those that fleetd gives its unit files."""

    mode: int = 0o644
    uid: int = 0
    gid: int = 0


Command = ReadCommand | ChangeCommand


def shell_text(command: Command) -> str:
    """The one line that a machine's login shell gets: the only place where arguments are quoted."""
    return shlex.join(command.argv)


# --- reading ---------------------------------------------------------------------------------


def probe(units: Sequence[str] = (), since: str | None = None) -> ReadCommand:
    """Facts of a machine, with the state of `units` besides those that the machine itself names.

    Its journal is the newest 60 lines, or what came `since` (journalctl's words), 5,000 at most.
    """
    span = (f"--since={since}",) if since else ()
    names = [u for u in units if refusal(u) is None and "@." not in u]
    return ReadCommand(ReadTemplate.PROBE, (*span, *names))


def copy_file(folder: str, name: str) -> ReadCommand:
    """A unit file's bytes, mode and owner, before it is touched."""
    return ReadCommand(ReadTemplate.COPY, (_folder(folder), _name(name)))


def unit_changes(since: datetime) -> ReadCommand:
    """systemd's lines about units that it started and stopped, as JSON, oldest first.

    From the whole second on that `since`, a time of the machine's clock, lies in. Matches of one
    field are alternatives; `_PID=1` leaves out the systemds of users.
    """
    begin = f"--since=@{math.floor(since.timestamp())}"
    ids = (f"MESSAGE_ID={message_id}" for message_id in MESSAGE_IDS)
    return ReadCommand(ReadTemplate.UNIT_CHANGES, (begin, "_PID=1", *ids))


def list_images() -> ReadCommand:
    """All container images of a machine; see IMAGES_SCRIPT."""
    return ReadCommand(ReadTemplate.IMAGES)


def who_am_i() -> ReadCommand:
    """Who logs in, and behind which fence; see RIGHTS_SCRIPT."""
    return ReadCommand(ReadTemplate.RIGHTS)


# --- changing --------------------------------------------------------------------------------


def sudo_works() -> ChangeCommand:
    """Whether root may be had without a password. Changes nothing, but no observer sends it."""
    return _sudo("true")


def asking(command: ChangeCommand, prompt: str) -> ChangeCommand:
    """The same where sudo wants a password: it asks with `prompt` and reads its standard input.

    `-k` has it ask each time and remember nothing; what comes after the password is the command's.
    """
    if command.argv[:2] != _SUDO:
        raise ValueError("only a command that begins with sudo can be asked for its password")
    argv = ("sudo", "-S", "-k", "-p", prompt, *command.argv[2:])
    return ChangeCommand(argv, command.stdin)


def check_quarantine(token: str) -> ChangeCommand:
    """Whether a removed file could be kept on the machine; leaves nothing but its folder."""
    folders = (FLEET_UNITS, SYSTEMD_UNITS)
    argv = ("fleettui-quarantine", QUARANTINE, _token(token), *folders)
    return _sudo("sh", "-c", QUARANTINE_SCRIPT, *argv)


def remove_file(name: str, sha256: str, token: str) -> ChangeCommand:
    """Move the unit file of `name` out of fleet's folder, if its bytes are those of `sha256`."""
    return _remove(FLEET_UNITS, name, "file", sha256, token)


def remove_link(name: str, token: str) -> ChangeCommand:
    """Move systemd's link of `name` away, if it points to fleet's file of that name."""
    return _remove(SYSTEMD_UNITS, name, "link", f"{FLEET_UNITS}/{name}", token)


def restore_file(
    name: str, sha256: str, token: str, owned: Owned | None = None, content: bytes = b""
) -> ChangeCommand:
    """Put the unit file of `name` back: what `remove_file` of that token kept, else `content`.

    `owned` says how the file was; left out, it becomes as fleetd makes its files.
    """
    owned = owned or Owned()
    owner = (f"{owned.mode:04o}", f"{owned.uid}:{owned.gid}")
    command = _restore(FLEET_UNITS, name, "file", sha256, token, *owner)
    return ChangeCommand(command.argv, stdin=content)


def restore_link(name: str, token: str) -> ChangeCommand:
    """Put systemd's link of `name` back, to fleet's file of that name."""
    return _restore(SYSTEMD_UNITS, name, "link", f"{FLEET_UNITS}/{name}", token, "", "")


def kept_path(name: str, kind: str, token: str) -> str:
    """Where a removed `file` or `link` lies on the machine: under a name that is no unit's."""
    return f"{QUARANTINE}/{_kept(name, token)}.{kind}"


def daemon_reload() -> ChangeCommand:
    """Have systemd read its unit files anew."""
    return _sudo("systemctl", "daemon-reload")


def restart_fleet() -> ChangeCommand:
    """The documented restart: fleetd's SIGTERM handler stops every unit it manages."""
    return _sudo("systemctl", "restart", "--no-block", FLEET_SERVICE)


def kill_fleet() -> ChangeCommand:
    """End fleetd without its SIGTERM handler. The flag is spelled as systemd 215 to 252 know it."""
    return _sudo("systemctl", "kill", "-s", "KILL", "--kill-who=main", FLEET_SERVICE)


def start_fleet() -> ChangeCommand:
    """Start fleetd without waiting for systemd's own restart delay."""
    return _sudo("systemctl", "start", "--no-block", FLEET_SERVICE)


def start_unit(name: str) -> ChangeCommand:
    """Have systemd start a unit, without waiting for it."""
    if is_template(name):
        raise ValueError(f"no command is made to start {name!r}: a template has no process")
    return _sudo("systemctl", "start", "--no-block", "--", _name(name))


def _remove(folder: str, name: str, kind: str, want: str, token: str) -> ChangeCommand:
    argv = (folder, _name(name), kind, want, QUARANTINE, _kept(name, token))
    return _sudo("sh", "-c", REMOVE_SCRIPT, "fleettui-remove", *argv)


def _restore(
    folder: str, name: str, kind: str, want: str, token: str, *owner: str
) -> ChangeCommand:
    argv = (folder, _name(name), kind, want, QUARANTINE, _kept(name, token), *owner)
    return _sudo("sh", "-c", RESTORE_SCRIPT, "fleettui-restore", *argv)


def _kept(name: str, token: str) -> str:
    """The name in quarantine, without its kind: one repair may take several units away."""
    import hashlib  # with it comes all of OpenSSL's, which no start need wait for

    long = len(name) > _LONGEST_KEPT
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{_token(token)}.{digest[:32] if long else name}"


def _sudo(*argv: str) -> ChangeCommand:
    return ChangeCommand((*_SUDO, *argv))


def _name(name: str) -> str:
    why = refusal(name)
    if why is not None:
        raise ValueError(f"no command is made for unit {name!r}: {why}")
    return name


def _token(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"no command is made for a repair called {token!r}")
    return token


def _folder(folder: str) -> str:
    if folder not in {FLEET_UNITS, SYSTEMD_UNITS}:
        raise ValueError(f"no command is made for folder {folder!r}")
    return folder
