"""Where a host is: strict host names and addresses, and the operator's map of machines to them."""

import re
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from fleettui.model.cluster import Machine

_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
# The last label starts with a letter: `127.1` or `0x7f000001` are addresses in disguise.
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?=[A-Za-z]){_LABEL}\.?")
_MACHINE = re.compile(r"[0-9a-f]{8}|[0-9a-f]{32}")
_SHORT = 8


def checked_host(text: str) -> str:
    """An IP address or a strict host name, in its usual spelling.

    Raises ValueError with what is wrong as the end of a sentence about `text`.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return _host_name(text)
    scope = address.scope_id if isinstance(address, IPv6Address) else None
    if scope is not None and not _SCOPE.fullmatch(scope):
        raise ValueError("names no network interface")
    if address.is_unspecified or address.is_multicast:
        raise ValueError("is nobody's in particular")
    return str(address)


def _host_name(text: str) -> str:
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise ValueError("is neither an IP address nor a host name")
    return text.rstrip(".").lower()


class Place(msgspec.Struct, frozen=True):
    """A host, and the port of its SSH where that is another than elsewhere."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_place(text: str) -> Place:
    """`HOST`, `HOST:PORT`, an IPv6 address, or `[IPV6]:PORT`. Raises ValueError."""
    host, port = _parts(text.strip())
    if port is not None and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        raise ValueError(f"{text!r} has a port that is none: 1 to 65535")
    try:
        return Place(checked_host(host), int(port) if port else None)
    except ValueError as error:
        raise ValueError(f"{text!r} {error}; expected HOST or HOST:PORT") from None


def _parts(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return (host, rest[1:]) if rest.startswith(":") else (host if not rest else text, None)
    host, colon, port = text.rpartition(":")
    return (host, port) if colon and ":" not in host else (text, None)


class AddressRule(msgspec.Struct, frozen=True):
    """Machines of one kind are reached at a place of their own."""

    key: str
    """A machine ID, its first eight characters, or metadata as `KEY=VALUE`."""
    place: Place


class AddressMap(msgspec.Struct, frozen=True):
    """Where to reach machines that publish no address, or one that is of no use from here."""

    rules: tuple[AddressRule, ...] = ()

    def place_of(self, machine: "Machine") -> Place | None:
        """By ID, then by its beginning, then by metadata in the order of the rules."""
        rule = self.rule_of(machine)
        return rule.place if rule else None

    def rule_of(self, machine: "Machine") -> AddressRule | None:
        """The rule that places a machine; None where it is reached as it published."""
        names = (machine.id.raw, machine.id.raw[:_SHORT])
        by_key = {rule.key: rule for rule in self.rules}
        for name in names:
            if name in by_key:
                return by_key[name]
        held = {f"{key.raw}={value.raw}" for key, value in machine.metadata}
        return next((rule for rule in self.rules if rule.key in held), None)


NO_ADDRESSES = AddressMap()
"""Every machine is reached as it published."""


def parse_rule(key: str, place: str) -> AddressRule:
    """One line of the map. Raises ValueError with what was expected."""
    name, equals, value = key.partition("=")
    if not (name and value if equals else _MACHINE.fullmatch(key)):
        raise ValueError(
            f"{key!r} names no machine: expected a machine ID (32 characters of 0-9 and a-f), its "
            "first 8, or metadata as KEY=VALUE"
        )
    return AddressRule(key, parse_place(place))
