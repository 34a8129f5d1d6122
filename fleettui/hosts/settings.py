"""How machines are reached: the settings of one session, and where its known hosts are kept."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec
from platformdirs import user_state_path

from fleettui.model.place import NO_ADDRESSES, AddressMap, parse_place

DEFAULT_USERNAME = "core"
DEFAULT_KNOWN_HOSTS = Path("~/.fleetctl/known_hosts")
DEFAULT_SSH_CONFIG = Path("~/.ssh/config")
DEFAULT_SSH_TIMEOUT = 10.0
"""Seconds; all of them as fleetctl has them, but for the SSH configuration, which it never read."""


def own_known_hosts() -> Path:
    """Where accepted host keys are written; the files of OpenSSH and fleetctl are only read."""
    return user_state_path("fleettui") / "known_hosts"


class SudoMode(StrEnum):
    """How root is had on the machines, by an operator."""

    PASSWORDLESS = "passwordless"
    """`sudo -n`, as on CoreOS."""
    PASSWORD = "password"  # noqa: S105 - the word of a choice, and no password
    """A password is asked for and kept in memory alone."""


SUDO_ASKS = "where sudo asks: `sudo -S -k -p PROMPT` for `sudo -n`, and the password to that prompt"
"""What is told beside commands that are shown with `sudo -n`, where a password is asked for."""


class Tunnel(msgspec.Struct, frozen=True):
    """The host through which etcd and the machines are reached."""

    host: str
    username: str | None = None
    """None: that of the machines."""
    port: int | None = None
    """None: as the SSH configuration says, else 22."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        who = f"{self.username}@" if self.username else ""
        return f"{who}{host}" + (f":{self.port}" if self.port else "")


def parse_tunnel(text: str) -> Tunnel:
    """`[USER@]HOST[:PORT]`. Raises ValueError with what was expected."""
    username, at, rest = text.strip().rpartition("@")
    if at and not username:
        raise ValueError(f"{text!r} names no user before its @; expected [USER@]HOST[:PORT]")
    place = parse_place(rest)
    return Tunnel(place.host, username or None, place.port)


class HostSettings(msgspec.Struct, frozen=True):
    """Who logs in where, with what, and whom to believe."""

    username: str = DEFAULT_USERNAME
    username_is_given: bool = True
    """False: nobody asked for that name, and a User of the SSH configuration wins over it."""
    port: int | None = None
    """None: what the user's SSH configuration says for the machine, else 22."""
    identities: Sequence[Path] = ()
    """Private keys. None given: those of the SSH configuration, or the usual ones of ~/.ssh; the
    SSH agent's are tried before them."""
    known_hosts_file: Path = DEFAULT_KNOWN_HOSTS
    """fleetctl's, read beside OpenSSH's own."""
    remember: bool = True
    """Whether an accepted key is written down; False (observer): kept in memory alone."""
    reads_only: bool = False
    """Whether the connections carry reads and nothing else, whoever asks (observer)."""
    own_file: Path | None = None
    """Where accepted keys go; None = `own_known_hosts()`."""
    openssh_file: Path = Path("~/.ssh/known_hosts")
    ssh_config: Path | None = DEFAULT_SSH_CONFIG
    """The user's SSH configuration; None = none is read."""
    strict_host_key_checking: bool = True
    """False: an unknown host key is accepted unasked. One that changed never is."""
    ssh_timeout: float = DEFAULT_SSH_TIMEOUT
    """Seconds that a connection may take to come about."""
    tunnel: Tunnel | None = None
    """The host before all others; None = machines are reached directly."""
    addresses: AddressMap = NO_ADDRESSES
    """Where machines are that published no address, or one of no use from here."""
    sudo: SudoMode = SudoMode.PASSWORDLESS

    @property
    def known_hosts(self) -> tuple[Path, ...]:
        """Every file that may hold a machine's key, in order of looking."""
        files = (self.openssh_file, self.known_hosts_file, self.written_file)
        return tuple(dict.fromkeys(f.expanduser() for f in files))

    @property
    def written_file(self) -> Path:
        """Where accepted keys go, with the home folder filled in."""
        return (self.own_file or own_known_hosts()).expanduser()
