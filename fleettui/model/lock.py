"""Who repairs what right now, as the lock in etcd tells every fleettui on the cluster."""

from datetime import datetime

import msgspec

from fleettui.model.untrusted import Untrusted


class LockHolder(msgspec.Struct, frozen=True):
    """The value of the lock's key: written by the operator who repairs, read by everybody."""

    token: Untrusted
    """Names the repair, as in its record and in the quarantine folder."""
    who: Untrusted
    """user@host at the keyboard."""
    machine_id: Untrusted
    """Empty for a repair of the registry alone."""
    subject: Untrusted
    """The unit, or what else is being repaired."""
    since: datetime
    """UTC, by the holder's clock."""
    stage: Untrusted
    """The stage at hand, such as `delete`."""
    problem: str | None = None
    """Why the key's value could not be read; what could not be told is empty then, and `since`
    is the time it was read. A lock that cannot be read is held all the same."""
