"""The way to a cluster in hops, and what one look at one of them found."""

from enum import StrEnum

import msgspec

from fleettui.model.untrusted import Untrusted


class Hop(StrEnum):
    """What has to be passed on the way, in this order."""

    SETTINGS = "settings"
    TUNNEL = "tunnel"
    ENDPOINT = "etcd's port"
    TLS = "etcd's TLS"
    API = "etcd's v2 API"
    ACCESS = "etcd's users"
    CLUSTER = "etcd's cluster"
    QUORUM = "etcd's quorum"
    PREFIX = "fleet's keys"
    LEADER = "engine leader"
    ADDRESS = "address"
    JUMP = "jump host"
    PORT = "SSH port"
    HOST_KEY = "host key"
    LOGIN = "login"
    ANSWER = "machine answers"
    JOURNAL = "journal"
    ROOT = "sudo"


class Standing(StrEnum):
    """How a hop stands."""

    FINE = "fine"
    WRONG = "wrong"
    """In the way of something that fleettui does."""
    DOUBTFUL = "doubtful"
    """In nobody's way today."""
    NOT_CHECKED = "not checked"
    """Because of what is wrong before it, or because nobody may look."""


class Looked(msgspec.Struct, frozen=True):
    """One hop, as it was found."""

    hop: Hop
    standing: Standing
    where: Untrusted
    """An endpoint, or a machine as fleet shows it; empty for what is of the session."""
    said: Untrusted
    """What was found, as a sentence; for what is wrong, with what to do."""


def fine(hop: Hop, where: str, said: str) -> Looked:
    """A hop that is as it should be."""
    return Looked(hop, Standing.FINE, Untrusted(where), Untrusted(said))


def wrong(hop: Hop, where: str, said: str) -> Looked:
    """A hop that nothing gets past."""
    return Looked(hop, Standing.WRONG, Untrusted(where), Untrusted(said))


def doubtful(hop: Hop, where: str, said: str) -> Looked:
    """A hop that should be looked at some day."""
    return Looked(hop, Standing.DOUBTFUL, Untrusted(where), Untrusted(said))


def not_checked(hop: Hop, where: str, said: str) -> Looked:
    """A hop that nobody looked at, and why."""
    return Looked(hop, Standing.NOT_CHECKED, Untrusted(where), Untrusted(said))
