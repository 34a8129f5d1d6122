"""Every setting there is: its names, its kind, its default, and what fleetctl calls it."""

from collections.abc import Iterator
from types import MappingProxyType

import msgspec

from fleettui.cli import kinds
from fleettui.cli.kinds import Kind
from fleettui.hosts.settings import (
    DEFAULT_KNOWN_HOSTS,
    DEFAULT_SSH_CONFIG,
    DEFAULT_SSH_TIMEOUT,
    DEFAULT_USERNAME,
    SudoMode,
)
from fleettui.model.place import NO_ADDRESSES
from fleettui.registry.endpoints import DEFAULT_ENDPOINTS
from fleettui.registry.keys import DEFAULT_PREFIX


class Key(msgspec.Struct, frozen=True):
    """One setting."""

    name: str
    """In the config file."""
    field: str
    """Of fleettui.cli.session.Settings."""
    kind: Kind
    default: object
    help: str
    fleetctl: tuple[str, ...] = ()
    """What follows FLEETCTL_ in the variables of fleetctl that mean the same, in order."""
    metavar: str = "TEXT"
    is_repeatable: bool = False
    flag_name: str = ""
    """Where the flag is called otherwise than the key."""
    is_switch: bool = False
    """Whether the flag takes no value: it is given, or not."""

    @property
    def flag(self) -> str:
        """On the command line, dashes included."""
        return self.flag_name or "--" + self.name.replace("_", "-")

    @property
    def variables(self) -> Iterator[str]:
        """Environment variables, the first that is set wins."""
        yield f"FLEETTUI_{self.name.upper()}"
        yield from (f"FLEETCTL_{name}" for name in self.fleetctl)


KEYS = (
    Key(
        "endpoint", "endpoints", kinds.ENDPOINTS, DEFAULT_ENDPOINTS,
        "URL of an etcd member; repeatable, or separated by commas. "
        "[default: as fleetctl, http://127.0.0.1:2379 and http://127.0.0.1:4001]",
        ("ENDPOINT",), "URL", is_repeatable=True,
    ),
    Key(
        "etcd_key_prefix", "prefix", kinds.PREFIX, DEFAULT_PREFIX.rstrip("/"),
        f"Where fleet keeps its keys in etcd. [default: {DEFAULT_PREFIX}]",
        ("ETCD_KEY_PREFIX",),
    ),
    Key(
        "ca_file", "ca_file", kinds.READABLE, None,
        "Authorities of etcd's certificate, PEM. [default: the system's]",
        ("CA_FILE", "ETCD_CAFILE"), "FILE",
    ),
    Key(
        "cert_file", "cert_file", kinds.READABLE, None,
        "Your certificate for etcd, PEM.",
        ("CERT_FILE", "ETCD_CERTFILE"), "FILE",
    ),
    Key(
        "key_file", "key_file", kinds.READABLE, None,
        "The private key of that certificate, PEM.",
        ("KEY_FILE", "ETCD_KEYFILE"), "FILE",
    ),
    Key(
        "etcd_username", "etcd_username", kinds.NAME, None,
        "User of etcd. Its password comes from --etcd-password-file or FLEETTUI_ETCD_PASSWORD, "
        "or is asked for.",
    ),
    Key(
        "etcd_password_file", "etcd_password_file", kinds.READABLE, None,
        "File whose first line is the password; nobody else may read it.",
        metavar="FILE",
    ),
    Key(
        "request_timeout", "request_timeout", kinds.SECONDS, None,
        "Seconds that one request to etcd may take. [default: what it needs, 3 to 12]",
        ("REQUEST_TIMEOUT",), "SECONDS",
    ),
    Key(
        "tunnel", "tunnel", kinds.TUNNEL, None,
        "Host through which etcd and the machines are reached by SSH.",
        ("TUNNEL",), "[USER@]HOST[:PORT]",
    ),
    Key(
        "ssh_username", "username", kinds.NAME, DEFAULT_USERNAME,
        f"User on the machines. [default: as ssh_config says, else {DEFAULT_USERNAME}]",
        ("SSH_USERNAME",),
    ),
    Key(
        "ssh_port", "port", kinds.PORT, None,
        "SSH port of the machines. [default: as ssh_config says, else 22]",
        metavar="PORT",
    ),
    Key(
        "identity", "identities", kinds.READABLES, (),
        "Private key for the machines; repeatable. [default: the SSH agent and the usual keys]",
        metavar="FILE", is_repeatable=True,
    ),
    Key(
        "ssh_config", "ssh_config", kinds.READABLE, DEFAULT_SSH_CONFIG,
        f"Your SSH configuration. [default: {DEFAULT_SSH_CONFIG}]",
        metavar="FILE",
    ),
    Key(
        "ssh_timeout", "ssh_timeout", kinds.SECONDS, DEFAULT_SSH_TIMEOUT,
        f"Seconds that a connection may take. [default: {DEFAULT_SSH_TIMEOUT:g}]",
        ("SSH_TIMEOUT",), "SECONDS",
    ),
    Key(
        "known_hosts_file", "known_hosts_file", kinds.FILE, DEFAULT_KNOWN_HOSTS,
        "fleetctl's known hosts, read beside OpenSSH's own. "
        f"[default: {DEFAULT_KNOWN_HOSTS}]",
        ("KNOWN_HOSTS_FILE",), "FILE",
    ),
    Key(
        "strict_host_key_checking", "strict_host_key_checking", kinds.SWITCH, default=True,
        help="Ask about unknown host keys; false accepts them unasked, and still refuses one that "
        "changed. [default: true]",
        fleetctl=("STRICT_HOST_KEY_CHECKING",), metavar="BOOLEAN",
    ),
    Key(
        "addresses", "addresses", kinds.ADDRESSES, NO_ADDRESSES,
        "Where a machine is reached that publishes no address, or one of no use from here: by its "
        "ID, the first 8 characters of it, or by metadata KEY=VALUE; repeatable.",
        metavar="MACHINE=HOST[:PORT]", is_repeatable=True, flag_name="--address",
    ),
    Key(
        "sudo", "sudo", kinds.SUDO, SudoMode.PASSWORDLESS,
        "How root is had by an operator: passwordless, or password to be asked for one. "
        "[default: passwordless]",
        metavar="passwordless|password",
    ),
    Key(
        "theme", "theme", kinds.THEME, "auto",
        "Colours: dark, light, ansi for the terminal's own sixteen, or auto. [default: auto]",
        metavar="auto|dark|light|ansi",
    ),
    Key(
        "ascii", "ascii", kinds.SWITCH, default=False,
        help="Draw with ASCII alone, for terminals and fonts without Unicode.",
        is_switch=True,
    ),
)  # fmt: skip # one a line reads worse
BY_NAME = MappingProxyType({key.name: key for key in KEYS})

OBSERVE = "observe"
PROFILE = "profile"
OBSERVE_VARIABLE = "FLEETTUI_OBSERVE"
PROFILE_VARIABLE = "FLEETTUI_PROFILE"
PASSWORD_VARIABLE = "FLEETTUI_ETCD_PASSWORD"  # noqa: S105 - the name of a variable
