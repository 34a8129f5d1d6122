"""The address a machine published, checked before anything connects to it."""

import re
from ipaddress import IPv6Address, ip_address

from fleettui.access import HostUnreachable
from fleettui.model.untrusted import Untrusted

_SCOPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"
# The last label starts with a letter: `127.1` or `0x7f000001` are addresses in disguise.
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?=[A-Za-z]){_LABEL}\.?")


def parse_address(public_ip: Untrusted) -> str:
    """`public_ip` as an IP address or a strict host name. Raises HostUnreachable.

    It was written to etcd by anybody, and ends in a connection, in a known_hosts line and in the
    `%h` of the user's ProxyCommand.
    """
    raw = public_ip.raw
    if not raw:
        raise HostUnreachable("the machine has published no address")
    try:
        address = ip_address(raw)
    except ValueError:
        return _host_name(public_ip)
    scope = address.scope_id if isinstance(address, IPv6Address) else None
    if scope is not None and not _SCOPE.fullmatch(scope):
        raise HostUnreachable(f"the machine's address {public_ip} names no network interface")
    if address.is_unspecified or address.is_multicast:
        raise HostUnreachable(f"the machine's address {public_ip} is nobody's in particular")
    return str(address)


def _host_name(public_ip: Untrusted) -> str:
    raw = public_ip.raw
    if len(raw) > 253 or not _NAME.fullmatch(raw):
        raise HostUnreachable(
            f"the machine's address {public_ip} is neither an IP address nor a host name"
        )
    return raw.rstrip(".").lower()
