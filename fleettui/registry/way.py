"""How etcd is reached: with which certificates, as whom, and through what."""

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex

import msgspec

from fleettui.model.secret import MASK, Secret
from fleettui.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from fleettui.access import Dial


class Login(msgspec.Struct, frozen=True):
    """A user of etcd."""

    user: str
    password: Secret

    def __post_init__(self) -> None:
        if ":" in self.user:
            raise ValueError("the name of an etcd user cannot hold a colon")

    def header(self) -> dict[str, str]:
        """HTTP's basic authentication, for every request."""
        pair = f"{self.user}:{self.password.reveal()}".encode()
        return {"Authorization": _Masked(f"Basic {b64encode(pair).decode()}")}


class _Masked(str):
    """Text that a traceback with its variables does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK

    def __getitem__(self, part: SupportsIndex | slice) -> "_Masked":
        return _Masked(super().__getitem__(part))


class Way(msgspec.Struct, frozen=True):
    """The same for every endpoint of a cluster."""

    ca_file: Path | None = None
    """Authorities that may vouch for etcd; None: those that this machine trusts."""
    cert_file: Path | None = None
    """Our own certificate."""
    key_file: Path | None = None
    """Its key; None: in `cert_file` too."""
    login: Login | None = None
    dial: "Dial | None" = None
    """Through a tunnel; None: straight."""


STRAIGHT = Way()
"""Over the network, as nobody in particular."""


def way_of(settings: RegistrySettings, dial: "Dial | None" = None) -> Way:
    """How these settings reach etcd; with `dial`, through a tunnel. Raises ValueError."""
    login = None
    if settings.username is not None and settings.password is not None:
        login = Login(settings.username, settings.password)
    return Way(settings.ca_file, settings.cert_file, settings.key_file, login, dial)
