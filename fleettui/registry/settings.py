"""How a registry is reached: the settings of one session."""

from pathlib import Path

import msgspec

from fleettui.model.secret import Secret
from fleettui.registry.endpoints import DEFAULT_ENDPOINTS
from fleettui.registry.keys import DEFAULT_PREFIX


class RegistrySettings(msgspec.Struct, frozen=True):
    """Where etcd is, whom it may believe, and who asks."""

    endpoints: tuple[str, ...] = DEFAULT_ENDPOINTS
    """As `fleettui.registry.endpoints.checked_endpoints` leaves them. With a tunnel they are
    addresses as that host sees them."""
    prefix: str = DEFAULT_PREFIX
    ca_file: Path | None = None
    """Certificates of authorities, PEM; None = those of the system."""
    cert_file: Path | None = None
    """The client's certificate, PEM; set if and only if `key_file` is."""
    key_file: Path | None = None
    """The client's private key, PEM."""
    username: str | None = None
    """Of etcd's own users; None = nobody in particular."""
    password: Secret | None = None
    """Set if and only if `username` is."""
    request_timeout: float | None = None
    """Seconds that one request may take; None = what each request needs, 2 to 10."""
