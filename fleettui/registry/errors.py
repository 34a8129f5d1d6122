"""What can go wrong between fleettui and etcd; each text says what, where and what to do."""

from fleettui.model.unavailable import RegistryUnavailable
from fleettui.model.untrusted import Untrusted


class Unreachable(RegistryUnavailable):
    """No connection, or no answer within the time given."""


class NotSent(Unreachable):
    """No connection came about, so that nothing was asked or written."""


class NoWay(NotSent):
    """No endpoint can be reached, whichever it is: the tunnel or a file of ours is at fault."""


class NoTls(NotSent):
    """TLS was refused, by us or by the server, so that nothing was asked or written."""


class TlsBroken(Unreachable):
    """TLS stood or nearly stood, and ended."""


class Silent(Unreachable):
    """A connection, and no answer on it within the time given."""


class NoQuorum(RegistryUnavailable):
    """etcd answers, but its members cannot agree: nothing can be written or read for sure."""


class Denied(RegistryUnavailable):
    """etcd wants a password, or its role lacks a right."""


class NotEtcd(RegistryUnavailable):
    """What answered is no etcd with the v2 API, or not one that fleettui can read."""


class WantsTls(NotEtcd):
    """A server of TLS was asked without it."""


class OtherCluster(RegistryUnavailable):
    """The cluster ID is not the one that the picture was read from."""


class Refused(RegistryUnavailable):
    """The server, or what lies between, answers a stream as a whole or not at all."""


class HistoryCleared(RegistryUnavailable):
    """The watch asked for events that etcd no longer keeps: read everything again."""


class KeyMissing(RegistryUnavailable):
    """There is no such key."""


class ComparisonFailed(RegistryUnavailable):
    """A compare-and-swap found something else; the text is etcd's cause."""


class OtherKind(RegistryUnavailable):
    """A folder stands where a key was expected, or a key on the way to one."""


class FolderNotEmpty(RegistryUnavailable):
    """A folder that was to be deleted holds something."""


STOOD_OTHERWISE = (ComparisonFailed, KeyMissing, OtherKind, FolderNotEmpty)
"""What etcd says where it changed nothing because the registry is not as the request expects."""


def quote(words: str) -> str:
    """A server's own words for use within a sentence of ours: made visible and cut short."""
    cut = " ".join(words[:400].split())
    return str(Untrusted(cut if len(cut) <= 160 else f"{cut[:160]}..."))
