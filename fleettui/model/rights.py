"""What the credentials of a session could do, whatever the session itself does with them."""

from enum import StrEnum

import msgspec

from fleettui.model.untrusted import Untrusted


class Could(StrEnum):
    """Whether somebody with these credentials could change something."""

    WRITE = "could write"
    FENCED = "fenced"
    """The server refuses all that changes anything."""
    UNKNOWN = "unknown"


class Rights(msgspec.Struct, frozen=True):
    """What a server lets these credentials do, and how that is known."""

    could: Could
    why: Untrusted
