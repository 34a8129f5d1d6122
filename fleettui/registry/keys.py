"""Keys of fleet's registry in etcd v2: built from checked segments, taken apart below a prefix."""

import re
from urllib.parse import quote

import msgspec

DEFAULT_PREFIX = "/_coreos.com/fleet/"
"""As fleetctl's `--etcd-key-prefix`."""

API = "/v2/keys"

JOB, STATES, MACHINES, UNIT, LEASE = "job", "states", "machines", "unit", "lease"
PARTS = (JOB, STATES, MACHINES, UNIT, LEASE)
"""Folders below the prefix that are read; the legacy `state` and `engine` are not."""

_SEGMENT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,256}")


class Keys(msgspec.Struct, frozen=True):
    """The folder of one fleet in etcd."""

    prefix: str
    """Without a slash at its end: `/_coreos.com/fleet`."""

    def path(self, *segments: str) -> str:
        """The request path of a key below the prefix.

        Raises ValueError for a segment that etcd, or anything on the way to it, could read as
        more than a name: keys are not escaped by python-etcd.
        """
        return API + "".join(f"/{quote(s, safe='')}" for s in self._all(segments))

    @property
    def lock(self) -> str:
        """The request path of the repair lock: under a folder of fleettui's own."""
        segments = ("fleettui", *self.prefix[1:].split("/"), "lock")
        return API + "".join(f"/{quote(s, safe='')}" for s in segments)

    def below(self, key: str) -> tuple[str, ...] | None:
        """Segments of a key under the prefix; () for the prefix and what holds it; else None."""
        length = len(self.prefix)
        if key.startswith(self.prefix) and key.startswith("/", length):
            return tuple(key[length + 1 :].split("/"))
        holds = f"{self.prefix}/".startswith(f"{key.rstrip('/')}/")
        return () if holds else None

    def _all(self, segments: tuple[str, ...]) -> list[str]:
        for segment in segments:
            _check(segment)
        return [*self.prefix[1:].split("/"), *segments]


def keys_under(prefix: str) -> Keys:
    """The keys below a prefix as an operator writes it. Raises ValueError with what is wrong."""
    segments = [s for s in prefix.split("/") if s]
    if not segments:
        raise ValueError(
            f"the etcd key prefix {prefix!r} names no folder, such as {DEFAULT_PREFIX}"
        )
    for segment in segments:
        _check(segment)
    return Keys("/" + "/".join(segments))


def _check(segment: str) -> None:
    if not _SEGMENT.fullmatch(segment) or segment in {".", ".."}:
        raise ValueError(f"{segment!r} cannot be part of an etcd key")
