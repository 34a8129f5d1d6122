"""etcd's addresses as an operator writes them, checked."""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

DEFAULT_ENDPOINTS = ("http://127.0.0.1:2379", "http://127.0.0.1:4001")
"""As fleetctl's."""

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")


def checked_endpoints(endpoints: Iterable[str]) -> tuple[str, ...]:
    """Endpoints as `scheme://host:port`, each once; one text may hold several with commas.

    Raises ValueError with what is wrong. The text never repeats a password.
    """
    given = [e.strip() for text in endpoints for e in text.split(",") if e.strip()]
    if not given:
        raise ValueError("no etcd endpoint was given")
    return tuple(dict.fromkeys(map(_checked, given)))


def _checked(endpoint: str) -> str:
    if "@" in endpoint:
        raise ValueError("an etcd endpoint cannot carry a user name or a password")
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"etcd endpoint {endpoint!r} is no address: {error}") from error
    if parts.scheme == "unix":
        raise ValueError(f"{endpoint!r} is fleet's own API; give etcd's address, http://host:2379")
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f"etcd endpoint {endpoint!r} must begin with http:// or https://")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError(f"etcd endpoint {endpoint!r} must end after its port")
    host = parts.hostname or ""
    if not _is_host(host):
        raise ValueError(f"etcd endpoint {endpoint!r} names no host")
    if not port:
        raise ValueError(f"etcd endpoint {endpoint!r} needs a port: mostly 2379, or 4001 of old")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _is_host(host: str) -> bool:
    if _HOST.fullmatch(host):
        return True
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
